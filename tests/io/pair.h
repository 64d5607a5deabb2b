/* pair.h - what the tests of src/io share. */
#ifndef PAIR_H
#define PAIR_H
#include "check.h"
#include "telar/report.h"
#include "telar/scope.h"
#include "telar/stream.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct pair {
	tl_stream *a, *b;
};

/* Two streams, each the other's peer. */
static inline struct pair pair_make(void)
{
	struct pair p;
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	CHECK_EQ(tl_stream_adopt(&p.a, fd[0]), 0);
	CHECK_EQ(tl_stream_adopt(&p.b, fd[1]), 0);
	return p;
}

static inline void pair_close(struct pair p)
{
	CHECK_EQ(tl_close(p.a, TL_NEVER), 0);
	CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
}

/* Wait until strand t waits for something: then, and only then, the test goes on. */
static inline void await_blocked(tl_strand t)
{
	int state;

	while ((state = tl_state(t)) != TL_BLOCKED) {
		CHECK(state >= 0 && state != TL_ENDED);
		CHECK_EQ(tl_yield(), 0);
	}
}

#endif
