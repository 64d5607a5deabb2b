/* word_wait and word_wake on private words: counts, order, mixes, deadlines, cancel. */
#include "../run/strands.h"
#include "wait/wait.h"

static _Atomic uint32_t word;
static int order[64], n_order;
static _Atomic int returned, timed_out, cancelled;

static int wait_once(void *arg)
{
	int r = word_wait(&word, 0, "test", &word, TL_NEVER);

	if (r == 0 && arg)
		order[n_order++] = *(int *)arg;
	atomic_fetch_add(r == 0 ? &returned : &cancelled, 1);
	return r;
}

static int blocked(const char *what)
{
	tl_info all[128];
	int n = tl_list(all, 128), found = 0;

	for (int i = 0; i < n; i++)
		found += all[i].state == TL_BLOCKED && all[i].waits &&
			 strcmp(all[i].waits, what) == 0;
	return found;
}

TEST(another_value_does_not_wait)
{
	tl_self();
	CHECK_EQ(word_wait(&word, 1, "test", &word, TL_NEVER), 0);
	CHECK_EQ(word_wait(&word, 1, "test", &word, PAST), 0);
	CHECK_EQ(word_wake(&word, &word, 5), 0); /* nobody there */
}

TEST(deadlines)
{
	tl_time when = tl_after(tl_ms(5));

	tl_self();
	CHECK_EQ(word_wait(&word, 0, "test", &word, PAST), -ETIMEDOUT);
	CHECK_EQ(word_wait(&word, 0, "test", &word, when), -ETIMEDOUT);
	CHECK(tl_now().ns >= when.ns);
	CHECK_EQ(word_wake(&word, &word, 1), 0); /* it has left the list */
}

TEST(n_wakes_wake_n_in_order)
{
	static int ids[20];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 20; i++) {
		ids[i] = i;
		tl_task_start(&s, wait_once, &ids[i], NULL);
	}
	UNTIL(blocked("test") == 20);
	CHECK_EQ(word_wake(&word, &order, 3), 0); /* another key */
	CHECK_EQ(word_wake(&word, &word, 0), 0);
	CHECK_EQ(word_wake(&word, &word, 3), 3);
	UNTIL(returned == 3);
	for (int i = 0; i < 5; i++)
		tl_yield();
	CHECK_EQ(returned, 3);
	CHECK_EQ(blocked("test"), 17);
	CHECK_EQ(word_wake(&word, &word, 1), 1);
	CHECK_EQ(word_wake(&word, &word, 100), 16);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(order[i], i);
}

TEST(tasks_and_threads_on_one_word)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 30; i++)
		CHECK_EQ((i % 3 ? tl_task_start : tl_thread_start)(&s, wait_once, NULL, NULL), 0);
	UNTIL(blocked("test") == 30);
	CHECK_EQ(word_wake(&word, &word, 7), 7);
	UNTIL(returned == 7);
	CHECK_EQ(blocked("test"), 23);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned, 7);
	CHECK_EQ(cancelled, 23);
	CHECK_EQ(word_wake(&word, &word, 99), 0);
}

/* -- tokens: the waker counts whom it woke, the woken count themselves */

enum { WAITERS = 6, ROUNDS = 4000 };
static _Atomic int woken, live;

static int take_tokens(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		int r;

		seed = seed * 1103515245 + 12345;
		r = word_wait(&word, 0, "token", &word,
			seed >> 16 & 3 ? tl_after(tl_us(seed >> 18 & 63)) : PAST);
		CHECK(r == 0 || r == -ETIMEDOUT);
		atomic_fetch_add(r == 0 ? &returned : &timed_out, 1);
	}
	atomic_fetch_sub(&live, 1);
	return 0;
}

static int give_tokens(void *arg)
{
	while (atomic_load(&live)) {
		int n = word_wake(&word, &word, 1 + (*(int *)arg)++ % 3);

		atomic_fetch_add(&woken, n);
		if (n == 0)
			sched_yield(); /* there may be one processor for all */
	}
	return 0;
}

/* The word never changes, so 0 comes from a wake only: as many succeed as were woken. */
TEST_LIMIT(wakes_race_with_deadlines, 60)
{
	unsigned seeds[WAITERS];
	int turn = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	live = WAITERS;
	for (unsigned i = 0; i < WAITERS; i++) {
		seeds[i] = i * 7919;
		(i % 2 ? tl_thread_start : tl_task_start)(&s, take_tokens, &seeds[i], NULL);
	}
	tl_thread_start(&s, give_tokens, &turn, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned + timed_out, WAITERS * ROUNDS);
	CHECK_EQ(returned, woken);
}

static int take_until_cancelled(void *arg)
{
	int r;

	(void)arg;
	while ((r = word_wait(&word, 0, "token", &word, TL_NEVER)) == 0)
		atomic_fetch_add(&returned, 1);
	CHECK_EQ(r, -ECANCELED);
	atomic_fetch_sub(&live, 1);
	return r;
}

/* A cancel comes at any moment between wakes; no wake is spent on one who answers -ECANCELED. */
TEST_LIMIT(wakes_race_with_cancel, 60)
{
	int turn = 0;
	tl_scope all = { 0 };

	tl_scope_open(&all);
	live = 1; /* ours */
	tl_thread_start(&all, give_tokens, &turn, NULL);
	for (int round = 0; round < 1500; round++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		atomic_fetch_add(&live, 2);
		tl_task_start(&s, take_until_cancelled, NULL, NULL);
		if (round % 8 == 0) {
			atomic_fetch_add(&live, 1);
			tl_thread_start(
				&s, take_until_cancelled, NULL, &(tl_opts){ .daemon = true });
			UNTIL(blocked("token") || returned);
		}
		tl_task_start(&s, take_until_cancelled, NULL, NULL);
		for (int i = 0; i < round % 5; i++)
			tl_yield();
		tl_scope_cancel(&s);
		CHECK_EQ(tl_scope_close(&s), 0);
		atomic_store(&live, 1);
	}
	atomic_store(&live, 0);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(returned, woken);
}

/* -- no wake is lost: a baton goes round between tasks and threads */

enum { PLAYERS = 7 };
static const uint32_t LAPS = 3000;
static _Atomic uint32_t baton;

static int play(void *arg)
{
	uint32_t me = *(uint32_t *)arg, now;

	for (;;) {
		now = atomic_load(&baton);
		if (now >= LAPS * PLAYERS)
			return 0;
		if (now % PLAYERS != me) {
			CHECK_EQ(word_wait(&baton, now, "baton", &baton, TL_NEVER), 0);
			continue;
		}
		atomic_store(&baton, now + 1);
		word_wake(&baton, &baton, PLAYERS);
	}
}

TEST_LIMIT(a_baton_goes_round, 60)
{
	static uint32_t ids[PLAYERS];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (uint32_t i = 0; i < PLAYERS; i++) {
		ids[i] = i;
		(i % 3 == 1 ? tl_thread_start : tl_task_start)(&s, play, &ids[i], NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(baton, LAPS * PLAYERS);
}
