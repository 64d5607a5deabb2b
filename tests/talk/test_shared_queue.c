/* test_shared_queue.c - queues in the shared window: what they refuse, how large items and small
 * ones share them, and loans.  What they have in common with private ones is in the other tests of
 * queues, which run with both; processes are in test_shared_processes.c. */
#include "talk.h"
#include "talk/shared_queue.h"

static tl_queue *make_shared(size_t capacity, size_t max_item)
{
	shared_queues = true;
	return make_queue(capacity, max_item);
}

static int by_size(const void *a, const void *b) { return memcmp(a, b, 1); }

TEST(refuses)
{
	tl_queue *q = (tl_queue *)7;

	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .shared = true, .lifo = true }), -ENOTSUP);
	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .shared = true, .order = by_size }), -ENOTSUP);
	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .shared = true, .capacity = SIZE_MAX }),
		-EINVAL);
	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .shared = true, .capacity = (1 << 24) + 1 }),
		-EINVAL);
	CHECK_EQ(q, (tl_queue *)7);
}

/* D9: items of any size up to the limit, also empty ones */
/* D9: an item that is too large is refused, and the queue goes on */
/* Every size up to the limit, also none, in the slot and outside. */
TEST(sizes)
{
	static const size_t limits[] = { 1, 8, 9, 64, 248, 249, 4096, 70000 };
	static unsigned char in[70001], out[70001];

	for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
		size_t step = limits[k] > 5000 ? 997 : 1, max = limits[k];
		tl_queue *q = make_shared(3, max);

		for (size_t n = 0; n <= max; n += step) {
			memset(in, (int)n % 251 + 1, n);
			CHECK_EQ(tl_queue_put(q, in, n, TL_POLL), 0);
			CHECK_EQ(tl_queue_put(q, in, max, TL_POLL), 0);
			if (n)
				CHECK_EQ(tl_queue_get(q, out, n - 1, TL_POLL), -EMSGSIZE);
			CHECK_EQ(tl_queue_get(q, out, n, TL_POLL), (int)n);
			CHECK_EQ(memcmp(in, out, n), 0);
			CHECK_EQ(tl_queue_get(q, out, sizeof out, TL_NEVER), (int)max);
		}
		CHECK_EQ(tl_queue_put(q, in, max + 1, TL_NEVER), -EMSGSIZE);
		CHECK_EQ(tl_queue_count(q), 0);
		tl_queue_close(q);
	}
}

/* The numbers that records carry go round after 2^32 of them. */
TEST(four_thousand_million_records)
{
	tl_queue *q = make_shared(3, 300);
	struct shared_queue *s = shared_of(q);
	char out[300];

	s->in.n = UINT32_MAX - 4;
	s->in.seen = UINT32_MAX - 4;
	s->out.n = UINT32_MAX - 4;
	s->done = UINT32_MAX - 4;
	for (size_t i = 0; i < 10; i++) {
		CHECK_EQ(tl_queue_put(q, "", 0, TL_POLL), 0);
		CHECK_EQ(tl_queue_put(q, out, i % 2 ? 300 : 3, TL_POLL), 0);
		CHECK_EQ(tl_queue_count(q), 2);
		CHECK_EQ(tl_queue_get(q, out, 300, TL_POLL), 0);
		CHECK_EQ(tl_queue_get(q, out, 300, TL_POLL), i % 2 ? 300 : 3);
	}
	tl_queue_close(q);
}

/* As many as its capacity, whatever their sizes. */
TEST(holds_its_capacity)
{
	static unsigned char item[1000];
	tl_queue *q = make_shared(7, sizeof item);

	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < 7; i++) {
			memset(item, i, sizeof item);
			CHECK_EQ(tl_queue_put(q, item, (i + round) % 3 ? 1000 : 10, TL_POLL), 0);
			CHECK_EQ(tl_queue_count(q), i + 1);
		}
		CHECK_EQ(tl_queue_put(q, item, 10, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_queue_put(q, item, 1000, tl_after(tl_ms(1))), -ETIMEDOUT);
		for (int i = 0; i < 7; i++) {
			CHECK_EQ(tl_queue_get(q, item, sizeof item, TL_POLL),
				(i + round) % 3 ? 1000 : 10);
			CHECK_EQ(item[9], i);
		}
	}
	tl_queue_close(q);
}

/* -- loans */

