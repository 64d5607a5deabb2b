/* The states of a strand in each phase, .paused and .resume, .at. */
#include "plat/hostile.h"
#include "strands.h"
#include <unistd.h>

static _Atomic int go;

static int note_running(void *arg)
{
	*(int *)arg = tl_state(tl_self());
	return 0;
}

static void phases(start_fn *how)
{
	int inside = 0;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(how, &s, note_running, &inside);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(inside, TL_RUNNING);
	CHECK_EQ(tl_state(t), TL_ENDED);
	CHECK(!tl_alive(t));
	t = start(how, &s, forever, NULL);
	UNTIL(tl_state(t) == TL_BLOCKED);
	CHECK(tl_alive(t));
	tl_cancel(t);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_state(t), -ESRCH);
}

TEST(phases_of_a_task) { phases(tl_task_start); }
TEST(phases_of_a_thread) { phases(tl_thread_start); }

TEST(a_task_that_has_not_run_is_ready)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, answer, NULL);
	CHECK_EQ(tl_state(t), TL_READY);
	CHECK(tl_alive(t));
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int watch_main(void *arg)
{
	(void)arg;
	/* In a hostile build it may be up, poked for nothing, to look and wait on. */
	return tl_state(tl_main()) == TL_BLOCKED || hostile ? 0 : -EINVAL;
}

TEST(who_waits_for_me_is_blocked)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, watch_main, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int yield_until_go(void *arg)
{
	(void)arg;
	while (!atomic_load(&go))
		tl_yield();
	return 0;
}

TEST(who_yields_is_ready)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, yield_until_go, NULL);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_yield(), 0);
		CHECK_EQ(tl_state(t), TL_READY);
	}
	go = 1;
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- paused */

static void paused(start_fn *how)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(how(&s, count_up, (void *)&n, &(tl_opts){ .ret = &t, .paused = true }), 0);
	CHECK_EQ(tl_state(t), TL_CREATED);
	CHECK(tl_alive(t));
	CHECK_EQ(tl_join(t, NULL, PAST), -ETIMEDOUT);
	CHECK_EQ(tl_join(t, NULL, TL_POLL), -EAGAIN);
	CHECK_EQ(n, 0);
	CHECK_EQ(tl_resume(t), 0);
	CHECK_EQ(tl_resume(t), -EBUSY);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(tl_resume(t), -EBUSY);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_resume(t), -ESRCH);
}

/* D7: a paused strand runs when it is resumed */
/* D7: resuming twice is an error */
TEST(a_paused_task_waits) { paused(tl_task_start); }
/* D7: a paused strand runs when it is resumed */
/* D7: resuming twice is an error */
TEST(a_paused_thread_waits) { paused(tl_thread_start); }

TEST(resume_before_it_was_looked_at)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 1000; i++) {
		tl_strand t;
		tl_opts o = { .ret = &t, .paused = true };

		CHECK_EQ((i % 100 ? tl_task_start : tl_thread_start)(&s, count_up, (void *)&n, &o),
			0);
		CHECK_EQ(tl_resume(t), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 1000);
}

TEST(resume_of_what_was_not_paused)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	CHECK_EQ(tl_resume(t), -EBUSY);
	CHECK_EQ(tl_resume(tl_self()), -EBUSY);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static _Atomic uint64_t to_resume;

static int resumer(void *rounds)
{
	for (int i = 0; i < *(int *)rounds; i++) {
		uint64_t id;

		/* As fast as can be, but there may be one processor for both. */
		for (int looks = 0; !(id = atomic_exchange(&to_resume, 0)); looks++)
			if (looks > 1000)
				sched_yield();
		CHECK_EQ(tl_resume((tl_strand){ id }), 0);
	}
	return 0;
}

/* The other thread resumes at the very moment in which the task lies down. */
TEST_LIMIT(resume_from_another_thread, 60)
{
	int rounds = TSAN || tl_cpu_count() < 2 ? 2000 : 30000;
	_Atomic int n = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, resumer, &rounds, NULL);
	for (int i = 0; i < rounds; i++) {
		tl_scope inner = { 0 };
		tl_strand t;

		tl_scope_open(&inner);
		tl_task_start(
			&inner, count_up, (void *)&n, &(tl_opts){ .paused = true, .ret = &t });
		atomic_store(&to_resume, t.id);
		CHECK_EQ(tl_scope_close(&inner), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, rounds);
}

