/* Cancellation: level-triggered, across loops, through trees, and the races with the end. */
#include "strands.h"

static int feels_it_everywhere(void *arg)
{
	tl_strand t = tl_main();
	int n = 0;

	atomic_store((_Atomic int *)arg, 1);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_checkpoint(), -ECANCELED);
		CHECK_EQ(tl_yield(), -ECANCELED);
		CHECK_EQ(tl_sleep(tl_ns(0)), -ECANCELED);
		CHECK_EQ(tl_sleep(tl_s(1000)), -ECANCELED);
		CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_join(t, NULL, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_wait(&t, 1, TL_ALL, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_call(answer, NULL, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_offload(answer, &n, sizeof n, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_gather(&n, 1, sizeof n, answer, NULL, TL_NEVER), -ECANCELED);
		CHECK(tl_cancelled());
	}
	return -ECANCELED;
}

static void everywhere(start_fn *how)
{
	_Atomic int up = 0;
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	tl_scope_open(&s);
	t = start(how, &s, feels_it_everywhere, (void *)&up);
	UNTIL(up);
	tl_cancel(t);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_CANCELLED);
	CHECK_EQ(end.value, -ECANCELED);
	CHECK_EQ(tl_checkpoint(), 0); /* only t was asked */
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(every_cancel_point_in_a_task) { everywhere(tl_task_start); }
TEST(every_cancel_point_in_a_thread) { everywhere(tl_thread_start); }

static int own_result(void *arg)
{
	tl_sleep_until(TL_NEVER);
	return *(int *)arg;
}

TEST(asked_to_stop_and_answered_something_else)
{
	int results[] = { 0, 9, -EIO };

	for (int i = 0; i < 3; i++) {
		tl_scope s = { 0 };
		tl_end end;
		tl_strand t;

		tl_scope_open(&s);
		t = start(i ? tl_task_start : tl_thread_start, &s, own_result, &results[i]);
		UNTIL(tl_state(t) == TL_BLOCKED);
		tl_cancel(t);
		if (i < 2) {
			CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
			CHECK_EQ(end.how, TL_RETURNED);
			CHECK_EQ(end.value, results[i]);
		}
		CHECK_EQ(tl_scope_close(&s), i < 2 ? 0 : -EIO);
	}
}

/* -- trees over many loops */

struct tree {
	int depth;
	_Atomic int *blocked, *cancelled;
	bool mixed;
};

static int node(void *arg)
{
	struct tree *t = arg, child = *t;
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	if (child.depth-- > 0)
		(t->mixed && t->depth % 3 == 0 ? tl_thread_start : tl_task_start)(
			&s, node, &child, NULL);
	atomic_fetch_add(t->blocked, 1);
	r = tl_sleep_until(TL_NEVER);
	CHECK_EQ(r, -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
	atomic_fetch_add(t->cancelled, 1);
	return r;
}

static void tree(int depth, bool mixed, int how)
{
	_Atomic int blocked = 0, cancelled = 0;
	struct tree t = { depth, &blocked, &cancelled, mixed };
	tl_scope s = { 0 };
	tl_strand top;

	if (how == 2)
		s.deadline = tl_after(tl_s(1000));
	tl_scope_open(&s);
	top = start(tl_task_start, &s, node, &t);
	UNTIL(blocked == depth + 1);
	if (how == 0)
		tl_scope_cancel(&s);
	if (how == 1)
		tl_cancel(top);
	if (how == 2)
		CHECK_EQ(tl_scope_move(&s, PAST), 0);
	CHECK_EQ(tl_scope_close(&s), how == 2 ? -ETIMEDOUT : 0);
	CHECK_EQ(cancelled, depth + 1);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

TEST_LIMIT(a_thousand_nested_tasks, 60)
{
	for (int how = 0; how < 3; how++)
		tree(1000, false, how);
}

TEST(nested_tasks_and_threads)
{
	for (int how = 0; how < 3; how++)
		tree(60, true, how);
}

static int cancel_outer(void *arg)
{
	tl_scope_cancel(arg);
	return 0;
}

TEST(a_scope_cancelled_from_another_thread)
{
	for (int i = 0; i < 200; i++) {
		tl_scope a = { 0 }, b = { 0 };

		tl_scope_open(&a);
		tl_scope_open(&b);
		tl_task_start(&b, forever, NULL, NULL);
		tl_task_start(&b, forever, NULL, &(tl_opts){ .daemon = true });
		tl_thread_start(&a, cancel_outer, &b, NULL);
		CHECK_EQ(tl_scope_close(&b), 0); /* b itself was asked */
		CHECK_EQ(tl_scope_close(&a), 0);
	}
}

TEST(main_can_be_cancelled)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_cancel(tl_self());
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_task_start(&s, answer, NULL, NULL), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
}

/* -- the cancel comes at any moment of a life */

static _Atomic uint64_t victim;
static _Atomic int stop;

static int hunter(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		uint64_t id = atomic_load(&victim);

		if (id)
			tl_cancel((tl_strand){ id });
		for (volatile int i = 0; i < 300; i++)
			; /* let the victim have its lock now and then: it is not a fair one */
	}
	return 0;
}

static int short_life(void *arg)
{
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	tl_task_start(&s, answer, NULL, NULL);
	r = tl_yield();
	if (r == 0)
		r = tl_sleep(tl_us(*(int *)arg % 3 ? 0 : 20));
	tl_scope_close(&s);
	return r;
}

/* The hunter must be quick, so it does not yield: where it shares a processor a life takes as long
 * as its time slice. */
TEST_LIMIT(cancel_at_any_moment, 300)
{
	int n[2] = { 0 };
	tl_scope all = { 0 };

	tl_scope_open(&all);
	tl_thread_start(&all, hunter, NULL, NULL);
	for (int i = 0; i < 3000; i++) {
		tl_scope s = { 0 };
		tl_end end;
		tl_strand t;

		tl_scope_open(&s);
		t = start(tl_task_start, &s, short_life, &i);
		atomic_store(&victim, t.id);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK(end.how == TL_CANCELLED ? end.value == -ECANCELED : end.value == 0);
		n[end.how == TL_CANCELLED]++;
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	atomic_store(&stop, 1);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(n[0] + n[1], 3000);
}

static int scope_hunter(void *arg)
{
	tl_sleep(tl_us(*(int *)arg % 50));
	tl_cancel((tl_strand){ atomic_load(&victim) });
	return 0;
}

static int nest_of_two_threads(void *arg)
{
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	tl_thread_start(&s, forever, NULL, NULL);
	tl_task_start(&s, forever, NULL, NULL);
	r = tl_scope_close(&s);
	CHECK_EQ(r, -ECANCELED);
	return (void)arg, r;
}

TEST_LIMIT(threads_cancelled_while_they_begin, 60)
{
	for (int i = 0; i < 500; i++) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = start(tl_thread_start, &s, nest_of_two_threads, NULL);
		atomic_store(&victim, t.id);
		tl_thread_start(&s, scope_hunter, &i, NULL);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}
