/* test_stream_select.c - bytes and connections as cases of a select. */
#include "io/fed.h"
#include "telar/select.h"
#include <fcntl.h>

struct choice {
	tl_case c[4];
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
	tl_strand t;

	CHECK_EQ((thread ? tl_thread_start : tl_task_start)(s, choose, h, &(tl_opts){ .ret = &t }),
		0);
	await_blocked(t);
	return t;
}

static int ending(tl_strand t)
{
	tl_end e;

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e.value;
}

/* -- each alone */

static void receive(struct pair p, bool thread)
{
	char buf[8];
	tl_scope s = { 0 };
	struct choice h = { .c = { TL_RECV(p.a, buf, sizeof buf) }, .n = 1 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_select(h.c, 1, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_select(h.c, 1, tl_after(tl_ms(1))), -ETIMEDOUT);
	t = waiting(&s, &h, thread);
	CHECK_EQ(tl_write(p.b, "0123456789", 10, TL_NEVER), 10);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, 8);
	CHECK_EQ(memcmp(buf, "01234567", 8), 0);
	CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
	CHECK_EQ(h.c[0].result, 2);
	CHECK_EQ(memcmp(buf, "89", 2), 0);
	h.c[0].size = 0;
	CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
	CHECK_EQ(h.c[0].result, 0);
	h.c[0].size = 8;
	t = waiting(&s, &h, thread);
	CHECK_EQ(tl_shut(p.b), 0);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, 0); /* the end */
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}

TEST(receive_task) { receive(pair_make(), false); }
TEST(receive_thread) { receive(pair_make(), true); }
TEST(receive_fed) { receive(fed(), false); }
TEST(receive_fed_elsewhere) { receive(fed(), true); }

static size_t fill(tl_stream *s)
{
	char junk[4096] = { 0 };
	size_t n = 0;
	ssize_t r;

	while ((r = tl_write(s, junk, sizeof junk, TL_POLL)) > 0)
		n += (size_t)r;
	CHECK_EQ(r, -EAGAIN);
	return n;
}

static void empty(tl_stream *s, size_t n)
{
	char junk[4096];

	while (n)
		n -= (size_t)tl_read(s, junk, n < sizeof junk ? n : sizeof junk, TL_NEVER);
}

static void sending(bool thread)
{
	struct pair p = pair_make(); /* what TCP has room for changes by itself */
	tl_scope s = { 0 };
	struct choice h = { .c = { TL_SEND(p.a, "abc", 3) }, .n = 1 };
	tl_strand t;
	size_t n;
	char buf[4];

	tl_scope_open(&s);
	n = fill(p.a);
	CHECK_EQ(tl_select(h.c, 1, TL_POLL), -EAGAIN);
	t = waiting(&s, &h, thread);
	empty(p.b, n);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, 3);
	CHECK_EQ(tl_read(p.b, buf, sizeof buf, TL_NEVER), 3);
	CHECK_EQ(memcmp(buf, "abc", 3), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}

TEST(send_task) { sending(false); }
TEST(send_thread) { sending(true); }

TEST(pipe)
{
	tl_stream *in, *out;
	char buf[8];
	tl_scope s = { 0 };
	struct choice h = { .n = 1 };
	tl_strand t;
	size_t n;
	int p[2];

	CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
	CHECK_EQ(tl_stream_adopt(&in, p[0]), 0);
	CHECK_EQ(tl_stream_adopt(&out, p[1]), 0);
	tl_scope_open(&s);
	h.c[0] = TL_RECV(in, buf, sizeof buf);
	t = waiting(&s, &h, true);
	CHECK_EQ(tl_write(out, "hi", 2, TL_NEVER), 2);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, 2);
	n = fill(out);
	h.c[0] = TL_SEND(out, "x", 1);
	t = waiting(&s, &h, false);
	empty(in, n);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, 1);
	fill(out);
	t = waiting(&s, &h, true);
	CHECK_EQ(tl_close(in, TL_NEVER), 0);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, -EPIPE);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_close(out, TL_NEVER), 0);
}

