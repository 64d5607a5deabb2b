/* test_queue.c - items in order, each handed over exactly once, whatever deadlines, cancels and the
 * end of the queue do. */
#include "talk.h"

TEST(first_in_first_out)
{
	tl_queue *q = make_queue(5, 8);
	int64_t v;

	CHECK_EQ(get(q, &v, TL_POLL), -EAGAIN);
	for (int i = 0; i < 100; i++) {
		for (int k = 0; k < 5; k++)
			CHECK_EQ(put(q, i * 5 + k, TL_NEVER), 0);
		CHECK_EQ(tl_queue_count(q), 5);
		CHECK_EQ(put(q, -1, TL_POLL), -EAGAIN);
		CHECK_EQ(put(q, -1, tl_after(tl_ms(-1))), -ETIMEDOUT);
		for (int k = 0; k < 5; k++) {
			CHECK_EQ(get(q, &v, TL_NEVER), 8);
			CHECK_EQ(v, i * 5 + k);
		}
		CHECK_EQ(tl_queue_count(q), 0);
		CHECK_EQ(get(q, &v, tl_after(tl_ms(-1))), -ETIMEDOUT);
	}
	CHECK_EQ(get(q, &v, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK(tl_queue_close(q) == NULL);
	CHECK(tl_queue_close(NULL) == NULL);
}

TEST(options)
{
	tl_queue *q = (tl_queue *)&q, *was = q;

	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .reserved = { 0, 1 } }), -EINVAL);
	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .max_item = SIZE_MAX }), -EINVAL);
	CHECK(q == was);
	CHECK_EQ(tl_queue_open(&q, NULL), 0);
	for (int i = 0; i < 1024; i++)
		CHECK_EQ(put(q, i, TL_POLL), 0);
	CHECK_EQ(put(q, 0, TL_POLL), -EAGAIN);
	tl_queue_close(q);
}

