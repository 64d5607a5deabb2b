/* test_pipe_fd.c - descriptors through pipes: they reach one receiver, whole or not at all, and
 * none is left over.  What is handed over is one side of a pipe(2): its other side tells how many
 * still have it. */
#include "pipes.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

/* Sockets: boxes are. */
static int sockets(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		char path[32], what[16];

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		n += readlink(path, what, sizeof what) > 7 && !memcmp(what, "socket:", 7);
	}
	return n;
}

/* Its reader's side says that nobody can write any more: no copy is left anywhere. */
static bool all_gone(int reader)
{
	struct pollfd p = { .fd = reader, .events = POLLIN };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents & POLLHUP;
}

static int recv_fd(void *arg)
{
	int fd = -1, r = tl_pipe_recv_fd(arg, &fd, TL_NEVER);

	CHECK_EQ(r == 0, fd >= 0);
	return r < 0 ? r : fd;
}

struct parcel {
	tl_pipe *pipe;
	int fd;
};

static int send_fd(void *arg)
{
	struct parcel *p = arg;

	return tl_pipe_send_fd(p->pipe, p->fd, TL_NEVER);
}

/* D10: a descriptor goes through it, and is the receiver's even when its sender has closed his */
TEST_PIPES(from_hand_to_hand)
{
	for (int how = 0; how < 8; how++) { /* who is a thread; who comes first */
		int pair[2], got, before = sockets();
		tl_scope s = { 0 };
		tl_strand from, to;
		struct parcel p;
		char c;

		make(false, 0, 0);
		CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
		p = (struct parcel){ pipe_.a, pair[1] };
		tl_scope_open(&s);
		if (how & 4) {
			to = (how & 1 ? start_thread : start_task)(&s, recv_fd, pipe_.b);
			await_state(to, TL_BLOCKED);
			from = (how & 2 ? start_thread : start_task)(&s, send_fd, &p);
		} else {
			from = (how & 2 ? start_thread : start_task)(&s, send_fd, &p);
			await_state(from, TL_BLOCKED);
			to = (how & 1 ? start_thread : start_task)(&s, recv_fd, pipe_.b);
		}
		CHECK_EQ(ending(from), 0);
		close(pair[1]);
		got = ending(to);
		CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(write(got, "x", 1), 1);
		close(got);
		CHECK_EQ(read(pair[0], &c, 1), 1);
		CHECK(all_gone(pair[0]));
		close(pair[0]);
		CHECK_EQ(tl_scope_close(&s), 0);
		unmake();
		CHECK_EQ(sockets(), before);
	}
}

