/* test_queue_end.c - end and drop, and what becomes then of those who wait, get and join, for each
 * kind of queue: the behaviours that CPython's test_queue.py and test_asyncio/test_queues.py look
 * for. */
#include "kinds.h"

/* No way in, and no way out. */
static void check_shut(tl_queue *q)
{
	int64_t v = 77;

	CHECK_EQ(put(q, 1, TL_NEVER), -EPIPE);
	CHECK_EQ(put(q, 1, TL_POLL), -EPIPE);
	CHECK_EQ(put(q, 1, tl_after(tl_s(1))), -EPIPE);
	CHECK_EQ(get(q, &v, TL_NEVER), -EPIPE);
	CHECK_EQ(get(q, &v, TL_POLL), -EPIPE);
	CHECK_EQ(get(q, &v, tl_after(tl_s(1))), -EPIPE);
	CHECK_EQ(v, 77);
	CHECK_EQ(tl_queue_count(q), 0);
}

/* -- end */

/* D8: end: later puts are refused */
TEST_KINDS(end_of_an_empty_queue)
{
	tl_queue *q = make_kind(0);

	tl_queue_end(q);
	check_shut(q);
	CHECK_EQ(tl_queue_unfinished(q), 0);
	tl_queue_close(q);
}

/* D8: end: getters drain what is there, then are told */
TEST_KINDS(end_of_a_full_queue)
{
	tl_queue *q = make_kind(FULL);
	int64_t sum = 0;

	put_n(q, FULL);
	tl_queue_end(q);
	CHECK_EQ(put(q, 1, TL_NEVER), -EPIPE);
	CHECK_EQ(put(q, 1, TL_POLL), -EPIPE);
	CHECK_EQ(tl_queue_count(q), FULL);
	for (int i = 0; i < FULL; i++) {
		int64_t v;

		CHECK_EQ(get(q, &v, TL_NEVER), 8);
		sum += v;
	}
	CHECK_EQ(sum, 1);
	check_shut(q);
	tl_queue_close(q);
}

/* D8: end twice is end once */
TEST_KINDS(end_twice)
{
	tl_queue *q = make_kind(0);

	put_n(q, 1);
	tl_queue_end(q);
	tl_queue_end(q);
	GET_IS(q, 0);
	tl_queue_end(q);
	check_shut(q);
	tl_queue_close(q);
}

/* Ask for the end (or the drop) while so many of fn wait; all must be told. */
static void told(tl_fn *fn, bool full, bool drop)
{
	enum { MANY = 8 };
	tl_queue *q = make_kind(FULL);
	struct call c[MANY];
	tl_scope s = { 0 };

	if (full)
		put_n(q, FULL);
	tl_scope_open(&s);
	for (int i = 0; i < MANY; i++) {
		c[i] = (struct call){ q, 7, i % 2 ? TL_NEVER : tl_after(tl_s(60)), 1, { 0 } };
		begin_blocked(&s, fn, &c[i]);
	}
	if (drop)
		CHECK_EQ(tl_queue_drop(q), full ? FULL : 0);
	else
		tl_queue_end(q);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(c[i].r, -EPIPE);
		CHECK_EQ(c[i].v, 7);
	}
	CHECK_EQ(tl_queue_unfinished(q), full && !drop ? FULL : 0);
	CHECK_EQ(tl_queue_count(q), full && !drop ? FULL : 0);
	tl_queue_close(q);
}

/* D8: end: waiting putters are told at once */
TEST_KINDS(end_tells_putters) { told(call_put, true, false); }

/* D8: end: waiting getters are told */
TEST_KINDS(end_tells_getters) { told(call_get, false, false); }

