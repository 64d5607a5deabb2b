/* test_pipe.c - pipes, private and shared: messages keep their bounds and come in their order, the
 * end of one side is the end of the other, and a process that is killed has closed its side. */
#include "../plat/refuse.h"
#include "pipes.h"

static void send(tl_pipe *p, const char *text)
{
	CHECK_EQ(tl_pipe_send(p, text, strlen(text) + 1, TL_POLL), 0);
}

#define RECV_IS(p, text) \
	do { \
		char got[64]; \
		CHECK_EQ(tl_pipe_recv((p), got, sizeof got, TL_POLL), (int)sizeof(text)); \
		CHECK_STR(got, text); \
	} while (0)

/* D10: both ends send and receive */
TEST_PIPES(both_ways)
{
	char buf[8];

	make(false, 0, 0);
	send(pipe_.a, "hola");
	send(pipe_.b, "adios");
	CHECK_EQ(tl_pipe_count(pipe_.a), 1);
	RECV_IS(pipe_.b, "hola");
	RECV_IS(pipe_.a, "adios");
	CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 8, tl_after(tl_ms(1))), -ETIMEDOUT);
	unmake();
}

/* D10: one way only: the wrong direction is refused */
TEST_PIPES(one_way)
{
	char buf[8];

	make(true, 0, 0);
	send(pipe_.a, "x");
	RECV_IS(pipe_.b, "x");
	CHECK_EQ(tl_pipe_send(pipe_.b, "y", 2, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, TL_NEVER), -ENOTSUP);
	CHECK_EQ(tl_pipe_count(pipe_.a), 0);
	unmake();
}

/* D10: messages keep their bounds, and an empty one is one */
TEST_PIPES(bounds)
{
	char buf[8] = "";

	make(false, 3, 8);
	CHECK_EQ(tl_pipe_send(pipe_.a, "abc", 3, TL_POLL), 0);
	CHECK_EQ(tl_pipe_send(pipe_.a, NULL, 0, TL_POLL), 0);
	CHECK_EQ(tl_pipe_send(pipe_.a, "de", 2, TL_POLL), 0);
	CHECK_EQ(tl_pipe_send(pipe_.a, "f", 1, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 8, TL_POLL), 3);
	CHECK_EQ(tl_pipe_recv(pipe_.b, NULL, 0, TL_POLL), 0);
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 8, TL_POLL), 2);
	unmake();
}

/* D10: too small a buffer is told, and the message is still there */
TEST_PIPES(too_large)
{
	char buf[16];

	make(false, 0, 10);
	CHECK_EQ(tl_pipe_send(pipe_.a, "0123456789x", 11, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(tl_pipe_send(pipe_.a, "0123456789", 10, TL_NEVER), 0);
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 9, TL_NEVER), -EMSGSIZE);
	CHECK_EQ(tl_pipe_count(pipe_.b), 1);
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 10, TL_NEVER), 10);
	unmake();
}

/* D10: what remains comes first, then the end */
/* D10: send to an end that is closed is refused */
TEST_PIPES(close_of_one_end)
{
	char buf[8];

	make(false, 0, 0);
	send(pipe_.a, "1");
	send(pipe_.a, "2");
	pipe_.a = tl_pipe_close(pipe_.a);
	CHECK_EQ(tl_pipe_send(pipe_.b, "x", 1, TL_NEVER), -EPIPE);
	RECV_IS(pipe_.b, "1");
	RECV_IS(pipe_.b, "2");
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 8, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_pipe_recv(pipe_.b, buf, 8, TL_POLL), -EPIPE);
	unmake();
}

static int wait_recv(void *arg)
{
	char buf[8];

	return tl_pipe_recv(arg, buf, sizeof buf, TL_NEVER);
}

static int wait_select(void *arg)
{
	char buf[8];
	tl_case c[] = { TL_RECV((tl_pipe *)arg, buf, sizeof buf) };
	int r = tl_select(c, 1, TL_NEVER);

	return r < 0 ? r : c[0].result;
}

