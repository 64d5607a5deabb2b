/* What a poller does for its caller: receive, send, accept, words; and what a kernel refuses. */
#include "plat/linux.h"
#include "plat/plat.h"
#include "plat/poller.h"
#include "refuse.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct poller *p;
static int told;

static void done(struct poll_op *op) { told += op->done == done; }

static bool ring(void) { return strcmp(poller_name(), "uring") == 0; }

static void pair(int fd[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	if (!p)
		CHECK_EQ(poller_open(&p), 0);
}

static struct poll_op op(int fd, enum poller_kind kind, void *buf, size_t size)
{
	return (struct poll_op){ .fd = fd,
		.stamp = poller_stamp(),
		.kind = kind,
		.buf = buf,
		.size = size,
		.done = done };
}

static void await(int n)
{
	while (told < n)
		poller_wait(p, 0);
	CHECK_EQ(told, n);
}

static void put(int fd, char c) { CHECK_EQ(write(fd, &c, 1), 1); }

TEST(bytes_come_into_the_buffer)
{
	char buf[8] = "";
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], POLLER_RECV, buf, sizeof buf);

	CHECK_EQ(poller_try(&in), -EAGAIN);
	for (int i = 1; i <= 100; i++) {
		if (poller_arm(p, &in) == 0) {
			put(fd[1], (char)i);
			await(told + 1);
		} else {
			told++;
		}
		CHECK_EQ(in.result, 1);
		CHECK_EQ(buf[0], (char)i);
	}
	CHECK_EQ(poller_arm(p, &in), 0);
	close(fd[1]);
	await(told + 1);
	CHECK_EQ(in.result, 0); /* the end */
}

TEST(what_came_before_a_disarm_is_not_lost)
{
	int fd[2], early = 0;
	char c;
	pair(fd);
	struct poll_op in = op(fd[0], POLLER_RECV, &c, 1);

	for (int i = 0; i < 100; i++) {
		c = 0;
		if (i % 2)
			put(fd[1], 'x');
		if (poller_arm(p, &in) == 0) {
			if (i % 2 == 0)
				put(fd[1], 'x');
			if (!poller_disarm(p, &in)) {
				CHECK_EQ(c, 0); /* nobody has touched it */
				in.result = poller_try(&in);
				early++;
			}
		}
		CHECK_EQ(in.result, 1);
		CHECK_EQ(c, 'x');
		CHECK_EQ(poller_try(&in), -EAGAIN);
	}
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
	CHECK(early < 100);
}

TEST(a_disarmed_buffer_is_the_callers)
{
	char c = 'a';
	int fd[2];
	pair(fd);
	struct poll_op in = op(fd[0], POLLER_RECV, &c, 1);

	for (int submitted = 0; submitted < 2; submitted++) {
		CHECK_EQ(poller_arm(p, &in), 0);
		if (submitted)
			poller_wait(p, -1);
		CHECK(!poller_disarm(p, &in));
		CHECK(!poller_disarm(p, &in));
		put(fd[1], 'b');
		poller_wait(p, -1);
		CHECK_EQ(c, 'a');
		CHECK_EQ(poller_try(&in), 1);
		CHECK_EQ(c, 'b');
		c = 'a';
	}
	CHECK_EQ(told, 0);
}

/* Nothing of a disarmed operation holds the file open. */
TEST(a_disarmed_file_can_be_closed)
{
	int fd[2];
	char c;
	pair(fd);
	struct poll_op in = op(fd[0], POLLER_RECV, &c, 1);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_wait(p, -1);
	CHECK(!poller_disarm(p, &in));
	close(fd[0]);
	CHECK_EQ(read(fd[1], &c, 1), 0); /* the other side sees its end now */
}

