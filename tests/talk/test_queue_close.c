/* test_queue_close.c - to close a queue that somebody is still inside is misuse, also where that
 * one does not wait yet, or no longer knows that it has been passed over; who has been answered is
 * outside. */
#include "kinds.h"
#include "plat/hostile.h"

static tl_queue *left[2 * KINDS]; /* not freed, and no leak */
static int n_left;

static int closer(void *arg)
{
	CHECK(tl_queue_close(arg) == NULL);
	return 0;
}

/* Two tasks of one loop: fn begins, lets the other run before it lies down, and is closed upon. */
static void closed_upon(tl_fn *fn, bool full)
{
	tl_queue *q = make_kind(FULL);
	struct call c = { .q = q, .v = 7 };
	tl_scope s = { 0 };

	if (hostile)
		SKIP("the task may yield before it is inside");
	tl_on_report(count_report, NULL);
	reports[TL_R_MISUSE] = 0;
	if (full)
		put_n(q, FULL);
	tl_scope_open(&s);
	start_task(&s, fn, &c);
	start_task(&s, closer, left[n_left++] = q);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, -EPIPE);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
}

TEST_PRIVATE_KINDS(close_on_a_getter_before_it_waits) { closed_upon(call_get, false); }
TEST_PRIVATE_KINDS(close_on_a_putter_before_it_waits) { closed_upon(call_put, true); }

struct pair {
	tl_queue *q[2];
	int64_t v[2];
	int taken, result;
};

static int select_both(void *arg)
{
	struct pair *p = arg;
	tl_case c[] = { TL_GET(p->q[0], &p->v[0], sizeof p->v[0]),
		TL_GET(p->q[1], &p->v[1], sizeof p->v[1]) };

	p->taken = tl_select(c, 2, TL_NEVER);
	p->result = p->taken < 0 ? 0 : c[p->taken].result;
	return 0;
}

static tl_strand begin_select(tl_scope *s, struct pair *p)
{
	tl_strand t;

	p->q[0] = make_kind(FULL);
	p->q[1] = make_kind(FULL);
	tl_on_report(count_report, NULL);
	reports[TL_R_MISUSE] = 0;
	tl_scope_open(s);
	t = start_task(s, select_both, p);
	await_state(t, TL_BLOCKED);
	return t;
}

/* The select has been given q[0]'s item, and has not run since: what is put into q[1] finds it gone
 * from there, but it will still look. */
TEST_PRIVATE_KINDS(close_on_a_select_that_was_passed_over)
{
	struct pair p = { .taken = -1 };
	tl_scope s = { 0 };

	begin_select(&s, &p);
	CHECK_EQ(put(p.q[0], 1, TL_POLL), 0);
	CHECK_EQ(put(p.q[1], 2, TL_POLL), 0);
	CHECK(tl_queue_close(left[n_left++] = p.q[1]) == NULL);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(p.taken, 0);
	CHECK_EQ(p.v[0], 1);
	tl_queue_close(p.q[0]);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
}

/* It was given the item, or told of the end, and touches that queue no more. */
static void closed_behind(bool end)
{
	struct pair p = { .taken = -1 };
	tl_scope s = { 0 };

	begin_select(&s, &p);
	if (end)
		tl_queue_end(p.q[0]);
	else
		CHECK_EQ(put(p.q[0], 1, TL_POLL), 0);
	CHECK(tl_queue_close(p.q[0]) == NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(p.taken, 0);
	CHECK_EQ(p.result, end ? -EPIPE : 8);
	tl_queue_close(p.q[1]);
	CHECK_EQ(reports[TL_R_MISUSE], 0);
}

TEST_PRIVATE_KINDS(close_behind_a_select_that_was_given_the_item) { closed_behind(false); }
TEST_PRIVATE_KINDS(close_behind_a_select_that_was_told_the_end) { closed_behind(true); }
