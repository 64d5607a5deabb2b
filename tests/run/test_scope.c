/* Scopes: what they answer, what they collect, daemons, and what is misuse. */
#include "strands.h"

static int fail_with(void *arg) { return *(int *)arg; }
static int enodev = -ENODEV, eio = -EIO, ecanceled = -ECANCELED;

static int fail_when_cancelled(void *arg)
{
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	return *(int *)arg;
}

TEST(an_empty_scope)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_scope_open(&s); /* and again */
	CHECK_EQ(tl_scope_close(&s), 0);
}

static void first_failure(start_fn *how)
{
	tl_scope s = { 0 };
	tl_end end;
	tl_strand a;

	tl_scope_open(&s);
	a = start(how, &s, fail_when_cancelled, &eio);
	UNTIL(tl_state(a) == TL_BLOCKED);
	how(&s, fail_with, &enodev, NULL);
	CHECK_EQ(tl_scope_close(&s), -ENODEV);
	CHECK_EQ(s.n_failures, 2); /* not -ECANCELED: a failure of its own */
	CHECK_EQ(tl_join(a, &end, TL_NEVER), -ESRCH);
}

TEST(the_first_failure_wins_and_cancels_the_siblings)
{
	first_failure(tl_task_start);
	first_failure(tl_thread_start);
}

TEST(a_cancelled_sibling_is_no_failure)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 10; i++)
		(i % 2 ? tl_task_start : tl_thread_start)(&s, forever, NULL, NULL);
	tl_task_start(&s, fail_with, &eio, NULL);
	CHECK_EQ(tl_scope_close(&s), -EIO);
	CHECK_EQ(s.n_failures, 1);
}

TEST(ecanceled_unasked_is_a_failure)
{
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, fail_with, &ecanceled);
	tl_yield();
	CHECK_EQ(tl_join(t, &end, TL_POLL), 0);
	CHECK_EQ(end.how, TL_RETURNED);
	CHECK_EQ(end.value, -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
	CHECK_EQ(s.n_failures, 1);
}

TEST(keep_going_lets_the_others_end)
{
	_Atomic int n = 0;
	tl_scope s = { .keep_going = true };

	tl_scope_open(&s);
	tl_task_start(&s, fail_with, &eio, NULL);
	tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .at = tl_after(tl_ms(5)) });
	tl_thread_start(&s, count_up, (void *)&n, &(tl_opts){ .at = tl_after(tl_ms(5)) });
	tl_task_start(&s, fail_with, &enodev, &(tl_opts){ .at = tl_after(tl_ms(2)) });
	CHECK_EQ(tl_scope_close(&s), -EIO);
	CHECK_EQ(n, 2);
	CHECK_EQ(s.n_failures, 2);
}

TEST(all_failures_are_collected)
{
	enum { N = 20, MAX = 4 };
	tl_failure f[MAX + 1];
	tl_scope s = { .keep_going = true, .failures = f, .max_failures = MAX };
	tl_strand first;

	memset(f, 0x55, sizeof f);
	tl_scope_open(&s);
	CHECK_EQ(
		tl_task_start(&s, fail_with, &enodev, &(tl_opts){ .ret = &first, .name = "first" }),
		0);
	for (int i = 1; i < N; i++)
		tl_task_start(&s, fail_with, &eio, NULL);
	CHECK_EQ(tl_scope_close(&s), -ENODEV);
	CHECK_EQ(s.n_failures, N);
	CHECK_EQ(f[0].strand.id, first.id);
	CHECK_STR(f[0].name, "first");
	CHECK_EQ(f[0].end.value, -ENODEV);
	CHECK_EQ(f[0].end.how, TL_RETURNED);
	CHECK(f[0].site != NULL);
	CHECK_EQ(f[MAX - 1].end.value, -EIO);
	CHECK_EQ(((unsigned char *)&f[MAX])[0], 0x55);
}

TEST(the_body_may_fail_too)
{
	tl_failure f;
	tl_scope s = { .failures = &f, .max_failures = 1 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	tl_scope_fail(&s, 0);
	tl_scope_fail(&s, 5); /* success is no failure */
	CHECK_EQ(tl_state(t), TL_READY);
	CHECK_EQ(tl_checkpoint(), 0);
	tl_scope_fail(&s, -EPROTO);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -EPROTO);
	CHECK_EQ(f.strand.id, tl_self().id);
	CHECK_STR(f.name, "MainThread");
}

TEST(fields_that_make_no_sense_are_told_at_close)
{
	tl_scope poll = { .deadline = TL_POLL }, grace = { .grace = tl_ns(-1) },
		 none = { .max_failures = 3 };

	tl_scope_open(&poll);
	CHECK_EQ(tl_scope_close(&poll), -EINVAL);
	tl_scope_open(&grace);
	CHECK_EQ(tl_scope_close(&grace), -EINVAL);
	tl_scope_open(&none);
	tl_scope_fail(&none, -EIO);
	CHECK_EQ(tl_scope_close(&none), -EINVAL);
}

TEST(cancel_and_close_is_no_error)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, forever, NULL, NULL);
	tl_thread_start(&s, forever, NULL, NULL);
	tl_scope_cancel(&s);
	tl_scope_cancel(&s);
	CHECK(tl_cancelled());
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(!tl_cancelled());
}

TEST(nothing_starts_in_a_cancelled_scope)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_strand t = { 5 };

	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .ret = &t }), -ECANCELED);
	CHECK_EQ(t.id, 0);
	CHECK_EQ(tl_thread_start(&s, count_up, (void *)&n, NULL), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 0);
}

