/* The ends of generators: close, cleaning up on their own stack, and those that are left open. */
#include "generators.h"
#include "telar/sync.h"

static int three = 3;

struct tale {
	int begun, asked, cleaned;
	const char *frame; /* an address on the generator's stack */
	const char *cleaning;
};

static int tells(void *arg)
{
	struct tale *t = arg;
	char here;
	int r;

	t->begun++;
	t->frame = &here;
	while ((r = tl_gen_yield(num(1), NULL)) == 0)
		;
	t->asked = r;
	t->cleaning = &here;
	t->cleaned++;
	return r;
}

/* Close at a yield raises GeneratorExit there. */
TEST(close_lets_it_clean_up)
{
	struct tale t = { 0 };
	tl_gen *g = gen_new(tells, &t);

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(t.asked, -ECANCELED);
	CHECK_EQ(t.cleaned, 1);
}

/* D19: close at a yield lets it clean up on its own stack */
TEST(it_cleans_up_on_its_own_stack)
{
	struct tale t = { 0 };
	tl_gen *g = gen_new(tells, &t);
	char here;

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK(t.frame == t.cleaning);
	CHECK(t.frame - &here > 65536 || &here - t.frame > 65536);
}

/* D19: close of one not started runs nothing */
TEST(close_before_the_start_runs_nothing)
{
	struct tale t = { 0 };

	CHECK_EQ(tl_gen_close(gen_new(tells, &t)), 0);
	CHECK_EQ(t.begun, 0);
}

static int answers_five(void *arg)
{
	(void)arg;
	return tl_gen_yield(NULL, NULL) == -ECANCELED ? 5 : 6;
}

static int does_not_look(void *arg)
{
	(void)arg;
	tl_gen_yield(NULL, NULL);
	return 0;
}

/* D19: close gives the result */
TEST(close_answers_the_result)
{
	tl_gen *g = gen_new(answers_five, NULL), *h = gen_new(does_not_look, NULL);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	CHECK_EQ(tl_gen_close(g), 5);
	CHECK_EQ(tl_gen_send(h, NULL, NULL), 0);
	CHECK_EQ(tl_gen_close(h), 0);
}

/* A close that is not caught answers nothing (test_close_not_catching_exit). */
TEST(close_that_passes_through_is_no_failure)
{
	tl_gen *g = gen_new(counts, &three);

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* Close of a finished one does nothing (test_close_exhausted). */
TEST(close_after_the_end_answers_zero)
{
	tl_gen *g = gen_new(answers_five, NULL), *h = gen_new(counts, &three);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), 6);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(gen_next(h), 1);
	CHECK_EQ(tl_gen_throw(h, -EIO, NULL), -EIO);
	CHECK_EQ(tl_gen_close(h), 0);
}

static int fails_when_asked(void *failure)
{
	while (tl_gen_yield(NULL, NULL) == 0)
		;
	return *(int *)failure;
}

/* Other exceptions propagate from close (test_close_raises). */
TEST(close_answers_a_failure)
{
	int failures[] = { -EIO, -EPIPE, -EBUSY }, wanted[] = { -EIO, -EPROTO, -EPROTO };

	for (int i = 0; i < 3; i++) {
		tl_gen *g = gen_new(fails_when_asked, &failures[i]);

		CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
		CHECK_EQ(tl_gen_close(g), wanted[i]);
	}
}

static int stays_twice(void *arg)
{
	void *in;
	int r = tl_gen_yield(num(1), NULL);

	(void)arg;
	if (r == -ECANCELED)
		r = tl_gen_yield(num(2), &in);
	if (r == 0)
		r = tl_gen_yield(in, NULL);
	return r;
}

/* D19: a yield while it is closed is an error */
TEST(close_that_is_ignored_closes_nothing)
{
	tl_gen *g = gen_new(stays_twice, NULL);

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_close(g), -EBUSY);
	CHECK_EQ(gen_send(g, 33), 33);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* -- left open */

static int leaves(void *arg)
{
	tl_gen *g = gen_new(tells, arg);

	return (int)gen_next(g) - 1;
}

/* D19: a generator left open is closed with its strand */
TEST(what_is_left_open_is_closed_with_its_strand)
{
	start_fn *hows[] = { tl_task_start, tl_thread_start };
	static struct tale t;

	tl_on_report(remember, NULL);
	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };

		t = (struct tale){ 0 };
		tl_scope_open(&s);
		hows[i](&s, leaves, &t, &(tl_opts){ .name = "leaver" });
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(t.cleaned, 1);
		CHECK_EQ(seen_reports[TL_R_LEAK], i + 1);
		CHECK_STR(last_name, "leaver");
	}
}

