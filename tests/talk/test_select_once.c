/* test_select_once.c - many select over the same queues, and each item goes to exactly one branch
 * of
 * one of them. */
#include "talk.h"
#include <fcntl.h>

enum { QUEUES = 3, ACTORS = 5, ITEMS = 3000 };

static struct trade {
	tl_queue *q[QUEUES];
	_Atomic unsigned char got[ACTORS][ITEMS];
	unsigned char sent[ACTORS][ITEMS];
	_Atomic int producers;
	_Atomic long cancelled;
} trade;

/* Puts by select too: into one of the queues, whichever has room. */
static int produce(intptr_t me)
{
	uint64_t seed = 3 + (uint64_t)me * 7919;

	for (int i = 0; i < ITEMS; i++) {
		int64_t v = (int64_t)me << 32 | i;
		tl_case c[QUEUES];
		uint32_t n = number(&seed);
		tl_time until = n % 3 ? TL_NEVER : tl_after(tl_us((int)(n >> 8 & 31) - 4));
		int r;

		for (int k = 0; k < QUEUES; k++)
			c[k] = TL_PUT(trade.q[k], &v, sizeof v);
		r = n % 5 ? tl_select(c, QUEUES, until) : put(trade.q[n % QUEUES], v, until);
		CHECK(r >= 0 || (r == -ETIMEDOUT && until.ns));
		if (n % 5 && r >= 0)
			CHECK_EQ(c[r].result, 0);
		trade.sent[me][i] = r >= 0;
	}
	if (atomic_fetch_sub(&trade.producers, 1) == 1)
		for (int k = 0; k < QUEUES; k++)
			tl_queue_end(trade.q[k]);
	return 0;
}

static void note(int64_t v)
{
	int from = (int)(v >> 32), i = (int)(v & 0xffffffff);

	CHECK(from >= 0 && from < ACTORS && i >= 0 && i < ITEMS);
	CHECK_EQ(atomic_fetch_add(&trade.got[from][i], 1), 0);
}

struct taker {
	uint64_t seed;
	int ended;
};

/* Until all have ended, or cancelled: either way what it took is noted. */
static int take(void *arg)
{
	struct taker *h = arg;
	bool open[QUEUES] = { true, true, true };
	int left = QUEUES;

	while (left) {
		int64_t v[QUEUES];
		tl_case c[QUEUES];
		int at[QUEUES], n = 0, r;
		uint32_t x = number(&h->seed);
		tl_time until = x % 3 == 0   ? TL_NEVER
				: x % 3 == 1 ? tl_after(tl_us((int)(x >> 8 & 31) - 4))
					     : TL_POLL;

		memset(v, -1, sizeof v);
		for (int k = 0; k < QUEUES; k++)
			if (open[k]) {
				at[n] = k;
				c[n++] = TL_GET(trade.q[k], &v[k], 8);
			}
		r = tl_select(c, (size_t)n, until);
		for (int k = 0; k < n; k++) /* only the committed one was touched */
			CHECK((v[at[k]] != -1) == (k == r && c[k].result == 8));
		if (r == -ECANCELED)
			return r;
		if (r < 0) {
			CHECK_EQ(r, until.ns == TL_POLL.ns ? -EAGAIN : -ETIMEDOUT);
			tl_yield();
			continue;
		}
		if (c[r].result == 8) {
			note(v[at[r]]);
			continue;
		}
		CHECK_EQ(c[r].result, -EPIPE);
		open[at[r]] = false;
		left--;
	}
	h->ended = 1;
	return 0;
}

/* A consumer that is cancelled and begun again, over and over. */
static int consume(intptr_t me)
{
	struct taker h = { .seed = 1000 + (uint64_t)me };
	uint64_t seed = 2000 + (uint64_t)me;

	while (!h.ended) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = (number(&seed) % 8 ? start_task : start_thread)(&s, take, &h);
		for (uint32_t i = number(&seed) % 64; i; i--)
			tl_yield();
		tl_cancel(t);
		if (ending(t) == -ECANCELED)
			atomic_fetch_add(&trade.cancelled, 1);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

static int either(void *arg)
{
	intptr_t i = *(intptr_t *)arg;

	return i < ACTORS ? produce(i) : consume(i);
}

static void deal(enum mix how)
{
	intptr_t args[2 * ACTORS];

	memset(&trade, 0, sizeof trade);
	for (int k = 0; k < QUEUES; k++)
		trade.q[k] = make_queue((size_t)k + 1, 64);
	trade.producers = ACTORS;
	for (int i = 0; i < 2 * ACTORS; i++)
		args[i] = i;
	crowd(how, 2 * ACTORS, either, args, sizeof *args);
	for (int p = 0; p < ACTORS; p++)
		for (int i = 0; i < ITEMS; i++)
			CHECK_EQ(trade.got[p][i], trade.sent[p][i]);
	for (int k = 0; k < QUEUES; k++) {
		CHECK_EQ(tl_queue_count(trade.q[k]), 0);
		tl_queue_close(trade.q[k]);
	}
	CHECK(trade.cancelled > 0);
}

TEST_LIMIT(once_one_loop, 60) { deal(ONE_LOOP); }
TEST_LIMIT(once_loops, 60) { deal(LOOPS); }
TEST_LIMIT(once_threads, 60) { deal(THREADS); }
TEST_LIMIT(once_mixed, 60) { deal(MIXED); }

static void deal_shared(enum mix how)
{
	shared_queues = true;
	deal(how);
}

TEST_LIMIT(once_shared_one_loop, 100) { deal_shared(ONE_LOOP); }
TEST_LIMIT(once_shared_loops, 100) { deal_shared(LOOPS); }
TEST_LIMIT(once_shared_mixed, 100) { deal_shared(MIXED); }

/* Descriptors and queues together, under fire from both sides. */
static struct fire {
	tl_queue *q;
	int p[2];
	_Atomic long bytes, items;
} fire;

static int shoot_items(void *arg)
{
	(void)arg;
	for (int i = 0; i < 4000; i++)
		CHECK_EQ(put(fire.q, i, TL_NEVER), 0);
	return 0;
}

static int shoot_bytes(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		while (write(fire.p[1], "", 1) != 1)
			tl_yield();
		if (i % 4 == 0)
			tl_yield();
	}
	return 0;
}

static int be_shot_at(void *arg)
{
	int64_t next = 0, v;
	char byte;

	(void)arg;
	while (fire.items < 4000 || fire.bytes < 2000) {
		tl_case c[] = { TL_GET(fire.q, &v, 8), TL_READABLE(fire.p[0]) };
		int r = tl_select(c, 2, TL_NEVER);

		CHECK(r >= 0);
		if (r == 0) {
			CHECK_EQ(c[0].result, 8);
			CHECK_EQ(v, next++);
			fire.items++;
		} else {
			CHECK_EQ(c[1].result, TL_IN);
			fire.bytes += read(fire.p[0], &byte, 1);
		}
	}
	return 0;
}

static void under_fire(bool thread)
{
	tl_scope s = { 0 };

	fire.q = make_queue(8, 64);
	CHECK_EQ(pipe2(fire.p, O_NONBLOCK), 0);
	tl_scope_open(&s);
	start_thread(&s, shoot_items, NULL);
	start_thread(&s, shoot_bytes, NULL);
	(thread ? start_thread : start_task)(&s, be_shot_at, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(fire.items, 4000);
	CHECK_EQ(fire.bytes, 2000);
	tl_queue_close(fire.q);
}

TEST_LIMIT(items_and_bytes_task, 60) { under_fire(false); }
TEST_LIMIT(items_and_bytes_thread, 60) { under_fire(true); }