/* D8: end: done and join go on */
TEST_KINDS(end_does_not_end_a_join)
{
	tl_queue *q = make_kind(0);
	struct call c[2] = { { .q = q }, { .q = q } }, g = { .q = q };
	tl_scope s = { 0 };

	put_n(q, 1);
	tl_scope_open(&s);
	begin_blocked(&s, call_join, &c[0]);
	begin_blocked(&s, call_join, &c[1]);
	tl_queue_end(q);
	CHECK_EQ(tl_queue_join(q, TL_POLL), -EAGAIN);
	begin(&s, call_get_done, &g);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(g.r, 8);
	CHECK_EQ(c[0].r, 0);
	CHECK_EQ(c[1].r, 0);
	check_overdone(q);
	tl_queue_close(q);
}

/* D8: end: done and join go on */
TEST_KINDS(join_begun_after_the_end)
{
	tl_queue *q = make_kind(FULL);
	int64_t v;

	put_n(q, FULL);
	tl_queue_end(q);
	for (int i = 0; i < FULL; i++) {
		CHECK_EQ(tl_queue_join(q, tl_after(tl_us(100))), -ETIMEDOUT);
		CHECK_EQ(get(q, &v, TL_NEVER), 8);
		CHECK_EQ(tl_queue_done(q), 0);
	}
	CHECK_EQ(tl_queue_join(q, TL_NEVER), 0);
	check_shut(q);
	tl_queue_close(q);
}

/* D8: end: done and join go on */
TEST_KINDS(end_while_some_get_and_some_join)
{
	tl_queue *q = make_kind(FULL);
	struct call g[FULL], j[2];
	tl_scope s = { 0 };

	put_n(q, FULL);
	CHECK_EQ(tl_queue_unfinished(q), FULL);
	tl_scope_open(&s);
	for (int i = 0; i < 2; i++) {
		j[i] = (struct call){ .q = q };
		begin(&s, call_join, &j[i]);
	}
	for (int i = 0; i < FULL; i++) {
		g[i] = (struct call){ .q = q };
		begin(&s, call_get_done, &g[i]);
	}
	tl_queue_end(q);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < FULL; i++)
		CHECK_EQ(g[i].r, 8);
	CHECK_EQ(j[0].r | j[1].r, 0);
	tl_queue_close(q);
}

/* Three want one of two items, when the end is asked for: one of them comes too late. */
/* D8: end: getters drain what is there, then are told */
TEST_KINDS(end_with_one_getter_too_many)
{
	tl_queue *q = make_kind(FULL);
	struct call g[FULL + 1];
	tl_scope s = { 0 };
	int refused = 0;

	put_n(q, FULL);
	tl_scope_open(&s);
	for (int i = 0; i < FULL + 1; i++) {
		g[i] = (struct call){ .q = q };
		begin(&s, call_get, &g[i]);
	}
	tl_queue_end(q);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < FULL + 1; i++) {
		CHECK(g[i].r == 8 || g[i].r == -EPIPE);
		refused += g[i].r == -EPIPE;
	}
	CHECK_EQ(refused, 1);
	tl_queue_close(q);
}

/* -- drop */

/* D8: drop: what is in it is lost and counted */
TEST_KINDS(drop_counts)
{
	tl_queue *q = make_kind(0);

	put_n(q, 5);
	GET_IS(q, now.kind == LIFO ? 4 : 0);
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(tl_queue_unfinished(q), 4);
	CHECK_EQ(tl_queue_drop(q), 4);
	check_shut(q);
	check_overdone(q); /* what was lost is not unfinished */
	CHECK_EQ(tl_queue_join(q, TL_NEVER), 0);
	CHECK_EQ(tl_queue_drop(q), 0);
	check_shut(q);
	tl_queue_close(q);
}

/* D8: drop: what is in it is lost and counted */
TEST_KINDS(drop_of_an_empty_queue)
{
	tl_queue *q = make_kind(0);

	CHECK_EQ(tl_queue_drop(q), 0);
	check_shut(q);
	tl_queue_close(q);
}

/* D8: drop: what is in it is lost and counted */
TEST_KINDS(drop_of_what_was_told_done)
{
	tl_queue *q = make_kind(0);

	put_n(q, 3);
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(tl_queue_drop(q), 3);
	CHECK_EQ(tl_queue_unfinished(q), 0);
	CHECK_EQ(tl_queue_join(q, TL_POLL), 0);
	check_overdone(q);
	tl_queue_close(q);
}