/* D19: a generator left open is closed with its strand */
TEST(what_main_leaves_open_is_closed_by_finish)
{
	static struct tale t;

	tl_on_report(remember, NULL);
	leaves(&t);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(t.cleaned, 1);
	CHECK_EQ(seen_reports[TL_R_LEAK], 1);
}

static _Atomic int cleaned_late;

static int sleeps_at_its_end(void *arg)
{
	tl_lock *lock = arg;

	CHECK_EQ(tl_lock_acquire(lock, TL_NEVER), 0);
	CHECK_EQ(tl_gen_yield(NULL, NULL), -ECANCELED);
	CHECK_EQ(tl_sleep(tl_ms(1)), 0);
	tl_lock_release(lock);
	atomic_fetch_add(&cleaned_late, 1);
	return 0;
}

static int leaves_a_lock(void *arg)
{
	return tl_gen_send(gen_new(sleeps_at_its_end, arg), NULL, NULL);
}

/* A cleanup at the strand's end may block, and releases what it holds. */
TEST(cleaning_up_at_the_end_may_wait)
{
	static tl_lock lock;
	tl_scope s = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	tl_task_start(&s, leaves_a_lock, &lock, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(cleaned_late, 1);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 0);
	CHECK_EQ(tl_lock_acquire(&lock, TL_POLL), 0);
	tl_lock_release(&lock);
}

static int passes_on(void *source)
{
	void *v;
	int r;

	while ((r = tl_gen_send(source, NULL, &v)) == 0 && (r = tl_gen_yield(v, NULL)) == 0)
		;
	CHECK_EQ(tl_gen_close(source), 0);
	return r == -EPIPE ? 0 : r;
}

static int opens_its_own(void *t) { return passes_on(gen_new(tells, t)); }

static int leaves_pipes(void *arg)
{
	struct tale *t = arg;
	tl_gen *newer_closes_older = gen_new(passes_on, gen_new(tells, &t[0])),
	       *older_closes_newer = gen_new(opens_its_own, &t[1]);

	gen_next(newer_closes_older);
	gen_next(older_closes_newer);
	return 0;
}

/* Those left open may close one another, in either order. */
TEST(pipes_left_open_are_closed_once_each)
{
	static struct tale t[2];
	tl_scope s = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	tl_task_start(&s, leaves_pipes, t, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(t[0].cleaned, 1);
	CHECK_EQ(t[1].cleaned, 1);
	CHECK_EQ(seen_reports[TL_R_LEAK], 1);
}

static int never_leaves(void *arg)
{
	do
		tl_gen_yield(num(1), NULL);
	while (++*(int *)arg > 0);
	return 0;
}

static int leaves_a_stubborn_one(void *arg)
{
	gen_next(gen_new(never_leaves, arg));
	return 0;
}

/* One that ignores the close at its strand's end is dropped, and said so. */
TEST(a_stubborn_one_does_not_hold_its_strand)
{
	static int asked;
	tl_scope s = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	tl_task_start(&s, leaves_a_stubborn_one, &asked, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(asked, 1);
	CHECK_EQ(seen_reports[TL_R_LEAK], 2);
}

static int every_time(void *arg)
{
	int *calls = arg;

	gen_next(gen_new(counts, &three));
	return ++*calls == 3 ? -EIO : 0;
}

/* Each call of a repeated task is an end, too. */
TEST(a_repeated_task_leaves_nothing_to_its_next_call)
{
	int calls = 0;
	tl_scope s = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	tl_task_start(&s, every_time, &calls, &(tl_opts){ .every = tl_ms(1) });
	CHECK_EQ(tl_scope_close(&s), -EIO);
	CHECK_EQ(seen_reports[TL_R_LEAK], 3);
}

/* -- many */

/* A thousand are open at once, and end in any order. */
TEST(a_thousand_at_once)
{
	enum { MANY = 1000 };
	static tl_gen *g[MANY];

	tl_on_report(remember, NULL);
	for (int i = 0; i < MANY; i++)
		g[i] = gen_new(counts, &three);
	for (long step = 1; step <= 2; step++)
		for (int i = 0; i < MANY; i++)
			CHECK_EQ(gen_next(g[i]), step);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(tl_gen_close(g[i * 7 % MANY]), 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(seen_reports[TL_R_LEAK], 0);
}

static int deep(void *arg)
{
	volatile char frame[200000];
	int r;

	frame[0] = 1;
	r = tl_gen_yield(arg, NULL);
	return frame[0] + r;
}

/* A stack of its own size. */
TEST(it_may_have_a_larger_stack)
{
	tl_gen *g;

	CHECK_EQ(tl_gen_open(&g, deep, &three, &(tl_gen_opts){ .stack = 1 << 20 }), 0);
	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), 1);
	CHECK_EQ(tl_gen_close(g), 0);
}
