/* test_queue_anywhere.c - processes are killed in a call on a shared queue, after each of its
 * instructions; the others go on, with all that was put and nothing twice. */
#include "../plat/refuse.h"
#include "cast.h"
#include "step.h"
#include "talk/shared_queue.h"
#include <stdlib.h>

enum { CAPACITY = 4, LARGE = 600, SMALL = 100 };

static struct scene {
	tl_queue *q;
} * scene;

struct item {
	int number;
	char rest[LARGE - 4];
};

static size_t size_of(int number) { return number % 2 ? LARGE : SMALL; }

static struct item make(int number)
{
	struct item it = { .number = number };

	memset(it.rest, number, sizeof it.rest);
	return it;
}

static void check(const struct item *it, int size, int number)
{
	CHECK_EQ(it->number, number);
	CHECK_EQ(size, (int)size_of(number));
	for (int i = 0; i < size - 4; i++)
		CHECK_EQ(it->rest[i], number);
}

static int put_number(int number)
{
	struct item it = make(number);

	return tl_queue_put(scene->q, &it, size_of(number), tl_after(tl_s(60)));
}

static int get_one(void)
{
	struct item it;
	int r = tl_queue_get(scene->q, &it, sizeof it, tl_after(tl_s(60)));

	if (r < 0)
		return r;
	check(&it, r, it.number);
	return it.number;
}

/* -- the victims' calls: 1 and 2 are in it */

static int expected; /* what the victim puts */
static volatile int answer;
static struct item given, *lent; /* made beforehand: only the calls are stepped through */

static void puts_small(void) { answer = tl_queue_put(scene->q, &given, SMALL, TL_NEVER); }
static void puts_large(void) { answer = tl_queue_put(scene->q, &given, LARGE, TL_NEVER); }
static void lends(void)
{
	if (tl_queue_loan(scene->q, (void **)&lent, LARGE, TL_NEVER) == 0) {
		memcpy(lent, &given, LARGE);
		answer = tl_queue_commit(scene->q, lent, LARGE);
	}
}
static void gets(void) { answer = tl_queue_get(scene->q, &given, LARGE, TL_NEVER); }
static void borrows(void)
{
	if (tl_queue_borrow(scene->q, (void **)&lent, TL_NEVER) >= 0)
		answer = tl_queue_return(scene->q, lent);
}
static void ends_it(void) { tl_queue_end(scene->q); }
static void drops(void) { tl_queue_drop(scene->q); }
static void tells_done(void) { tl_queue_done(scene->q); }