/* -- daemons */

TEST(daemons_do_not_keep_a_scope_open)
{
	tl_scope s = { 0 };
	tl_strand a, b;
	tl_opts o = { .daemon = true, .ret = &a };

	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(&s, forever, NULL, &o), 0);
	o.ret = &b;
	CHECK_EQ(tl_thread_start(&s, forever, NULL, &o), 0);
	CHECK_EQ(tl_scope_join(&s, TL_NEVER), 0); /* only daemons are left */
	CHECK(tl_alive(a) && tl_alive(b));
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(!tl_alive(a) && !tl_alive(b));
}

TEST(a_failing_daemon_fails_the_scope)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, fail_with, &eio, &(tl_opts){ .daemon = true });
	tl_task_start(&s, forever, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), -EIO);
	s = (tl_scope){ 0 };
	tl_scope_open(&s);
	tl_thread_start(&s, fail_when_cancelled, &eio, &(tl_opts){ .daemon = true });
	tl_task_start(&s, answer, NULL, NULL);
	tl_scope_join(&s, TL_NEVER);
	CHECK(tl_scope_close(&s) == -EIO || s.n_failures == 0);
}

static int starts_more(void *arg)
{
	CHECK_EQ(tl_task_start(NULL, forever, NULL, NULL), 0); /* lives in the daemon */
	CHECK_EQ(tl_thread_start(NULL, forever, NULL, NULL), 0);
	atomic_store((_Atomic int *)arg, 1);
	return tl_sleep_until(TL_NEVER);
}

/* D7: what a daemon starts ends with it */
TEST(what_a_daemon_starts_ends_with_it)
{
	_Atomic int up = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, starts_more, (void *)&up, &(tl_opts){ .daemon = true });
	UNTIL(up);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

static int starts_and_returns(void *arg)
{
	tl_task_start(NULL, forever, NULL, &(tl_opts){ .daemon = true });
	tl_task_start(NULL, count_up, arg, NULL);
	tl_thread_start(NULL, count_up, arg, NULL);
	return 7;
}

TEST(a_strands_outermost_scope_closes_when_it_returns)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	for (int i = 0; i < 2; i++) {
		s = (tl_scope){ 0 };
		tl_scope_open(&s);
		t = start(i ? tl_thread_start : tl_task_start, &s, starts_and_returns, (void *)&n);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(end.value, 7);
		CHECK_EQ(n, 2 * i + 2);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

static int child_fails(void *arg)
{
	tl_task_start(NULL, fail_with, arg, NULL);
	return 0;
}

static int child_fails_too(void *arg)
{
	tl_task_start(NULL, fail_with, arg, NULL);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	return -ECANCELED;
}

/* A failure in the outermost scope of a strand is that strand's failure. */
TEST(failures_climb)
{
	tl_fn *both[] = { child_fails, child_fails_too };

	for (int i = 0; i < 4; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		(i / 2 ? tl_thread_start : tl_task_start)(&s, both[i % 2], &enodev, NULL);
		CHECK_EQ(tl_scope_close(&s), -ENODEV);
		CHECK_EQ(s.n_failures, 1);
	}
}

/* -- join */

TEST(scope_join_waits_and_times_out)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_join(&s, TL_POLL), 0);
	t = start(tl_task_start, &s, forever, NULL);
	CHECK_EQ(tl_scope_join(&s, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_scope_join(&s, PAST), -ETIMEDOUT);
	CHECK_EQ(tl_scope_join(&s, tl_after(tl_ms(3))), -ETIMEDOUT);
	tl_cancel(t);
	CHECK_EQ(tl_scope_join(&s, TL_NEVER), 0);
	CHECK_EQ(tl_scope_join(&s, PAST), 0); /* tries once */
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_join(&s, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_join(&s, TL_POLL), 0); /* no cancel point */
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- misuse */

TEST(only_the_innermost_can_be_closed)
{
	tl_scope a = { .name = "outer" }, b = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&a);
	tl_scope_open(&b);
	CHECK_EQ(tl_scope_close(&a), -EINVAL);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_scope_close(&b), 0);
	CHECK_EQ(tl_scope_close(&a), 0);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
}

/* Each answers -EINVAL or nothing, and says so. */
TEST(a_scope_that_was_never_opened)
{
	tl_scope s = { .name = "shut" };
	tl_strand t = { 1 };

	tl_on_report(remember, NULL);
	CHECK_EQ(tl_task_start(&s, forever, NULL, &(tl_opts){ .ret = &t }), -EINVAL);
	CHECK_EQ(t.id, 0);
	CHECK_EQ(tl_thread_start(&s, forever, NULL, NULL), -EINVAL);
	CHECK_EQ(tl_scope_move(&s, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_scope_join(&s, TL_NEVER), -EPERM);
	CHECK_EQ(tl_scope_close(&s), -EINVAL);
	tl_scope_fail(&s, -EIO);
	tl_scope_cancel(&s);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 7);
	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(&s, forever, NULL, NULL), 0);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 7);
}

static tl_scope left_open;

static int leaves_it_open(void *arg)
{
	tl_scope_open(&left_open);
	tl_task_start(&left_open, forever, NULL, &(tl_opts){ .daemon = true });
	return tl_task_start(&left_open, count_up, arg, NULL);
}

TEST(a_scope_left_open_is_closed_and_reported)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	tl_task_start(&s, leaves_it_open, (void *)&n, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
}