/* Who waits is told, in a plain call or a select, as a task or a thread. */
TEST_PIPES(close_is_told)
{
	for (int how = 0; how < 4; how++) {
		tl_scope s = { .keep_going = true };
		tl_strand t;

		make(false, 0, 0);
		tl_scope_open(&s);
		t = (how & 1 ? start_task : start_thread)(
			&s, how & 2 ? wait_recv : wait_select, pipe_.b);
		await_state(t, TL_BLOCKED);
		pipe_.a = tl_pipe_close(pipe_.a);
		CHECK_EQ(ending(t), -EPIPE);
		CHECK_EQ(tl_scope_close(&s), -EPIPE);
		unmake();
	}
}

/* D10: waits for the first of several */
TEST_PIPES(select)
{
	tl_pipe *other[2];
	char buf[8], more[8];

	make(false, 1, 0);
	other[0] = pipe_.a, other[1] = pipe_.b;
	make(true, 0, 0);
	for (int i = 0; i < 20; i++) {
		tl_case c[] = { TL_RECV(pipe_.b, buf, sizeof buf),
			TL_RECV(other[1], more, sizeof more) };

		CHECK_EQ(tl_select(c, 2, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_select(c, 2, tl_after(tl_us(10))), -ETIMEDOUT);
		send(i % 2 ? other[0] : pipe_.a, "abc");
		CHECK_EQ(tl_select(c, 2, TL_NEVER), i % 2);
		CHECK_EQ(c[i % 2].result, 4);
	}
	for (int i = 0; i < 2; i++) {
		tl_case c[] = { TL_SEND(other[0], "zz", 3), TL_SEND(pipe_.b, "zz", 3) };
		int r = tl_select(c, 2, TL_POLL);

		CHECK(r == 0 || r == 1); /* the wrong direction: that, too, is an answer */
		CHECK(c[r].result == (r ? -ENOTSUP : 0));
		if (r == 0)
			CHECK_EQ(tl_pipe_recv(other[1], buf, 8, TL_POLL), 3);
	}
	unmake();
	pipe_.a = other[0], pipe_.b = other[1];
	unmake();
}

TEST(refuses)
{
	tl_pipe *a = (tl_pipe *)7, *b = (tl_pipe *)8;

	CHECK_EQ(tl_pipe_open(&a, &b, &(tl_pipe_opts){ .reserved = { 1 } }), -EINVAL);
	CHECK_EQ(tl_pipe_open(&a, &b, &(tl_pipe_opts){ .shared = true, .capacity = SIZE_MAX }),
		-EINVAL);
	CHECK_EQ(tl_pipe_open(&a, &b, &(tl_pipe_opts){ .max_message = SIZE_MAX }), -EINVAL);
	CHECK(a == (tl_pipe *)7 && b == (tl_pipe *)8);
	CHECK(tl_pipe_close(NULL) == NULL);
}

/* Questions and answers between two strands, one message at a time. */
static int answer(void *arg)
{
	int64_t v;
	int r;

	while ((r = tl_pipe_recv(arg, &v, sizeof v, TL_NEVER)) >= 0) {
		v = -v;
		CHECK_EQ(tl_pipe_send(arg, &v, sizeof v, TL_NEVER), 0);
	}
	return r == -EPIPE ? 0 : r;
}

static void ask(int64_t n)
{
	int64_t v;

	for (int64_t i = 0; i < n; i++) {
		CHECK_EQ(tl_pipe_send(pipe_.a, &i, sizeof i, TL_NEVER), 0);
		CHECK_EQ(tl_pipe_recv(pipe_.a, &v, sizeof v, TL_NEVER), 8);
		CHECK_EQ(v, -i);
	}
}

TEST_PIPES(to_and_fro)
{
	for (int thread = 0; thread < 2; thread++) {
		tl_scope s = { 0 };

		make(false, 0, 0);
		tl_scope_open(&s);
		(thread ? start_thread : start_task)(&s, answer, pipe_.b);
		ask(2000);
		pipe_.a = tl_pipe_close(pipe_.a);
		CHECK_EQ(tl_scope_close(&s), 0);
		unmake();
	}
}

/* -- processes */

static int ended(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

/* D10: between processes as between strands */
TEST_LIMIT(to_another_process, 60)
{
	pid_t pid;

	pipe_.shared = true;
	make(false, 0, 0);
	pid = process(answer, pipe_.b);
	ask(2000);
	pipe_.a = tl_pipe_close(pipe_.a);
	CHECK_EQ(ended(pid), 0);
	unmake();
}

static int say_and_stay(void *arg)
{
	CHECK_EQ(tl_pipe_send(arg, "last", 5, TL_NEVER), 0);
	while (getppid() > 0)
		pause();
	return 0;
}

static int say_and_leave(void *arg) { return tl_pipe_send(arg, "last", 5, TL_NEVER); }

static int wait_send(void *arg)
{
	int r;

	while ((r = tl_pipe_send(arg, "x", 1, TL_NEVER)) == 0)
		;
	return r;
}

static int wait_recv_twice(void *arg)
{
	char buf[8];
	int r = tl_pipe_recv(arg, buf, sizeof buf, TL_NEVER);

	CHECK_EQ(r, 5);
	return tl_pipe_recv(arg, buf, sizeof buf, TL_NEVER);
}

/* D10: an end whose processes have ended is closed, and what they sent still comes */
TEST_LIMIT(death_of_the_other_side, 60)
{
	tl_fn *const how[] = { wait_recv_twice, wait_select, wait_send };

	for (int i = 0; i < 12; i++) {
		tl_scope s = { .keep_going = true };
		tl_strand t;
		pid_t pid;

		pipe_.shared = true;
		make(false, 4, 0);
		pid = process(i % 2 ? say_and_stay : say_and_leave, pipe_.b);
		while (!tl_pipe_count(pipe_.a))
			sched_yield();
		if (i % 3 == 1)
			RECV_IS(pipe_.a, "last");
		tl_scope_open(&s);
		t = (i % 4 < 2 ? start_task : start_thread)(&s, how[i % 3], pipe_.a);
		if (i % 2) {
			await_state(t, TL_BLOCKED);
			CHECK_EQ(kill(pid, SIGKILL), 0);
		}
		ended(pid);
		CHECK_EQ(ending(t), -EPIPE);
		CHECK_EQ(tl_scope_close(&s), -EPIPE);
		CHECK_EQ(tl_pipe_send(pipe_.a, "x", 1, TL_POLL), -EPIPE);
		unmake();
	}
}

/* Also those who never wait for long. */
TEST_LIMIT(death_is_told_to_who_polls, 60)
{
	for (int i = 0; i < 4; i++) {
		char buf[8];
		pid_t pid;
		int r;

		pipe_.shared = true;
		make(false, 4, 0);
		pid = process(say_and_stay, pipe_.b);
		CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, TL_NEVER), 5);
		CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, TL_POLL), -EAGAIN);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		ended(pid);
		do {
			tl_time until = i & 1 ? TL_POLL : tl_after(tl_ms(1));

			r = i & 2 ? tl_pipe_recv(pipe_.a, buf, 8, until)
				  : tl_pipe_send(pipe_.a, "x", 1, until);
		} while (r == 0 || r == (i & 1 ? -EAGAIN : -ETIMEDOUT));
		CHECK_EQ(r, -EPIPE);
		unmake();
	}
}

/* One that still runs keeps its end open, and so does an opener that gave it to nobody yet. */
static void each_leaves(void)
{
	char buf[8];
	pid_t pid[2];

	pipe_.shared = true;
	make(false, 4, 0);
	CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, tl_after(tl_ms(600))), -ETIMEDOUT);
	for (int i = 0; i < 2; i++) {
		pid[i] = process(say_and_stay, pipe_.b);
		CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, TL_NEVER), 5);
	}
	CHECK_EQ(kill(pid[0], SIGKILL), 0);
	ended(pid[0]);
	CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, tl_after(tl_ms(600))), -ETIMEDOUT);
	CHECK_EQ(kill(pid[1], SIGKILL), 0);
	ended(pid[1]);
	CHECK_EQ(tl_pipe_recv(pipe_.a, buf, 8, TL_NEVER), -EPIPE);
	unmake();
}

TEST_LIMIT(one_is_left, 60) { each_leaves(); }

/* A thread without futex_waitv wakes often, and every time for nothing: that is silence, too. */
TEST_LIMIT(a_kernel_without_waitv, 60)
{
	refuse(SYS_futex_waitv, ENOSYS);
	each_leaves();
}
