/* test_stream_dry.c - a stream whose last read left nothing behind does not try first; what that
 * must not change. */
#include "io/pair.h"

static struct pair p;
static char buf[100];

static void make_dry(void)
{
	CHECK_EQ(tl_write(p.b, "x", 1, TL_NEVER), 1);
	CHECK_EQ(tl_read(p.a, buf, sizeof buf, TL_NEVER), 1);
}

TEST(deadlines_try_once)
{
	tl_time past = tl_after(tl_ms(-1));

	p = pair_make();
	CHECK_EQ(tl_fd_wait(tl_stream_fd(p.b), TL_OUT, TL_NEVER), TL_OUT);
	for (int i = 0; i < 100; i++) {
		tl_time soon = tl_after(tl_us(50));

		make_dry();
		CHECK_EQ(tl_read(p.a, buf, sizeof buf, TL_POLL), -EAGAIN);
		make_dry();
		CHECK_EQ(tl_read(p.a, buf, sizeof buf, past), -ETIMEDOUT);
		make_dry();
		CHECK_EQ(tl_read(p.a, buf, sizeof buf, soon), -ETIMEDOUT);
		make_dry();
		CHECK_EQ(tl_write(p.b, "y", 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(p.a, buf, sizeof buf, i % 2 ? past : TL_POLL), 1);
		CHECK_EQ(buf[0], 'y');
	}
	pair_close(p);
}

TEST(the_end_that_came_with_the_bytes)
{
	p = pair_make();
	make_dry();
	CHECK_EQ(tl_write(p.b, "last", 4, TL_NEVER), 4);
	CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
	CHECK_EQ(tl_read(p.a, buf, sizeof buf, TL_NEVER), 4);
	CHECK_EQ(tl_read(p.a, buf, sizeof buf, TL_NEVER), 0);
	CHECK_EQ(tl_read(p.a, buf, sizeof buf, TL_NEVER), 0);
	CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
}

enum { BYTES = 3000 };
static int got;

/* Reads that end in every way; each byte comes once and in its order. */
static int read_impatiently(void *arg)
{
	(void)arg;
	while (got < BYTES) {
		tl_scope s = { .deadline = tl_after(tl_us(got % 3 ? 20 : 100000)) };
		ssize_t n;

		tl_scope_open(&s);
		n = tl_read(p.a, buf, sizeof buf, tl_after(tl_us(got % 2 ? 30 : 100000)));
		CHECK(n > 0 || n == -ETIMEDOUT || n == -ECANCELED);
		for (ssize_t i = 0; i < n; i++, got++)
			CHECK_EQ(buf[i], (char)(got % 100));
		tl_scope_close(&s);
	}
	return 0;
}

static int write_slowly(void *arg)
{
	(void)arg;
	for (int i = 0; i < BYTES; i++) {
		char c = (char)(i % 100);

		CHECK_EQ(tl_write(p.b, &c, 1, TL_NEVER), 1);
		if (i % 4)
			tl_sleep(tl_us(i % 60));
	}
	return 0;
}

static void race(int (*start)(tl_scope *, tl_fn *, void *, const tl_opts *))
{
	tl_scope s = { 0 };

	p = pair_make();
	tl_scope_open(&s);
	tl_task_start(&s, read_impatiently, NULL, NULL);
	start(&s, write_slowly, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(got, BYTES);
	pair_close(p);
}

TEST(bytes_race_with_deadlines_of_tasks) { race(tl_task_start); }
TEST(bytes_race_with_deadlines_of_threads) { race(tl_thread_start); }
