/* The flag of a daemon can be changed until its strand begins, and its scope follows. */
#include "strands.h"

static bool is_daemon(tl_strand t)
{
	tl_info i;

	CHECK_EQ(tl_inspect(t, &i), 0);
	return i.daemon;
}

static void settable(start_fn *how, tl_opts o)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_strand t;

	o.ret = &t;
	tl_scope_open(&s);
	CHECK_EQ(how(&s, count_up, (void *)&n, &o), 0);
	for (int i = 0; i < 4; i++) { /* at once, and when it has settled */
		if (i == 2)
			UNTIL(tl_state(t) == TL_CREATED);
		CHECK_EQ(tl_daemon_set(t, true), 0);
		CHECK_EQ(tl_daemon_set(t, true), 0);
		CHECK(is_daemon(t));
		CHECK_EQ(tl_scope_join(&s, TL_POLL), 0);
		CHECK_EQ(tl_daemon_set(t, false), 0);
		CHECK(!is_daemon(t));
		CHECK_EQ(tl_scope_join(&s, TL_POLL), -EAGAIN);
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(tl_daemon_set(t, true), 0);
	CHECK_EQ(tl_scope_close(&s), 0); /* cancels it, and does not wait for ever */
	CHECK_EQ(n, 0);
	CHECK_EQ(tl_daemon_set(t, true), -ESRCH);
}

/* D7: daemon can be set before it begins */
TEST(settable_while_created)
{
	tl_opts later = { .at = tl_after(tl_s(1000)) }, paused = { .paused = true };

	settable(tl_task_start, paused);
	settable(tl_thread_start, paused);
	settable(tl_task_start, later);
	settable(tl_thread_start, later);
}

static void too_late(start_fn *how)
{
	int zero = 0;
	tl_scope s = { 0 };
	tl_strand t, ended;

	tl_scope_open(&s);
	t = start(how, &s, forever, NULL);
	CHECK_EQ(tl_daemon_set(t, true), -EBUSY); /* started, though perhaps not running yet */
	UNTIL(tl_state(t) == TL_BLOCKED);
	CHECK_EQ(tl_daemon_set(t, true), -EBUSY);
	CHECK(!is_daemon(t));
	ended = start(how, &s, answer, &zero);
	CHECK_EQ(tl_join(ended, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_daemon_set(ended, true), -EBUSY);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static void resumed(start_fn *how)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(how(&s, forever, NULL, &(tl_opts){ .paused = true, .ret = &t }), 0);
	CHECK_EQ(tl_resume(t), 0);
	CHECK_EQ(tl_daemon_set(t, true), -EBUSY);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* Between two of its calls, too. */
static void ticks(void)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(&s, count_up, (void *)&n,
			 &(tl_opts){ .at = tl_now(), .every = tl_s(1000), .ret = &t }),
		0);
	CHECK_EQ(tl_daemon_set(t, true), -EBUSY); /* its time has come */
	UNTIL(n == 1);
	CHECK_EQ(tl_daemon_set(t, true), -EBUSY);
	CHECK(!is_daemon(t));
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D7: daemon cannot be set once it has begun */
TEST(not_once_it_has_started)
{
	too_late(tl_task_start);
	too_late(tl_thread_start);
	resumed(tl_task_start);
	resumed(tl_thread_start);
	ticks();
	CHECK_EQ(tl_daemon_set(tl_self(), true), -EBUSY);
	CHECK_EQ(tl_daemon_set((tl_strand){ 0 }, true), -ESRCH);
}

/* -- somebody waits for the scope */

struct change {
	tl_strand t;
	tl_strand closer;
	bool daemon;
};

static int changes(void *arg)
{
	struct change *c = arg;

	UNTIL_RAW(tl_state(c->closer) == TL_BLOCKED);
	return tl_daemon_set(c->t, c->daemon);
}

/* The last that is waited for becomes a daemon: that ends the wait. */
TEST(the_scope_that_waits_is_told)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 4; i++) {
		tl_scope out = { 0 }, s = { 0 };
		struct change c = { .daemon = true, .closer = tl_self() };

		tl_scope_open(&out);
		tl_scope_open(&s);
		CHECK_EQ(both[i % 2](&s, forever, NULL, &(tl_opts){ .paused = true, .ret = &c.t }),
			0);
		CHECK_EQ(tl_thread_start(&out, changes, &c, NULL), 0);
		if (i < 2)
			CHECK_EQ(tl_scope_join(&s, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_scope_close(&out), 0);
	}
}

/* And the other way: who is none any more is waited for.  The closing scope has perhaps cancelled
 * it meanwhile; but it never closes over it. */
static int flips(void *arg)
{
	struct change *c = arg;
	int r = 0;

	for (int i = 0; r == 0; i++) {
		r = tl_daemon_set(c->t, i % 2);
		sched_yield();
	}
	CHECK(r == -ESRCH || r == -EBUSY);
	return 0;
}

TEST_LIMIT(flipped_while_the_scope_closes, 60)
{
	for (int i = 0; i < (SANITIZED ? 100 : 400); i++) {
		tl_scope out = { 0 }, s = { 0 };
		struct change c = { .daemon = false };
		tl_strand f[2];

		tl_scope_open(&out);
		tl_scope_open(&s);
		CHECK_EQ((i % 4 ? tl_task_start : tl_thread_start)(&s, forever, NULL,
				 &(tl_opts){ .paused = true, .ret = &c.t, .daemon = true }),
			0);
		f[0] = start(tl_thread_start, &out, flips, &c);
		f[1] = start(tl_thread_start, &out, flips, &c);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK(!tl_alive(c.t));
		CHECK_EQ(tl_join(f[0], NULL, TL_NEVER), 0);
		CHECK_EQ(tl_join(f[1], NULL, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&out), 0);
	}
}

static _Atomic int n_run;

static int runs(void *arg)
{
	(void)arg;
	n_run++;
	return 0;
}

/* Resumed by one and changed by another at once: it runs, and the counts are right. */
TEST_LIMIT(changed_and_resumed_at_once, 60)
{
	int rounds = SANITIZED ? 100 : 400;

	for (int i = 0; i < rounds; i++) {
		tl_scope s = { 0 }, out = { 0 };
		struct change c = { 0 };

		tl_scope_open(&out);
		tl_scope_open(&s);
		CHECK_EQ((i % 4 ? tl_task_start : tl_thread_start)(
				 &s, runs, NULL, &(tl_opts){ .paused = true, .ret = &c.t }),
			0);
		tl_thread_start(&out, flips, &c, NULL);
		for (int n = i % 50; n; n--)
			sched_yield();
		CHECK_EQ(tl_resume(c.t), 0);
		CHECK_EQ(tl_join(c.t, NULL, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_scope_close(&out), 0);
	}
	CHECK_EQ(n_run, rounds);
}
