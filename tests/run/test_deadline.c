/* Deadlines of scopes: who answers -ETIMEDOUT, moving, shields, stragglers, tl_call. */
#include "strands.h"

TEST(a_deadline_cancels_what_is_inside)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		tl_scope s = { .deadline = tl_after(tl_ms(5)) };

		tl_scope_open(&s);
		for (int k = 0; k < 5; k++)
			both[i](&s, forever, NULL, NULL);
		CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
		CHECK_EQ(s.n_failures, 0);
		CHECK(tl_now().ns >= s.deadline.ns);
	}
}

TEST(a_deadline_in_the_past_runs_nothing)
{
	_Atomic int n = 0;
	tl_scope s = { .deadline = PAST };

	tl_scope_open(&s);
	CHECK(tl_cancelled());
	tl_task_start(&s, count_up, (void *)&n, NULL);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	CHECK_EQ(n, 0);
	s = (tl_scope){ .deadline = PAST };
	tl_scope_open(&s);
	tl_task_start(&s, count_up, (void *)&n, NULL);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	CHECK_EQ(n, 0);
}

TEST(a_deadline_that_nobody_meets)
{
	tl_scope s = { .deadline = tl_after(tl_s(1000)) };
	_Atomic int n = 0;

	tl_scope_open(&s);
	tl_task_start(&s, count_up, (void *)&n, NULL);
	tl_thread_start(&s, count_up, (void *)&n, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 2);
}

static int nested(int outer_ms, int inner_ms, int *inner)
{
	tl_scope a = { .deadline = outer_ms ? tl_after(tl_ms(outer_ms)) : TL_NEVER }, b = { 0 };

	tl_scope_open(&a);
	b.deadline = inner_ms ? tl_after(tl_ms(inner_ms)) : TL_NEVER;
	tl_scope_open(&b);
	tl_task_start(&b, forever, NULL, NULL);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	*inner = tl_scope_close(&b);
	return tl_scope_close(&a);
}

TEST(only_the_scope_whose_deadline_fired_times_out)
{
	int inner;

	CHECK_EQ(nested(100000, 5, &inner), 0);
	CHECK_EQ(inner, -ETIMEDOUT);
	CHECK_EQ(nested(5, 100000, &inner), -ETIMEDOUT);
	CHECK_EQ(inner, -ECANCELED);
	CHECK_EQ(nested(5, 0, &inner), -ETIMEDOUT);
	CHECK_EQ(inner, -ECANCELED);
	CHECK_EQ(nested(0, 5, &inner), 0);
	CHECK_EQ(inner, -ETIMEDOUT);
}

static int inner_in_child(void *arg)
{
	tl_scope s = { .deadline = tl_after(tl_s(1000)) };

	tl_scope_open(&s);
	tl_thread_start(&s, forever, NULL, NULL);
	tl_task_start(&s, forever, NULL, NULL);
	*(int *)arg = tl_scope_close(&s);
	return *(int *)arg;
}

TEST(a_deadline_reaches_scopes_in_children)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };
		tl_strand t;
		int inner = 0;

		tl_scope_open(&s);
		both[i](&s, inner_in_child, &inner, &(tl_opts){ .ret = &t });
		while (tl_state(t) != TL_BLOCKED)
			tl_yield();
		CHECK_EQ(tl_scope_move(&s, tl_after(tl_ms(1))), 0);
		CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
		CHECK_EQ(inner, -ECANCELED);
		CHECK_EQ(s.n_failures, 0);
	}
}

TEST(the_argument_times_out_the_scope_cancels)
{
	tl_scope outer = { 0 }, s = { .deadline = tl_after(tl_s(1000)) };
	tl_strand t;

	tl_scope_open(&outer);
	t = start(tl_task_start, &outer, forever, NULL);
	tl_scope_open(&s);
	CHECK_EQ(tl_join(t, NULL, PAST), -ETIMEDOUT);
	CHECK_EQ(tl_scope_move(&s, tl_after(tl_ms(5))), 0);
	CHECK_EQ(tl_join(t, NULL, tl_after(tl_s(1000))), -ECANCELED);
	CHECK_EQ(tl_join(t, NULL, PAST), -ECANCELED); /* cancelled is tested before */
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	tl_scope_cancel(&outer);
	CHECK_EQ(tl_scope_close(&outer), 0);
}

