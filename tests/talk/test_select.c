/* test_select.c - the first of several things, and exactly that one. */
#include "talk.h"
#include <fcntl.h>

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
	tl_queue *q = make_queue(1, 64);
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
	tl_queue *q = make_queue(4, 64);
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
	tl_queue *q = make_queue(1, 64);
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
		while (atomic_load((_Atomic uint64_t *)arg) == t.id) {
			tl_yield();
			sched_yield();
		}
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

		while ((id = atomic_load(at)) < 2) {
			tl_yield();
			sched_yield();
		}
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
	tl_queue *q = make_queue(1, 64);
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
	tl_queue *q = make_queue(4, 64);
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
	tl_queue *full = make_queue(SIZE_MAX, 64), *room = make_queue(SIZE_MAX, 64);
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
		tl_queue *in = make_queue(1, 64), *out = make_queue(1, 64);
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
