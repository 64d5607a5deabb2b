/* fd_wait.c - waiting for a descriptor that is not ours.  We cannot know when it is closed, so it
 * is registered anew for each wait (stamp 0). */
#include "run/run.h"
#include "telar/stream.h"
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

_Static_assert((int)TL_IN == (int)POLLER_IN && (int)TL_OUT == (int)POLLER_OUT, "passed on as is");

/* Files of these kinds are always ready, which poll(2) takes for an answer and epoll(7) refuses. */
static bool never_blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* What fd is ready for now; -EAGAIN: nothing. */
static int look(int fd, int events)
{
	int want = (events & TL_IN ? POLLIN | POLLRDHUP : 0) | (events & TL_OUT ? POLLOUT : 0);
	int r = fd < 0 ? -EBADF : plat_poll(fd, want), is;

	if (r >= 0 && want & POLLIN && poller_keeps(fd))
		r |= POLLIN;
	if (r <= 0)
		return r == 0 ? -EAGAIN : r;
	if (r & POLLNVAL)
		return -EBADF;
	if (never_blocks(fd))
		return -EPERM;
	is = (r & (POLLIN | POLLRDHUP | POLLHUP | POLLERR) ? TL_IN : 0) |
	     (r & (POLLOUT | POLLHUP | POLLERR) ? TL_OUT : 0);
	return is & events;
}

int tl_fd_wait(int fd, int events, tl_time deadline)
{
	bool poll = deadline.ns == TL_POLL.ns;
	int r = poll ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	if (!events || events & ~(TL_IN | TL_OUT))
		return -EINVAL;
	r = look(fd, events);
	if (r != -EAGAIN || poll)
		return r;
	return loop_fd_wait(fd, 0, events, "descriptor", deadline);
}
