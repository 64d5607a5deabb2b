/* test_barrier.c - so many wait for one another: all go on for the same round, each with its
 * number. */
#include "talk.h"

enum { PARTIES = 4 };

static int wait_once(void *arg) { return tl_barrier_wait(arg, TL_NEVER); }

static void await_waiting(const tl_barrier *b, int n)
{
	while (tl_barrier_waiting(b) != n) {
		tl_yield();
		sched_yield();
	}
}

/* D6: no parties is refused */
TEST(zero_is_refused)
{
	tl_barrier b = { 0 };

	CHECK_EQ(tl_barrier_wait(&b, TL_NEVER), -EINVAL);
}

/* D6: a party of one never waits */
TEST(one_party_never_waits)
{
	int n = 0;
	tl_barrier b = { .parties = 1 };

	for (; n < 10; n++)
		CHECK_EQ(tl_barrier_wait(&b, TL_POLL), 0);
	CHECK_EQ(tl_barrier_waiting(&b), 0);
}

/* -- rounds */

struct rounds {
	tl_barrier b;
	_Atomic int came, acted, numbers[PARTIES];
	int n;
};

static int act(void *arg)
{
	struct rounds *r = arg;
	int round = atomic_load(&r->acted);

	CHECK_EQ(atomic_load(&r->came), (round + 1) * PARTIES); /* all are here, nobody is ahead */
	atomic_store(&r->acted, round + 1);
	return 0;
}

static int go_round(void *arg)
{
	struct rounds *r = arg;

	for (int i = 1; i <= r->n; i++) {
		int k;

		atomic_fetch_add(&r->came, 1);
		k = tl_barrier_wait(&r->b, TL_NEVER);
		CHECK(k >= 0 && k < PARTIES);
		CHECK(atomic_load(&r->acted) >= i);
		atomic_fetch_add(&r->numbers[k], 1);
	}
	return 0;
}

