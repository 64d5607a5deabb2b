/* test_queue_once.c - each item is handed over exactly once, whatever deadlines, cancels and the
 * end
 * of the queue do. */
#include "talk.h"

enum { SIDES = 6, ITEMS = 4000 };

/* A put that answered 0 is got once, in its producer's order; any other put never is. */
static struct trade {
	tl_queue *q;
	_Atomic unsigned char got[SIDES][ITEMS];
	unsigned char sent[SIDES][ITEMS];
	_Atomic int producers;
	bool impatient;
} trade;

static tl_time patience(uint64_t *seed)
{
	uint32_t n = number(seed);

	if (!trade.impatient || n % 3 == 0)
		return TL_NEVER;
	return n % 3 == 1 ? TL_POLL : tl_after(tl_us(n >> 8 & 31));
}

static int produce(void *arg)
{
	int me = (int)(intptr_t)arg, r;
	uint64_t seed = 5 + (uint64_t)me * 7919;

	for (int i = 0; i < ITEMS; i++) {
		tl_time until = patience(&seed);

		r = put(trade.q, (int64_t)me << 32 | i, until);
		trade.sent[me][i] = r == 0;
		if (r < 0) {
			CHECK_EQ(r, until.ns == TL_POLL.ns ? -EAGAIN : -ETIMEDOUT);
			CHECK(until.ns != 0);
			tl_yield();
		}
	}
	if (atomic_fetch_sub(&trade.producers, 1) == 1)
		tl_queue_end(trade.q);
	return 0;
}

static int consume(void *arg)
{
	uint64_t seed = 99 + (uint64_t)(intptr_t)arg * 104729;
	int64_t last[SIDES], v;
	int r;

	memset(last, -1, sizeof last);
	for (;;) {
		tl_time until = patience(&seed);
		int from, i;

		r = get(trade.q, &v, until);
		if (r == -EPIPE)
			return 0;
		if (r < 0) {
			CHECK_EQ(r, until.ns == TL_POLL.ns ? -EAGAIN : -ETIMEDOUT);
			tl_yield();
			continue;
		}
		CHECK_EQ(r, 8);
		from = (int)(v >> 32);
		i = (int)(v & 0xffffffff);
		CHECK(from >= 0 && from < SIDES && i < ITEMS);
		CHECK(last[from] < i); /* the order of one producer, as one consumer sees it */
		last[from] = i;
		CHECK_EQ(atomic_fetch_add(&trade.got[from][i], 1), 0);
	}
}

static int either(void *arg)
{
	intptr_t i = *(intptr_t *)arg;

	return i < SIDES ? produce((void *)i) : consume((void *)(i - SIDES));
}

static void deal(enum mix how, size_t capacity, bool impatient)
{
	intptr_t args[2 * SIDES];

	memset(&trade, 0, sizeof trade);
	trade.q = make_queue(capacity, 8);
	trade.producers = SIDES;
	trade.impatient = impatient;
	for (int i = 0; i < 2 * SIDES; i++)
		args[i] = i;
	crowd(how, 2 * SIDES, either, args, sizeof *args);
	for (int p = 0; p < SIDES; p++)
		for (int i = 0; i < ITEMS; i++)
			CHECK_EQ(trade.got[p][i], trade.sent[p][i]);
	CHECK_EQ(tl_queue_count(trade.q), 0);
	tl_queue_close(trade.q);
}

TEST_LIMIT(once_one_loop, 60) { deal(ONE_LOOP, 16, false); }
TEST_LIMIT(once_loops, 60) { deal(LOOPS, 16, false); }
TEST_LIMIT(once_threads, 60) { deal(THREADS, 16, false); }
TEST_LIMIT(once_mixed, 60) { deal(MIXED, 16, false); }
TEST_LIMIT(once_capacity_one, 60) { deal(LOOPS, 1, false); }
TEST_LIMIT(once_impatient_one_loop, 60) { deal(ONE_LOOP, 3, true); }
TEST_LIMIT(once_impatient_loops, 60) { deal(LOOPS, 3, true); }
TEST_LIMIT(once_impatient_threads, 60) { deal(THREADS, 3, true); }
TEST_LIMIT(once_impatient_mixed, 60) { deal(MIXED, 1, true); }
TEST_LIMIT(once_impatient_unbounded, 60) { deal(MIXED, SIZE_MAX, true); }

