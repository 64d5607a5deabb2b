/* The poller: arm, disarm, edges, stamps, reuse of numbers, wake. */
#include "check.h"
#include "plat/plat.h"
#include "plat/poller.h"
#include "refuse.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct poller *p;
static int told, result;
static struct poll_op *last;

static void done(struct poll_op *op)
{
	told++;
	result = op->result;
	last = op;
}

static void pair(int fd[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	if (!p)
		CHECK_EQ(poller_open(&p), 0);
}

static struct poll_op op(int fd, uint32_t stamp, int events)
{
	return (struct poll_op){ .fd = fd, .stamp = stamp, .events = events, .done = done };
}

static void put(int fd) { CHECK_EQ(write(fd, "x", 1), 1); }
static void get(int fd)
{
	char c;
	CHECK_EQ(read(fd, &c, 1), 1);
}

/* An answer > 0 may be of an old edge; then one tries, and arms again. */
static int arm(struct poll_op *o)
{
	int r = poller_arm(p, o);

	return r > 0 ? poller_arm(p, o) : r;
}

TEST(done_is_called_once)
{
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], poller_stamp(), POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
	put(fd[1]);
	poller_wait(p, 0);
	CHECK_EQ(told, 1);
	CHECK_EQ(result, POLLER_IN);
	poller_wait(p, -1);
	put(fd[1]);
	poller_wait(p, -1);
	CHECK_EQ(told, 1); /* not armed: but it is still there */
	if (poller_arm(p, &in) == 0) {
		poller_wait(p, 0);
		CHECK_EQ(told, 2);
	}
	CHECK_EQ(in.result, POLLER_IN);
	poller_close(p);
}

/* Filters that do not know a call answer EPERM, or as a kernel without it. */
static void wait_refused(int error)
{
	int fd[2];

	setenv("TELAR_POLLER", "epoll", 1);
	refuse(SYS_epoll_pwait2, error);
	pair(fd);
	struct poll_op in = op(fd[0], poller_stamp(), POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	put(fd[1]);
	poller_wait(p, 0);
	CHECK_EQ(told, 1);
	poller_close(p);
}

TEST(a_wait_unknown) { wait_refused(ENOSYS); }
TEST(a_wait_refused) { wait_refused(EPERM); }

TEST(an_edge_is_never_lost)
{
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], poller_stamp(), POLLER_IN);

	for (int i = 0; i < 100; i++) {
		if (i % 3 == 0)
			put(fd[1]);
		if (i % 5 == 0)
			poller_wait(p, -1);
		int r = poller_arm(p, &in);
		if (r == 0) {
			if (i % 3)
				put(fd[1]);
			poller_wait(p, 0); /* hangs if it were */
		} else if (i % 3) {
			CHECK_EQ(r, POLLER_IN);
			put(fd[1]);
		}
		get(fd[0]);
	}
}

static bool one_each(void) { return strcmp(poller_name(), "epoll") == 0; }

TEST(both_directions)
{
	int fd[2];
	pair(fd);
	uint32_t stamp = poller_stamp();
	struct poll_op in = op(fd[0], stamp, POLLER_IN), out = op(fd[0], stamp, POLLER_OUT),
		       both = op(fd[0], stamp, POLLER_IN | POLLER_OUT), in2 = in;

	CHECK_EQ(poller_arm(p, &in), 0);
	if (one_each()) {
		CHECK_EQ(poller_arm(p, &in2), -EBUSY);
		CHECK_EQ(poller_arm(p, &both), -EBUSY);
	}
	CHECK_EQ(arm(&out), 0);
	poller_wait(p, 0);
	CHECK_EQ(told, 1);
	CHECK(last == &out);
	poller_disarm(p, &in);
	poller_disarm(p, &in); /* twice does nothing */
	CHECK_EQ(poller_arm(p, &in2), 0);
	put(fd[1]);
	poller_wait(p, 0);
	CHECK(last == &in2);
	CHECK_EQ(told, 2);
	CHECK(arm(&both) == 0 || told == 2);
	poller_disarm(p, &both);
	put(fd[1]);
	close(fd[1]); /* both at once: told once */
	poller_wait(p, -1);
	CHECK_EQ(told, 2);
}

TEST(a_hang_up_is_told)
{
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], poller_stamp(), POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	close(fd[1]);
	poller_wait(p, 0);
	CHECK_EQ(told, 1);
}

TEST(a_disarmed_one_is_not_told)
{
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], poller_stamp(), POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_disarm(p, &in);
	put(fd[1]);
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
}

