/* test_transport.c - streams over functions of one's own: a wire made of two queues, and transports
 * that fail or lack something. */
#include "io/fed.h"
#include "telar/select.h"
#include <stdatomic.h>
#include <string.h>

enum { PIECE = 64 };

/* -- a wire: pieces of bytes through a queue for each direction */

struct end {
	tl_queue *in, *out;
	char kept[PIECE]; /* what has come and was not read yet */
	size_t at, n;
	_Atomic int shuts;
	int *closes; /* outlives the wire */
};

static ssize_t wire_read(void *arg, void *buf, size_t n, tl_time deadline)
{
	struct end *e = arg;

	if (e->at == e->n) {
		int r = tl_queue_get(e->in, e->kept, sizeof e->kept, deadline);

		if (r < 0)
			return r == -EPIPE ? 0 : r;
		e->at = 0;
		e->n = (size_t)r;
	}
	n = n < e->n - e->at ? n : e->n - e->at;
	memcpy(buf, e->kept + e->at, n);
	e->at += n;
	return (ssize_t)n;
}

static ssize_t wire_write(void *arg, const void *buf, size_t n, tl_time deadline)
{
	struct end *e = arg;
	int r;

	n = n < PIECE ? n : PIECE;
	r = tl_queue_put(e->out, buf, n, deadline);
	return r < 0 ? r : (ssize_t)n;
}

static int wire_shut(void *arg, int directions)
{
	struct end *e = arg;

	e->shuts++;
	if (directions & TL_OUT)
		tl_queue_end(e->out);
	if (directions & TL_IN)
		tl_queue_end(e->in);
	return 0;
}

static int wire_close(void *arg, tl_time deadline)
{
	struct end *e = arg;

	(void)deadline;
	tl_queue_end(e->out);
	tl_queue_end(e->in);
	++*e->closes;
	free(e);
	return 0;
}

static const tl_transport wire = {
	.read = wire_read, .write = wire_write, .shut = wire_shut, .close = wire_close
};

struct line {
	struct pair p;
	struct end *end[2]; /* while the stream is open */
	tl_queue *q[2];
	int closes[2];
};

static void line_make(struct line *l, size_t capacity)
{
	tl_queue_opts o = { .capacity = capacity, .max_item = PIECE };

	*l = (struct line){ 0 };
	for (int i = 0; i < 2; i++)
		CHECK_EQ(tl_queue_open(&l->q[i], &o), 0);
	for (int i = 0; i < 2; i++) {
		struct end *e = calloc(1, sizeof *e);

		CHECK(e != NULL);
		l->end[i] = e;
		e->in = l->q[i];
		e->out = l->q[1 - i];
		e->closes = &l->closes[i];
		CHECK_EQ(tl_stream_over(i ? &l->p.b : &l->p.a, &wire, e), 0);
	}
}

static void line_free(struct line *l)
{
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(l->closes[i], 1);
		tl_queue_close(l->q[i]);
	}
}

static int value(tl_strand t)
{
	tl_end e;

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e.value;
}

static tl_strand begin(tl_scope *s, bool thread, tl_fn *fn, void *arg)
{
	tl_strand t;

	CHECK_EQ(
		(thread ? tl_thread_start : tl_task_start)(s, fn, arg, &(tl_opts){ .ret = &t }), 0);
	return t;
}

/* -- the wire works as any stream */

enum { LOTS = 20000 };

static int send_lots(void *arg)
{
	static char text[LOTS];
	size_t put = 0;

	for (size_t i = 0; i < LOTS; i++)
		text[i] = pattern(i);
	CHECK_EQ(tl_write_all(arg, text, LOTS, &put, TL_NEVER), 0);
	CHECK_EQ(put, LOTS);
	return tl_shut(arg);
}

