/* gone.h - waiting for the end of a process that is nobody's child. */
#ifndef GONE_H
#define GONE_H
#include "check.h"
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

/* It runs no more; who reaps it, and when, is the system's affair. */
static inline void gone(pid_t pid)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	if (p.fd < 0) {
		CHECK_EQ(errno, ESRCH);
		return;
	}
	CHECK_EQ(poll(&p, 1, -1), 1);
	close(p.fd);
}

#endif
