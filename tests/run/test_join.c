/* tl_join, tl_wait, and what an ending says. */
#include "strands.h"

static int negative(void *arg)
{
	(void)arg;
	return -EBADMSG;
}

static void tells(start_fn *how, tl_fn *fn, int value, enum tl_how expected)
{
	tl_scope s = { .keep_going = true };
	tl_end end = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(how, &s, fn, &value);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	for (int i = 0; i < 3; i++) {
		end = (tl_end){ 0 };
		CHECK_EQ(tl_join(t, &end, i ? TL_NEVER : TL_POLL), 0);
		CHECK_EQ(end.how, expected);
		CHECK_EQ(end.value, value);
	}
	CHECK_EQ(tl_scope_close(&s), value < 0 ? value : 0);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), -ESRCH);
}

/* D7: join after the end is immediate */
TEST(join_tells_the_ending_again_and_again)
{
	tells(tl_task_start, answer, 0, TL_RETURNED);
	tells(tl_task_start, answer, 77, TL_RETURNED);
	tells(tl_task_start, negative, -EBADMSG, TL_RETURNED);
	tells(tl_thread_start, answer, 77, TL_RETURNED);
	tells(tl_thread_start, negative, -EBADMSG, TL_RETURNED);
}

static int join_self(void *arg)
{
	(void)arg;
	CHECK_EQ(tl_join(tl_self(), NULL, TL_NEVER), -EDEADLK);
	CHECK_EQ(tl_join(tl_self(), NULL, TL_POLL), -EDEADLK);
	return 0;
}

/* D7: join of oneself is an error */
TEST(join_of_oneself)
{
	tl_scope s = { 0 };

	join_self(NULL);
	tl_scope_open(&s);
	tl_task_start(&s, join_self, NULL, NULL);
	tl_thread_start(&s, join_self, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int note_self(void *arg)
{
	*(tl_strand *)arg = tl_self();
	return 0;
}

TEST(an_ending_nobody_asked_for_is_not_kept)
{
	tl_scope s = { 0 };
	tl_strand t = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, note_self, &t, NULL);
	UNTIL(t.id && tl_state(t) == -ESRCH);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), -ESRCH);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- many joiners of one */

static struct many {
	tl_strand target;
	_Atomic int joined;
} many;