static void rounds(int n, int threads)
{
	struct rounds r = { .n = n };
	tl_scope s = { 0 };

	r.b = (tl_barrier){ .parties = PARTIES, .action = act, .arg = &r };
	tl_scope_open(&s);
	for (int i = 0; i < PARTIES; i++)
		if (i < threads)
			tl_thread_start(&s, go_round, &r, NULL);
		else
			tl_task_start(&s, go_round, &r, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(r.acted, n);
	for (int i = 0; i < PARTIES; i++)
		CHECK_EQ(r.numbers[i], n);
}

/* D6: all go on together, each with an index of its own
 * D6: can be used again at once */
TEST(rounds_of_tasks) { rounds(10000, 0); }
/* D6: a fast one does not enter the next round before all have left
 * D6: the action runs once, before anyone goes on */
TEST(rounds_of_both) { rounds(300, 2); }
TEST(rounds_of_threads) { rounds(300, PARTIES); }

/* -- breaking */

static int fails(void *arg) { return (void)arg, -EBADMSG; }

/* D6: a failing action breaks it and tells the one who ran it
 * D6: reset repairs a broken one */
TEST(a_failing_action_breaks_it)
{
	tl_barrier b = { .parties = 2, .action = fails };
	tl_scope s = { .keep_going = true };
	tl_strand t;

	tl_scope_open(&s);
	t = start_task(&s, wait_once, &b);
	await_waiting(&b, 1);
	CHECK_EQ(tl_barrier_wait(&b, TL_NEVER), -EBADMSG);
	CHECK_EQ(ending(t), -EPIPE);
	CHECK(tl_barrier_broken(&b));
	CHECK_EQ(tl_barrier_wait(&b, TL_NEVER), -EPIPE);
	tl_barrier_reset(&b);
	CHECK(!tl_barrier_broken(&b));
	CHECK_EQ(tl_scope_close(&s), -EPIPE);
}

/* D6: a deadline that passes breaks it for all
 * D6: a deadline belongs to each wait: a barrier has none of its own */
TEST(a_deadline_breaks_it)
{
	tl_barrier b = { .parties = 3 };
	tl_scope s = { .keep_going = true };
	tl_strand t;

	CHECK_EQ(tl_barrier_wait(&b, TL_POLL), -EAGAIN);
	CHECK(!tl_barrier_broken(&b));
	tl_scope_open(&s);
	t = start_thread(&s, wait_once, &b);
	await_waiting(&b, 1);
	CHECK_EQ(tl_barrier_wait(&b, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(ending(t), -EPIPE);
	CHECK(tl_barrier_broken(&b));
	CHECK_EQ(tl_scope_close(&s), -EPIPE);
}

/* D6: a cancelled waiter only leaves */
TEST(a_cancelled_one_only_leaves)
{
	tl_barrier b = { .parties = 2 };
	tl_scope s = { 0 };
	tl_strand t;
	int mine;

	tl_scope_open(&s);
	t = start_task(&s, wait_once, &b);
	await_waiting(&b, 1);
	tl_cancel(t);
	CHECK_EQ(ending(t), -ECANCELED);
	CHECK_EQ(tl_barrier_waiting(&b), 0);
	t = start_task(&s, wait_once, &b);
	mine = tl_barrier_wait(&b, TL_NEVER);
	CHECK_EQ(mine, 1 - ending(t));
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D6: abort breaks it until reset
 * D6: says how many wait and whether it is broken */
TEST(abort_tells_all)
{
	tl_barrier b = { .parties = 4 };
	tl_scope s = { .keep_going = true };
	tl_strand t[3];

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		t[i] = i < 2 ? start_task(&s, wait_once, &b) : start_thread(&s, wait_once, &b);
	await_waiting(&b, 3);
	tl_barrier_abort(&b);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(ending(t[i]), -EPIPE);
	CHECK_EQ(tl_barrier_waiting(&b), 0);
	CHECK(tl_barrier_broken(&b));
	CHECK_EQ(tl_barrier_wait(&b, TL_NEVER), -EPIPE);
	tl_barrier_reset(&b);
	CHECK(!tl_barrier_broken(&b));
	CHECK_EQ(tl_barrier_wait(&b, TL_POLL), -EAGAIN);
	tl_scope_close(&s);
}

/* D6: reset tells those who wait and makes it as new */
TEST(reset_sends_away_and_serves_again)
{
	tl_barrier b = { .parties = 2 };
	tl_scope s = { .keep_going = true };
	tl_strand t;

	tl_scope_open(&s);
	t = start_task(&s, wait_once, &b);
	await_waiting(&b, 1);
	tl_barrier_reset(&b);
	CHECK_EQ(ending(t), -EPIPE);
	t = start_task(&s, wait_once, &b);
	CHECK(tl_barrier_wait(&b, TL_NEVER) >= 0);
	CHECK(ending(t) >= 0);
	tl_scope_close(&s);
}

/* -- while the action runs */

static int act_with_care(void *arg)
{
	tl_event *e = arg;

	tl_event_set(&e[0]);
	return tl_event_wait(&e[1], TL_NEVER);
}

static void while_acting(void (*meanwhile)(tl_barrier *b), int others, int last)
{
	tl_event e[2] = { 0 };
	tl_barrier b = { .parties = 2, .action = act_with_care, .arg = e };
	tl_scope s = { .keep_going = true };
	tl_strand first, second;

	tl_scope_open(&s);
	first = start_task(&s, wait_once, &b);
	second = start_task(&s, wait_once, &b);
	CHECK_EQ(tl_event_wait(&e[0], TL_NEVER), 0);
	meanwhile(&b);
	tl_event_set(&e[1]);
	CHECK_EQ(ending(first), others);
	CHECK_EQ(ending(second), last);
	tl_scope_close(&s);
}

static void come_too_early(tl_barrier *b)
{
	CHECK_EQ(tl_barrier_wait(b, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_barrier_waiting(b), 0);
}

TEST(newcomers_wait_for_the_next_round) { while_acting(come_too_early, 0, 1); }
TEST(abort_in_the_middle) { while_acting(tl_barrier_abort, -EPIPE, -EPIPE); }
TEST(reset_in_the_middle) { while_acting(tl_barrier_reset, -EPIPE, -EPIPE); }

static int wait_within(void *arg)
{
	CHECK_EQ(tl_barrier_wait(arg, TL_NEVER), -EDEADLK);
	return 0;
}

TEST(from_its_own_action)
{
	tl_barrier b = { .parties = 1, .action = wait_within };

	b.arg = &b;
	CHECK_EQ(tl_barrier_wait(&b, TL_NEVER), 0);
}

/* -- all at once, with chance: the numbers of a round are given to all of it or to nobody */

struct storm {
	tl_barrier b;
	_Atomic int numbers[PARTIES];
	_Atomic uint64_t seed;
	_Atomic bool over; /* nobody resets it any more */
};

static int weather(void *arg)
{
	struct storm *st = arg;
	uint64_t seed = atomic_fetch_add(&st->seed, 0x9e3779b97f4a7c15u);

	for (int i = 0; i < 300 && !atomic_load(&st->over); i++) {
		uint32_t x = number(&seed);
		tl_time d = x % 8 == 0 ? tl_after(tl_us(x % 300)) : TL_NEVER;
		int k = x % 16 == 1 ? tl_call(wait_once, &st->b, tl_after(tl_us(x % 300)))
				    : tl_barrier_wait(&st->b, d);

		if (k >= 0)
			atomic_fetch_add(&st->numbers[k], 1);
		else if (k == -EPIPE && x % 3 == 0 && !atomic_load(&st->over))
			tl_barrier_reset(&st->b);
		else if (k == -EPIPE)
			tl_yield();
	}
	atomic_store(&st->over, true);
	tl_barrier_abort(&st->b); /* nobody is to wait for us */
	return 0;
}

TEST_LIMIT(storm, 60)
{
	struct storm st = { .b = { .parties = PARTIES }, .seed = seed_of(7) };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 2 * PARTIES; i++)
		if (i % 2)
			tl_thread_start(&s, weather, &st, NULL);
		else
			tl_task_start(&s, weather, &st, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 1; i < PARTIES; i++)
		CHECK_EQ(st.numbers[i], st.numbers[0]);
}
