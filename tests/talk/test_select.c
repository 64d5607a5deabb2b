/* test_select.c - the first of several things, and exactly that one. */
#include "talk.h"
#include <fcntl.h>

static tl_queue *make(size_t capacity)
{
	tl_queue_opts o = { .capacity = capacity, .max_item = 64 };
	tl_queue *q = NULL;

	CHECK_EQ(tl_queue_open(&q, &o), 0);
	return q;
}

static int put(tl_queue *q, int64_t v, tl_time t) { return tl_queue_put(q, &v, sizeof v, t); }
static int get(tl_queue *q, int64_t *v, tl_time t) { return tl_queue_get(q, v, sizeof *v, t); }

/* A select in a strand of its own. */
struct choice {
	tl_case c[8];
	size_t n;
	tl_time until;
};

static int choose(void *arg)
{
	struct choice *h = arg;

	return tl_select(h->c, h->n, h->until);
}

static tl_strand waiting(tl_scope *s, struct choice *h, bool thread)
{
	tl_strand t = (thread ? start_thread : start_task)(s, choose, h);

	await_state(t, TL_BLOCKED);
	return t;
}

static int nothing(void *arg) { return (void)arg, 0; }
static int stay(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}

/* -- refusals */

TEST(refuses)
{
	static tl_event e;
	tl_case many[65], odd = TL_SET(&e), none = TL_SET(NULL);

	for (int i = 0; i < 65; i++)
		many[i] = TL_SET(&e);
	tl_event_set(&e);
	CHECK_EQ(tl_select(many, 0, TL_POLL), -EINVAL);
	CHECK_EQ(tl_select(NULL, 0, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_select(many, 65, TL_POLL), -EINVAL);
	CHECK_EQ(tl_select(many, SIZE_MAX, TL_POLL), -EINVAL);
	CHECK(tl_select(many, 64, TL_POLL) >= 0);
	odd.what = (enum tl_what)99;
	CHECK_EQ(tl_select(&odd, 1, TL_NEVER), -EINVAL);
	odd.what = (enum tl_what)0;
	CHECK_EQ(tl_select(&odd, 1, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_select(&none, 1, TL_NEVER), -EINVAL);
}

TEST(never_done)
{
	tl_queue *q = make(1);
	tl_future f = { 0 };
	tl_event e = { 0 };
	int64_t v = 3;
	int p[2];
	tl_scope s = { 0 }, in = { 0 };
	tl_strand t;

	CHECK_EQ(pipe(p), 0);
	tl_scope_open(&s);
	t = start_task(&s, stay, NULL);
	tl_case c[] = { TL_GET(q, &v, 8), TL_DONE(&f), TL_SET(&e), TL_JOINED(t),
		TL_READABLE(p[0]) };
	CHECK_EQ(tl_select(c, 5, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_select(c, 5, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_select(c, 5, tl_after(tl_ms(5))), -ETIMEDOUT);
	tl_scope_open(&in);
	tl_scope_cancel(&in);
	CHECK_EQ(tl_select(c, 5, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_select(c, 5, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_scope_close(&in), 0);
	CHECK_EQ(v, 3);
	/* All as it was: nothing is left behind in any of them. */
	CHECK_EQ(put(q, 1, TL_NEVER), 0);
	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(get(q, &v, TL_POLL), 8);
	tl_event_set(&e);
	CHECK_EQ(tl_future_set(&f, NULL), 0);
	CHECK_EQ(tl_fd_wait(p[0], TL_IN, tl_after(tl_ms(1))), -ETIMEDOUT);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* -- each kind alone: done already, and done while waiting */

TEST(get_alone)
{
	tl_queue *q = make(4);
	int64_t v = 0;
	tl_scope s = { 0 };
	struct choice h = { .n = 1 };
	tl_strand t;

	tl_scope_open(&s);
	for (int thread = 0; thread < 2; thread++) {
		h.c[0] = TL_GET(q, &v, sizeof v);
		CHECK_EQ(put(q, 41, TL_NEVER), 0);
		CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
		CHECK_EQ(h.c[0].result, 8);
		CHECK_EQ(v, 41);
		t = waiting(&s, &h, thread);
		CHECK_EQ(put(q, 42, TL_NEVER), 0);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, 8);
		CHECK_EQ(v, 42);
		h.c[0].size = 3; /* too small for what comes: it stays, and that is the answer */
		t = waiting(&s, &h, thread);
		CHECK_EQ(put(q, 43, TL_NEVER), 0);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, -EMSGSIZE);
		CHECK_EQ(get(q, &v, TL_POLL), 8);
		CHECK_EQ(tl_queue_put(q, NULL, 0, TL_NEVER), 0); /* nothing is something too */
		CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
		CHECK_EQ(h.c[0].result, 0);
		t = waiting(&s, &h, thread);
		CHECK_EQ(tl_queue_put(q, NULL, 0, TL_NEVER), 0);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, 0);
	}
	h.c[0] = TL_GET(q, &v, sizeof v);
	t = waiting(&s, &h, true);
	tl_queue_end(q);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, -EPIPE);
	CHECK_EQ(tl_select(h.c, 1, TL_POLL), 0);
	CHECK_EQ(h.c[0].result, -EPIPE);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

TEST(put_alone)
{
	tl_queue *q = make(1);
	int64_t v = 7, got;
	tl_scope s = { 0 };
	struct choice h = { .n = 1 };
	tl_strand t;

	tl_scope_open(&s);
	h.c[0] = TL_PUT(q, &v, sizeof v);
	for (int thread = 0; thread < 2; thread++) {
		CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
		CHECK_EQ(h.c[0].result, 0);
		CHECK_EQ(tl_select(h.c, 1, TL_POLL), -EAGAIN);
		v = 8;
		t = waiting(&s, &h, thread);
		CHECK_EQ(get(q, &got, TL_NEVER), 8);
		CHECK_EQ(got, 7);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, 0);
		CHECK_EQ(get(q, &got, TL_POLL), 8);
		CHECK_EQ(got, 8);
		v = 7;
	}
	h.c[0].size = 65;
	CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
	CHECK_EQ(h.c[0].result, -EMSGSIZE);
	h.c[0].size = 8;
	CHECK_EQ(put(q, 1, TL_NEVER), 0);
	t = waiting(&s, &h, false);
	tl_queue_end(q);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, -EPIPE);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

TEST(done_alone)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		tl_future f = { 0 };
		struct choice h = { .c = { TL_DONE(&f) }, .n = 1 };
		tl_strand t = waiting(&s, &h, i & 1);

		CHECK_EQ(i & 2 ? tl_future_fail(&f, -EPROTO) : tl_future_set(&f, NULL), 0);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, i & 2 ? -EPROTO : 0);
		CHECK_EQ(tl_select(h.c, 1, TL_POLL), 0);
		CHECK_EQ(h.c[0].result, i & 2 ? -EPROTO : 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(joined_alone)
{
	tl_scope s = { 0 };
	tl_strand gone;

	tl_scope_open(&s);
	gone = start_task(&s, nothing, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_scope_open(&s);
	for (int thread = 0; thread < 2; thread++)
		for (int how = 0; how < 2; how++) {
			tl_strand t = (how ? start_thread : start_task)(&s, stay, NULL), w;
			struct choice h = { .c = { TL_JOINED(t) }, .n = 1 };

			w = waiting(&s, &h, thread);
			tl_cancel(t);
			CHECK_EQ(ending(w), 0);
			CHECK_EQ(h.c[0].result, 0);
			CHECK_EQ(tl_select(h.c, 1, TL_POLL), 0);
			CHECK_EQ(h.c[0].result, 0);
		}
	tl_case c[] = { TL_JOINED(gone), TL_JOINED(tl_self()), TL_JOINED(TL_NO_STRAND) };
	CHECK_EQ(tl_select(&c[0], 1, TL_NEVER), 0);
	CHECK_EQ(c[0].result, -ESRCH);
	CHECK_EQ(tl_select(&c[1], 1, TL_NEVER), 0);
	CHECK_EQ(c[1].result, -EDEADLK);
	CHECK_EQ(tl_select(&c[2], 1, TL_NEVER), 0);
	CHECK_EQ(c[2].result, -ESRCH);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* The joined strand's scope may close before the waiter has looked: it ended all the same. */
static int short_scope(void *arg)
{
	for (int i = 0; i < 400; i++) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = start_task(&s, stay, NULL);
		atomic_store((_Atomic uint64_t *)arg, t.id);
		while (atomic_load((_Atomic uint64_t *)arg) == t.id)
			tl_yield();
		tl_scope_cancel(&s);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

static int join_each(void *arg)
{
	_Atomic uint64_t *at = arg;

	for (int i = 0; i < 400; i++) {
		uint64_t id;
		tl_strand t;

		while ((id = atomic_load(at)) < 2)
			tl_yield();
		t = (tl_strand){ id };
		struct choice h = { .c = { TL_JOINED(t) }, .n = 1 };
		tl_scope s = { 0 };
		tl_strand w;

		tl_scope_open(&s);
		w = start_task(&s, choose, &h);
		await_state(w, TL_BLOCKED);
		tl_yield(); /* it is linked: it belongs to this loop */
		atomic_store(at, 1);
		CHECK_EQ(ending(w), 0);
		CHECK_EQ(h.c[0].result, 0);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

TEST_LIMIT(joined_and_gone, 60)
{
	_Atomic uint64_t at = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	start_thread(&s, short_scope, (void *)&at);
	start_thread(&s, join_each, (void *)&at);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(set_alone)
{
	tl_event e = { 0 };
	tl_scope s = { 0 };
	struct choice h = { .c = { TL_SET(&e) }, .n = 1 };
	tl_strand t;

	tl_scope_open(&s);
	for (int thread = 0; thread < 2; thread++) {
		t = waiting(&s, &h, thread);
		for (int i = 0; i < 5; i++)
			tl_yield();
		tl_event_set(&e);
		if (!thread)
			tl_event_clear(&e); /* set then clear loses nobody: it is linked */
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, 0);
	}
	CHECK_EQ(tl_select(h.c, 1, TL_POLL), 0);
	CHECK_EQ(h.c[0].result, 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(descriptors_alone)
{
	tl_scope s = { 0 };
	char byte = 0, junk[4096];
	enum { GONE = 777 }; /* a number that nobody else is given meanwhile */
	int p[2];

	CHECK_EQ(pipe2(p, O_NONBLOCK), 0);
	memset(junk, 0, sizeof junk);
	tl_scope_open(&s);
	for (int thread = 0; thread < 2; thread++) {
		struct choice in = { .c = { TL_READABLE(p[0]) }, .n = 1 };
		struct choice out = { .c = { TL_WRITABLE(p[1]) }, .n = 1 };
		tl_strand t = waiting(&s, &in, thread);

		CHECK_EQ(write(p[1], &byte, 1), 1);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(in.c[0].result, TL_IN);
		CHECK_EQ(tl_select(in.c, 1, TL_POLL), 0);
		CHECK_EQ(in.c[0].result, TL_IN);
		CHECK_EQ(tl_select(out.c, 1, TL_NEVER), 0);
		CHECK_EQ(out.c[0].result, TL_OUT);
		while (write(p[1], junk, sizeof junk) > 0)
			continue;
		CHECK_EQ(tl_select(out.c, 1, TL_POLL), -EAGAIN);
		t = waiting(&s, &out, thread);
		while (read(p[0], junk, sizeof junk) > 0)
			continue;
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(out.c[0].result, TL_OUT);
	}
	tl_case bad[] = { TL_READABLE(GONE), TL_WRITABLE(GONE), TL_READABLE(-1) };
	CHECK_EQ(tl_select(&bad[0], 1, TL_NEVER), 0);
	CHECK_EQ(bad[0].result, -EBADF);
	CHECK_EQ(tl_select(&bad[1], 1, TL_POLL), 0);
	CHECK_EQ(bad[1].result, -EBADF);
	CHECK_EQ(tl_select(&bad[2], 1, TL_NEVER), 0);
	CHECK_EQ(bad[2].result, -EBADF);
	tl_case hup = TL_READABLE(p[0]);
	close(p[1]);
	CHECK_EQ(tl_select(&hup, 1, TL_NEVER), 0); /* the end can be read */
	CHECK_EQ(hup.result, TL_IN);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- several */

TEST(put_and_get_on_one_queue)
{
	tl_queue *q = make(1);
	int64_t in = 1, out = 0;
	tl_case c[] = { TL_PUT(q, &in, 8), TL_GET(q, &out, 8) };

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(tl_select(c, 2, TL_NEVER), 0);
		CHECK_EQ(tl_queue_count(q), 1);
		CHECK_EQ(tl_select(c, 2, TL_POLL), 1);
		CHECK_EQ(c[1].result, 8);
		CHECK_EQ(out, in++);
	}
	tl_queue_close(q);
}

TEST(the_same_thing_twice)
{
	tl_queue *q = make(4);
	int64_t a = 0, b = 0;
	tl_event e = { 0 };
	tl_scope s = { 0 };
	struct choice h = { .c = { TL_GET(q, &a, 8), TL_SET(&e), TL_GET(q, &b, 8), TL_SET(&e) },
		.n = 4 };
	tl_strand t;
	int i;

	tl_scope_open(&s);
	t = waiting(&s, &h, true);
	CHECK_EQ(put(q, 5, TL_NEVER), 0);
	i = ending(t);
	CHECK(i == 0 || i == 2);
	CHECK_EQ(a + b, 5);
	CHECK_EQ(put(q, 6, TL_NEVER), 0); /* the other is not still waiting for this one */
	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(get(q, &a, TL_POLL), 8);
	t = waiting(&s, &h, false);
	tl_event_set(&e);
	i = ending(t);
	CHECK(i == 1 || i == 3);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

/* All can be done: each is chosen at times, and only the chosen one is done. */
TEST(fair)
{
	tl_queue *full = make(SIZE_MAX), *room = make(SIZE_MAX);
	long taken = 0, put_in = 0, count[6] = { 0 };
	tl_future f = { 0 };
	tl_event e = { 0 };
	tl_scope s = { 0 };
	int64_t v, w = 0;
	tl_strand t;
	int p[2];

	CHECK_EQ(pipe(p), 0);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(put(full, i, TL_NEVER), 0);
	tl_event_set(&e);
	CHECK_EQ(tl_future_set(&f, NULL), 0);
	tl_scope_open(&s);
	t = start_task(&s, nothing, NULL);
	ending(t);
	tl_case c[] = { TL_GET(full, &v, 8), TL_PUT(room, &w, 8), TL_DONE(&f), TL_SET(&e),
		TL_JOINED(t), TL_WRITABLE(p[1]) };
	for (int i = 0; i < 1000; i++) {
		int k = tl_select(c, 6, i % 2 ? TL_NEVER : TL_POLL);

		CHECK(k >= 0 && k < 6);
		count[k]++;
		if (k == 0)
			CHECK_EQ(v, taken++);
		put_in += k == 1;
		CHECK_EQ(tl_queue_count(full), 1000 - taken);
		CHECK_EQ(tl_queue_count(room), put_in);
	}
	for (int k = 0; k < 6; k++)
		CHECK(count[k] > 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(full);
	tl_queue_close(room);
}

/* One of each kind, and one after the other is what happens. */
static void mixed(bool thread)
{
	for (int k = 0; k < 7; k++) {
		tl_queue *in = make(1), *out = make(1);
		int64_t v = 0, w = 6, x;
		tl_future f = { 0 };
		tl_event e = { 0 };
		tl_scope s = { 0 };
		char junk[4096] = { 0 };
		int p[2], full[2];
		tl_strand t, who;

		CHECK_EQ(pipe2(p, O_NONBLOCK), 0);
		CHECK_EQ(pipe2(full, O_NONBLOCK), 0);
		while (write(full[1], junk, sizeof junk) > 0)
			continue;
		CHECK_EQ(put(out, 5, TL_NEVER), 0);
		tl_scope_open(&s);
		who = start_task(&s, stay, NULL);
		struct choice h = { .c = { TL_GET(in, &v, 8), TL_PUT(out, &w, 8), TL_DONE(&f),
					    TL_JOINED(who), TL_SET(&e), TL_READABLE(p[0]),
					    TL_WRITABLE(full[1]) },
			.n = 7 };
		t = waiting(&s, &h, thread);
		switch (k) {
		case 0: CHECK_EQ(put(in, 4, TL_NEVER), 0); break;
		case 1: CHECK_EQ(get(out, &x, TL_NEVER), 8); break;
		case 2: CHECK_EQ(tl_future_set(&f, NULL), 0); break;
		case 3: tl_cancel(who); break;
		case 4: tl_event_set(&e); break;
		case 5: CHECK_EQ(write(p[1], junk, 1), 1); break;
		default:
			while (read(full[0], junk, sizeof junk) > 0)
				continue;
		}
		CHECK_EQ(ending(t), k);
		CHECK_EQ(h.c[k].result, k == 0 ? 8 : k == 5 ? TL_IN : k == 6 ? TL_OUT : 0);
		CHECK_EQ(v, k == 0 ? 4 : 0);
		CHECK_EQ(tl_queue_count(in), 0);
		CHECK_EQ(get(out, &x, TL_POLL), 8);
		CHECK_EQ(x, k == 1 ? 6 : 5);
		CHECK_EQ(tl_queue_count(out), 0);
		tl_scope_cancel(&s);
		CHECK_EQ(tl_scope_close(&s), 0);
		tl_queue_close(in);
		tl_queue_close(out);
		close(p[0]), close(p[1]), close(full[0]), close(full[1]);
	}
}

TEST(mixed_task) { mixed(false); }
TEST(mixed_thread) { mixed(true); }

/* -- exactly once, with many who select over the same queues */

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
		tl_time until = x % 3 == 0 ? TL_NEVER
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
		trade.q[k] = make((size_t)k + 1);
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

	fire.q = make(8);
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
