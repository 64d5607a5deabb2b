/* test_stream_feed.c - a stream that is fed ahead gives the same bytes as one that is not, and its
 * calls end in the same ways. */
#include "io/fed.h"

enum { BIG = 8 << 20 };

/* -- bytes */

static int send_pieces(void *arg)
{
	static const size_t sizes[] = { 1, 3, 64, 700, 2031, 2032, 2033, 5000, 9, 20000 };
	char *buf = malloc(BIG);
	size_t at = 0;

	for (size_t i = 0; i < BIG; i++)
		buf[i] = pattern(i);
	for (int i = 0; at < BIG; i++) {
		size_t n = sizes[i % 10] < BIG - at ? sizes[i % 10] : BIG - at;

		CHECK_EQ(tl_write_all(arg, buf + at, n, NULL, TL_NEVER), 0);
		at += n;
		if (i % 7 < 5)
			CHECK_EQ(tl_yield(), 0);
	}
	CHECK_EQ(tl_shut(arg), 0);
	free(buf);
	return 0;
}

static int receive_pieces(void *arg)
{
	static char buf[30000];
	size_t at = 0;
	ssize_t n;

	for (size_t i = 0; (n = tl_read(arg, buf, 1 + i * 37 % 3000, TL_NEVER)) > 0; i++)
		for (ssize_t j = 0; j < n; j++)
			CHECK_EQ(buf[j], pattern(at++));
	CHECK_EQ(n, 0);
	CHECK_EQ(at, BIG);
	CHECK_EQ(tl_read(arg, buf, 1, TL_NEVER), 0);
	return 0;
}

typedef int start(tl_scope *, tl_fn *, void *, const tl_opts *);

static void pieces(start *writer)
{
	tl_scope s = { 0 };
	struct pair p = fed();

	tl_scope_open(&s);
	writer(&s, send_pieces, p.b, NULL);
	tl_task_start(&s, receive_pieces, p.a, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}

TEST(pieces_from_a_task) { pieces(tl_task_start); }
TEST(pieces_from_a_thread) { pieces(tl_thread_start); }

/* (a) The peer floods, nobody reads: it is pushed back, and nothing is lost. */
TEST(a_flood_is_pushed_back)
{
	struct pair p = fed();
	char *buf = malloc(BIG * 8), *in = malloc(BIG * 8);
	size_t put;

	for (size_t i = 0; i < BIG * 8; i++)
		buf[i] = pattern(i);
	CHECK_EQ(tl_write_all(p.b, buf, BIG * 8, &put, tl_after(tl_ms(100))), -ETIMEDOUT);
	CHECK(put < BIG * 8);
	CHECK_EQ(tl_read_all(p.a, in, put, NULL, TL_NEVER), 0);
	CHECK(memcmp(buf, in, put) == 0);
	CHECK_EQ(tl_read(p.a, in, 1, TL_POLL), -EAGAIN);
	free(buf);
	free(in);
	pair_close(p);
}

static int ask_once(void *arg)
{
	char c;

	CHECK_EQ(tl_read(arg, &c, 1, TL_NEVER), 1);
	return 0;
}

/* Many that are sent more than they ask for, all at once. */
TEST(many_streams)
{
	enum { N = 300, EACH = 3000 };
	static struct pair p[N];
	char text[EACH];

	for (int i = 0; i < EACH; i++)
		text[i] = pattern((size_t)i);
	for (int i = 0; i < N; i++)
		p[i] = fed();
	for (int round = 0; round < 3; round++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < N; i++)
			tl_task_start(&s, ask_once, p[i].a, NULL);
		for (int i = 0; i < N; i++)
			CHECK_EQ(tl_write_all(p[i].b, text, EACH, NULL, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		for (int i = 0; i < N; i++) {
			rest_is(p[i].a, 1, EACH - 1);
			warm(p[i]);
		}
	}
	for (int i = 0; i < N; i++)
		pair_close(p[i]);
}

/* -- how calls end */

TEST(poll_and_past_deadlines)
{
	struct pair p = fed();
	char buf[10];

	for (int i = 0; i < 50; i++) {
		tl_time when = i % 2 ? TL_POLL : tl_after(tl_ms(-1));

		CHECK_EQ(tl_read(p.a, buf, 10, when), i % 2 ? -EAGAIN : -ETIMEDOUT);
		CHECK_EQ(tl_write(p.b, "ab", 2, TL_NEVER), 2);
		CHECK_EQ(tl_read(p.a, buf, 1, when), 1);
		CHECK_EQ(tl_read(p.a, buf, 10, when), 1);
		CHECK_EQ(buf[0], 'b');
		keep(p, 100, 1);
		CHECK_EQ(tl_read(p.a, buf, 10, when), 10);
		CHECK_EQ(buf[9], pattern(10));
		rest_is(p.a, 11, 89);
		warm(p);
	}
	pair_close(p);
}

static int read_one(void *arg)
{
	char c;

	return (int)tl_read(arg, &c, 1, TL_NEVER);
}

TEST(cancel_takes_nothing)
{
	struct pair p = fed();

	for (int i = 0; i < 100; i++) {
		tl_scope s = { 0 };
		tl_end end;
		tl_strand t;
		char c;

		tl_scope_open(&s);
		tl_task_start(&s, read_one, p.a, &(tl_opts){ .ret = &t });
		await_blocked(t);
		if (i % 2)
			CHECK_EQ(tl_write(p.b, "k", 1, TL_NEVER), 1);
		tl_cancel(t);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		if (i % 2 == 0)
			CHECK_EQ(end.value, -ECANCELED);
		else if (end.value < 0)
			CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_POLL), -EAGAIN);
		warm(p);
	}
	pair_close(p);
}

enum { BYTES = 3000 };
static struct pair race;
static int got;

static int read_impatiently(void *arg)
{
	char buf[50];

	(void)arg;
	while (got < BYTES) {
		tl_scope s = { .deadline = tl_after(tl_us(got % 3 ? 20 : 100000)) };
		ssize_t n;

		tl_scope_open(&s);
		n = tl_read(
			race.a, buf, 1 + (size_t)got % 50, tl_after(tl_us(got % 2 ? 30 : 100000)));
		CHECK(n > 0 || n == -ETIMEDOUT || n == -ECANCELED);
		for (ssize_t i = 0; i < n; i++, got++)
			CHECK_EQ(buf[i], pattern((size_t)got));
		tl_scope_close(&s);
	}
	return 0;
}

static int write_slowly(void *arg)
{
	(void)arg;
	for (int i = 0; i < BYTES; i += 3) {
		char c[3] = { pattern((size_t)i), pattern((size_t)i + 1), pattern((size_t)i + 2) };

		CHECK_EQ(tl_write_all(race.b, c, 3, NULL, TL_NEVER), 0);
		if (i % 4)
			tl_sleep(tl_us(i % 60));
	}
	return 0;
}

TEST(bytes_race_with_deadlines)
{
	tl_scope s = { 0 };

	race = fed();
	tl_scope_open(&s);
	tl_task_start(&s, read_impatiently, NULL, NULL);
	tl_thread_start(&s, write_slowly, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(got, BYTES);
	pair_close(race);
}