static void carries(bool thread)
{
	struct line l;
	tl_scope s = { 0 };
	char buf[300];
	size_t got, at = 0;
	int r;

	line_make(&l, 3);
	tl_scope_open(&s);
	begin(&s, thread, send_lots, l.p.a);
	do {
		r = tl_read_all(l.p.b, buf, sizeof buf, &got, TL_NEVER);
		for (size_t i = 0; i < got; i++)
			CHECK_EQ(buf[i], pattern(at++));
	} while (r == 0);
	CHECK_EQ(r, -EPIPE);
	CHECK_EQ(at, LOTS);
	CHECK_EQ(tl_read(l.p.b, buf, 1, TL_NEVER), 0);
	CHECK_EQ(tl_write(l.p.a, "x", 1, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_write(l.p.b, "yz", 2, TL_NEVER), 2); /* the other way is open */
	CHECK_EQ(tl_read(l.p.a, buf, sizeof buf, TL_NEVER), 2);
	CHECK_EQ(memcmp(buf, "yz", 2), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(l.p);
	line_free(&l);
}

TEST(carries_task) { carries(false); }
TEST(carries_thread) { carries(true); }

static int read_three(void *arg)
{
	char buf[3];
	ssize_t r = tl_read(arg, buf, sizeof buf, TL_NEVER);

	CHECK(r != 3 || memcmp(buf, "abc", 3) == 0);
	return (int)r;
}

TEST(deadlines_and_cancels)
{
	struct line l;
	tl_scope s = { .keep_going = true };
	char buf[8];

	line_make(&l, 1);
	CHECK_EQ(tl_read(l.p.a, buf, 8, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_read(l.p.a, buf, 8, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_read(l.p.a, buf, 8, tl_after(tl_ms(2))), -ETIMEDOUT);
	CHECK_EQ(tl_read(l.p.a, buf, 0, TL_NEVER), 0);
	tl_scope_open(&s);
	for (int i = 0; i < 2; i++) {
		tl_strand t = begin(&s, i, read_three, l.p.a);

		await_blocked(t);
		tl_cancel(t);
		CHECK_EQ(value(t), -ECANCELED);
		t = begin(&s, i, read_three, l.p.a);
		await_blocked(t);
		CHECK_EQ(tl_write(l.p.b, "abcde", 5, TL_NEVER), 5);
		CHECK_EQ(value(t), 3);
		tl_scope_cancel(&s);
		CHECK_EQ(tl_read(l.p.a, buf, 8, TL_POLL), 2);
		CHECK_EQ(memcmp(buf, "de", 2), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		s = (tl_scope){ .keep_going = true };
		tl_scope_open(&s);
	}
	CHECK_EQ(tl_write(l.p.b, "full", 4, TL_POLL), 4);
	CHECK_EQ(tl_write(l.p.b, "more", 4, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_write(l.p.b, "more", 4, tl_after(tl_ms(2))), -ETIMEDOUT);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_read(l.p.a, buf, 8, TL_NEVER), -ECANCELED); /* before the transport is asked */
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_read(l.p.a, buf, 8, TL_NEVER), 4);
	CHECK_EQ(tl_read(l.p.a, buf, 8, TL_POLL), -EAGAIN);
	pair_close(l.p);
	line_free(&l);
}

static int write_three(void *arg) { return (int)tl_write(arg, "abc", 3, TL_NEVER); }

/* Who is inside is told; and as the last he closes, once, when the closer has gone. */
TEST(closed_meanwhile)
{
	tl_scope s = { .keep_going = true };

	tl_scope_open(&s);
	for (int i = 0; i < 8; i++) {
		bool writes = i & 2;
		struct line l;
		tl_strand t;
		char buf[8];

		line_make(&l, 1);
		if (writes)
			CHECK_EQ(tl_write(l.p.a, "full", 4, TL_POLL), 4);
		t = begin(&s, i & 1, writes ? write_three : read_three, l.p.a);
		await_blocked(t);
		CHECK_EQ((writes ? write_three : read_three)(l.p.a), -EBUSY);
		if (!(i & 1))
			CHECK_EQ(l.closes[0], 0);
		CHECK_EQ(tl_close(l.p.a, TL_NEVER), 0);
		if (!(i & 1))
			CHECK_EQ(l.closes[0], 0); /* t has not run yet, so it has not left */
		CHECK_EQ(value(t), -EPIPE);
		CHECK_EQ(l.closes[0], 1);
		CHECK_EQ(tl_read(l.p.b, buf, 8, TL_NEVER), writes ? 4 : 0);
		CHECK_EQ(tl_close(l.p.b, TL_NEVER), 0);
		line_free(&l);
	}
	CHECK_EQ(tl_scope_close(&s), -EPIPE); /* what they answered */
}

/* With nobody inside a close shuts nothing, it only closes. */
TEST(shut_only_if_asked)
{
	struct line l;

	line_make(&l, 1);
	CHECK_EQ(tl_shut(l.p.b), 0);
	CHECK_EQ(l.end[1]->shuts, 1);
	CHECK_EQ(l.end[0]->shuts, 0);
	CHECK_EQ(read_three(l.p.a), 0);
	pair_close(l.p);
	line_free(&l);
}

/* -- a transport that answers what it is told to */

static struct script {
	ssize_t read, write;
	int shut, close, closes;
	tl_time until;
} script;

static ssize_t say_read(void *arg, void *buf, size_t n, tl_time deadline)
{
	struct script *c = arg;
	ssize_t r = c->read;

	(void)deadline;
	CHECK(n > 0);
	if (r > 0)
		memset(buf, 'r', n < (size_t)r ? n : (size_t)r);
	if (r > 0 && r < 5)
		c->read = -EIO; /* it fails after that */
	return r;
}

static ssize_t say_write(void *arg, const void *buf, size_t n, tl_time deadline)
{
	struct script *c = arg;
	ssize_t r = c->write;

	(void)buf, (void)deadline;
	CHECK(n > 0);
	if (r > 0 && r < 5)
		c->write = -ECONNRESET;
	return r;
}

static int say_shut(void *arg, int directions)
{
	CHECK_EQ(directions, TL_OUT);
	return ((struct script *)arg)->shut;
}

static int say_close(void *arg, tl_time deadline)
{
	struct script *c = arg;

	c->closes++;
	c->until = deadline;
	return c->close;
}

TEST(failures_pass)
{
	static const tl_transport t = { say_read, say_write, say_shut, say_close, { 0 } };
	tl_time soon = tl_after(tl_s(100));
	tl_stream *s;
	char buf[8];
	size_t n = 99;

	CHECK_EQ(tl_stream_over(&s, &t, &script), 0);
	script = (struct script){ .read = 4, .write = 4, .shut = -ENOTCONN, .close = -EDQUOT };
	CHECK_EQ(tl_read_all(s, buf, 8, &n, TL_NEVER), -EIO);
	CHECK_EQ(n, 4);
	CHECK_EQ(tl_write_all(s, buf, 8, &n, TL_NEVER), -ECONNRESET);
	CHECK_EQ(n, 4);
	script.read = script.write = 0;
	CHECK_EQ(tl_read_all(s, buf, 8, &n, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_write_all(s, buf, 8, &n, TL_NEVER), -EPIPE);
	CHECK_EQ(n, 0);
	script.read = script.write = 9; /* more than it was asked for */
	CHECK_EQ(tl_read(s, buf, 8, TL_NEVER), -EPROTO);
	CHECK_EQ(tl_write(s, buf, 8, TL_NEVER), -EPROTO);
	CHECK_EQ(tl_shut(s), -ENOTCONN);
	CHECK_EQ(tl_close(s, soon), -EDQUOT);
	CHECK_EQ(script.closes, 1);
	CHECK_EQ(script.until.ns, soon.ns);
}

TEST(lacks)
{
	static const tl_transport reads = { .read = say_read }, writes = { .write = say_write };
	static const tl_transport nothing = { .close = say_close };
	static const tl_transport odd = { .read = say_read, .reserved = { 0, 0, 0, 1 } };
	tl_stream *r, *w, *none = NULL;
	char buf[8] = { 0 };

	CHECK_EQ(tl_stream_over(&none, &nothing, NULL), -EINVAL);
	CHECK_EQ(tl_stream_over(&none, &odd, NULL), -EINVAL);
	CHECK_EQ(tl_stream_over(&none, NULL, NULL), -EINVAL);
	CHECK(none == NULL);
	script = (struct script){ .read = 5, .write = 5 };
	CHECK_EQ(tl_stream_over(&r, &reads, &script), 0);
	CHECK_EQ(tl_stream_over(&w, &writes, &script), 0);
	CHECK_EQ(tl_write(r, buf, 8, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_read(w, buf, 8, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_read(r, buf, 8, TL_NEVER), 5);
	CHECK_EQ(tl_write(w, buf, 8, TL_NEVER), 5);
	CHECK_EQ(tl_shut(w), -ENOTSUP);
	CHECK_EQ(tl_peer(w, buf, sizeof buf), -ENOTSUP);
	CHECK_EQ(tl_stream_fd(w), -ENOTSUP);
	tl_case c[] = { TL_RECV(r, buf, 8), TL_SEND(w, buf, 8) };
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tl_select(&c[i], 1, TL_NEVER), 0);
		CHECK_EQ(c[i].result, -ENOTSUP);
	}
	CHECK_EQ(tl_read(r, buf, 8, TL_NEVER), 5); /* the select left nobody inside */
	CHECK_EQ(tl_close(r, TL_NEVER), 0);
	CHECK_EQ(tl_close(w, TL_NEVER), 0);
	CHECK_EQ(script.closes, 0);
}

/* -- under fire: each byte in order and once, whatever is cancelled, and each end closed once */

enum { BYTES = 30000 };

struct mover {
	tl_stream *s;
	bool reads;
	size_t at;
	uint64_t seed;
};

static uint32_t number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

static int move(void *arg)
{
	struct mover *m = arg;

	while (m->at < BYTES) {
		uint32_t x = number(&m->seed);
		tl_time until = x % 3 ? TL_NEVER : tl_after(tl_us((int)(x >> 8 & 31) - 4));
		size_t n = 1 + (x >> 16) % 100;
		char buf[100];
		ssize_t r;

		n = n < BYTES - m->at ? n : BYTES - m->at;
		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(m->at + i);
		r = m->reads ? tl_read(m->s, buf, n, until) : tl_write(m->s, buf, n, until);
		if (r == -ECANCELED)
			return 0;
		CHECK(r > 0 || (r == -ETIMEDOUT && until.ns));
		for (ssize_t i = 0; i < r; i++)
			CHECK_EQ(buf[i], pattern(m->at++));
	}
	return 0;
}

static int move_again_and_again(void *arg)
{
	struct mover *m = arg;
	uint64_t seed = m->seed + 7;

	while (m->at < BYTES) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = begin(&s, number(&seed) % 8 == 0, move, m);
		for (uint32_t i = number(&seed) % 64; i; i--)
			tl_yield();
		tl_cancel(t);
		value(t); /* 0, or -ECANCELED where it had not begun */
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

TEST_LIMIT(storm, 60)
{
	struct line l;
	struct mover m[4];
	tl_scope s = { 0 };

	line_make(&l, 2);
	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		m[i] = (struct mover){ i & 1 ? l.p.b : l.p.a, i == 1 || i == 2, 0,
			(uint64_t)i + 11 };
		begin(&s, i >= 2, move_again_and_again, &m[i]);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(l.p);
	line_free(&l);
}
