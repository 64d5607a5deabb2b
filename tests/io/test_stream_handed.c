/* test_stream_handed.c - a stream that was fed ahead is closed, handed to another thread, inherited
 * by a child, or waited for by its number. */
#include "io/fed.h"
#include "telar/queue.h"
#include "telar/select.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

static int read_one(void *arg)
{
	char c;

	return (int)tl_read(arg, &c, 1, TL_NEVER);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

TEST(half_close)
{
	struct pair p = fed();
	char c;

	keep(p, 10, 3);
	CHECK_EQ(tl_shut(p.b), 0);
	rest_is(p.a, 3, 7);
	CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), 0);
	CHECK_EQ(tl_read(p.a, &c, 1, TL_POLL), 0);
	CHECK_EQ(tl_write(p.a, "x", 1, TL_NEVER), 1);
	CHECK_EQ(tl_read(p.b, &c, 1, TL_NEVER), 1);
	pair_close(p);
}

TEST(closed_with_bytes_unread)
{
	int before, after;

	pair_close(fed());
	before = descriptors();
	for (int i = 0; i < 50; i++) {
		struct pair p = fed();
		char c;

		keep(p, 1000, (size_t)i + 1);
		if (i % 2)
			CHECK_EQ(tl_write(p.b, "more", 4, TL_NEVER), 4);
		CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
		CHECK(tl_read(p.b, &c, 1, TL_NEVER) <= 0); /* its end, or a reset */
		CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
	}
	after = descriptors();
	CHECK_EQ(after, before);
}

static int read_until_closed(void *arg)
{
	CHECK_EQ(read_one(arg), -EPIPE);
	return 0;
}

TEST(closed_under_a_reader)
{
	int before;

	pair_close(fed());
	before = descriptors();
	for (int i = 0; i < 50; i++) {
		tl_scope s = { 0 };
		struct pair p = fed();
		tl_strand t;
		char c;

		tl_scope_open(&s);
		tl_task_start(&s, read_until_closed, p.a, &(tl_opts){ .ret = &t });
		await_blocked(t);
		CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
		CHECK_EQ(tl_read(p.b, &c, 1, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
		CHECK_EQ(descriptors(), before);
	}
}

/* -- a stream that goes to another thread */

static _Atomic int stage;

static void *close_it(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_close(arg, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	return NULL;
}

/* Its first loop does not look meanwhile; its peer must not wait for that. */
TEST(closed_by_another_thread)
{
	int before;

	pair_close(fed());
	before = descriptors();
	for (int i = 0; i < 20; i++) {
		struct pair p = fed();
		int fd = tl_stream_fd(p.b);
		pthread_t t;
		char c;

		CHECK_EQ(pthread_create(&t, NULL, close_it, p.a), 0);
		pthread_join(t, NULL);
		while (recv(fd, &c, 1, MSG_DONTWAIT) < 0)
			CHECK_EQ(errno, EAGAIN);
		CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
		CHECK_EQ(tl_sleep(tl_us(1)), 0); /* who sleeps holds nothing */
		CHECK_EQ(descriptors(), before);
	}
}

static int read_the_rest(void *arg)
{
	struct pair *p = arg;

	rest_is(p->a, 10, 40); /* what was kept comes first */
	CHECK_EQ(tl_write(p->b, "then", 4, TL_NEVER), 4);
	char buf[10];
	CHECK_EQ(tl_read(p->a, buf, 10, TL_POLL), 4);
	warm(*p); /* is fed here now, if the other has let go */
	warm(*p);
	keep(*p, 50, 10);
	atomic_store(&stage, 1);
	return 0;
}

static void *read_in_a_thread(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(read_the_rest(arg), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	return NULL;
}

/* There and back again, the first loop busy or asleep meanwhile, the other ended or alive. */
TEST(handed_to_another_thread)
{
	for (int i = 0; i < 40; i++) {
		struct pair p = fed();
		tl_scope s = { 0 };
		pthread_t t;

		keep(p, 50, 10);
		atomic_store(&stage, 0);
		if (i % 2) {
			CHECK_EQ(pthread_create(&t, NULL, read_in_a_thread, &p), 0);
			pthread_join(t, NULL);
		} else {
			tl_scope_open(&s);
			tl_thread_start(&s, read_the_rest, &p, NULL);
			CHECK_EQ(tl_scope_close(&s), 0);
		}
		CHECK_EQ(atomic_load(&stage), 1);
		rest_is(p.a, 10, 40);
		warm(p);
		pair_close(p);
	}
}

static int bounce(void *arg)
{
	tl_queue **q = arg;
	tl_stream *s;
	int r;
	char c;

	while ((r = tl_queue_get(q[0], &s, sizeof s, TL_NEVER)) > 0) {
		for (int i = 0; i < 5; i++) { /* enough to be fed here */
			CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 1);
			CHECK_EQ(tl_write(s, &c, 1, TL_NEVER), 1);
		}
		CHECK_EQ(tl_queue_put(q[1], &s, sizeof s, TL_NEVER), 0);
	}
	return r == -EPIPE ? 0 : r;
}

static void send_one(tl_stream *s, char c) { CHECK_EQ(tl_write(s, &c, 1, TL_NEVER), 1); }

/* Two threads hand streams to each other right after a read, while the peers go on writing. */
TEST_LIMIT(bounced_between_threads, 60)
{
	enum { N = 8, ROUNDS = 200 };
	tl_queue *q[3];
	tl_scope s = { 0 };
	struct pair p[N];
	tl_stream *back;
	char c;

	for (int i = 0; i < 3; i++)
		CHECK_EQ(tl_queue_open(&q[i], NULL), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, bounce, &q[0], NULL);
	tl_thread_start(&s, bounce, &q[1], NULL);
	for (int i = 0; i < N; i++)
		p[i] = connected();
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < N; i++)
			CHECK_EQ(tl_queue_put(q[0], &p[i].a, sizeof p[i].a, TL_NEVER), 0);
		for (int k = 0; k < 10; k++)
			for (int i = 0; i < N; i++)
				send_one(p[i].b, pattern((size_t)(round + k + i)));
		for (int k = 0; k < 10; k++)
			for (int i = 0; i < N; i++) {
				CHECK_EQ(tl_read(p[i].b, &c, 1, TL_NEVER), 1);
				CHECK_EQ(c, pattern((size_t)(round + k + i)));
			}
		for (int i = 0; i < N; i++)
			CHECK(tl_queue_get(q[2], &back, sizeof back, TL_NEVER) > 0);
	}
	tl_queue_end(q[0]);
	tl_queue_end(q[1]);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < N; i++)
		pair_close(p[i]);
	for (int i = 0; i < 3; i++)
		tl_queue_close(q[i]);
}

