/* test_window.c - memory for the shared window on a kernel that begins a fallocate afresh whenever
 * a signal comes, as tmpfs did for long: with a timer that ticks, a large one never ends. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <telar.h>

enum { BETWEEN_TWO_SIGNALS = 8 << 20 };
static size_t claimed, most;
static int undone;

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	if (!mode && n > BETWEEN_TWO_SIGNALS) {
		CHECK(++undone < 1000);
		errno = EINTR;
		return -1;
	}
	if (!mode && most && claimed + (size_t)n > most) {
		errno = ENOSPC;
		return -1;
	}
	claimed += mode ? -(size_t)n : (size_t)n;
	return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

TEST(a_large_block_while_signals_come)
{
	char *p = tl_shared(60 << 20);

	CHECK(p);
	CHECK_EQ(p[(60 << 20) - 1], 0);
	CHECK(claimed >= 60 << 20); /* and by way of what is above */
	CHECK_EQ(tl_finish(), 0);
}

/* What was had of it by then is given back. */
TEST(a_large_block_that_is_not_to_be_had)
{
	size_t before;

	CHECK(tl_shared(1));
	before = claimed;
	most = before + (10 << 20);
	CHECK(!tl_shared(60 << 20));
	CHECK_EQ(claimed, before);
	CHECK(tl_shared(5 << 20));
	most = 0;
	CHECK(tl_shared(60 << 20));
	CHECK_EQ(tl_finish(), 0);
}