TEST(sending_waits_for_room)
{
	static char full[1 << 16], some[1 << 20];
	ssize_t put = 0, got = 0, n;
	int fd[2];
	pair(fd);
	struct poll_op out = op(fd[0], POLLER_SEND, full, sizeof full);

	while ((n = poller_try(&out)) > 0)
		put += n;
	CHECK_EQ(n, -EAGAIN);
	CHECK_EQ(poller_arm(p, &out), 0);
	poller_wait(p, -1);
	CHECK_EQ(told, 0);
	while ((n = read(fd[1], some, sizeof some)) > 0)
		got += n;
	CHECK_EQ(got, put);
	await(1);
	CHECK(out.result > 0);
	CHECK_EQ(read(fd[1], some, sizeof some), out.result);
	close(fd[1]);
	if (poller_arm(p, &out) == 0)
		await(2);
	CHECK_EQ(out.result, -EPIPE); /* and no signal */
}

static int listener(struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof *at;

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	CHECK_EQ(bind(fd, (struct sockaddr *)at, size), 0);
	CHECK_EQ(listen(fd, 16), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)at, &size), 0);
	CHECK_EQ(poller_open(&p), 0);
	return fd;
}

static void call(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(connect(fd, (const struct sockaddr *)at, sizeof *at), 0);
}

TEST(connections_are_accepted)
{
	struct sockaddr_in at;
	struct poll_op in = op(listener(&at), POLLER_ACCEPT, NULL, 0), more[3];
	int n = 1, fd;

	CHECK_EQ(poller_try(&in), -EAGAIN);
	CHECK_EQ(poller_arm(p, &in), 0);
	for (int i = 0; i < 3; i++) {
		more[i] = in;
		CHECK_EQ(poller_arm(p, &more[i]), ring() ? 0 : -EBUSY);
		n += ring();
	}
	for (int i = 0; i < n; i++) {
		call(&at);
		await(i + 1); /* each takes one */
	}
	fd = (int)in.result & ~POLLER_LAST;
	CHECK(fd > 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	if (ring())
		CHECK((more[0].result & ~POLLER_LAST) != fd && more[0].result > 0);
}

/* The last of those that have come is told apart, so that nobody tries in vain. */
TEST(the_last_connection_is_marked)
{
	struct sockaddr_in at;
	struct poll_op in = op(listener(&at), POLLER_ACCEPT, NULL, 0), bad;

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_wait(p, -1);
	call(&at);
	call(&at);
	await(1);
	CHECK(in.result > 0);
	CHECK(!(in.result & POLLER_LAST));
	if (!ring()) /* an edge is told once */
		in.result = poller_try(&in);
	else if (poller_arm(p, &in) == 0)
		await(2);
	CHECK(in.result > 0);
	CHECK_EQ(!!(in.result & POLLER_LAST), ring());
	CHECK_EQ(poller_try(&in), -EAGAIN);

	/* An error of the socket's own is not taken for a kernel that lacks the flag. */
	bad = op(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), POLLER_ACCEPT, NULL, 0);
	told = 0;
	if (poller_arm(p, &bad) == 0)
		await(1);
	CHECK_EQ(bad.result, -EINVAL);
}

TEST(errors_are_results)
{
	struct poll_op closed = op(99, POLLER_RECV, NULL, 0), file;
	int r;

	CHECK_EQ(poller_open(&p), 0);
	r = poller_arm(p, &closed);
	if (r == 0)
		await(1);
	CHECK_EQ(r ? r : closed.result, -EBADF);
	file = op(open("/dev/null", O_RDWR), POLLER_SEND, "x", 1);
	r = poller_arm(p, &file);
	if (r == 0)
		await(told + 1);
	CHECK_EQ(r ? r : file.result, ring() ? -ENOTSOCK : -EPERM);
}

/* More than a ring has places, for requests and for completions. */
TEST(more_than_a_ring_holds)
{
	enum { N = 10000 };
	struct poll_op *ops = calloc(N, sizeof *ops);
	int fd[2], n = 0;
	pair(fd);

	for (int i = 0; i < N; i++) {
		ops[i] = op(fd[0], POLLER_READY, NULL, 0);
		ops[i].events = POLLER_IN;
		if (i && !ring())
			break;
		CHECK_EQ(poller_arm(p, &ops[i]), 0);
		n++;
	}
	put(fd[1], 'x');
	await(n);
	for (int i = 0; i < n; i++)
		CHECK_EQ(ops[i].result, POLLER_IN);
	free(ops);
}