TEST(a_forked_child_reads_on)
{
	for (int i = 0; i < 10; i++) {
		struct pair p = fed();
		int status;
		pid_t child;

		keep(p, 50, 10);
		child = fork();
		if (child == 0) {
			rest_is(p.a, 10, 40); /* both have what was kept */
			CHECK_EQ(tl_write(p.b, "only one", 8, TL_NEVER), 8);
			CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
			CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(status, 0);
		char buf[8];
		if (strcmp(tl_poller(), "uring") == 0)
			rest_is(p.a, 10, 40);
		CHECK_EQ(tl_read_all(p.a, buf, 8, NULL, TL_NEVER), 0); /* and is not closed */
		CHECK(memcmp(buf, "only one", 8) == 0);
		warm(p);
		pair_close(p);
	}
}

/* -- those who only have the number */

TEST(kept_bytes_are_readable)
{
	for (int i = 0; i < 10; i++) {
		struct pair p = fed();
		int fd;

		keep(p, 50, 10);
		fd = tl_stream_fd(p.a);
		tl_case c = TL_READABLE(fd);

		CHECK_EQ(tl_select(&c, 1, TL_POLL), 0);
		CHECK_EQ(tl_select(&c, 1, TL_NEVER), 0);
		CHECK_EQ(tl_fd_wait(fd, TL_IN, TL_NEVER), TL_IN);
		CHECK_EQ(tl_fd_wait(fd, TL_IN | TL_OUT, TL_NEVER) & TL_IN, TL_IN);
		rest_is(p.a, 10, 40);
		CHECK_EQ(tl_fd_wait(fd, TL_IN, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_select(&c, 1, TL_POLL), -EAGAIN);
		pair_close(p);
	}
}

/* Once the number is known nothing is received ahead: its bytes are where others look for them. */
TEST(a_known_descriptor_is_not_fed)
{
	struct pair p = fed();
	int fd = tl_stream_fd(p.a), n;

	for (int i = 0; i < 10; i++) {
		warm(p);
		keep(p, 50, 10);
		CHECK_EQ(ioctl(fd, FIONREAD, &n), 0);
		CHECK_EQ(n, 40);
		rest_is(p.a, 10, 40);
	}
	pair_close(p);
}
