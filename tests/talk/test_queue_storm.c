/* test_queue_storm.c - many put and get, alone and by select, with every kind of deadline, and are
 * cancelled at any moment; items are of many sizes, so the ring grows while it is in use; and rows
 * of calls by one thread, which is what the short ways are for, take turns with all the rest.  Each
 * item arrives whole, once, in its putter's order, and the queue never holds more than it may. */
#include "talk.h"

enum { ACTORS = 5, ITEMS = 6000, LARGEST = 400 };

static struct storm {
	tl_queue *q, *never; /* nothing is ever put into never */
	size_t capacity;
	_Atomic unsigned char got[ACTORS][ITEMS];
	unsigned char sent[ACTORS][ITEMS];
	_Atomic int putters, cancelled;
	_Atomic bool over;
} storm;

struct actor {
	int me, at;
	uint64_t seed;
	int last[ACTORS];
	bool done;
};

struct item {
	int32_t from, number;
	unsigned char rest[LARGEST];
};

static size_t fill(struct item *i, int from, int number, uint32_t chance)
{
	size_t rest = chance % 4 ? 0 : chance / 4 % (LARGEST + 1);

	i->from = from;
	i->number = number;
	memset(i->rest, number & 255, rest);
	return offsetof(struct item, rest) + rest;
}

static void note(struct actor *a, const struct item *i, int size)
{
	CHECK(size >= (int)offsetof(struct item, rest));
	CHECK(i->from >= 0 && i->from < ACTORS && i->number >= 0 && i->number < ITEMS);
	for (size_t k = 0; k < (size_t)size - offsetof(struct item, rest); k++)
		CHECK_EQ(i->rest[k], i->number & 255);
	CHECK(a->last[i->from] < i->number);
	a->last[i->from] = i->number;
	CHECK_EQ(atomic_fetch_add(&storm.got[i->from][i->number], 1), 0);
}

static tl_time patience(uint32_t chance)
{
	switch (chance % 8) {
	case 0: return TL_POLL;
	case 1: return tl_after(tl_us(chance / 8 % 64));
	case 2: return tl_after(tl_us(-1));
	default: return TL_NEVER;
	}
}

static void check_failure(int r, tl_time until)
{
	if (until.ns == TL_POLL.ns)
		CHECK_EQ(r, -EAGAIN);
	else if (until.ns)
		CHECK(r == -ETIMEDOUT || r == -ECANCELED);
	else
		CHECK_EQ(r, -ECANCELED);
}

static int put_all(void *arg)
{
	struct actor *a = arg;

	while (a->at < ITEMS) {
		uint32_t chance = number(&a->seed);
		tl_time until = patience(chance);
		struct item i;
		size_t size = fill(&i, a->me, a->at, chance / 64);
		tl_case c[] = { TL_GET(storm.never, &i, sizeof i), TL_PUT(storm.q, &i, size) };
		int r = chance % 5 ? tl_queue_put(storm.q, &i, size, until)
				   : tl_select(c, 2, until);

		if (r >= 0 && chance % 5 == 0) {
			CHECK_EQ(r, 1);
			r = c[1].result;
		}
		CHECK(r <= 0);
		if (r < 0)
			check_failure(r, until);
		storm.sent[a->me][a->at++] = r == 0;
		if (r == -ECANCELED)
			return r;
	}
	a->done = true;
	return 0;
}

static int get_all(void *arg)
{
	struct actor *a = arg;

	for (;;) {
		uint32_t chance = number(&a->seed);
		tl_time until = patience(chance);
		struct item i;
		tl_case c[] = { TL_GET(storm.q, &i, sizeof i), TL_GET(storm.never, &i, sizeof i) };
		int r = chance % 5 ? tl_queue_get(storm.q, &i, sizeof i, until)
				   : tl_select(c, 2, until);

		if (r >= 0 && chance % 5 == 0) {
			CHECK_EQ(r, 0);
			r = c[0].result;
		}
		if (r == -EPIPE)
			break;
		if (r >= 0)
			note(a, &i, r);
		else
			check_failure(r, until);
		if (r == -ECANCELED)
			return r;
	}
	a->done = true;
	return 0;
}