static void deal_shared(enum mix how, size_t capacity, bool impatient)
{
	shared_queues = true;
	deal(how, capacity, impatient);
}

TEST_LIMIT(once_shared_one_loop, 100) { deal_shared(ONE_LOOP, 16, false); }
TEST_LIMIT(once_shared_mixed, 100) { deal_shared(MIXED, 16, false); }
TEST_LIMIT(once_shared_capacity_one, 100) { deal_shared(LOOPS, 1, false); }
TEST_LIMIT(once_shared_impatient_loops, 100) { deal_shared(LOOPS, 3, true); }
TEST_LIMIT(once_shared_impatient_threads, 100) { deal_shared(THREADS, 3, true); }

/* Cancelled at any moment: what a put or get of a cancelled strand did is in its answer. */
static struct {
	tl_queue *q;
	_Atomic long put_sum, got_sum, puts, gets;
} torn;

static int put_until_told(void *arg)
{
	int64_t v = (intptr_t)arg * 1000003;
	int r;

	while ((r = put(torn.q, ++v, TL_NEVER)) == 0) {
		atomic_fetch_add(&torn.put_sum, v);
		atomic_fetch_add(&torn.puts, 1);
	}
	return r;
}

static int get_until_told(void *arg)
{
	int64_t v;
	int r;

	(void)arg;
	while ((r = get(torn.q, &v, TL_NEVER)) == 8) {
		atomic_fetch_add(&torn.got_sum, v);
		atomic_fetch_add(&torn.gets, 1);
	}
	return r;
}

static int tear(void *arg)
{
	uint64_t seed = 1 + (uint64_t)(intptr_t)arg;

	for (int round = 0; round < 150; round++) {
		tl_scope s = { 0 };
		tl_strand t[6];

		tl_scope_open(&s);
		for (intptr_t i = 0; i < 6; i++)
			t[i] = (i % 3 ? start_task : start_thread)(
				&s, i % 2 ? put_until_told : get_until_told, (void *)(i + round));
		for (int i = 0; i < 6; i++) {
			tl_yield();
			tl_cancel(t[number(&seed) % 6]);
		}
		tl_scope_cancel(&s);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

TEST_LIMIT(once_with_cancels, 100)
{
	tl_scope s = { 0 };
	int64_t v;

	torn.q = make_queue(4, 8);
	tl_scope_open(&s);
	start_thread(&s, tear, (void *)1);
	start_thread(&s, tear, (void *)2);
	CHECK_EQ(tl_scope_close(&s), 0);
	while (get(torn.q, &v, TL_POLL) == 8) {
		torn.got_sum += v;
		torn.gets++;
	}
	CHECK_EQ(torn.puts, torn.gets);
	CHECK_EQ(torn.put_sum, torn.got_sum);
	CHECK(torn.puts > 0);
	tl_queue_close(torn.q);
}

/* Items of many sizes from several producers arrive whole. */
static int put_sizes(void *arg)
{
	unsigned char buf[3000];
	uint64_t seed = (uint64_t)(intptr_t)arg;

	for (int i = 0; i < 3000; i++) {
		size_t size = 1 + number(&seed) % (i % 50 ? 200 : 2999);

		memset(buf, (int)size & 255, size);
		CHECK_EQ(tl_queue_put(trade.q, buf, size, TL_NEVER), 0);
	}
	return 0;
}

static int get_sizes(void *arg)
{
	unsigned char buf[3000];
	int r;

	(void)arg;
	while ((r = tl_queue_get(trade.q, buf, sizeof buf, TL_NEVER)) >= 0)
		for (int i = 0; i < r; i++)
			CHECK_EQ(buf[i], r & 255);
	return r == -EPIPE ? 0 : r;
}

TEST_LIMIT(sizes_between_threads, 60)
{
	tl_scope all = { 0 }, s = { 0 };

	trade.q = make_queue(50, 3000);
	tl_scope_open(&all);
	start_thread(&all, get_sizes, NULL);
	start_task(&all, get_sizes, NULL);
	tl_scope_open(&s);
	start_thread(&s, put_sizes, (void *)11);
	start_task(&s, put_sizes, (void *)22);
	start_thread(&s, put_sizes, (void *)33);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_end(trade.q);
	CHECK_EQ(tl_scope_close(&all), 0);
	tl_queue_close(trade.q);
}
