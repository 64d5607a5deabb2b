/* test_queue_join.c - done and join, for each kind of queue: the behaviours that CPython's
 * test_queue.py and test_asyncio/test_queues.py look for. */
#include "kinds.h"

/* D8: done below zero is an error */
TEST_KINDS(done_too_often)
{
	tl_queue *q = make_kind(0);

	check_overdone(q);
	put_n(q, 2);
	CHECK_EQ(tl_queue_done(q), 0); /* it counts, and does not look which */
	CHECK_EQ(tl_queue_unfinished(q), 1);
	CHECK_EQ(tl_queue_done(q), 0);
	check_overdone(q);
	tl_queue_close(q);
}

/* Also when somebody waits, which is another way through. */
/* D8: done below zero is an error */
TEST_KINDS(done_too_often_while_another_joins)
{
	tl_queue *q = make_kind(0);
	struct call c = { .q = q };
	tl_scope s = { 0 };

	put_n(q, 1);
	tl_scope_open(&s);
	begin_blocked(&s, call_join, &c);
	CHECK_EQ(tl_queue_unfinished(q), 1);
	CHECK_EQ(tl_queue_done(q), 0);
	check_overdone(q);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, 0);
	check_overdone(q);
	tl_queue_close(q);
}

/* D8: join waits until all that was put is done */
TEST_KINDS(join_of_an_empty_queue)
{
	tl_queue *q = make_kind(0);

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tl_queue_join(q, TL_NEVER), 0);
		CHECK_EQ(tl_queue_join(q, TL_POLL), 0);
	}
	tl_queue_close(q);
}

struct work {
	tl_queue *q;
	_Atomic int64_t sum;
};

static int work(void *arg)
{
	struct work *w = arg;
	int64_t v;

	do {
		CHECK_EQ(get(w->q, &v, TL_NEVER), 8);
		if (v >= 0)
			atomic_fetch_add(&w->sum, v);
		CHECK_EQ(tl_queue_done(w->q), 0);
	} while (v >= 0);
	return 0;
}

/* D8: join waits until all that was put is done */
TEST_KINDS(join_waits_for_the_workers)
{
	struct work w = { .q = make_kind(0) };

	for (int round = 1; round <= 2; round++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < 2; i++)
			(now.threads ? start_thread : start_task)(&s, work, &w);
		put_n(w.q, 100);
		CHECK_EQ(tl_queue_join(w.q, TL_NEVER), 0);
		CHECK_EQ(w.sum, round * 4950);
		CHECK_EQ(put(w.q, -1, TL_NEVER), 0); /* after all others, whatever the kind */
		CHECK_EQ(put(w.q, -1, TL_NEVER), 0);
		CHECK_EQ(tl_queue_join(w.q, TL_NEVER), 0); /* join twice */
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	check_overdone(w.q);
	tl_queue_close(w.q);
}