TEST(sizes)
{
	static char in[5000], out[5000];
	tl_queue *q = make_queue(0, 0);

	memset(in, 'x', sizeof in);
	CHECK_EQ(tl_queue_put(q, NULL, 0, TL_NEVER), 0);
	CHECK_EQ(tl_queue_put(q, in, 4096, TL_NEVER), 0);
	CHECK_EQ(tl_queue_put(q, in, 4097, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(tl_queue_put(q, in, SIZE_MAX, TL_POLL), -EMSGSIZE);
	CHECK_EQ(tl_queue_count(q), 2);
	CHECK_EQ(tl_queue_get(q, NULL, 0, TL_NEVER), 0);
	CHECK_EQ(tl_queue_get(q, out, 4095, TL_NEVER), -EMSGSIZE); /* it stays */
	CHECK_EQ(tl_queue_get(q, NULL, 0, TL_POLL), -EMSGSIZE);
	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(tl_queue_get(q, out, sizeof out, TL_NEVER), 4096);
	CHECK(memcmp(in, out, 4096) == 0 && out[4096] == 0);
	tl_queue_close(q);
}

TEST(cancelled_caller)
{
	tl_queue *q = make_queue(2, 8);
	tl_scope s = { 0 };
	int64_t v = 7;

	CHECK_EQ(put(q, 1, TL_NEVER), 0);
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(put(q, 2, TL_NEVER), -ECANCELED);
	CHECK_EQ(get(q, &v, TL_NEVER), -ECANCELED);
	CHECK_EQ(v, 7);
	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(get(q, &v, TL_POLL), 8); /* cleanup can drain */
	CHECK_EQ(v, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

TEST(unbounded)
{
	tl_queue *q = make_queue(SIZE_MAX, 8);
	int64_t v;

	for (int64_t i = 0; i < 1000000; i++)
		CHECK_EQ(put(q, i, TL_POLL), 0);
	CHECK_EQ(tl_queue_count(q), 1000000);
	for (int64_t i = 0; i < 1000000; i++) {
		CHECK_EQ(get(q, &v, TL_POLL), 8);
		CHECK_EQ(v, i);
	}
	CHECK_EQ(get(q, &v, TL_POLL), -EAGAIN);
	tl_queue_close(q);
}

/* -- waiting */

struct call {
	tl_queue *q;
	int64_t value;
	size_t cap;
	char buf[64];
};

static int getter(void *arg)
{
	struct call *c = arg;

	return tl_queue_get(c->q, c->buf, c->cap, TL_NEVER);
}

static int putter(void *arg)
{
	struct call *c = arg;

	return tl_queue_put(c->q, &c->value, sizeof c->value, TL_NEVER);
}

TEST(too_small_a_getter_waits)
{
	tl_queue *q = make_queue(4, 64);
	struct call small = { .q = q, .cap = 7 }, large = { .q = q, .cap = 64 },
		    other = { .q = q, .cap = 64 };
	tl_scope s = { .keep_going = true };
	tl_strand a, b, c;

	tl_scope_open(&s);
	a = start_task(&s, getter, &small);
	await_state(a, TL_BLOCKED);
	b = start_thread(&s, getter, &large);
	await_state(b, TL_BLOCKED);
	c = start_task(&s, getter, &other);
	await_state(c, TL_BLOCKED);
	CHECK_EQ(put(q, 0x1122334455667788, TL_NEVER), 0);
	CHECK_EQ(ending(a), -EMSGSIZE);
	CHECK_EQ(ending(b), 8); /* it goes on to one whom it fits */
	CHECK_EQ(memcmp(large.buf, &(int64_t){ 0x1122334455667788 }, 8), 0);
	CHECK_EQ(tl_state(c), TL_BLOCKED);
	other.cap = 64;
	CHECK_EQ(put(q, 5, TL_NEVER), 0);
	CHECK_EQ(ending(c), 8);

	a = start_thread(&s, getter, &small); /* nobody whom it fits: it stays */
	await_state(a, TL_BLOCKED);
	CHECK_EQ(put(q, 6, TL_NEVER), 0);
	CHECK_EQ(ending(a), -EMSGSIZE);
	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(ending(start_task(&s, getter, &large)), 8);
	CHECK_EQ(tl_scope_close(&s), -EMSGSIZE);
	tl_queue_close(q);
}

TEST(waiting_putters_keep_their_order)
{
	tl_queue *q = make_queue(1, 8);
	struct call c[8];
	tl_scope s = { 0 };
	tl_strand t[8];
	int64_t v;

	tl_scope_open(&s);
	CHECK_EQ(put(q, -1, TL_NEVER), 0);
	for (int i = 0; i < 8; i++) {
		c[i] = (struct call){ .q = q, .value = i };
		t[i] = (i % 2 ? start_task : start_thread)(&s, putter, &c[i]);
		await_state(t[i], TL_BLOCKED);
	}
	tl_cancel(t[2]);
	tl_cancel(t[5]);
	CHECK_EQ(ending(t[2]), -ECANCELED);
	CHECK_EQ(ending(t[5]), -ECANCELED);
	for (int i = -1; i < 8; i++) {
		if (i == 2 || i == 5)
			continue;                       /* a put that fails puts nothing */
		CHECK_EQ(put(q, 99, TL_POLL), -EAGAIN); /* and nobody overtakes */
		CHECK_EQ(get(q, &v, TL_NEVER), 8);
		CHECK_EQ(v, i);
	}
	CHECK_EQ(get(q, &v, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

TEST(waiting_getters_keep_their_order)
{
	tl_queue *q = make_queue(4, 8);
	struct call c[8];
	tl_scope s = { 0 };
	tl_strand t[8];

	tl_scope_open(&s);
	for (int i = 0; i < 8; i++) {
		c[i] = (struct call){ .q = q, .cap = 8 };
		t[i] = (i % 2 ? start_task : start_thread)(&s, getter, &c[i]);
		await_state(t[i], TL_BLOCKED);
	}
	tl_cancel(t[0]);
	tl_cancel(t[3]);
	CHECK_EQ(ending(t[0]), -ECANCELED);
	CHECK_EQ(ending(t[3]), -ECANCELED);
	for (int64_t i = 0; i < 8; i++) {
		if (i == 0 || i == 3)
			continue;
		CHECK_EQ(put(q, i, TL_NEVER), 0);
		CHECK_EQ(ending(t[i]), 8);
		CHECK_EQ(memcmp(c[i].buf, &i, 8), 0);
	}
	CHECK_EQ(tl_queue_count(q), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* -- the end */

TEST(end_drains_and_refuses)
{
	tl_queue *q = make_queue(4, 8);
	tl_scope s = { .keep_going = true };
	struct call c[2] = { { .q = q, .value = 1 }, { .q = q, .value = 2 } };
	tl_strand t[2];
	int64_t v;

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(put(q, i, TL_NEVER), 0);
	t[0] = start_task(&s, putter, &c[0]);
	t[1] = start_thread(&s, putter, &c[1]);
	await_state(t[0], TL_BLOCKED);
	await_state(t[1], TL_BLOCKED);
	tl_queue_end(q);
	tl_queue_end(q);
	CHECK_EQ(ending(t[0]), -EPIPE);
	CHECK_EQ(ending(t[1]), -EPIPE);
	CHECK_EQ(put(q, 9, TL_NEVER), -EPIPE);
	CHECK_EQ(put(q, 9, TL_POLL), -EPIPE);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(get(q, &v, TL_NEVER), 8);
		CHECK_EQ(v, i);
	}
	CHECK_EQ(get(q, &v, TL_NEVER), -EPIPE);
	CHECK_EQ(get(q, &v, TL_POLL), -EPIPE);
	tl_queue_end(q);
	CHECK_EQ(tl_scope_close(&s), -EPIPE);
	tl_queue_close(q);
}

TEST(end_wakes_getters)
{
	tl_queue *q = make_queue(4, 8);
	tl_scope s = { .keep_going = true };
	struct call c = { .q = q, .cap = 8 };
	tl_strand t[10];

	tl_scope_open(&s);
	for (int i = 0; i < 10; i++) {
		t[i] = (i % 2 ? start_task : start_thread)(&s, getter, &c);
		await_state(t[i], TL_BLOCKED);
	}
	tl_queue_end(q);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(ending(t[i]), -EPIPE);
	CHECK_EQ(tl_scope_close(&s), -EPIPE);
	tl_queue_close(q);
}

TEST(close_with_a_waiter_is_misuse)
{
	tl_queue *q = make_queue(4, 8);
	tl_scope s = { .keep_going = true };
	struct call c = { .q = q, .cap = 8 };
	tl_strand t;

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	t = start_thread(&s, getter, &c);
	await_state(t, TL_BLOCKED);
	CHECK(tl_queue_close(q) == NULL);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(ending(t), -EPIPE); /* it is let go, not pulled from under */
	CHECK_EQ(tl_scope_close(&s), -EPIPE);
}

/* The last one out closes it, while the one who ended it may still be inside. */
static int drain_and_close(void *arg)
{
	tl_queue *q = arg;
	int64_t v;
	int r;

	while ((r = get(q, &v, TL_NEVER)) >= 0)
		;
	tl_queue_close(q);
	return r == -EPIPE ? 0 : r;
}

TEST_LIMIT(reader_closes_after_the_end, 60)
{
	for (int i = 0; i < 1500; i++) {
		tl_queue *q = make_queue(2, 8);
		tl_scope s = { 0 };

		tl_scope_open(&s);
		start_thread(&s, drain_and_close, q);
		for (int k = 0; k < i % 4; k++)
			CHECK_EQ(put(q, k, TL_NEVER), 0);
		tl_queue_end(q);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}
