/* test_queue_kinds.c - first in first out, last in first out, smallest first: what each promises of
 * its order, and what all promise alike.  The behaviours are those that CPython's test_queue.py and
 * test_asyncio/test_queues.py look for. */
#include "kinds.h"

static void check_order(enum kind kind, const int64_t *in, const int64_t *out, int n)
{
	tl_queue *q;

	now.kind = kind;
	q = make_kind(0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < n; i++)
			CHECK_EQ(put(q, in[i], TL_NEVER), 0);
		for (int i = 0; i < n; i++)
			GET_IS(q, out[i]);
	}
	tl_queue_close(q);
}

static const int64_t mixed[] = { 111, 333, 222, 7 };

/* D8: the oldest comes out first */
TEST(oldest_first) { check_order(FIFO, mixed, mixed, 4); }

/* D8: the youngest comes out first, if asked */
TEST(youngest_first) { check_order(LIFO, mixed, (const int64_t[]){ 7, 222, 333, 111 }, 4); }

/* D8: the smallest comes out first, if asked, ties in the order they came */
TEST(smallest_first) { check_order(SMALLEST, mixed, (const int64_t[]){ 7, 111, 222, 333 }, 4); }

struct ranked {
	int32_t rank, number;
};

static int by_rank(const void *a, const void *b)
{
	return ((const struct ranked *)a)->rank - ((const struct ranked *)b)->rank;
}

/* Of few ranks and many items, put and taken in turns: each comes after all that were smaller, and
 * after all of its rank that came before it. */
/* D8: the smallest comes out first, if asked, ties in the order they came */
TEST(ties_in_the_order_they_came)
{
	enum { N = 20000, RANKS = 7 };
	tl_queue_opts o = { .order = by_rank, .capacity = SIZE_MAX };
	int32_t put_n[RANKS] = { 0 }, got_n[RANKS] = { 0 };
	uint64_t seed = 4711;
	tl_queue *q;

	CHECK_EQ(tl_queue_open(&q, &o), 0);
	for (int i = 0, in = 0; in < N || tl_queue_count(q); i++) {
		struct ranked x = { (int32_t)(number(&seed) % RANKS), 0 };

		if (in < N && number(&seed) % 5 < (i / 500 % 2 ? 1 : 4)) {
			x.number = put_n[x.rank]++;
			CHECK_EQ(tl_queue_put(q, &x, sizeof x, TL_NEVER), 0);
			in++;
		} else if (tl_queue_get(q, &x, sizeof x, TL_POLL) == sizeof x) {
			CHECK_EQ(x.number, got_n[x.rank]++);
			for (int rank = 0; rank < x.rank; rank++)
				CHECK_EQ(put_n[rank], got_n[rank]);
		}
	}
	tl_queue_close(q);
}

/* D8: the youngest comes out first, if asked */
TEST(youngest_first_in_turns)
{
	enum { MOST = 3000 };
	static int64_t model[MOST];
	tl_queue_opts o = kind_opts(LIFO, SIZE_MAX, 0);
	uint64_t seed = 99;
	tl_queue *q;
	int n = 0;

	CHECK_EQ(tl_queue_open(&q, &o), 0);
	for (int64_t i = 0; i < 100000; i++)
		if (n < MOST && number(&seed) % 5 < (i / 3000 % 2 ? 2 : 3))
			CHECK_EQ(put(q, model[n++] = i, TL_POLL), 0);
		else if (n)
			GET_IS(q, model[--n]);
	CHECK_EQ(tl_queue_count(q), n);
	tl_queue_close(q);
}

/* Items of many sizes, the small where a large one has been and the other way round. */
TEST(sizes_of_all_kinds)
{
	for (int kind = 0; kind < KINDS; kind++) {
		unsigned char item[3000], out[3000];
		tl_queue_opts o = kind_opts(kind, kind == SHARED ? 20000 : SIZE_MAX, 3000);
		uint64_t seed = 31 + (uint64_t)kind;
		int64_t bytes = 0;
		tl_queue *q;

		CHECK_EQ(tl_queue_open(&q, &o), 0);
		for (int i = 0; i < 20000; i++) {
			size_t size = 8 + number(&seed) % (i % 9 ? 90 : 2900);
			int r;

			if (number(&seed) % 2) {
				memset(item, (int)size & 255, size);
				CHECK_EQ(tl_queue_put(q, item, size, TL_POLL), 0);
				bytes += (int64_t)size;
			} else if ((r = tl_queue_get(q, out, sizeof out, TL_POLL)) != -EAGAIN) {
				for (int k = 0; k < r; k++)
					CHECK_EQ(out[k], r & 255);
				bytes -= r;
			}
		}
		for (int r; (r = tl_queue_get(q, out, sizeof out, TL_POLL)) != -EAGAIN;)
			bytes -= r;
		CHECK_EQ(bytes, 0);
		CHECK_EQ(tl_queue_put(q, item, 3001, TL_NEVER), -EMSGSIZE);
		tl_queue_close(q);
	}
}

