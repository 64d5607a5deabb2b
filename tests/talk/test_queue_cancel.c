/* test_queue_cancel.c - who is cancelled while it waits in a queue loses nothing and takes nothing
 * with it: the scenarios that CPython's test_asyncio/test_queues.py looks for, for each kind. */
#include "kinds.h"

static int ended_as(struct call *c)
{
	await_state(c->strand, TL_ENDED);
	return c->r;
}

/* D8: a cancelled getter loses no item */
TEST_KINDS(cancelled_getter_is_passed_over)
{
	tl_queue *q = make_kind(0);
	struct call a = { .q = q }, b = { .q = q };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	begin_blocked(&s, call_get, &a);
	begin_blocked(&s, call_get, &b);
	tl_cancel(a.strand);
	CHECK_EQ(ended_as(&a), -ECANCELED);
	CHECK_EQ(put(q, 5, TL_POLL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(b.r, 8);
	CHECK_EQ(b.v, 5);
	tl_queue_close(q);
}

/* The item and the cancel come together: either it is with the getter, or in the queue. */
/* D8: a cancelled getter loses no item */
TEST_KINDS(cancelled_as_the_item_comes)
{
	for (int i = 0; i < 200; i++) {
		tl_queue *q = make_kind(0);
		struct call a = { .q = q, .r = -ECANCELED }; /* if it never begins */
		tl_scope s = { 0 };

		tl_scope_open(&s);
		begin(&s, call_get, &a);
		if (i % 4)
			await_state(a.strand, TL_BLOCKED);
		if (i % 2)
			tl_cancel(a.strand);
		CHECK_EQ(put(q, 5, TL_POLL), 0);
		if (i % 2 == 0)
			tl_cancel(a.strand);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK(a.r == 8 || a.r == -ECANCELED);
		CHECK_EQ(tl_queue_count(q), a.r == 8 ? 0 : 1);
		CHECK_EQ(a.r == 8 ? a.v : 5, 5);
		if (a.r < 0)
			GET_IS(q, 5);
		CHECK_EQ(tl_queue_unfinished(q), 1);
		tl_queue_close(q);
	}
}

/* Many wait, most of them leave, and each item goes to one who has stayed. */
/* D8: a cancelled getter loses no item */
TEST_PRIVATE_KINDS(many_getters_leave)
{
	enum { MANY = 30, STAY = 3 };
	tl_queue *q = make_kind(0);
	struct call c[MANY];
	tl_scope s = { 0 };
	int64_t sum = 0;

	tl_scope_open(&s);
	for (int i = 0; i < MANY; i++) {
		c[i] = (struct call){ .q = q };
		begin_blocked(&s, call_get, &c[i]);
	}
	for (int i = 0; i < MANY; i++)
		if (i % (MANY / STAY))
			tl_cancel(c[i].strand);
	for (int i = 0; i < MANY; i++)
		if (i % (MANY / STAY))
			CHECK_EQ(ended_as(&c[i]), -ECANCELED);
	for (int i = 1; i <= STAY; i++)
		CHECK_EQ(put(q, i, TL_POLL), 0);
	CHECK_EQ(tl_queue_count(q), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < MANY; i += MANY / STAY)
		sum += c[i].v;
	CHECK_EQ(sum, 6);
	tl_queue_close(q);
}

/* A getter with a deadline gets what comes before it, and after many that have passed nobody is
 * left in the queue: to close it is no misuse. */
/* D8: a cancelled getter loses no item */
TEST_KINDS(getters_whose_deadline_passes)
{
	tl_queue *q = make_kind(0);
	struct call c = { q, 0, tl_after(tl_s(60)), 0, { 0 } };
	tl_scope s = { 0 };
	int64_t v;

	for (int i = 0; i < 10; i++)
		CHECK_EQ(get(q, &v, tl_after(tl_us(100))), -ETIMEDOUT);
	tl_scope_open(&s);
	begin_blocked(&s, call_get, &c);
	CHECK_EQ(put(q, 3, TL_POLL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, 8);
	tl_on_report(count_report, NULL);
	tl_queue_close(q);
	CHECK_EQ(reports[TL_R_MISUSE], 0);
}

/* D8: a cancelled putter leaves no item and no gap */
TEST_PRIVATE_KINDS(cancelled_putter_is_passed_over)
{
	tl_queue *q = make_kind(1);
	struct call b = { .q = q, .v = 2 }, c = { .q = q, .v = 3 };
	tl_scope s = { 0 };

	CHECK_EQ(put(q, 1, TL_POLL), 0);
	tl_scope_open(&s);
	begin_blocked(&s, call_put, &b);
	begin_blocked(&s, call_put, &c);
	tl_cancel(b.strand);
	CHECK_EQ(ended_as(&b), -ECANCELED);
	GET_IS(q, 1);
	GET_IS(q, 3);
	CHECK_EQ(get(q, &b.v, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, 0);
	CHECK_EQ(tl_queue_unfinished(q), 2);
	tl_queue_close(q);
}

/* Room and the cancel come together: the item is in, or it never was. */
/* D8: a cancelled putter leaves no item and no gap */
TEST_KINDS(cancelled_as_room_comes)
{
	for (int i = 0; i < 200; i++) {
		tl_queue *q = make_kind(1);
		struct call b = { .q = q, .v = 2, .r = -ECANCELED };
		tl_scope s = { 0 };
		int64_t v;

		CHECK_EQ(put(q, 1, TL_POLL), 0);
		tl_scope_open(&s);
		begin(&s, call_put, &b);
		if (i % 4)
			await_state(b.strand, TL_BLOCKED);
		if (i % 2)
			tl_cancel(b.strand);
		GET_IS(q, 1);
		if (i % 2 == 0)
			tl_cancel(b.strand);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK(b.r == 0 || b.r == -ECANCELED);
		CHECK_EQ(tl_queue_unfinished(q), b.r == 0 ? 2 : 1);
		CHECK_EQ(get(q, &v, TL_POLL), b.r == 0 ? 8 : -EAGAIN);
		tl_queue_close(q);
	}
}

/* D8: a cancelled putter leaves no item and no gap */
TEST_KINDS(putters_whose_deadline_passes)
{
	tl_queue *q = make_kind(1);

	CHECK_EQ(put(q, 1, TL_POLL), 0);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(put(q, 2, tl_after(tl_us(100))), -ETIMEDOUT);
	GET_IS(q, 1);
	CHECK_EQ(put(q, 4, TL_POLL), 0);
	GET_IS(q, 4);
	CHECK_EQ(tl_queue_unfinished(q), 2);
	tl_on_report(count_report, NULL);
	tl_queue_close(q);
	CHECK_EQ(reports[TL_R_MISUSE], 0);
}

struct stream {
	tl_queue *q;
	int n;
};

static int produce(void *arg)
{
	struct stream *t = arg;
	int r = 0;

	for (int i = 0; r == 0 && i < t->n; i++)
		r = put(t->q, i, TL_NEVER);
	return r;
}

static int consume(void *arg)
{
	struct stream *t = arg;
	int64_t v;
	int r = 8;

	for (int i = 0; r == 8 && i < t->n; i++)
		r = get(t->q, &v, TL_NEVER);
	return r < 0 ? r : 0;
}

/* Nobody is left waiting for what is there, whoever of them came first. */
/* D8: a waiting getter gets what is put */
TEST_KINDS(none_waits_for_what_is_there)
{
	struct stream t = { make_kind(1), 300 };

	for (int first = 0; first < 2; first++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < 4; i++)
			(now.threads ? start_thread : start_task)(
				&s, i % 2 == first ? produce : consume, &t);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_queue_count(t.q), 0);
	}
	tl_queue_close(t.q);
}

/* What asyncio leaves to a single thread: everything at once, from threads and their tasks. */
/* D8: safe from any thread, also where asyncio's is not */
TEST_LIMIT(from_threads_and_tasks_at_once, 60)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct stream t = { NULL, 2000 };
		tl_scope s = { 0 };

		now.kind = (enum kind)kind;
		t.q = make_kind(3);
		tl_scope_open(&s);
		for (int i = 0; i < 8; i++)
			(i % 4 < 2 ? start_thread : start_task)(&s, i % 2 ? produce : consume, &t);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_queue_count(t.q), 0);
		CHECK_EQ(tl_queue_unfinished(t.q), 8000);
		tl_queue_close(t.q);
	}
}
