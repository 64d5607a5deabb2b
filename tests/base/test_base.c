/* Lists, the lock inside, time, statuses. */
#include "base/list.h"
#include "base/spin.h"
#include "check.h"
#include "telar/base.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>

struct item {
	int n;
	struct node link;
};

TEST(lists)
{
	struct node head;
	struct item items[10];
	int n = 0;

	list_init(&head);
	CHECK(list_empty(&head));
	CHECK(list_pop(&head) == NULL);
	for (int i = 0; i < 10; i++) {
		items[i].n = i;
		list_init(&items[i].link);
		CHECK(!list_in(&items[i].link));
		list_append(&head, &items[i].link);
		CHECK(list_in(&items[i].link));
	}
	list_each(at, &head) CHECK_EQ(container_of(at, struct item, link)->n, n++);
	CHECK_EQ(n, 10);
	for (int i = 0; i < 10; i += 2) {
		list_remove(&items[i].link);
		CHECK(!list_in(&items[i].link));
		list_remove(&items[i].link); /* twice does nothing */
	}
	for (int i = 1; i < 10; i += 2)
		CHECK_EQ(container_of(list_pop(&head), struct item, link)->n, i);
	CHECK(list_empty(&head));
}

enum { THREADS = 4, ROUNDS = 50000 };
static struct spin lock;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 3 == 0) {
			unsigned turn = 0;
			while (!spin_try(&lock))
				spin_pause(&turn);
		} else {
			spin_lock(&lock);
		}
		long was = counter;
		if (i % 64 == 0)
			plat_relax();
		counter = was + 1;
		spin_unlock(&lock);
	}
	return arg;
}

TEST_LIMIT(spin_excludes, 60)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, count, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
	CHECK_EQ(counter, (long)THREADS * ROUNDS);
	CHECK(spin_try(&lock));
	CHECK(!spin_try(&lock));
}

TEST(lengths_of_time)
{
	CHECK_EQ(tl_ns(5).ns, 5);
	CHECK_EQ(tl_us(5).ns, 5000);
	CHECK_EQ(tl_ms(5).ns, 5000000);
	CHECK_EQ(tl_s(0.25).ns, 250000000);
	CHECK_EQ(tl_ms(-5).ns, -5000000);
	CHECK_EQ(tl_s(-0.25).ns, -250000000);
	CHECK_EQ(tl_us(INT64_MAX).ns, INT64_MAX);
	CHECK_EQ(tl_ms(INT64_MAX / 2).ns, INT64_MAX);
	CHECK_EQ(tl_s(1e300).ns, INT64_MAX);
	CHECK_EQ(tl_s((double)INFINITY).ns, INT64_MAX);
	CHECK_EQ(tl_s((double)NAN).ns, INT64_MAX);
}

TEST(points_in_time)
{
	tl_time before = tl_now(), after;

	CHECK(before.ns > 0);
	CHECK(tl_now().ns >= before.ns);
	after = tl_after(tl_s(1));
	CHECK(after.ns >= before.ns + 1000000000 && after.ns <= tl_now().ns + 1000000000);
	CHECK_EQ(tl_after(tl_ns(INT64_MAX)).ns, TL_NEVER.ns);
	CHECK(tl_after(tl_ns(-1)).ns <= tl_now().ns);
	CHECK_EQ(tl_after(tl_ns(INT64_MIN)).ns, 1); /* past, and neither never nor poll */
	CHECK_EQ(tl_after(tl_s(-1e9)).ns, 1);
}

TEST(names_of_statuses)
{
	CHECK_STR(tl_error_name(0), "OK");
	CHECK_STR(tl_error_name(7), "OK");
	CHECK_STR(tl_error_name(-ETIMEDOUT), "ETIMEDOUT");
	CHECK_STR(tl_error_name(-EOWNERDEAD), "EOWNERDEAD");
	CHECK_STR(tl_error_name(-ENOTSUP), "ENOTSUP");
	CHECK_STR(tl_error_name(-99999), "E?");
	CHECK_STR(tl_error_name(INT_MIN), "E?");
}