static int joiner(void *arg)
{
	struct many *m = arg;
	tl_end end = { 0 };

	CHECK_EQ(tl_join(m->target, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_RETURNED);
	CHECK_EQ(end.value, 5);
	atomic_fetch_add(&m->joined, 1);
	return 0;
}

/* D7: many may join one strand */
TEST(many_join_one)
{
	tl_scope s = { 0 }, inner = { 0 };
	int five = 5;

	tl_scope_open(&s);
	tl_scope_open(&inner);
	CHECK_EQ(tl_task_start(
			 &inner, answer, &five, &(tl_opts){ .ret = &many.target, .paused = true }),
		0);
	for (int i = 0; i < 50; i++)
		CHECK_EQ((i % 5 ? tl_task_start : tl_thread_start)(&s, joiner, &many, NULL), 0);
	tl_yield();
	CHECK_EQ(tl_resume(many.target), 0);
	UNTIL(many.joined == 50);
	CHECK_EQ(tl_scope_close(&inner), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* The scope of the joined one closes before the joiners have had a turn: those who were waiting
 * when it ended are told how. */
/* D7: a join of one that has not begun waits for it, instead of being refused */
TEST(joiners_are_told_though_the_scope_closes_first)
{
	for (int i = 0; i < 50; i++) {
		tl_scope s = { 0 }, inner = { 0 };
		int five = 5;

		many.joined = 0;
		tl_scope_open(&s);
		tl_scope_open(&inner);
		CHECK_EQ(tl_task_start(&inner, answer, &five,
				 &(tl_opts){ .ret = &many.target, .paused = true }),
			0);
		for (int k = 0; k < 4; k++)
			CHECK_EQ((k % 2 ? tl_task_start : tl_thread_start)(&s, joiner, &many, NULL),
				0);
		tl_info all[16];
		for (int waiting = 0; waiting < 4;) {
			int n = tl_list(all, 16);
			tl_yield();
			waiting = 0;
			for (int k = 0; k < n; k++)
				waiting += all[k].waits && strcmp(all[k].waits, "join") == 0;
		}
		CHECK_EQ(tl_resume(many.target), 0);
		CHECK_EQ(tl_scope_close(&inner), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(many.joined, 4);
	}
}

/* D7: a join with a deadline says that it has passed, and the strand goes on */
TEST(join_with_deadlines)
{
	tl_scope s = { 0 };
	tl_end end = { 7, 7 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	CHECK_EQ(tl_join(t, &end, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_join(t, &end, PAST), -ETIMEDOUT);
	CHECK_EQ(tl_join(t, &end, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK(end.how == 7 && end.value == 7);
	tl_cancel(t);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_CANCELLED);
	CHECK_EQ(tl_join(t, &end, PAST), 0); /* tries once */
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int join_cancelled(void *arg)
{
	tl_end end = { 7, 7 };

	CHECK_EQ(tl_join(*(tl_strand *)arg, &end, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_join(*(tl_strand *)arg, &end, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_join(*(tl_strand *)arg, &end, TL_POLL), -EAGAIN); /* no cancel point */
	CHECK_EQ(end.how, 7);
	return -ECANCELED;
}

TEST(join_is_a_cancel_point)
{
	tl_scope s = { 0 };
	tl_strand t, a, b;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	a = start(tl_task_start, &s, join_cancelled, &t);
	b = start(tl_thread_start, &s, join_cancelled, &t);
	UNTIL(tl_state(a) == TL_BLOCKED && tl_state(b) == TL_BLOCKED);
	tl_cancel(a);
	tl_cancel(b);
	CHECK_EQ(tl_join(a, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_join(b, NULL, TL_NEVER), 0);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int join_foreign(void *arg) { return tl_join(*(tl_strand *)arg, NULL, tl_after(tl_s(60))); }

TEST(join_across_threads)
{
	tl_scope s = { 0 };
	tl_strand task, thread;

	tl_scope_open(&s);
	tl_task_start(&s, answer, NULL, &(tl_opts){ .ret = &task, .paused = true });
	thread = start(tl_thread_start, &s, join_foreign, &task);
	UNTIL(tl_state(thread) == TL_BLOCKED);
	CHECK_EQ(tl_resume(task), 0);
	CHECK_EQ(tl_join(thread, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- tl_wait */

struct trio {
	tl_scope s;
	tl_strand t[4];
};

static void trio(struct trio *x, start_fn *how, tl_fn *fn[4])
{
	*x = (struct trio){ .s = { .keep_going = true } };
	tl_scope_open(&x->s);
	for (int i = 0; i < 4; i++)
		x->t[i] = start(how, &x->s, fn[i], NULL);
}

static void wait_modes(start_fn *how)
{
	struct trio x;
	tl_strand set[4];

	trio(&x, how, (tl_fn *[]){ forever, answer, forever, negative });
	UNTIL(tl_state(x.t[1]) == TL_ENDED && tl_state(x.t[3]) == TL_ENDED);
	memcpy(set, x.t, sizeof set);
	CHECK_EQ(tl_wait(set, 4, TL_FIRST, TL_NEVER), 2);
	CHECK(set[0].id == x.t[1].id && set[1].id == x.t[3].id); /* the old order in both halves */
	CHECK(set[2].id == x.t[0].id && set[3].id == x.t[2].id);
	memcpy(set, x.t, sizeof set);
	CHECK_EQ(tl_wait(set, 4, TL_FIRST_FAILED, TL_NEVER), 2);
	CHECK_EQ(tl_wait(set, 4, TL_ALL, TL_POLL), 2);
	CHECK_EQ(tl_wait(set, 4, TL_ALL, PAST), 2);
	CHECK_EQ(tl_wait(set, 4, TL_ALL, tl_after(tl_ms(3))), 2);
	CHECK_EQ(tl_wait(set + 2, 2, TL_FIRST, PAST), 0);
	CHECK_EQ(tl_wait(set + 2, 2, TL_ALL, TL_POLL), 0);
	CHECK_EQ(tl_wait(set, 0, TL_ALL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_wait(set, 4, 0, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_wait(set, 4, 4, TL_NEVER), -EINVAL);
	tl_cancel(x.t[0]);
	tl_cancel(x.t[2]);
	CHECK_EQ(tl_wait(set, 4, TL_ALL, TL_NEVER), 4);
	CHECK_EQ(tl_wait((tl_strand[]){ x.t[0], x.t[2] }, 2, TL_FIRST_FAILED, TL_NEVER), 2);
	CHECK_EQ(tl_scope_close(&x.s), -EBADMSG);
	CHECK_EQ(tl_wait(set, 4, TL_ALL, TL_NEVER), -ESRCH);
}

TEST(wait_for_tasks) { wait_modes(tl_task_start); }
TEST(wait_for_threads) { wait_modes(tl_thread_start); }

TEST(the_first_failed_is_not_the_first_ended)
{
	_Atomic int go = 0;
	tl_scope s = { .keep_going = true };
	tl_strand t[3];

	tl_scope_open(&s);
	t[0] = start(tl_task_start, &s, answer, NULL);
	t[1] = start(tl_thread_start, &s, until_flag, (void *)&go);
	tl_task_start(&s, negative, NULL, &(tl_opts){ .ret = &t[2], .at = tl_after(tl_ms(10)) });
	CHECK_EQ(tl_wait(t, 3, TL_FIRST_FAILED, TL_NEVER), 2);
	atomic_store(&go, 1);
	CHECK_EQ(tl_wait(t, 3, TL_ALL, TL_NEVER), 3);
	CHECK_EQ(tl_scope_close(&s), -EBADMSG);
}

static int wait_cancelled(void *arg)
{
	CHECK_EQ(tl_wait(arg, 2, TL_ALL, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_wait(arg, 2, TL_ALL, TL_POLL), 0);
	return -ECANCELED;
}

TEST(wait_is_a_cancel_point)
{
	tl_scope s = { 0 };
	tl_strand t[2], w;

	tl_scope_open(&s);
	t[0] = start(tl_task_start, &s, forever, NULL);
	t[1] = start(tl_thread_start, &s, forever, NULL);
	w = start(tl_thread_start, &s, wait_cancelled, t);
	UNTIL(tl_state(w) == TL_BLOCKED);
	tl_cancel(w);
	CHECK_EQ(tl_join(w, NULL, TL_NEVER), 0);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(wait_for_one_twice_in_a_set)
{
	tl_scope s = { 0 };
	tl_strand t[2];

	tl_scope_open(&s);
	tl_task_start(&s, answer, NULL, &(tl_opts){ .ret = &t[0], .at = tl_after(tl_ms(2)) });
	t[1] = t[0];
	CHECK_EQ(tl_wait(t, 2, TL_ALL, TL_NEVER), 2);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* Ends of strands on other threads hammer one waiter. */
TEST_LIMIT(wait_for_all_of_many, 60)
{
	enum { N = 400 };
	static tl_strand t[N];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < N; i++)
			t[i] = start(i % 16 ? tl_task_start : tl_thread_start, &s, answer, NULL);
		CHECK_EQ(tl_wait(t, N, TL_ALL, TL_NEVER), N);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}