/* -- moving */

TEST(moved_earlier)
{
	tl_scope s = { .deadline = tl_after(tl_s(1000)) };
	tl_strand t, u;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	u = start(tl_thread_start, &s, forever, NULL);
	UNTIL(tl_state(t) == TL_BLOCKED && tl_state(u) == TL_BLOCKED);
	CHECK_EQ(tl_scope_move(&s, tl_after(tl_ms(2))), 0);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

TEST(moved_later)
{
	tl_time early = tl_after(tl_ms(5)), late = tl_after(tl_ms(25));
	tl_scope s = { .deadline = early };

	tl_scope_open(&s);
	tl_task_start(&s, forever, NULL, NULL);
	tl_thread_start(&s, forever, NULL, NULL);
	tl_yield();
	if (tl_scope_move(&s, late) == 0) {
		CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
		CHECK(tl_now().ns >= late.ns);
	} else {
		CHECK(tl_now().ns >= early.ns);
		CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	}
}

TEST(moved_away)
{
	tl_scope s = { .deadline = tl_after(tl_s(1000)) };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	tl_yield();
	CHECK_EQ(tl_scope_move(&s, tl_after(tl_s(900))), 0);
	CHECK_EQ(tl_scope_move(&s, TL_NEVER), 0);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(moved_after_it_has_fired)
{
	tl_scope s = { .deadline = PAST };

	tl_scope_open(&s);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_move(&s, TL_NEVER), -ESRCH);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

static int sees_the_move(void *arg)
{
	tl_scope *outer = arg;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_move(outer, PAST), 0);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
	return -ECANCELED;
}

TEST(moved_by_a_child)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, sees_the_move, &s, NULL);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	s = (tl_scope){ 0 };
	tl_scope_open(&s);
	tl_thread_start(&s, sees_the_move, &s, NULL);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

/* -- shields */

TEST(a_shield_holds_off_cancel)
{
	tl_scope a = { 0 }, b = { .shield = true, .grace = tl_s(1000) };
	_Atomic int n = 0;

	tl_scope_open(&a);
	tl_scope_cancel(&a);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	tl_scope_open(&b);
	CHECK_EQ(tl_checkpoint(), 0);
	CHECK_EQ(tl_sleep(tl_ms(1)), 0);
	CHECK_EQ(tl_task_start(&b, count_up, (void *)&n, NULL), 0);
	CHECK_EQ(tl_thread_start(&b, count_up, (void *)&n, NULL), 0);
	CHECK_EQ(tl_scope_close(&b), -ECANCELED); /* an enclosing one is cancelled */
	CHECK_EQ(n, 2);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_close(&a), 0);
}

TEST(a_shield_ends_with_its_grace)
{
	tl_scope a = { 0 }, b = { .shield = true, .grace = tl_ms(10) };

	tl_scope_open(&a);
	tl_scope_open(&b);
	tl_time asked = tl_now();
	tl_scope_cancel(&a);
	CHECK(tl_checkpoint() == 0 || tl_now().ns >= asked.ns + 10000000);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK(tl_now().ns >= asked.ns + 10000000);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_close(&b), -ECANCELED);
	CHECK_EQ(tl_scope_close(&a), 0);
}

TEST(a_shield_against_a_deadline)
{
	tl_time when = tl_after(tl_ms(5));
	tl_scope a = { .deadline = when }, b = { .shield = true, .grace = tl_ms(10) };

	tl_scope_open(&a);
	tl_scope_open(&b);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK(tl_now().ns >= when.ns + 10000000);
	CHECK_EQ(tl_scope_close(&b), -ECANCELED);
	CHECK_EQ(tl_scope_close(&a), -ETIMEDOUT);
}

TEST(a_shields_own_deadline_counts)
{
	tl_scope b = { .shield = true, .deadline = tl_after(tl_ms(3)) };

	tl_scope_open(&b);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_close(&b), -ETIMEDOUT);
	b = (tl_scope){ .shield = true };
	tl_scope_open(&b);
	tl_scope_cancel(&b); /* from inside: a shield is no hindrance */
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_scope_close(&b), 0);
}

enum { OUT, INSIDE, CANCELLED };