TEST(loan_and_borrow)
{
	tl_queue *q = make_shared(2, 4096);
	char *in, *out, *third = NULL;

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(tl_queue_loan(q, (void **)&in, 4096, TL_NEVER), 0);
		CHECK_EQ((uintptr_t)in % 64, 0);
		memset(in, i, 4096);
		CHECK_EQ(tl_queue_count(q), 0);
		CHECK_EQ(tl_queue_borrow(q, (void **)&out, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_queue_commit(q, in, (size_t)i), 0);
		CHECK_EQ(tl_queue_count(q), 1);
		CHECK_EQ(tl_queue_borrow(q, (void **)&out, TL_NEVER), i);
		CHECK_EQ(in, out); /* no copy */
		CHECK_EQ(out[i], i);
		CHECK_EQ(tl_queue_loan(q, (void **)&third, 1, TL_POLL), 0);
		CHECK_EQ(tl_queue_loan(q, (void **)&in, 1, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_queue_return(q, third), 0);
		CHECK_EQ(tl_queue_return(q, out), 0);
		CHECK_EQ(tl_queue_done(q), 0);
	}
	CHECK_EQ(tl_queue_unfinished(q), 0);
	tl_queue_close(q);
}

/* Loans, copies of all sizes and borrowed items in one queue. */
TEST(loans_among_copies)
{
	static char item[600];
	tl_queue *q = make_shared(4, 600);
	char *p, *b;

	for (int i = 0; i < 200; i++) {
		CHECK_EQ(tl_queue_put(q, "ab", 3, TL_POLL), 0);
		CHECK_EQ(tl_queue_loan(q, (void **)&p, 600, TL_POLL), 0);
		CHECK_EQ(tl_queue_put(q, item, 500, TL_POLL), 0);
		strcpy(p, "lent");
		CHECK_EQ(tl_queue_commit(q, p, 5), 0);
		CHECK_EQ(tl_queue_borrow(q, (void **)&b, TL_POLL), 3);
		CHECK_STR(b, "ab");
		CHECK_EQ(tl_queue_get(q, item, 600, TL_POLL), 500);
		CHECK_EQ(tl_queue_get(q, item, 600, TL_POLL), 5);
		CHECK_STR(item, "lent");
		CHECK_EQ(tl_queue_return(q, b), 0);
	}
	tl_queue_close(q);
}

TEST(loan_refused)
{
	tl_queue *q = make_shared(2, 300), *private;
	char *p, *b, mine[64];

	shared_queues = false;
	private = make_queue(2, 300);
	tl_on_report(count_report, NULL);
	CHECK_EQ(tl_queue_loan(private, (void **)&p, 1, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_queue_borrow(private, (void **)&p, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_queue_commit(private, mine, 1), -ENOTSUP);
	CHECK_EQ(tl_queue_return(private, mine), -ENOTSUP);
	CHECK_EQ(tl_queue_loan(q, (void **)&p, 301, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(reports[TL_R_MISUSE], 0);
	CHECK_EQ(tl_queue_commit(q, mine, 1), -EINVAL);
	CHECK_EQ(tl_queue_return(q, mine), -EINVAL);
	CHECK_EQ(tl_queue_loan(q, (void **)&p, 300, TL_NEVER), 0);
	CHECK_EQ(tl_queue_commit(q, p, 301), -EMSGSIZE);
	CHECK_EQ(tl_queue_commit(q, p + 64, 1), -EINVAL);
	CHECK_EQ(tl_queue_commit(q, p, 300), 0);
	CHECK_EQ(tl_queue_commit(q, p, 300), -EINVAL);
	CHECK_EQ(tl_queue_return(q, p), -EINVAL);
	CHECK_EQ(tl_queue_borrow(q, (void **)&b, TL_NEVER), 300);
	CHECK_EQ(tl_queue_return(q, b), 0);
	CHECK_EQ(tl_queue_return(q, b), -EINVAL);
	CHECK_EQ(reports[TL_R_MISUSE], 6);
	CHECK_EQ(tl_queue_loan(q, (void **)&p, 300, TL_NEVER), 0);
	tl_queue_end(q);
	CHECK_EQ(tl_queue_commit(q, p, 300), -EPIPE);
	CHECK_EQ(tl_queue_return(q, p), -EINVAL);
	CHECK_EQ(tl_queue_loan(q, (void **)&p, 300, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_queue_borrow(q, (void **)&p, TL_NEVER), -EPIPE);
	tl_queue_close(q);
	tl_queue_close(private);
}

/* Who waits for a block is woken by its return; who waits to borrow by the commit. */
static int lend_two(void *arg)
{
	tl_queue *q = *(tl_queue **)arg;

	for (int i = 0; i < 500; i++) {
		int *p;

		CHECK_EQ(tl_queue_loan(q, (void **)&p, 400, TL_NEVER), 0);
		*p = i;
		CHECK_EQ(tl_queue_commit(q, p, 400), 0);
	}
	tl_queue_end(q);
	return 0;
}

static int borrow_all(void *arg)
{
	tl_queue *q = *(tl_queue **)arg;
	int *p, r, n = 0;

	while ((r = tl_queue_borrow(q, (void **)&p, TL_NEVER)) >= 0) {
		CHECK_EQ(r, 400);
		CHECK_EQ(*p, n++);
		CHECK_EQ(tl_queue_return(q, p), 0);
	}
	CHECK_EQ(n, 500);
	return r == -EPIPE ? 0 : r;
}

TEST_LIMIT(loans_that_wait, 60)
{
	for (int threads = 0; threads < 2; threads++) {
		tl_queue *q = make_shared(1, 400);
		tl_scope s = { 0 };

		tl_scope_open(&s);
		(threads ? start_thread : start_task)(&s, lend_two, &q);
		start_task(&s, borrow_all, &q);
		CHECK_EQ(tl_scope_close(&s), 0);
		tl_queue_close(q);
	}
}

static int select_put(void *arg)
{
	static char item[400];
	tl_case c = TL_PUT(*(tl_queue **)arg, item, sizeof item);

	return tl_select(&c, 1, TL_NEVER) < 0 ? -EINVAL : c.result;
}

/* There is room in the queue, and none for a long item: who selects sleeps until there is. */
TEST_LIMIT(a_select_that_lacks_a_block, 60)
{
	tl_queue *q = make_shared(2, 400);
	void *lent[2];
	char item[400] = { 0 };
	tl_case c = TL_PUT(q, item, sizeof item);
	tl_scope s = { 0 };
	tl_strand t;

	for (int i = 0; i < 2; i++)
		CHECK_EQ(tl_queue_loan(q, &lent[i], 400, TL_POLL), 0);
	CHECK_EQ(tl_select(&c, 1, tl_after(tl_ms(2))), -ETIMEDOUT);
	tl_scope_open(&s);
	tl_thread_start(&s, select_put, &q, &(tl_opts){ .ret = &t });
	while (tl_state(t) != TL_BLOCKED)
		sched_yield();
	CHECK_EQ(tl_queue_return(q, lent[0]), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(tl_queue_return(q, lent[1]), 0);
	tl_queue_close(q);
}

static int select_get(void *arg)
{
	char item[8];
	tl_case c = TL_GET(*(tl_queue **)arg, item, sizeof item);

	return tl_select(&c, 1, TL_NEVER) < 0 ? -EINVAL : 0;
}

/* A ring takes away the mark of all who listen and wakes one of them: if that is a select, it rings
 * for the others, who sleep on.  A look at that moment, by itself, may spare it the ring. */
TEST_LIMIT(a_select_passes_the_ring_on, 60)
{
	tl_queue *q = make_shared(4, 8);
	uint32_t rang = 0;

	for (int round = 0; round < 5 && rang < 2; round++) {
		uint32_t was = atomic_load(&shared_of(q)->gets.word) / BELL_ONE;
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		tl_thread_start(&s, select_get, &q, &(tl_opts){ .ret = &t });
		while (tl_state(t) != TL_BLOCKED)
			sched_yield();
		for (int i = 0; i < 2; i++)
			CHECK_EQ(tl_queue_put(q, "1", 2, TL_POLL), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		rang = atomic_load(&shared_of(q)->gets.word) / BELL_ONE - was;
		CHECK_EQ(select_get(&q), 0);
	}
	CHECK(rang >= 2);
	tl_queue_close(q);
}

/* A short item is borrowed as a copy, also where all that was lent lies behind it in the queue. */
TEST(a_short_one_before_all_blocks)
{
	tl_queue *q = make_shared(2, 400);
	void *lent[2], *p;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2; i++)
			CHECK_EQ(tl_queue_loan(q, &lent[i], 400, TL_POLL), 0);
		CHECK_EQ(tl_queue_put(q, "short", 6, TL_POLL), 0);
		for (int i = 0; i < 2; i++)
			CHECK_EQ(tl_queue_commit(q, lent[i], 400), 0);
		CHECK_EQ(tl_queue_borrow(q, &p, TL_POLL), 6);
		CHECK_STR((char *)p, "short");
		tl_on_report(count_report, NULL);
		CHECK_EQ(tl_queue_commit(q, p, 6), -EINVAL); /* it is no loan */
		CHECK_EQ(reports[TL_R_MISUSE], round + 1);
		CHECK_EQ(tl_queue_return(q, p), 0);
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(tl_queue_borrow(q, &p, TL_POLL), 400);
			CHECK_EQ(tl_queue_return(q, p), 0);
		}
	}
	tl_queue_close(q);
}