static void cancelled_unborn(start_fn *how, tl_opts o, bool by_scope)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_end end = { 0 };
	tl_strand t;

	o.ret = &t;
	tl_scope_open(&s);
	CHECK_EQ(how(&s, count_up, (void *)&n, &o), 0);
	UNTIL(tl_state(t) == TL_CREATED);
	by_scope ? tl_scope_cancel(&s) : tl_cancel(t);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), by_scope ? -ECANCELED : 0);
	if (!by_scope) {
		CHECK_EQ(end.how, TL_CANCELLED);
		CHECK_EQ(end.value, -ECANCELED);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 0);
}

/* D7: a paused strand that is cancelled never runs */
TEST(cancel_before_it_begins)
{
	tl_opts paused = { .paused = true }, later = { .at = tl_after(tl_s(1000)) };

	for (int by_scope = 0; by_scope < 2; by_scope++) {
		cancelled_unborn(tl_task_start, paused, by_scope);
		cancelled_unborn(tl_thread_start, paused, by_scope);
		cancelled_unborn(tl_task_start, later, by_scope);
		cancelled_unborn(tl_thread_start, later, by_scope);
	}
	CHECK_EQ(tl_finish(), 0);
}

TEST(cancel_of_a_ready_task_keeps_it_from_running)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, count_up, (void *)&n);
	tl_cancel(t);
	tl_cancel(t);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_CANCELLED);
	CHECK_EQ(n, 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- at */

static int order[8], n_order;

static int note_order(void *arg)
{
	order[n_order++] = *(int *)arg;
	return 0;
}

/* Are all started before the first is due? */
static bool begin_in_order(int ahead_ms)
{
	static int ids[5] = { 0, 1, 2, 3, 4 };
	static const int ms[5] = { 3, 1, 4, 0, 2 };
	tl_time base = tl_after(tl_ms(ahead_ms));
	tl_scope s = { 0 };
	bool ahead;

	n_order = 0;
	tl_scope_open(&s);
	for (int i = 0; i < 5; i++) {
		tl_time at = { base.ns + ms[i] * 1000000 };
		CHECK_EQ(tl_task_start(&s, note_order, &ids[i], &(tl_opts){ .at = at }), 0);
	}
	ahead = tl_now().ns < base.ns;
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_order, 5);
	return ahead;
}

TEST(at_begins_in_the_order_of_time)
{
	for (int ms = 1; !begin_in_order(ms); ms *= 2)
		continue;
	CHECK(order[0] == 3 && order[1] == 1 && order[2] == 4 && order[3] == 0 && order[4] == 2);
}

static int when(void *arg)
{
	*(tl_time *)arg = tl_now();
	return 0;
}

static void not_before(start_fn *how)
{
	tl_time at = tl_after(tl_ms(20)), began;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(how(&s, when, &began, &(tl_opts){ .at = at, .ret = &t }), 0);
	CHECK(how == tl_thread_start /* comes up by itself */ || tl_state(t) == TL_CREATED ||
		tl_state(t) == TL_READY);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(began.ns >= at.ns);
}

TEST(at_is_not_before) { not_before(tl_task_start), not_before(tl_thread_start); }

TEST(at_in_the_past_begins_now)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .at = PAST });
	tl_thread_start(&s, count_up, (void *)&n, &(tl_opts){ .at = PAST });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 2);
}

TEST(paused_and_at_need_both)
{
	tl_time at = tl_after(tl_ms(20)), began;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	tl_task_start(&s, when, &began, &(tl_opts){ .at = at, .paused = true, .ret = &t });
	tl_yield();
	CHECK_EQ(tl_state(t), TL_CREATED);
	CHECK_EQ(tl_resume(t), 0);
	tl_yield();
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(began.ns >= at.ns);
}