/* An item may have no bytes; which came first cannot be seen then, but how many. */
TEST(empty_items)
{
	for (int kind = 0; kind < LIFO + 1; kind++) {
		tl_queue_opts o = kind_opts(kind, 3, 1);
		tl_queue *q;

		CHECK_EQ(tl_queue_open(&q, &o), 0);
		CHECK_EQ(tl_queue_put(q, NULL, 0, TL_POLL), 0);
		CHECK_EQ(tl_queue_put(q, "x", 1, TL_POLL), 0);
		CHECK_EQ(tl_queue_put(q, NULL, 0, TL_POLL), 0);
		CHECK_EQ(tl_queue_get(q, NULL, 0, TL_POLL), 0);
		CHECK_EQ(tl_queue_get(q, NULL, 0, TL_POLL), -EMSGSIZE);
		CHECK_EQ(tl_queue_count(q), 2);
		tl_queue_close(q);
	}
}

TEST(one_order_only)
{
	tl_queue_opts o = kind_opts(SMALLEST, 0, 0);
	tl_queue *q = NULL;

	o.lifo = true;
	CHECK_EQ(tl_queue_open(&q, &o), -EINVAL);
	CHECK(q == NULL);
}

/* -- what all kinds promise alike */

static void fill(tl_queue *q, int n)
{
	for (int i = 0; i < n; i++)
		CHECK_EQ(put(q, 10 + i, TL_POLL), 0);
}

static void empty(tl_queue *q, int n)
{
	int64_t v;

	for (int i = 0; i < n; i++)
		CHECK_EQ(get(q, &v, TL_POLL), 8);
	CHECK_EQ(get(q, &v, TL_POLL), -EAGAIN);
}

/* D8: a full queue makes putters wait, or says so */
TEST_KINDS(full)
{
	tl_queue *q = make_kind(CAPACITY);

	for (int round = 0; round < 2; round++) {
		fill(q, CAPACITY);
		CHECK_EQ(put(q, 1, TL_POLL), -EAGAIN);
		CHECK_EQ(put(q, 1, tl_after(tl_ms(2))), -ETIMEDOUT);
		CHECK_EQ(tl_queue_count(q), CAPACITY);
		empty(q, CAPACITY);
	}
	tl_queue_close(q);
}

/* D8: an empty queue makes getters wait, or says so */
TEST_KINDS(empty_queue)
{
	tl_queue *q = make_kind(CAPACITY);
	int64_t v = 77;

	for (int round = 0; round < 2; round++) {
		CHECK_EQ(get(q, &v, TL_POLL), -EAGAIN);
		CHECK_EQ(get(q, &v, tl_after(tl_ms(2))), -ETIMEDOUT);
		CHECK_EQ(v, 77);
		fill(q, 1);
		empty(q, 1);
	}
	tl_queue_close(q);
}