/* -- words */

static long wake_up(_Atomic uint32_t *word) { return syscall(SYS_futex, word, FUTEX_WAKE, 9); }

TEST(words_are_waited_for)
{
	_Atomic uint32_t *word =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct poll_op in = op(0, POLLER_WORD, (void *)word, 7), other;
	int r;

	CHECK_EQ(poller_open(&p), 0);
	r = poller_arm(p, &in);
	if (!ring()) {
		CHECK_EQ(r, -ENOSYS);
		return;
	}
	if (r == -ENOSYS)
		SKIP("the kernel's rings know no words (Linux 6.7)");
	CHECK_EQ(r, 0);
	await(1);
	CHECK_EQ(in.result, -EAGAIN); /* holds 0 */
	in.size = 0;
	other = in;
	CHECK_EQ(poller_arm(p, &in), 0);
	poller_wait(p, -1);
	CHECK_EQ(told, 1);
	CHECK_EQ(wake_up(word), 1);
	await(2);
	CHECK_EQ(in.result, 0);

	CHECK_EQ(poller_arm(p, &in), 0);
	poller_wait(p, -1);
	CHECK(!poller_disarm(p, &in));
	CHECK_EQ(wake_up(word), 0); /* one that has left takes no wake */

	CHECK_EQ(poller_arm(p, &in), 0);
	CHECK_EQ(poller_arm(p, &other), 0);
	poller_wait(p, -1);
	CHECK_EQ(wake_up(word), 2);
	CHECK(poller_disarm(p, &in)); /* the wake came first */
	CHECK_EQ(in.result, 0);
	await(3);
	CHECK_EQ(other.result, 0);
}

/* -- kernels that lack or refuse */

static _Atomic int waking;

static void *waker(void *arg)
{
	while (atomic_load(&waking))
		poller_wake(p);
	return arg;
}

/* Before Linux 6.13 a ring is woken by an eventfd. */
TEST(wake_without_messages)
{
	char c;
	int fd[2];
	pthread_t t;

	refuse(SYS_io_uring_register, EINVAL);
	pair(fd);
	struct poll_op in = op(fd[0], POLLER_RECV, &c, 1);
	poller_wake(p); /* before: is kept */
	poller_wait(p, 0);
	CHECK_EQ(poller_arm(p, &in), 0);
	atomic_store(&waking, 1);
	CHECK_EQ(pthread_create(&t, NULL, waker, NULL), 0);
	for (int i = 0; i < 1000; i++)
		poller_wait(p, 0);
	CHECK_EQ(told, 0);
	atomic_store(&waking, 0);
	pthread_join(t, NULL);
	put(fd[1], 'x');
	await(1);
	poller_close(p);
}

static void refused(int error, int told_of)
{
	const char *wish = getenv("TELAR_POLLER");
	bool epoll = wish && strcmp(wish, "epoll") == 0;
	char c;
	int fd[2];

	refuse(SYS_io_uring_setup, error);
	CHECK(strcmp(poller_name(), "epoll") == 0);
	CHECK_EQ(poller_refused(), epoll ? 0 : told_of);
	CHECK_EQ(poller_refused(), 0); /* told once */
	pair(fd);
	struct poll_op in = op(fd[0], POLLER_RECV, &c, 1);
	CHECK_EQ(poller_arm(p, &in), 0);
	put(fd[1], 'x');
	await(1);
	CHECK_EQ(poller_refused(), 0);
}

TEST(a_kernel_that_refuses) { refused(EPERM, -EPERM); }
TEST(a_kernel_without) { refused(ENOSYS, -ENOSYS); }
TEST(an_old_kernel_refuses_nothing) { refused(EINVAL, 0); }

/* A loop whose ring cannot be made has the other kind. */
TEST(a_ring_refused_late)
{
	int fd[2];
	bool was_ring = ring();

	poller_refused(); /* of a system that has none this is told, once */
	refuse(SYS_io_uring_setup, ENOMEM);
	pair(fd);
	CHECK_EQ(poller_refused(), was_ring ? -ENOMEM : 0);
	poller_wake(p);
	poller_wait(p, 0);
}
