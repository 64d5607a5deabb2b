/* test_biased.c - W28: a biased lock is a lock, whoever has the bias, gets it or loses it. */
#include "base/biased.h"
#include "check.h"
#include <pthread.h>

static const char me, you;

static void row(struct biased *b, const void *who, int n)
{
	while (n--) {
		biased_lock(b, who);
		biased_unlock(b);
	}
}

static const void *owner(struct biased *b) { return atomic_load(&b->owner); }

/* How many acquisitions in a row it takes until `me` has the bias. */
static int until_mine(struct biased *b)
{
	int n = 0;

	while (owner(b) != &me) {
		row(b, &me, 1);
		CHECK(++n < 1000000);
	}
	return n;
}

TEST(bias_is_earned_and_lost)
{
	struct biased b = { 0 };
	int first = until_mine(&b), again;

	row(&b, &me, 10);
	CHECK(owner(&b) == &me);
	row(&b, &you, 1);
	CHECK(owner(&b) == NULL);
	row(&b, &you, 100 * first); /* there is one that may have it, and this is another */
	CHECK(owner(&b) == NULL);
	again = until_mine(&b);
	CHECK(again > 2 * first); /* it must be worth its price */
	for (int i = 0; i < 20; i++) {
		row(&b, NULL, 1);
		until_mine(&b); /* there is an end to that */
	}
}

TEST(nobody_has_no_bias)
{
	struct biased b = { 0 };

	row(&b, NULL, 100000);
	CHECK(owner(&b) == NULL);
}

static struct storm {
	struct biased lock;
	_Atomic int inside;
	long entries[4], sum; /* of no atomics: sanitizers watch them */
} storm;

enum { ENTRIES = 100000 };

static void enter(int who)
{
	biased_lock(&storm.lock, &storm.entries[who]);
	CHECK_EQ(atomic_fetch_add_explicit(&storm.inside, 1, memory_order_relaxed), 0);
	storm.entries[who]++;
	storm.sum++;
	CHECK_EQ(atomic_fetch_sub_explicit(&storm.inside, 1, memory_order_relaxed), 1);
	biased_unlock(&storm.lock);
}

static void *rows(void *arg)
{
	int who = (int)(long)arg;

	for (unsigned i = 0; i < ENTRIES; i++) {
		enter(who);
		/* Rows of many lengths, the longest of which earn the bias again and again. */
		for (unsigned k = who ? i * 7919 % (1u << i % 10) : 0; k > 0; k--)
			plat_relax();
	}
	return NULL;
}

TEST_LIMIT(W28_one_at_a_time, 100)
{
	pthread_t t[4];

	for (long i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, rows, (void *)i), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
	CHECK_EQ(storm.sum, 4L * ENTRIES);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(storm.entries[i], ENTRIES);
}