/* It has all its places still, and the dead have nothing. */
static void check_sound(void)
{
	struct item it;

	for (int i = 0; i < CAPACITY; i++) {
		it = make(101);
		CHECK_EQ(tl_queue_put(scene->q, &it, size_of(101), TL_POLL), 0);
	}
	CHECK_EQ(tl_queue_put(scene->q, &it, SMALL, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_queue_count(scene->q), CAPACITY);
	for (int i = 0; i < CAPACITY; i++)
		CHECK_EQ(get_one(), 101);
}

static _Atomic int torn;
static void count_torn(const tl_report *r, void *arg)
{
	(void)arg;
	CHECK_EQ(r->kind, TL_R_TORN);
	atomic_fetch_add(&torn, 1);
}

static void open_queue(void)
{
	tl_queue_opts o = { .shared = true, .capacity = CAPACITY, .max_item = LARGE };

	CHECK_EQ(tl_queue_open(&scene->q, &o), 0);
	CHECK_EQ(put_number(1), 0);
	CHECK_EQ(put_number(2), 0);
}

static void (*look)(bool returned);
static void look_and_close(bool returned)
{
	look(returned);
	tl_queue_close(scene->q);
}

static void each_place(void (*call)(void), void (*after)(bool returned))
{
	int n;

	tl_on_report(count_torn, NULL);
	scene = tl_shared(sizeof *scene);
	CHECK(scene != NULL);
	look = after;
	n = everywhere(open_queue, call, look_and_close);
	printf("%d places to die, %d reports\n", n, torn);
}

/* -- what must be so afterwards */

static int expected; /* what the victim puts */
static volatile int answer;
static int before, with; /* how often it was not in and was */

static void after_put(bool returned)
{
	int n;

	CHECK_EQ(put_number(6), 0);
	CHECK_EQ(get_one(), 1);
	CHECK_EQ(get_one(), 2);
	n = get_one();
	if (n == expected) {
		with++;
		n = get_one();
	} else {
		before++;
		CHECK(!returned);
	}
	CHECK_EQ(n, 6);
	CHECK_EQ(tl_queue_count(scene->q), 0);
	check_sound();
}

static void check_both(void) { CHECK(before > 0 && with > 0); }

static void put_at_each_place(void (*call)(void), int number)
{
	expected = number;
	given = make(number);
	each_place(call, after_put);
	check_both();
	CHECK(SANITIZED || torn > 0);
}

/* D9: a process killed in the middle of a call keeps nobody from going on */
TEST_LIMIT(put_small, 240) { put_at_each_place(puts_small, 4); }
TEST_LIMIT(put_large, 240) { put_at_each_place(puts_large, 3); }
TEST_LIMIT(loan_and_commit, 240) { put_at_each_place(lends, 3); }

/* What the victim committed is counted, and taken, before anybody enters where it died: who lends
 * takes no lock, and would find more taken than put. */
static void after_put_all_lend(bool returned)
{
	int there = tl_queue_count(scene->q), left = tl_queue_unfinished(scene->q), n = 0;
	struct item it;

	while (tl_queue_get(scene->q, &it, sizeof it, TL_POLL) >= 0)
		n++;
	CHECK_EQ(there, n);
	CHECK_EQ(left, n);
	n == 3 ? with++ : before++;
	CHECK(n == 3 || (n == 2 && !returned));
	CHECK_EQ(tl_queue_loan(scene->q, (void **)&lent, LARGE, TL_POLL), 0);
	memcpy(lent, &given, LARGE);
	CHECK_EQ(tl_queue_commit(scene->q, lent, LARGE), 0);
	CHECK_EQ(get_one(), expected);
}

TEST_LIMIT(put_and_all_lend, 240)
{
	expected = 3;
	given = make(expected);
	each_place(puts_large, after_put_all_lend);
	check_both();
}

static void after_get(bool returned)
{
	int n;

	CHECK_EQ(put_number(6), 0);
	n = get_one();
	if (n == 1) {
		before++;
		CHECK(!returned);
		n = get_one();
	} else {
		with++;
	}
	CHECK_EQ(n, 2);
	CHECK_EQ(get_one(), 6);
	CHECK_EQ(tl_queue_count(scene->q), 0);
	check_sound();
}

TEST_LIMIT(get, 240)
{
	each_place(gets, after_get);
	check_both();
}

TEST_LIMIT(borrow_and_return, 240)
{
	each_place(borrows, after_get);
	check_both();
}

static void after_end(bool returned)
{
	int r = put_number(6);

	CHECK(r == 0 || r == -EPIPE);
	r < 0 ? with++ : before++;
	CHECK(!returned || r < 0);
	CHECK_EQ(get_one(), 1);
	CHECK_EQ(get_one(), 2);
	if (r == 0)
		CHECK_EQ(get_one(), 6);
	tl_queue_end(scene->q);
	CHECK_EQ(get_one(), -EPIPE);
}

TEST_LIMIT(end, 240)
{
	each_place(ends_it, after_end);
	check_both();
}

static void after_drop(bool returned)
{
	int lost = tl_queue_drop(scene->q);

	CHECK(lost == 0 || lost == 2);
	lost ? before++ : with++;
	CHECK(!returned || !lost);
	CHECK_EQ(get_one(), -EPIPE);
	CHECK_EQ(tl_queue_count(scene->q), 0);
	CHECK_EQ(tl_queue_unfinished(scene->q), 0);
	CHECK_EQ(tl_queue_join(scene->q, TL_NEVER), 0);
}

TEST_LIMIT(drop, 240)
{
	each_place(drops, after_drop);
	check_both();
}

static void after_done(bool returned)
{
	int left = tl_queue_unfinished(scene->q);

	CHECK(left == 1 || left == 2);
	left == 1 ? with++ : before++;
	CHECK(!returned || left == 1);
	while (left--)
		CHECK_EQ(tl_queue_done(scene->q), 0);
	CHECK_EQ(tl_queue_join(scene->q, TL_NEVER), 0);
}

TEST_LIMIT(done, 240)
{
	each_place(tells_done, after_done);
	check_both();
}

/* -- one that is stopped, not killed, with a lock held */

static pid_t stopped_inside(void (*call)(void), bool put)
{
	_Atomic uint32_t *holder;
	int status;
	pid_t pid;

	if (TSAN)
		SKIP("the sanitizer sees one process alone, and its own steps take many minutes");
	scene = shared_zero(sizeof *scene);
	call_over = shared_zero(sizeof *call_over);
	open_queue();
	holder = put ? &shared_of(scene->q)->in.holder : &shared_of(scene->q)->out.holder;
	pid = victim(call);
	while (!atomic_load(holder)) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			SKIP("this system lets nobody step a process");
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSTOPPED(status) && !atomic_load(call_over));
	}
	return pid;
}

