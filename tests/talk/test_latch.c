/* test_latch.c - the latch goes down once, and lets everybody through. */
#include "talk.h"

static int wait_for(void *arg) { return tl_latch_wait(arg, TL_NEVER); }

TEST(counts_down)
{
	tl_latch a = { .count = 3 }, zero = { 0 };

	CHECK_EQ(tl_latch_wait(&zero, TL_POLL), 0);
	CHECK_EQ(tl_latch_wait(&a, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_latch_wait(&a, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK(!tl_latch_down(&a, 2));
	CHECK(!tl_latch_down(&a, 0));
	CHECK_EQ(tl_latch_count(&a), 1);
	CHECK_EQ(tl_latch_wait(&a, TL_POLL), -EAGAIN);
	CHECK(tl_latch_down(&a, 1)); /* the last */
	CHECK(!tl_latch_down(&a, 0));
	CHECK_EQ(tl_latch_wait(&a, TL_NEVER), 0);
}

TEST(below_zero_is_misuse)
{
	tl_latch a = { .count = 1 };

	tl_on_report(count_report, NULL);
	CHECK(!tl_latch_down(&a, 2));
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_latch_count(&a), 1);
}

TEST(a_cancelled_one_leaves)
{
	tl_latch a = { .count = 1 };
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start_task(&s, wait_for, &a);
	await_state(t, TL_BLOCKED);
	tl_cancel(t);
	CHECK_EQ(ending(t), -ECANCELED);
	tl_latch_down(&a, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int down(void *arg)
{
	tl_yield();
	tl_latch_down(arg, 1);
	return 0;
}

/* Whoever comes through frees it at once. */
TEST(storm)
{
	for (int round = 0; round < 300; round++) {
		tl_latch *a = malloc(sizeof *a);
		tl_scope s = { 0 }, downs = { 0 };

		*a = (tl_latch){ .count = 4 };
		tl_scope_open(&downs);
		tl_scope_open(&s);
		for (int i = 0; i < 4; i++) {
			if (i % 2)
				tl_thread_start(&downs, down, a, NULL);
			else
				tl_task_start(&downs, down, a, NULL);
			tl_task_start(&s, wait_for, a, NULL);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
		free(a);
		CHECK_EQ(tl_scope_close(&downs), 0);
	}
}
