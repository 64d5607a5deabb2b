/* host.h - what the tests of embedded loops share: a host that waits in poll(2) without a time-out,
 * so that a wake-up that is lost ends its case by the time limit. */
#ifndef HOST_H
#define HOST_H
#include "strands.h"
#include "telar.h"
#include <poll.h>
#include <sys/socket.h>

/* Every case under both pollers, each in a process of its own. */
#define BOTH(name) \
	static void name(void); \
	TEST_LIMIT(name##_by_uring, 60) \
	{ \
		setenv("TELAR_POLLER", "uring", 1); \
		name(); \
	} \
	TEST_LIMIT(name##_by_epoll, 60) \
	{ \
		setenv("TELAR_POLLER", "epoll", 1); \
		name(); \
	} \
	static void name(void)

static _Thread_local int turns;

static bool readable(int timeout)
{
	struct pollfd p = { .fd = tl_loop_fd(), .events = POLLIN };
	int r = poll(&p, 1, timeout);

	CHECK(p.fd >= 0 && r >= 0 && (r == 0 || p.revents == POLLIN));
	return r == 1;
}

static int turn(void)
{
	int r = tl_loop_turn();

	turns++;
	CHECK(r == 0 || r == 1);
	if (r == 1)
		CHECK(readable(0));
	return r;
}

/* The host's main loop, until something in it says so. */
#define HOST_UNTIL(cond) \
	do \
		while (!(cond)) { \
			CHECK(readable(-1)); \
			turn(); \
		} \
	while (0)

/* Nothing is left to do.  Answers how many turns it took. */
__attribute__((unused)) static int settle(void)
{
	int n = 0;

	while (readable(0)) {
		turn();
		CHECK(++n < 1000);
	}
	return n;
}

static _Atomic int n_done;

__attribute__((unused)) static int wait_event(void *arg)
{
	int r = tl_event_wait(arg, TL_NEVER);

	n_done++;
	return r;
}

__attribute__((unused)) static int nap(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		tl_time due = tl_after(tl_ms(2));

		CHECK_EQ(tl_sleep_until(due), 0);
		CHECK(tl_now().ns >= due.ns);
	}
	n_done++;
	return 0;
}

static int ends[2];
static tl_stream *stream;

__attribute__((unused)) static int read_all(void *arg)
{
	char c;

	(void)arg;
	while (tl_read(stream, &c, 1, tl_after(tl_s(30))) == 1)
		n_done++;
	n_done += 1000000;
	return 0;
}

__attribute__((unused)) static void open_ends(void)
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CHECK_EQ(tl_stream_adopt(&stream, ends[0]), 0);
}

__attribute__((unused)) static int add_one(void *arg)
{
	++*(int *)arg;
	return 0;
}

__attribute__((unused)) static int offloads(void *arg)
{
	int x = 0;

	(void)arg;
	for (int i = 0; i < 100; i++)
		CHECK_EQ(tl_offload(add_one, &x, sizeof x, TL_NEVER), 0);
	CHECK_EQ(x, 100);
	n_done++;
	return 0;
}

#endif
