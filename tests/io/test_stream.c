/* test_stream.c - bytes between tasks and between threads; every way a call can end. */
#include "io/pair.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

enum { BIG = 3 << 20 };

static char pattern(size_t i) { return (char)(i * 7 + i / 251); }

/* -- what moves */

static int send_big(void *arg)
{
	char *buf = malloc(BIG);
	size_t put = 0;

	for (size_t i = 0; i < BIG; i++)
		buf[i] = pattern(i);
	CHECK_EQ(tl_write_all(arg, buf, BIG, &put, TL_NEVER), 0);
	CHECK_EQ(put, BIG);
	CHECK_EQ(tl_shut(arg), 0);
	free(buf);
	return 0;
}

/* In pieces of odd sizes, to the end. */
static int receive_big(void *arg)
{
	char buf[977];
	size_t at = 0;
	ssize_t n;

	while ((n = tl_read(arg, buf, 1 + at % sizeof buf, TL_NEVER)) > 0)
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ(buf[i], pattern(at++));
	CHECK_EQ(n, 0);
	CHECK_EQ(at, BIG);
	CHECK_EQ(tl_read(arg, buf, 1, TL_NEVER), 0);
	return 0;
}

typedef int start(tl_scope *, tl_fn *, void *, const tl_opts *);

static void big_transfer(start *one, start *other)
{
	tl_scope s = { 0 };
	struct pair p = pair_make();
	int small = 4096;

	CHECK_EQ(setsockopt(tl_stream_fd(p.a), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	tl_scope_open(&s);
	one(&s, send_big, p.a, NULL);
	other(&s, receive_big, p.b, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
	CHECK_EQ(tl_finish(), 0);
}

TEST(big_between_tasks) { big_transfer(tl_task_start, tl_task_start); }
TEST(big_between_threads) { big_transfer(tl_thread_start, tl_thread_start); }
TEST(big_from_task_to_thread) { big_transfer(tl_task_start, tl_thread_start); }

struct both {
	tl_stream *s;
	tl_fn *to, *from;
};

static int both_ways(void *arg)
{
	struct both *b = arg;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, b->to, b->s, NULL);
	tl_thread_start(&s, b->from, b->s, NULL);
	return tl_scope_close(&s);
}

/* One stream, its reader and its writer on different loops, both directions full. */
static void two_loops(void)
{
	tl_scope s = { 0 };
	struct pair p = pair_make();
	struct both a = { p.a, send_big, receive_big }, b = { p.b, send_big, receive_big };

	tl_scope_open(&s);
	tl_task_start(&s, both_ways, &a, NULL);
	tl_thread_start(&s, both_ways, &b, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}

TEST(reader_and_writer_on_two_loops) { two_loops(); }

/* Stopped and continued all the time, as by a shell or a debugger: of that no call says a word. */
TEST_LIMIT(stopped_and_continued, 60)
{
	pid_t parent = getpid(), pid = fork();
	struct timespec rest = { 0 };
	int status;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 1000; i++) {
			rest.tv_nsec = i * 7919 % 300000;
			nanosleep(&rest, NULL);
			kill(parent, SIGSTOP);
			nanosleep(&rest, NULL);
			kill(parent, SIGCONT);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		two_loops();
	CHECK_EQ(status, 0);
}

static int echo(void *arg)
{
	char c;
	ssize_t n;

	while ((n = tl_read(arg, &c, 1, TL_NEVER)) > 0)
		CHECK_EQ(tl_write(arg, &c, 1, TL_NEVER), 1);
	return (int)n;
}

/* The same stream used on one loop, then on another, then on the first. */
TEST(moves_between_loops)
{
	tl_scope s = { 0 };
	struct pair p = pair_make();
	char c;

	tl_scope_open(&s);
	tl_thread_start(&s, echo, p.b, NULL);
	for (int round = 0; round < 50; round++) {
		tl_scope in = { 0 };

		CHECK_EQ(tl_write(p.a, "x", 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), 1);
		tl_scope_open(&in);
		struct pair q = pair_make();
		tl_task_start(&in, echo, q.b, NULL);
		CHECK_EQ(tl_write(q.a, "y", 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(q.a, &c, 1, TL_NEVER), 1);
		CHECK_EQ(tl_shut(q.a), 0);
		CHECK_EQ(tl_scope_close(&in), 0);
		pair_close(q); /* its numbers are used again in the next round */
	}
	CHECK_EQ(tl_shut(p.a), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}

/* A number that is closed and used again is another file, also when somebody waited for the old. */
TEST(numbers_are_used_again)
{
	char c;

	for (int round = 0; round < 200; round++) {
		struct pair p = pair_make();

		CHECK_EQ(tl_read(p.a, &c, 1, tl_after(tl_us(1))), -ETIMEDOUT);
		if (round % 2) {
			CHECK_EQ(tl_write(p.b, "z", 1, TL_NEVER), 1);
			CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), 1);
		}
		pair_close(p);
	}
}

/* -- how calls end */

TEST(poll_and_past_deadlines)
{
	struct pair p = pair_make();
	tl_time past = tl_after(tl_ms(-5));
	char buf[4];

	CHECK_EQ(tl_read(p.a, buf, 4, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_read(p.a, buf, 4, past), -ETIMEDOUT);
	CHECK_EQ(tl_write(p.b, "ab", 2, past), 2);
	CHECK_EQ(tl_read(p.a, buf, 1, past), 1);
	CHECK_EQ(tl_read(p.a, buf, 4, TL_POLL), 1);
	CHECK_EQ(buf[0], 'b');
	CHECK_EQ(tl_read(p.a, buf, 0, TL_NEVER), 0);
	pair_close(p);
}

TEST(deadline_while_waiting)
{
	struct pair p = pair_make();
	size_t got = 77, put = 77;
	char *buf = calloc(1, BIG);

	CHECK_EQ(tl_write(p.b, "abc", 3, TL_NEVER), 3);
	CHECK_EQ(tl_read_all(p.a, buf, 4, &got, tl_after(tl_ms(2))), -ETIMEDOUT);
	CHECK_EQ(got, 3);
	CHECK_EQ(tl_write_all(p.b, buf, BIG, &put, tl_after(tl_ms(2))), -ETIMEDOUT);
	CHECK(put > 0 && put < BIG);
	CHECK_EQ(tl_read_all(p.a, buf, put, &got, TL_NEVER), 0);
	CHECK_EQ(got, put);
	CHECK_EQ(tl_read(p.a, buf, 1, TL_POLL), -EAGAIN);
	free(buf);
	pair_close(p);
}

static int read_one(void *arg)
{
	char c;

	return (int)tl_read(arg, &c, 1, TL_NEVER);
}

TEST(cancel_while_waiting)
{
	start *const starts[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };
		struct pair p = pair_make();
		size_t n = 1;
		tl_end end;
		tl_strand t;
		char c;

		tl_scope_open(&s);
		starts[i](&s, read_one, p.a, &(tl_opts){ .ret = &t });
		await_blocked(t);
		tl_cancel(t);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(end.value, -ECANCELED);
		CHECK_EQ(tl_write(p.b, "k", 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), 1); /* it took nothing with it */
		tl_scope_cancel(&s);
		CHECK_EQ(tl_write(p.b, "k", 1, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_POLL), -EAGAIN); /* no cancel point */
		CHECK_EQ(tl_write_all(p.b, "", 0, &n, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_read_all(p.a, &c, 0, &n, TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_write_all(p.b, "", 0, &n, TL_POLL), 0);
		CHECK_EQ(tl_read_all(p.a, &c, 0, &n, TL_POLL), 0);
		CHECK_EQ(n, 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		pair_close(p);
	}
}

TEST(two_readers_are_busy)
{
	start *const starts[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };
		struct pair p = pair_make();
		tl_strand t;
		char c;

		tl_scope_open(&s);
		starts[i](&s, read_one, p.a, &(tl_opts){ .ret = &t });
		await_blocked(t);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), -EBUSY);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_POLL), -EBUSY);
		CHECK_EQ(tl_write(p.a, "w", 1, TL_NEVER), 1);
		CHECK_EQ(tl_write(p.b, "r", 1, TL_NEVER), 1);
		CHECK_EQ(tl_scope_close(&s), 0);
		pair_close(p);
	}
}

static int read_until_closed(void *arg)
{
	CHECK_EQ(read_one(arg), -EPIPE);
	return 0;
}

/* A stream closed under a strand that waits in it: that strand is told, and the last one frees. */
TEST(close_while_another_reads)
{
	start *const starts[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };
		struct pair p = pair_make();
		tl_strand t;
		char c;

		tl_scope_open(&s);
		starts[i](&s, read_until_closed, p.a, &(tl_opts){ .ret = &t });
		await_blocked(t);
		CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
		CHECK_EQ(tl_read(p.b, &c, 1, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
	}
	CHECK_EQ(tl_close(NULL, TL_NEVER), 0);
}

TEST(half_close)
{
	struct pair p = pair_make();
	char buf[8];
	size_t got;

	CHECK_EQ(tl_write(p.a, "ask", 3, TL_NEVER), 3);
	CHECK_EQ(tl_shut(p.a), 0);
	CHECK_EQ(tl_read_all(p.b, buf, 8, &got, TL_NEVER), -EPIPE);
	CHECK_EQ(got, 3);
	CHECK_EQ(tl_write(p.b, "answer", 6, TL_NEVER), 6);
	CHECK_EQ(tl_read_all(p.a, buf, 6, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_write(p.a, "more", 4, TL_NEVER), -EPIPE);
	pair_close(p);
}

TEST(closed_peer_is_epipe_without_a_signal)
{
	struct pair p = pair_make();
	int fd[2];
	tl_stream *in, *out;
	sigset_t pending;

	CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
	CHECK_EQ(tl_write(p.a, "x", 1, TL_NEVER), -EPIPE); /* SIGPIPE would end the case */
	CHECK_EQ(tl_close(p.a, TL_NEVER), 0);

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	CHECK_EQ(tl_stream_adopt(&in, fd[0]), 0);
	CHECK_EQ(tl_stream_adopt(&out, fd[1]), 0);
	CHECK_EQ(tl_write(out, "pq", 2, TL_NEVER), 2);
	CHECK_EQ(read_one(in), 1);
	CHECK_EQ(tl_close(in, TL_NEVER), 0);
	CHECK_EQ(tl_write(out, "x", 1, TL_NEVER), -EPIPE);
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(!sigismember(&pending, SIGPIPE));
	CHECK_EQ(tl_close(out, TL_NEVER), 0);
}

static int fill_pipe(void *arg)
{
	char *buf = calloc(1, BIG);
	int r = tl_write_all(arg, buf, BIG, NULL, TL_NEVER);

	free(buf);
	tl_close(arg, TL_NEVER);
	return r;
}

TEST(pipes)
{
	tl_scope s = { 0 };
	tl_stream *in, *out;
	char buf[5000];
	size_t all = 0;
	int fd[2];
	ssize_t n;

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	CHECK_EQ(tl_stream_adopt(&in, fd[0]), 0);
	CHECK_EQ(tl_stream_adopt(&out, fd[1]), 0);
	tl_scope_open(&s);
	tl_task_start(&s, fill_pipe, out, NULL);
	while ((n = tl_read(in, buf, sizeof buf, TL_NEVER)) > 0)
		all += (size_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(all, BIG);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_close(in, TL_NEVER), 0);
}

TEST(adopts_only_what_streams)
{
	tl_stream *s = NULL;
	int fd = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	CHECK_EQ(tl_stream_adopt(&s, fd), -EINVAL);
	CHECK_EQ(tl_stream_adopt(&s, -1), -EBADF);
	CHECK_EQ(tl_stream_adopt(&s, 999), -EBADF);
	CHECK(!s);
	CHECK_EQ(close(fd), 0); /* it stayed ours */
}

/* -- who goes on */

static int count_turns(void *arg)
{
	int *turns = arg;

	while (*turns >= 0) {
		++*turns;
		if (tl_yield() < 0)
			break;
	}
	return 0;
}

/* Calls that never have to wait still let the others run. */
TEST(busy_stream_is_fair)
{
	tl_scope s = { 0 };
	struct pair p = pair_make();
	int turns = 0;
	char c;

	tl_scope_open(&s);
	tl_task_start(&s, count_turns, &turns, NULL);
	for (int i = 0; i < 500; i++) {
		CHECK_EQ(tl_write(p.a, "x", 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(p.b, &c, 1, TL_NEVER), 1);
	}
	CHECK(turns > 10);
	turns = -1;
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}