TEST(a_number_used_again_is_another_file)
{
	int a[2], b[2];
	pair(a);
	uint32_t old = poller_stamp();
	struct poll_op in = op(a[0], old, POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_disarm(p, &in);
	put(a[1]);
	poller_wait(p, -1); /* an edge of the old file is remembered */
	put(a[1]);          /* and one is on its way */
	close(a[0]);
	pair(b);
	CHECK_EQ(b[0], a[0]);
	in = op(b[0], poller_stamp(), POLLER_IN);
	CHECK_EQ(poller_arm(p, &in), 0); /* not the old one's */
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
	put(b[1]);
	poller_wait(p, 0);
	CHECK_EQ(told, 1);
}

/* The file lives on through a duplicate, still registered under the old number. */
TEST(events_of_a_dropped_file_do_not_come)
{
	int a[2], b[2], dup;
	pair(a);
	struct poll_op in = op(a[0], poller_stamp(), POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_disarm(p, &in);
	dup = fcntl(a[0], F_DUPFD, 100);
	CHECK(dup >= 100);
	poller_drop(p, a[0]);
	close(a[0]);
	pair(b);
	CHECK_EQ(b[0], a[0]);
	in = op(b[0], poller_stamp(), POLLER_IN);
	CHECK_EQ(poller_arm(p, &in), 0);
	put(a[1]);
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
}

/* Without drop they do come, and the stamp tells them apart. */
TEST(stale_stamps_are_ignored)
{
	int a[2], b[2];
	pair(a);
	struct poll_op in = op(a[0], poller_stamp(), POLLER_IN);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_disarm(p, &in);
	CHECK(fcntl(a[0], F_DUPFD, 100) >= 100);
	close(a[0]);
	pair(b);
	CHECK_EQ(b[0], a[0]);
	in = op(b[0], poller_stamp(), POLLER_IN);
	CHECK_EQ(poller_arm(p, &in), 0);
	put(a[1]);
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
	put(b[1]);
	poller_wait(p, 0);
	CHECK_EQ(told, 1);
}

TEST(without_a_stamp_every_wait_looks_anew)
{
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], 0, POLLER_IN);

	for (int i = 0; i < 3; i++) {
		told = 0;
		put(fd[1]);
		if (poller_arm(p, &in) == 0) {
			poller_wait(p, 0);
			CHECK_EQ(told, 1);
		}
		get(fd[0]);
		CHECK_EQ(poller_arm(p, &in), 0); /* nothing stale */
		poller_disarm(p, &in);
	}
}

/* What waiting for o comes to: at once or through done. */
static int64_t answer(struct poll_op *o)
{
	int r = poller_arm(p, o);

	if (r == 0)
		poller_wait(p, 0);
	return r ? r : o->result;
}

TEST(what_cannot_be_waited_for)
{
	struct poll_op bad = op(-1, 0, POLLER_IN), closed = op(77, 0, POLLER_IN), file;

	CHECK_EQ(poller_open(&p), 0);
	file = op(open("/etc/passwd", O_RDONLY), poller_stamp(), POLLER_IN);
	CHECK(file.fd >= 0);
	CHECK_EQ(answer(&bad), -EBADF);
	CHECK_EQ(answer(&closed), -EBADF);
	for (int i = 0; i < 2; i++) /* refused by epoll, ready for a ring */
		CHECK_EQ(answer(&file), one_each() ? -EPERM : POLLER_IN);
}

static _Atomic int waking;

static void *waker(void *arg)
{
	while (atomic_load(&waking))
		poller_wake(p);
	return arg;
}

TEST(wake_from_another_thread)
{
	pthread_t t;
	int64_t until;

	CHECK_EQ(poller_open(&p), 0);
	poller_wake(p); /* before: is kept */
	poller_wait(p, 0);
	atomic_store(&waking, 1);
	CHECK_EQ(pthread_create(&t, NULL, waker, NULL), 0);
	for (int i = 0; i < 1000; i++)
		poller_wait(p, 0);
	atomic_store(&waking, 0);
	pthread_join(t, NULL);
	poller_wait(p, -1);
	until = plat_now() + 3000000;
	while (plat_now() < until)
		poller_wait(p, until);
	poller_wait(p, 1); /* long past */
	poller_close(p);
	poller_close(NULL);
}

TEST(many_descriptors)
{
	enum { N = 300 };
	static int fd[N][2];
	static struct poll_op ops[N];

	for (int i = 0; i < N; i++) {
		pair(fd[i]);
		ops[i] = op(fd[i][0], poller_stamp(), POLLER_IN);
		CHECK_EQ(poller_arm(p, &ops[i]), 0);
	}
	for (int i = 0; i < N; i++)
		put(fd[i][1]);
	while (told < N)
		poller_wait(p, 0);
	CHECK_EQ(told, N);
}
