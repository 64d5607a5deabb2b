/* loop.c - the loop's inbox and sleep, and what the wait core comes to on top of it (CLAIMS.md, W12
 * to W15); deadlock.c's count of those that sleep, too. */
#include "loops.h"
#include <errno.h>

static unsigned ran[TASKS];
static int data[TASKS];
static _Atomic uint32_t word, answer;

static void pick(void)
{
	struct strand *s = loop_pick(loop_here);
	int i = (int)(s - tasks);

	ORDERS_CHECK(i >= 0 && i < TASKS);
	orders_read(&data[i]);
	ORDERS_CHECK(data[i] == 1);
	ran[i]++;
}

static void push(int i)
{
	orders_write(&data[i]);
	data[i] = 1;
	loop_ready(&tasks[i].park);
}

static void pick_1(void) { pick(); }
static void pick_2(void) { pick(), pick(); }
static void push_0(void) { push(0); }
static void push_1(void) { push(1); }
static void push_both(void) { push(0), push(1); }
/* The thread ends, and its loop is given up (W14). */
static void pick_and_close(void) { pick(), loop_close(loop_here); }
/* The next push comes when the first was run. */
static void pick_again(void)
{
	pick();
	data[0] = 0;
	atomic_store_explicit(&answer, 1, memory_order_release);
	pick();
}
static void push_again(void)
{
	push(0);
	while (!atomic_load_explicit(&answer, memory_order_acquire))
		orders_pause();
	push(0);
}

static void mine(void)
{
	for (int i = 0; i < TASKS; i++)
		tasks[i].loop = loops[0];
}

static void one(void) { loops_run(pick_1), loops_run(push_0), mine(); }
static void both(void) { loops_run(pick_2), loops_run(push_both), mine(); }
static void two(void) { loops_run(pick_2), loops_run(push_0), loops_run(push_1), mine(); }
static void again(void) { loops_run(pick_again), loops_run(push_again), mine(); }
static void polls(void) { one(), loops_poll(0); }
static void polls_two(void) { two(), loops_poll(0); }
static void closes(void) { loops_run(pick_and_close), loops_run(push_0), mine(); }
static void closes_poll(void) { closes(), loops_poll(0); }
static void once(void) { ORDERS_CHECK(ran[0] == 1); }
static void each_once(void) { ORDERS_CHECK(ran[0] == 1 && ran[1] == 1); }
static void kicked(void) { once(), ORDERS_CHECK(loops[0]->kicks == loops[0]->taken); }
static void twice(void) { ORDERS_CHECK(ran[0] == 2); }

/* -- the whole way down: a word, a parker, an inbox, a futex */

static void await_word(void)
{
	int r = 0;

	while (r == 0 && !atomic_load_explicit(&word, memory_order_relaxed))
		r = word_wait(&word, 0, "word", &word, TL_NEVER);
	ORDERS_CHECK(r == 0 || r == -ECANCELED);
}

static void set_word(void)
{
	atomic_store_explicit(&word, 1, memory_order_relaxed);
	word_wake(&word, &word, 1);
}

static void cancel(void) { cancel_scope(zeros[0].body->inner, SCOPE_ASKED); }
static void words(void) { loops_run(await_word), loops_run(set_word); }
static void words_cancel(void) { loops_run(await_word), loops_run(cancel); }
static void words_both(void) { words(), loops_run(cancel); }

/* -- deadlock.c: nobody says so while one of them can still be woken; and if none can, the last to
 * fall asleep does */

static void ask(void)
{
	set_word();
	while (!atomic_load_explicit(&answer, memory_order_relaxed))
		word_wait(&answer, 0, "answer", &answer, TL_NEVER);
}

static void reply(void)
{
	await_word();
	atomic_store_explicit(&answer, 1, memory_order_relaxed);
	word_wake(&answer, &answer, 1);
}

static void ask_and_reply(void) { loops_run(ask), loops_run(reply); }
static void nobody_sets(void)
{
	loops_run(await_word), loops_run(await_word);
	orders_may_block();
}
static void no_deadlock(void) { ORDERS_CHECK(!deadlocks); }
static void a_deadlock(void) { ORDERS_CHECK(deadlocks); }

const struct orders_scenario orders_scenarios[] = {
	{ "loop: one push", one, kicked, 0 },
	{ "loop: two by one", both, each_once, 0 },
	{ "loop: push again", again, twice, 0 },
	{ "loop: in a poller", polls, kicked, 0 },
	{ "loop: closes", closes, kicked, 0 },
	{ "loop: closes, with a poller", closes_poll, kicked, 0 },
	{ "loop: word", words, no_deadlock, 0 },
	{ "loop: cancel", words_cancel, no_deadlock, 0 },
	{ "loop: deadlock", nobody_sets, a_deadlock, 0 },
	{ "loop: ask and reply", ask_and_reply, no_deadlock, 0 },
	{ "loop: two pushers", two, each_once, 0, ORDERS_LONG },
	{ "loop: two pushers, in a poller", polls_two, each_once, 0 },
	{ "loop: word, cancel", words_both, NULL, 0, ORDERS_CHANCE },
	{ 0 },
};