/* D8: drop may follow end */
TEST_KINDS(drop_after_end)
{
	tl_queue *q = make_kind(0);

	put_n(q, 3);
	tl_queue_end(q);
	CHECK_EQ(tl_queue_count(q), 3);
	CHECK_EQ(tl_queue_drop(q), 3);
	check_shut(q);
	tl_queue_end(q); /* and not back */
	check_shut(q);
	CHECK_EQ(tl_queue_drop(q), 0);
	tl_queue_close(q);
}

/* D8: drop: joiners wait for what had been taken */
TEST_KINDS(drop_lets_joiners_go)
{
	tl_queue *q = make_kind(0);
	struct call c[2] = { { .q = q }, { .q = q } };
	tl_scope s = { 0 };

	put_n(q, 1);
	tl_scope_open(&s);
	begin_blocked(&s, call_join, &c[0]);
	begin_blocked(&s, call_join, &c[1]);
	CHECK_EQ(tl_queue_drop(q), 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c[0].r | c[1].r, 0);
	check_overdone(q);
	tl_queue_close(q);
}

/* D8: drop: joiners wait for what had been taken */
TEST_KINDS(drop_while_one_is_taken)
{
	tl_queue *q = make_kind(0);
	struct call c = { .q = q };
	tl_scope s = { 0 };
	int64_t v;

	put_n(q, 2);
	CHECK_EQ(get(q, &v, TL_NEVER), 8);
	tl_scope_open(&s);
	begin_blocked(&s, call_join, &c);
	CHECK_EQ(tl_queue_drop(q), 1);
	CHECK_EQ(tl_queue_unfinished(q), 1);
	CHECK_EQ(tl_queue_join(q, TL_POLL), -EAGAIN);
	await_state(c.strand, TL_BLOCKED); /* it may have looked */
	check_shut(q);
	CHECK_EQ(tl_queue_done(q), 0); /* legal after the end */
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, 0);
	check_overdone(q);
	tl_queue_close(q);
}

/* D8: end: waiting putters are told at once */
TEST_KINDS(drop_tells_putters) { told(call_put, true, true); }

/* D8: end: waiting getters are told */
TEST_KINDS(drop_tells_getters) { told(call_get, false, true); }

/* D8: end: later puts are refused */
TEST_KINDS(put_and_join_around_the_end)
{
	for (int drop = 0; drop < 2; drop++) {
		tl_queue *q = make_kind(FULL);
		struct call p = { .q = q }, j = { .q = q };
		tl_scope s = { 0 };

		put_n(q, 1);
		tl_scope_open(&s);
		begin_blocked(&s, call_join, &j);
		CHECK_EQ(tl_queue_unfinished(q), 1);
		if (drop)
			CHECK_EQ(tl_queue_drop(q), 1);
		else
			tl_queue_end(q);
		begin(&s, call_put, &p);
		if (!drop) {
			GET_IS(q, 0);
			CHECK_EQ(tl_queue_done(q), 0);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(p.r, -EPIPE);
		CHECK_EQ(j.r, 0);
		tl_queue_close(q);
	}
}

/* Close frees what is in it. */
TEST_KINDS(closed_with_items)
{
	tl_queue *q = make_kind(0);

	put_n(q, 500);
	tl_queue_close(q);
}

TEST(closed_while_one_joins)
{
	tl_queue *q = make_queue(0, 8);
	struct call c = { .q = q };
	tl_scope s = { 0 };

	tl_on_report(count_report, NULL);
	put_n(q, 1);
	tl_scope_open(&s);
	begin_blocked(&s, call_join, &c);
	CHECK(tl_queue_close(q) == NULL);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_queue_done(q), 0); /* it was left to them */
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, 0);
	CHECK_EQ(put(q, 1, TL_POLL), -EPIPE);
	GET_IS(q, 0);
	tl_queue_close(q);
}
