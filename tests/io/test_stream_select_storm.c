/* test_stream_select_storm.c - selects over bytes, connections and items, with deadlines and
 * cancels: each byte in order and once, each connection once. */
#include "io/fed.h"
#include "telar/select.h"
#include <stdatomic.h>

enum { BYTES = 60000, PULSES = 3000, CALLS = 120, CALLERS = 3, TAKERS = 4 };

static uint32_t number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

static int ending(tl_strand t)
{
	tl_end e;

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e.value;
}

/* A stream's bytes, both ways at once, against items, deadlines and cancels: in order, none twice,
 * none missing. */
static struct flow {
	struct pair p;
	tl_queue *q;
	size_t got, put;
	long items;
	_Atomic int finished;
} flow;

static int pulses(void *arg)
{
	(void)arg;
	for (int i = 0; i < PULSES; i++)
		CHECK_EQ(tl_queue_put(flow.q, &i, sizeof i, TL_NEVER), 0);
	return 0;
}

static int peer_sends(void *arg)
{
	char buf[64];
	uint64_t seed = 5;
	size_t at = 0;

	(void)arg;
	while (at < BYTES) {
		size_t n = 1 + number(&seed) % sizeof buf;

		n = n < BYTES - at ? n : BYTES - at;
		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		CHECK_EQ(tl_write_all(flow.p.b, buf, n, NULL, TL_NEVER), 0);
		at += n;
		if (at % 5 == 0)
			tl_yield();
	}
	return 0;
}

static int peer_reads(void *arg)
{
	char buf[300];
	size_t at = 0;

	(void)arg;
	while (at < BYTES) {
		ssize_t n = tl_read(flow.p.b, buf, sizeof buf, TL_NEVER);

		CHECK(n > 0);
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ(buf[i], pattern(at++));
	}
	return 0;
}

static int middle(void *arg)
{
	uint64_t *seed = arg;

	while (flow.got < BYTES || flow.put < BYTES || flow.items < PULSES) {
		char in[100], out[100];
		uint32_t x = number(seed);
		size_t left = BYTES - flow.put;
		int item = -1, r;
		tl_case c[] = { TL_RECV(flow.p.a, in, 1 + x % sizeof in),
			TL_SEND(flow.p.a, out, left < 100 ? left : 100),
			TL_GET(flow.q, &item, sizeof item) };
		tl_time until = x % 3 ? TL_NEVER : tl_after(tl_us((int)(x >> 8 & 31) - 4));

		for (size_t i = 0; i < sizeof out; i++)
			out[i] = pattern(flow.put + i);
		if (!left)
			c[1] = TL_AT(TL_NEVER);
		r = tl_select(c, 3, until);
		if (r == -ECANCELED)
			return r;
		CHECK(r >= 0 || (r == -ETIMEDOUT && until.ns));
		CHECK_EQ(item != -1, r == 2);
		if (r == 0)
			for (int i = 0; i < c[0].result; i++)
				CHECK_EQ(in[i], pattern(flow.got++));
		if (r == 1)
			flow.put += (size_t)c[1].result;
		if (r == 2)
			CHECK_EQ(item, flow.items++);
		CHECK(r < 0 || c[r].result > 0);
	}
	flow.finished = 1;
	return 0;
}

static int middle_again_and_again(void *arg)
{
	uint64_t seed = 77, dice = 99;

	(void)arg;
	while (!flow.finished) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		CHECK_EQ((number(&dice) % 8 ? tl_task_start : tl_thread_start)(
				 &s, middle, &seed, &(tl_opts){ .ret = &t }),
			0);
		for (uint32_t i = number(&dice) % 64; i; i--)
			tl_yield();
		tl_cancel(t);
		ending(t);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

static void flood(struct pair p)
{
	tl_scope s = { 0 };

	flow.p = p;
	CHECK_EQ(tl_queue_open(&flow.q, &(tl_queue_opts){ .capacity = 4 }), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, pulses, NULL, NULL);
	tl_thread_start(&s, peer_sends, NULL, NULL);
	tl_task_start(&s, peer_reads, NULL, NULL);
	tl_task_start(&s, middle_again_and_again, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(flow.got, BYTES);
	tl_queue_close(flow.q);
	pair_close(p);
}

TEST_LIMIT(flood_of_a_pair, 60) { flood(pair_make()); }
TEST_LIMIT(flood_of_a_fed, 60) { flood(fed()); }

/* Many accept, by select and without, on one loop and on several: each connection once, and none is
 * left waiting while somebody could take it. */
static struct door {
	tl_listener *l;
	char address[64];
	tl_queue *q;
	_Atomic int taken, items;
} door;

static int call(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS; i++) {
		tl_stream *s;
		char c;

		CHECK_EQ(tl_connect(&s, door.address, TL_NEVER), 0);
		CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 1); /* it was accepted */
		CHECK_EQ(tl_close(s, TL_NEVER), 0);
		CHECK_EQ(tl_queue_put(door.q, &i, sizeof i, TL_NEVER), 0);
	}
	return 0;
}

static int answer(void *arg)
{
	uint64_t seed = (uint64_t)(intptr_t)arg + 3;

	for (;;) {
		tl_stream *s = NULL;
		uint32_t x = number(&seed);
		int item, r;
		tl_case c[] = { TL_ACCEPT(door.l, &s), TL_GET(door.q, &item, sizeof item) };
		tl_time until = x % 2 ? TL_NEVER : tl_after(tl_us(x >> 8 & 63));

		r = x % 8 ? tl_select(c, 2, until) : tl_accept(&s, door.l, until);
		if (r == -ECANCELED)
			return 0;
		CHECK(r >= 0 || r == -ETIMEDOUT);
		CHECK_EQ(s != NULL, r == 0);
		if (r == 1)
			door.items++;
		if (r != 0)
			continue;
		door.taken++;
		CHECK_EQ(tl_write(s, "!", 1, TL_NEVER), 1);
		CHECK_EQ(tl_close(s, TL_NEVER), 0);
	}
}

static int house(void *arg)
{
	for (intptr_t i = 0; i < TAKERS; i++)
		tl_task_start(NULL, answer, (void *)((intptr_t)arg * TAKERS + i), NULL);
	return 0;
}

TEST_LIMIT(crowd_at_the_door, 60)
{
	tl_scope s = { 0 }, callers = { 0 };

	CHECK_EQ(tl_listen(&door.l, ":0"), 0);
	CHECK(tl_listener_address(door.l, door.address, sizeof door.address) > 0);
	CHECK_EQ(tl_queue_open(&door.q, &(tl_queue_opts){ .capacity = 2 }), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, house, (void *)0, NULL);
	tl_thread_start(&s, house, (void *)1, NULL);
	tl_scope_open(&callers);
	for (int i = 0; i < CALLERS; i++)
		(i % 2 ? tl_thread_start : tl_task_start)(&callers, call, NULL, NULL);
	CHECK_EQ(tl_scope_close(&callers), 0);
	while (door.items < CALLS * CALLERS)
		tl_sleep(tl_us(100));
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(door.taken, CALLS * CALLERS);
	tl_queue_close(door.q);
	CHECK_EQ(tl_listener_close(door.l, TL_NEVER), 0);
}