static void acceptance(const char *where, bool thread)
{
	tl_listener *l;
	tl_stream *a, *b = NULL;
	tl_scope s = { 0 };
	struct choice h = { .n = 1 };
	char address[128];
	tl_strand t;

	CHECK_EQ(tl_listen(&l, where), 0);
	CHECK(tl_listener_address(l, address, sizeof address) > 0);
	tl_scope_open(&s);
	h.c[0] = TL_ACCEPT(l, &b);
	CHECK_EQ(tl_select(h.c, 1, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_select(h.c, 1, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK(b == NULL);
	t = waiting(&s, &h, thread);
	CHECK_EQ(tl_connect(&a, address, TL_NEVER), 0);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, 0);
	pair_close((struct pair){ a, b });
	h.c[0].item = NULL;
	CHECK_EQ(tl_select(h.c, 1, TL_NEVER), 0);
	CHECK_EQ(h.c[0].result, -EINVAL);
	h.c[0].item = &b;
	t = waiting(&s, &h, thread);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, -EPIPE);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(accept_task) { acceptance(":0", false); }
TEST(accept_thread) { acceptance(":0", true); }
TEST(accept_unix) { acceptance("unix:s.sock", true); }

/* -- one inside */

TEST(busy)
{
	struct pair p = pair_make();
	tl_event e = { 0 };
	char buf[8];
	tl_scope s = { 0 };
	struct choice h = { .c = { TL_RECV(p.a, buf, 8), TL_SET(&e) }, .n = 2 };
	tl_case same = TL_RECV(p.a, buf, 8), other = TL_SEND(p.a, "z", 1);
	tl_case twice[] = { other, TL_RECV(p.a, buf, 1), TL_RECV(p.a, buf, 1) };
	tl_strand t;

	tl_scope_open(&s);
	t = waiting(&s, &h, true);
	CHECK_EQ(tl_read(p.a, buf, 8, TL_POLL), -EBUSY);
	CHECK_EQ(tl_select(&same, 1, TL_NEVER), 0);
	CHECK_EQ(same.result, -EBUSY);
	CHECK_EQ(tl_select(&other, 1, TL_NEVER), 0);
	CHECK_EQ(other.result, 1);
	tl_event_set(&e);
	CHECK_EQ(ending(t), 1);
	CHECK_EQ(tl_read(p.a, buf, 8, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_select(twice, 3, TL_NEVER), 2);
	CHECK_EQ(twice[2].result, -EBUSY);
	CHECK_EQ(tl_read(p.a, buf, 8, TL_POLL), -EAGAIN); /* and all are out again */
	CHECK_EQ(tl_write(p.a, "y", 1, TL_POLL), 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}

TEST(closed_meanwhile)
{
	tl_scope s = { 0 };
	char buf[8];

	tl_scope_open(&s);
	for (int i = 0; i < 16; i++) {
		struct pair p = (i & 6) == 2 ? fed() : pair_make();
		tl_event e = { 0 };
		struct choice h = { .n = 2 };
		tl_strand t;

		h.c[0] = i & 4 ? TL_SEND(p.a, "q", 1) : TL_RECV(p.a, buf, 8);
		h.c[1] = TL_SET(&e);
		if (i & 4)
			fill(p.a);
		t = waiting(&s, &h, i & 1);
		CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, -EPIPE);
		CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* What a select did not commit is still there for the next read, to the byte. */
TEST(nothing_taken)
{
	for (int i = 0; i < 40; i++) {
		struct pair p = i & 1 ? fed() : connected();
		tl_event e = { 0 };
		char buf[8];
		tl_case c[] = { TL_RECV(p.a, buf, 8), TL_SET(&e) };
		tl_scope s = { 0 }, in = { 0 };
		struct choice h = { .c = { c[0], c[1] }, .n = 2 };
		tl_strand t;
		int r;

		tl_scope_open(&s);
		t = waiting(&s, &h, i & 2);
		tl_event_set(&e);
		CHECK_EQ(tl_write(p.b, "abc", 3, TL_NEVER), 3);
		CHECK_EQ(ending(t), 1);
		tl_scope_open(&in);
		tl_scope_cancel(&in);
		CHECK_EQ(tl_select(c, 2, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_scope_close(&in), 0);
		CHECK_EQ(tl_fd_wait(tl_stream_fd(p.a), TL_IN, TL_NEVER), TL_IN);
		r = tl_select(c, 2, TL_NEVER);
		CHECK(r == 0 || r == 1);
		if (r == 1)
			CHECK_EQ(tl_read(p.a, buf, 8, TL_NEVER), 3);
		else
			CHECK_EQ(c[0].result, 3);
		CHECK_EQ(memcmp(buf, "abc", 3), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		pair_close(p);
	}
}