/* Its work is done by one strand after the other, each of which is cancelled after a while. */
static int act(void *arg)
{
	int n = *(int *)arg;
	struct actor a = { .me = n % ACTORS, .seed = 77 + (uint64_t)n * 7919 };
	tl_fn *fn = n < ACTORS ? put_all : get_all;

	memset(a.last, -1, sizeof a.last);
	while (!a.done) {
		uint32_t chance = number(&a.seed);
		uint64_t mine = a.seed;
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = (chance % 4 ? start_task : start_thread)(&s, fn, &a);
		for (uint32_t i = number(&mine) % 256; i; i--)
			tl_yield();
		tl_cancel(t);
		if (ending(t) == -ECANCELED)
			atomic_fetch_add(&storm.cancelled, 1);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	if (n < ACTORS && atomic_fetch_sub(&storm.putters, 1) == 1)
		tl_queue_end(storm.q);
	return 0;
}

static int watch(void *arg)
{
	(void)arg;
	while (!storm.over) {
		int n = tl_queue_count(storm.q);

		CHECK(n >= 0 && (size_t)n <= storm.capacity);
		CHECK_EQ(tl_queue_count(storm.never), 0);
		sched_yield();
	}
	return 0;
}

static void rage(enum mix how, size_t capacity)
{
	int args[2 * ACTORS];
	tl_scope s = { 0 };

	memset(&storm, 0, sizeof storm);
	storm.q = make_queue(capacity, sizeof(struct item));
	storm.never = make_queue(1, sizeof(struct item));
	storm.capacity = capacity;
	storm.putters = ACTORS;
	for (int i = 0; i < 2 * ACTORS; i++)
		args[i] = i;
	tl_scope_open(&s);
	start_thread(&s, watch, NULL);
	crowd(how, 2 * ACTORS, act, args, sizeof *args);
	storm.over = true;
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int p = 0; p < ACTORS; p++)
		for (int i = 0; i < ITEMS; i++)
			CHECK_EQ(storm.got[p][i], storm.sent[p][i]);
	CHECK_EQ(tl_queue_count(storm.q), 0);
	CHECK(storm.cancelled > 0);
	tl_queue_close(storm.q);
	tl_queue_close(storm.never);
}

TEST_LIMIT(storm_one_loop, 60) { rage(ONE_LOOP, 20); }
TEST_LIMIT(storm_loops, 60) { rage(LOOPS, 20); }
TEST_LIMIT(storm_threads, 60) { rage(THREADS, 20); }
TEST_LIMIT(storm_mixed, 60) { rage(MIXED, 128); }
TEST_LIMIT(storm_capacity_one, 60) { rage(MIXED, 1); }
TEST_LIMIT(storm_unbounded, 60) { rage(LOOPS, SIZE_MAX); }

/* Queues that other processes could use too. */
static void rage_shared(enum mix how, size_t capacity)
{
	shared_queues = true;
	rage(how, capacity);
}

TEST_LIMIT(storm_shared_one_loop, 100) { rage_shared(ONE_LOOP, 20); }
TEST_LIMIT(storm_shared_loops, 100) { rage_shared(LOOPS, 20); }
TEST_LIMIT(storm_shared_threads, 100) { rage_shared(THREADS, 20); }
TEST_LIMIT(storm_shared_mixed, 100) { rage_shared(MIXED, 128); }
TEST_LIMIT(storm_shared_capacity_one, 100) { rage_shared(MIXED, 1); }

/* -- rows: each side is one thread for long, so both go the short way; then a third looks in */

static struct rows {
	tl_queue *q;
	int64_t n;
	_Atomic int64_t put, got, sum;
} rows;

static int put_rows(void *arg)
{
	(void)arg;
	for (int64_t i = 1; i <= rows.n; i++) {
		CHECK_EQ(put(rows.q, i, TL_NEVER), 0);
		atomic_fetch_add(&rows.put, 1);
	}
	return 0;
}

static int get_rows(void *arg)
{
	int64_t v;
	int r;

	(void)arg;
	while ((r = get(rows.q, &v, TL_NEVER)) == 8) {
		atomic_fetch_add(&rows.sum, v);
		atomic_fetch_add(&rows.got, 1);
	}
	return r == -EPIPE ? 0 : r;
}

/* From another thread now and then, at both ends, and without waiting: what it takes it puts back,
 * or counts. */
static int look_in(void *arg)
{
	int64_t v;

	(void)arg;
	while (rows.put < rows.n) {
		if (get(rows.q, &v, TL_POLL) == 8 && put(rows.q, v, TL_POLL) < 0) {
			atomic_fetch_add(&rows.sum, v);
			atomic_fetch_add(&rows.got, 1);
		}
		CHECK_EQ(tl_sleep(tl_us(300)), 0);
	}
	return 0;
}

static void in_rows(size_t capacity, bool looked_at)
{
	tl_scope all = { 0 }, s = { 0 };

	rows = (struct rows){ .q = make_queue(capacity, 8), .n = 400000 };
	tl_scope_open(&all);
	start_thread(&all, get_rows, NULL);
	tl_scope_open(&s);
	start_thread(&s, put_rows, NULL);
	if (looked_at)
		start_thread(&s, look_in, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_end(rows.q);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(rows.got, rows.n);
	CHECK_EQ(rows.sum, rows.n * (rows.n + 1) / 2);
	tl_queue_close(rows.q);
}

TEST_LIMIT(rows_of_two, 60) { in_rows(128, false); }
TEST_LIMIT(rows_looked_at, 60) { in_rows(128, true); }
TEST_LIMIT(rows_narrow, 60) { in_rows(2, true); }
TEST_LIMIT(rows_unbounded, 60) { in_rows(SIZE_MAX, true); }