/* D8: join waits until all that was put is done */
TEST_KINDS(join_waits_for_what_was_taken)
{
	tl_queue *q = make_kind(0);
	struct call c = { q, 0, tl_after(tl_s(60)), 1, { 0 } };
	tl_scope s = { 0 };
	int64_t v;

	put_n(q, 2);
	tl_scope_open(&s);
	begin_blocked(&s, call_join, &c);
	for (int left = 2; left; left--) {
		CHECK_EQ(get(q, &v, TL_NEVER), 8);
		CHECK_EQ(tl_queue_unfinished(q), left);
		CHECK_EQ(tl_queue_join(q, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_queue_join(q, tl_after(tl_ms(1))), -ETIMEDOUT);
		await_state(c.strand, TL_BLOCKED); /* but for a look now and then */
		CHECK_EQ(tl_queue_done(q), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, 0);
	tl_queue_close(q);
}

/* An item that a getter waits for is never in the queue, and is unfinished all the same. */
/* D8: join waits until all that was put is done */
TEST_PRIVATE_KINDS(join_counts_what_was_handed_over)
{
	tl_queue *q = make_kind(0);
	struct call c = { .q = q };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	begin_blocked(&s, call_get, &c);
	CHECK_EQ(put(q, 5, TL_NEVER), 0);
	CHECK_EQ(tl_queue_count(q), 0);
	CHECK_EQ(tl_queue_unfinished(q), 1);
	CHECK_EQ(tl_queue_join(q, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(tl_queue_join(q, TL_POLL), 0);
	tl_queue_close(q);
}

/* What a putter wants to put is not yet put. */
/* D8: join waits until all that was put is done */
TEST_PRIVATE_KINDS(join_does_not_count_who_waits)
{
	tl_queue *q = make_kind(1);
	struct call c = { .q = q };
	tl_scope s = { 0 };
	int64_t v;

	put_n(q, 1);
	tl_scope_open(&s);
	begin_blocked(&s, call_put, &c);
	CHECK_EQ(tl_queue_unfinished(q), 1);
	CHECK_EQ(get(q, &v, TL_POLL), 8);
	CHECK_EQ(tl_queue_unfinished(q), 2);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* D8: many may join a queue */
TEST_KINDS(many_join)
{
	enum { MANY = 20 };
	tl_queue *q = make_kind(0);
	struct call c[MANY];
	tl_scope s = { 0 };

	put_n(q, 1);
	tl_scope_open(&s);
	for (int i = 0; i < MANY; i++) {
		c[i] = (struct call){ q, 0, i % 2 ? TL_NEVER : tl_after(tl_s(60)), 1, { 0 } };
		begin_blocked(&s, call_join, &c[i]);
	}
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(put(q, 1, TL_NEVER), 0); /* comes too late to keep them */
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(c[i].r, 0);
	CHECK_EQ(tl_queue_unfinished(q), 1);
	tl_queue_close(q);
}

/* D8: many may join a queue */
TEST_KINDS(some_joiners_leave)
{
	tl_queue *q = make_kind(0);
	struct call c[3];
	tl_scope s = { 0 };

	put_n(q, 1);
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		c[i] = (struct call){ q, 0, i == 1 ? tl_after(tl_ms(2)) : TL_NEVER, 1, { 0 } };
		begin(&s, call_join, &c[i]);
		if (i != 1)
			await_state(c[i].strand, TL_BLOCKED);
	}
	await_state(c[1].strand, TL_ENDED);
	CHECK_EQ(c[1].r, -ETIMEDOUT);
	tl_cancel(c[0].strand);
	await_state(c[0].strand, TL_ENDED);
	CHECK_EQ(c[0].r, -ECANCELED);
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c[2].r, 0);
	tl_queue_close(q);
}

/* All have left: then the count goes on as if nobody had ever joined. */
TEST_KINDS(all_joiners_leave)
{
	tl_queue *q = make_kind(0);

	put_n(q, 2);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tl_queue_join(q, tl_after(tl_us(200))), -ETIMEDOUT);
		CHECK_EQ(tl_queue_done(q), 0);
	}
	CHECK_EQ(tl_queue_join(q, TL_POLL), 0);
	check_overdone(q);
	tl_queue_close(q);
}

TEST(join_is_a_cancel_point)
{
	tl_queue *q = make_queue(0, 8);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_queue_join(q, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_queue_join(q, TL_POLL), 0);
	CHECK_EQ(put(q, 1, TL_POLL), 0);
	CHECK_EQ(tl_queue_join(q, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* The last who is done lets a joiner go, and that one closes the queue at once. */
static int join_and_close(void *arg)
{
	tl_queue *q = *(tl_queue **)arg;

	CHECK_EQ(tl_queue_join(q, TL_NEVER), 0);
	tl_queue_close(q);
	return 0;
}

static int done(void *arg)
{
	CHECK_EQ(tl_queue_done(*(tl_queue **)arg), 0);
	return 0;
}

TEST_LIMIT(joiner_closes, 60)
{
	for (int i = 0; i < 1500; i++) {
		tl_scope s = { 0 };
		tl_queue *q;

		now.kind = (enum kind)(i % PRIVATE_KINDS);
		q = make_kind(0);
		put_n(q, 2);
		CHECK_EQ(tl_queue_get(q, &(int64_t){ 0 }, 8, TL_POLL), 8);
		CHECK_EQ(tl_queue_get(q, &(int64_t){ 0 }, 8, TL_POLL), 8);
		tl_scope_open(&s);
		start_thread(&s, done, &q);
		start_thread(&s, done, &q);
		(i % 2 ? start_thread : start_task)(&s, join_and_close, &q);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}