/* It keeps others waiting, but no longer than their deadline. */
TEST_LIMIT(select_beside_one_that_is_stopped, 60)
{
	pid_t pid = stopped_inside(gets, false);
	struct item it;
	tl_case c = TL_GET(scene->q, &it, sizeof it);

	CHECK_EQ(tl_select(&c, 1, tl_after(tl_ms(2))), -ETIMEDOUT);
	kill_now(pid);
	CHECK_EQ(tl_select(&c, 1, TL_NEVER), 0);
	check(&it, c.result, 1);
}

/* Nor who looks for blocks that the dead have left. */
TEST_LIMIT(loan_beside_one_that_is_stopped, 60)
{
	pid_t pid = stopped_inside(gets, false);

	for (int i = 0; i < CAPACITY - 1; i++)
		CHECK_EQ(tl_queue_loan(scene->q, (void **)&lent, LARGE, TL_POLL), 0);
	CHECK_EQ(tl_queue_loan(scene->q, (void **)&lent, LARGE, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_queue_loan(scene->q, (void **)&lent, LARGE, tl_after(tl_ms(2))), -ETIMEDOUT);
	kill_now(pid);
	CHECK_EQ(get_one(), 1);
	CHECK_EQ(tl_queue_loan(scene->q, (void **)&lent, LARGE, TL_POLL), 0);
}

/* Without a ring a task needs a thread to wait with: where none is to be had it has no way in. */
static int end_without_threads(void *arg)
{
	refuse(SYS_clone3, EAGAIN);
	atomic_store((_Atomic int *)arg, 1);
	tl_queue_end(scene->q);
	return 0;
}

TEST_LIMIT(end_beside_one_that_is_stopped, 60)
{
	pid_t pid = stopped_inside(puts_small, true), ends;
	_Atomic int *begun = shared_zero(sizeof *begun);

	setenv("TELAR_POLLER", "epoll", 1);
	ends = cast(BY_TASK, end_without_threads, begun);
	await(begun);
	for (int i = 0; i < 50; i++) {
		tl_sleep(tl_ms(1)); /* its chance to do wrong */
		CHECK(atomic_load(&shared_of(scene->q)->in.holder) != 0);
		CHECK(!shared_ended(shared_of(scene->q)));
	}
	kill_now(pid);
	went_well(ends);
	CHECK_EQ(put_number(6), -EPIPE);
}