/* Python refuses a negative time; here it is one that has passed. */
/* D8: a deadline is over the whole call */
TEST_KINDS(deadline_that_has_passed)
{
	tl_queue *q = make_kind(1);
	int64_t v;

	CHECK_EQ(get(q, &v, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(put(q, 1, tl_after(tl_ms(-1))), 0);
	CHECK_EQ(put(q, 2, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(get(q, &v, tl_after(tl_ms(-1))), 8);
	CHECK_EQ(v, 1);
	tl_queue_close(q);
}

/* D8: a deadline is over the whole call */
TEST_KINDS(deadline_is_kept)
{
	tl_queue *q = make_kind(1);
	int64_t v;

	for (int i = 0; i < 2; i++) {
		tl_time until = tl_after(tl_ms(3));

		CHECK_EQ(i ? put(q, 2, until) : get(q, &v, until), -ETIMEDOUT);
		CHECK(tl_now().ns >= until.ns);
		CHECK_EQ(put(q, 1, TL_POLL), i ? -EAGAIN : 0);
	}
	tl_queue_close(q);
}

/* D8: says how many are in it */
TEST_KINDS(says_how_many)
{
	tl_queue *q = make_kind(CAPACITY);

	for (int i = 0; i < CAPACITY; i++) {
		CHECK_EQ(tl_queue_count(q), i);
		fill(q, 1);
	}
	CHECK_EQ(tl_queue_count(q), CAPACITY);
	empty(q, CAPACITY);
	CHECK_EQ(tl_queue_count(q), 0);
	tl_queue_close(q);
}

/* D8: without a bound it never fills */
TEST_PRIVATE_KINDS(without_a_bound)
{
	tl_queue *q = make_kind(SIZE_MAX);
	int64_t sum = 0, v;

	for (int64_t i = 0; i < 100000; i++)
		CHECK_EQ(put(q, i, TL_POLL), 0);
	CHECK_EQ(tl_queue_count(q), 100000);
	while (get(q, &v, TL_POLL) == 8)
		sum += v;
	CHECK_EQ(sum, (int64_t)100000 * 99999 / 2);
	tl_queue_close(q);
}

/* D8: a waiting getter gets what is put */
TEST_PRIVATE_KINDS(getter_waits)
{
	tl_queue *q = make_kind(CAPACITY);

	for (int round = 0; round < 2; round++) {
		struct call c = { q, 0, round ? tl_after(tl_s(60)) : TL_NEVER, 0, { 0 } };
		tl_scope s = { 0 };

		tl_scope_open(&s);
		begin_blocked(&s, call_get, &c);
		CHECK_EQ(put(q, 42, TL_POLL), 0);
		CHECK_EQ(tl_queue_count(q), 0); /* it is his already */
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(c.r, 8);
		CHECK_EQ(c.v, 42);
	}
	tl_queue_close(q);
}

/* D8: a waiting getter gets what is put */
TEST_PRIVATE_KINDS(getters_are_served_in_their_order)
{
	tl_queue *q = make_kind(CAPACITY);
	struct call c[4];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		c[i] = (struct call){ .q = q };
		begin_blocked(&s, call_get, &c[i]);
	}
	for (int i = 0; i < 4; i++)
		CHECK_EQ(put(q, 9 - i, TL_POLL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(c[i].v, 9 - i);
	tl_queue_close(q);
}

/* D8: a waiting putter goes on when there is room */
TEST_PRIVATE_KINDS(putter_waits)
{
	tl_queue *q = make_kind(FULL);
	int64_t v;

	for (int round = 0; round < 2; round++) {
		struct call c = { q, 15, round ? tl_after(tl_s(60)) : TL_NEVER, 1, { 0 } };
		tl_scope s = { 0 };

		fill(q, FULL);
		tl_scope_open(&s);
		begin_blocked(&s, call_put, &c);
		CHECK_EQ(tl_queue_count(q), FULL);
		CHECK_EQ(get(q, &v, TL_POLL), 8);
		CHECK_EQ(tl_queue_count(q), FULL); /* his item is in */
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(c.r, 0);
		empty(q, FULL);
	}
	tl_queue_close(q);
}

/* Items that waited outside are in their place once they are in: the oldest putter's first. */
/* D8: a waiting putter goes on when there is room */
TEST_PRIVATE_KINDS(waiting_items_find_their_place)
{
	static const int64_t expected[PRIVATE_KINDS][5] = {
		{ 20, 10, 5, 30, 1 }, /* as they came */
		{ 10, 5, 30, 1, 20 }, /* the place that was freed is filled by the next */
		{ 10, 5, 20, 1, 30 }  /* 5 is the smallest only when it is in */
	};
	tl_queue *q = make_kind(FULL);
	struct call c[3] = { { .v = 5 }, { .v = 30 }, { .v = 1 } };
	tl_scope s = { 0 };

	CHECK_EQ(put(q, 20, TL_POLL), 0);
	CHECK_EQ(put(q, 10, TL_POLL), 0);
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		c[i].q = q;
		begin_blocked(&s, call_put, &c[i]);
	}
	for (int i = 0; i < 5; i++)
		GET_IS(q, expected[now.kind][i]);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* D8: a waiting putter goes on when there is room */
TEST_PRIVATE_KINDS(through_a_queue_of_one)
{
	tl_queue *q = make_kind(1);
	struct call c[3];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		c[i] = (struct call){ .q = q, .v = i };
		begin(&s, call_put, &c[i]);
		await_state(c[i].strand, i ? TL_BLOCKED : TL_ENDED);
	}
	for (int i = 0; i < 3; i++)
		GET_IS(q, i);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* D8: a full queue makes putters wait, or says so */
TEST_KINDS(failed_put_leaves_no_trace)
{
	tl_queue *q = make_kind(FULL);
	char large[65] = { 0 };

	fill(q, FULL - 1);
	CHECK_EQ(tl_queue_put(q, large, sizeof large, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(tl_queue_count(q), FULL - 1);
	fill(q, 1);
	CHECK_EQ(tl_queue_put(q, large, sizeof large, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(tl_queue_put(q, large, sizeof large, TL_POLL), -EMSGSIZE);
	CHECK_EQ(tl_queue_unfinished(q), FULL);
	empty(q, FULL);
	tl_queue_close(q);
}

static int get_small(void *arg)
{
	struct call *c = arg;
	char small[4];

	c->r = tl_queue_get(c->q, small, sizeof small, TL_NEVER);
	return 0;
}

/* D8: an empty queue makes getters wait, or says so */
TEST_KINDS(failed_get_leaves_the_item)
{
	tl_queue *q = make_kind(FULL);
	struct call c = { .q = q };
	tl_scope s = { 0 };
	char small[4];

	fill(q, 1);
	CHECK_EQ(tl_queue_get(q, small, sizeof small, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(tl_queue_get(q, small, sizeof small, TL_POLL), -EMSGSIZE);
	CHECK_EQ(tl_queue_count(q), 1);
	empty(q, 1);
	tl_scope_open(&s); /* and the same for one who waits */
	begin_blocked(&s, get_small, &c);
	fill(q, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.r, -EMSGSIZE);
	GET_IS(q, 10);
	tl_queue_close(q);
}
