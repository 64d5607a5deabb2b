/* test_fd_wait.c - waiting for descriptors that are not telar's. */
#include "io/pair.h"
#include <fcntl.h>

TEST(pipe_both_ends)
{
	tl_time past = tl_after(tl_ms(-1));
	int fd[2];
	char c;

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, past), -ETIMEDOUT);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(tl_fd_wait(fd[1], TL_OUT, TL_NEVER), TL_OUT);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, past), TL_IN);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, TL_POLL), TL_IN);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, TL_NEVER), TL_IN); /* a level, not an edge */
	CHECK_EQ(read(fd[0], &c, 1), 1);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, TL_POLL), -EAGAIN);
	close(fd[1]);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN, TL_NEVER), TL_IN); /* its end */
	close(fd[0]);
}

static int wait_in(void *arg) { return tl_fd_wait(*(int *)arg, TL_IN, TL_NEVER); }

static void wakes(int (*start)(tl_scope *, tl_fn *, void *, const tl_opts *))
{
	tl_scope s = { 0 };
	tl_strand t;
	tl_end end;
	int fd[2];

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	tl_scope_open(&s);
	start(&s, wait_in, &fd[0], &(tl_opts){ .ret = &t });
	await_blocked(t);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, TL_IN);
	CHECK_EQ(tl_scope_close(&s), 0);
	close(fd[0]);
	close(fd[1]);
}

TEST(wakes_a_task) { wakes(tl_task_start); }
TEST(wakes_a_thread) { wakes(tl_thread_start); }

TEST(both_directions_at_once)
{
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN | TL_OUT, TL_NEVER), TL_OUT);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(tl_fd_wait(fd[0], TL_IN | TL_OUT, TL_NEVER), TL_IN | TL_OUT);
	close(fd[0]);
	close(fd[1]);
}

/* A number closed behind our back and used again for another file. */
TEST(numbers_are_used_again)
{
	for (int round = 0; round < 100; round++) {
		int fd[2];

		CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
		CHECK_EQ(tl_fd_wait(fd[0], TL_IN, tl_after(tl_us(1))), -ETIMEDOUT);
		CHECK_EQ(write(fd[1], "x", 1), 1);
		CHECK_EQ(tl_fd_wait(fd[0], TL_IN, TL_NEVER), TL_IN);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(errors)
{
	int file = open("file", O_CREAT | O_RDWR, 0600), fd[2];
	tl_time when[] = { TL_NEVER, TL_POLL, tl_after(tl_ms(-1)) };
	tl_scope s = { 0 };

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_fd_wait(file, TL_IN, when[i]), -EPERM);
		CHECK_EQ(tl_fd_wait(-1, TL_IN, when[i]), -EBADF);
		CHECK_EQ(tl_fd_wait(999, TL_OUT, when[i]), -EBADF);
		CHECK_EQ(tl_fd_wait(file, 0, when[i]), -EINVAL);
		CHECK_EQ(tl_fd_wait(file, 4, when[i]), -EINVAL);
	}
	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_fd_wait(fd[1], TL_OUT, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_fd_wait(fd[1], TL_OUT, TL_POLL), TL_OUT);
	CHECK_EQ(tl_scope_close(&s), 0);
}