TEST_PIPES(refusals)
{
	int fd = 77;

	make(true, 0, 0);
	CHECK_EQ(tl_pipe_send_fd(pipe_.b, 0, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_pipe_recv_fd(pipe_.a, &fd, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_pipe_send_fd(pipe_.a, -1, TL_NEVER), -EBADF);
	CHECK_EQ(tl_pipe_send_fd(pipe_.a, 0, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_pipe_recv_fd(pipe_.b, &fd, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_pipe_send_fd(pipe_.a, 0, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(tl_pipe_recv_fd(pipe_.b, &fd, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(fd, 77);
	unmake();
}

/* Who waits at the other end, or comes later, is told of the close. */
TEST_PIPES(close_is_told)
{
	for (int how = 0; how < 4; how++) {
		tl_scope s = { .keep_going = true };
		struct parcel p;
		tl_strand t;
		int fd;

		make(false, 0, 0);
		p = (struct parcel){ pipe_.b, 0 };
		tl_scope_open(&s);
		t = (how & 1 ? start_task : start_thread)(
			&s, how & 2 ? recv_fd : send_fd, how & 2 ? (void *)pipe_.b : &p);
		await_state(t, TL_BLOCKED);
		pipe_.a = tl_pipe_close(pipe_.a);
		CHECK_EQ(ending(t), -EPIPE);
		CHECK_EQ(tl_scope_close(&s), -EPIPE);
		CHECK_EQ(tl_pipe_send_fd(pipe_.b, 0, TL_POLL), -EPIPE);
		CHECK_EQ(tl_pipe_recv_fd(pipe_.b, &fd, TL_POLL), -EPIPE);
		CHECK_EQ(tl_pipe_recv_fd(pipe_.b, &fd, TL_NEVER), -EPIPE);
		unmake();
	}
}

/* A cancel that comes while it is handed over: either both have done it, or neither. */
TEST_PIPES(cancelled_while_it_comes)
{
	uint64_t seed = seed_of(8);
	int done = 0;

	make(false, 0, 0);
	for (int i = 0; i < 100; i++) {
		tl_scope mine = { .keep_going = true };
		int pair[2], got, sent;
		struct parcel p;
		tl_strand to;

		CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
		p = (struct parcel){ pipe_.a, pair[1] };
		tl_scope_open(&mine);
		to = (i & 1 ? start_thread : start_task)(&mine, recv_fd, pipe_.b);
		for (uint32_t n = number(&seed) % 4; n; n--)
			tl_yield();
		if (i & 2)
			tl_cancel(to);
		sent = tl_pipe_send_fd(p.pipe, p.fd, i & 2 ? TL_POLL : TL_NEVER);
		tl_cancel(to);
		got = ending(to);
		CHECK(sent == 0 ? got >= 0 : sent == -EAGAIN && got == -ECANCELED);
		close(pair[1]);
		if (got >= 0)
			close(got);
		CHECK(all_gone(pair[0]));
		close(pair[0]);
		done += sent == 0;
		tl_scope_close(&mine);
	}
	CHECK(done >= 50);
	unmake();
}

/* Many hand over to many, some of whom give up: each that was handed over has come, once. */
static struct {
	_Atomic int sent, came;
	_Atomic bool over;
} storm;

enum { SENDERS = 4, EACH = 100 };

static int sends_many(void *arg)
{
	for (int i = 0; i < EACH; i++) {
		int r = tl_pipe_send_fd(arg, 0, i % 3 ? TL_NEVER : tl_after(tl_us(50)));

		CHECK(r == 0 || r == -ETIMEDOUT);
		storm.sent += r == 0;
	}
	return 0;
}

static int receives_many(void *arg)
{
	for (int i = 0, fd; !storm.over || i % 5; i++) {
		int r = tl_pipe_recv_fd(arg, &fd, tl_after(i % 5 ? tl_us(50) : tl_ms(5)));

		CHECK(r == 0 || r == -ETIMEDOUT);
		if (r == 0)
			close(fd);
		storm.came += r == 0;
	}
	return 0;
}

TEST_PIPES(storm)
{
	tl_scope from = { 0 }, to = { 0 };

	make(false, 0, 0);
	storm.sent = storm.came = 0;
	storm.over = false;
	tl_scope_open(&to);
	tl_scope_open(&from);
	for (int i = 0; i < SENDERS; i++) {
		(i & 1 ? start_thread : start_task)(&to, receives_many, pipe_.b);
		(i & 1 ? start_task : start_thread)(&from, sends_many, pipe_.a);
	}
	CHECK_EQ(tl_scope_close(&from), 0);
	storm.over = true;
	CHECK_EQ(tl_scope_close(&to), 0);
	CHECK_EQ(storm.sent, storm.came);
	CHECK(storm.sent >= SENDERS * EACH / 2);
	unmake();
}

/* -- processes */

/* Its sender has ended when it is used. */
TEST_LIMIT(to_another_process, 60)
{
	struct parcel p;
	int pair[2], fd, status;
	pid_t pid;

	pipe_.shared = true;
	make(false, 0, 0);
	CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
	p = (struct parcel){ pipe_.b, pair[1] };
	pid = process(send_fd, &p);
	close(pair[1]);
	CHECK_EQ(tl_pipe_recv_fd(pipe_.a, &fd, TL_NEVER), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK(!all_gone(pair[0]));
	close(fd);
	CHECK(all_gone(pair[0]));
	CHECK_EQ(tl_pipe_recv_fd(pipe_.a, &fd, TL_NEVER), -EPIPE); /* it has ended */
	CHECK_EQ(tl_pipe_send_fd(pipe_.a, pair[0], TL_NEVER), -EPIPE);
	close(pair[0]);
	unmake();
}

/* A process of the program's, which has no copy of anything. */
static int echo(void *arg)
{
	tl_pipe *p = *(tl_pipe **)arg;
	int fd, r = tl_pipe_recv_fd(p, &fd, TL_NEVER);

	if (r < 0)
		return r;
	return write(fd, "hola", 4) == 4 ? 0 : -EIO;
}

TEST_LIMIT(to_a_process_of_the_program, 60)
{
	char got[8] = "";
	int pair[2];
	tl_strand t;

	pipe_.shared = true;
	make(false, 0, 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(tl_process_start(
			 NULL, echo, &pipe_.b, &(tl_opts){ .copy = sizeof pipe_.b, .ret = &t }),
		0);
	CHECK_EQ(tl_pipe_send_fd(pipe_.a, pair[1], TL_NEVER), 0);
	close(pair[1]);
	CHECK_EQ(read(pair[0], got, sizeof got), 4);
	CHECK_STR(got, "hola");
	CHECK_EQ(ending(t), 0);
	close(pair[0]);
	unmake();
}

static int holds_it(void *arg)
{
	CHECK_EQ(tl_pipe_send_fd(arg, 0, TL_POLL), -EAGAIN);
	return 0;
}

TEST_LIMIT(who_polls_learns_of_the_death, 60)
{
	int fd, status;

	pipe_.shared = true;
	for (int sends = 0; sends < 2; sends++) {
		pid_t pid;

		make(false, 0, 0);
		pid = process(holds_it, pipe_.b);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		while ((sends ? tl_pipe_send_fd(pipe_.a, 0, TL_POLL)
			      : tl_pipe_recv_fd(pipe_.a, &fd, TL_POLL)) != -EPIPE)
			CHECK_EQ(tl_sleep(tl_ms(1)), 0);
		unmake();
	}
}