static int shielded_child(void *arg)
{
	_Atomic int *where = arg;
	tl_scope s = { .shield = true, .grace = tl_s(1000) };

	tl_scope_open(&s);
	atomic_store(where, INSIDE);
	for (int i = 0; i < 20 || atomic_load(where) != CANCELLED; i++)
		CHECK_EQ(tl_sleep(tl_us(200)), 0);
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
	return tl_checkpoint();
}

TEST(a_shield_in_a_child)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		_Atomic int where = OUT;
		tl_scope s = { 0 };

		tl_scope_open(&s);
		both[i](&s, shielded_child, (void *)&where, NULL);
		UNTIL(where);
		tl_scope_cancel(&s);
		atomic_store(&where, CANCELLED);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

/* -- stragglers */

static _Atomic int let_go, begun;

static int deaf(void *arg)
{
	atomic_store(&begun, 1);
	return until_flag(arg);
}

static void release_after_two(const tl_report *r, void *arg)
{
	remember(r, arg);
	if (r->kind == TL_R_STRAGGLER && atomic_load(&seen_reports[TL_R_STRAGGLER]) >= 2)
		atomic_store(&let_go, 1);
}

static void straggles(bool daemon)
{
	tl_scope s = { .grace = tl_ms(5) };

	tl_on_report(release_after_two, NULL);
	tl_scope_open(&s);
	tl_thread_start(&s, deaf, (void *)&let_go, &(tl_opts){ .name = "deaf", .daemon = daemon });
	UNTIL(begun);
	if (!daemon)
		tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0); /* it answered 0 in the end */
	CHECK(seen_reports[TL_R_STRAGGLER] >= 2);
	CHECK_STR(last_name, "deaf");
}

TEST(a_straggling_thread_is_reported_again_and_again) { straggles(false); }
TEST(a_straggling_daemon_is_reported) { straggles(true); }

static int sleep_shielded(void *arg)
{
	tl_scope s = { .shield = true, .grace = tl_s(1000) };

	tl_scope_open(&s);
	while (!atomic_load((_Atomic int *)arg))
		CHECK_EQ(tl_sleep(tl_us(100)), 0);
	tl_scope_close(&s);
	return 0;
}

TEST(a_straggling_task_is_reported_again_and_again)
{
	tl_scope s = { .grace = tl_ms(5) };

	tl_on_report(release_after_two, NULL);
	tl_scope_open(&s);
	tl_task_start(&s, sleep_shielded, (void *)&let_go, &(tl_opts){ .name = "deaf" });
	tl_yield();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(seen_reports[TL_R_STRAGGLER] >= 2);
}

/* -- call */

static int sleep_long(void *arg)
{
	(void)arg;
	return tl_sleep(tl_s(1000));
}
static int ignores_it(void *arg)
{
	tl_sleep(tl_s(1000));
	return *(int *)arg;
}

TEST(call_answers_what_the_function_did)
{
	int n = 42, bad = -EBADF;

	CHECK_EQ(tl_call(answer, &n, TL_NEVER), 42);
	CHECK_EQ(tl_call(answer, &bad, TL_NEVER), -EBADF);
	CHECK_EQ(tl_call(sleep_long, NULL, tl_after(tl_ms(3))), -ETIMEDOUT);
	CHECK_EQ(tl_call(sleep_long, NULL, PAST), -ETIMEDOUT);
	CHECK_EQ(tl_call(ignores_it, &n, tl_after(tl_ms(3))), 42);
	CHECK_EQ(tl_call(ignores_it, &bad, tl_after(tl_ms(3))), -EBADF);
}

static int call_inside(void *arg)
{
	*(int *)arg = tl_call(sleep_long, NULL, tl_after(tl_s(500)));
	return *(int *)arg;
}

TEST(call_under_an_earlier_deadline)
{
	int inner = 0;

	CHECK_EQ(tl_call(call_inside, &inner, tl_after(tl_ms(3))), -ETIMEDOUT);
	CHECK_EQ(inner, -ECANCELED);
}

static int starts_one_that_fails(void *arg) { return tl_task_start(NULL, answer, arg, NULL); }

TEST(call_collects_what_was_started_inside)
{
	int bad = -EBADF;

	CHECK_EQ(tl_call(starts_one_that_fails, &bad, TL_NEVER), -EBADF);
	CHECK_EQ(tl_finish(), 0);
}

TEST(call_is_a_cancel_point)
{
	tl_scope s = { 0 };
	int n = 42;

	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_call(answer, &n, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
}
