/* connect.c - making a connection. */
#include "base/mem.h"
#include "io/address.h"
#include "io/stream.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* A Unix listener's full backlog cannot be waited for: look again, less and less often. */
static int await_backlog(int64_t *pause, tl_time deadline)
{
	int64_t until = plat_now() + *pause;

	if (deadline.ns && deadline.ns < until)
		until = deadline.ns;
	*pause = *pause < 20000000 ? *pause * 2 : *pause;
	return strand_sleep("connect", until);
}

static int await_connected(int fd, uint32_t stamp, tl_time deadline)
{
	int error = 0, r = loop_fd_wait(fd, stamp, POLLER_OUT, "connect", deadline);
	socklen_t n = sizeof error;

	if (r < 0)
		return r;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 ? -errno : -error;
}

static int make_connection(int fd, uint32_t stamp, const struct address *a, tl_time deadline)
{
	bool poll = deadline.ns == TL_POLL.ns;
	int64_t pause = 100000;
	int r;

	for (;;) {
		if (connect(fd, &a->any, a->size) == 0)
			return 0;
		r = -errno;
		if (r == -EINPROGRESS)
			return poll ? -EAGAIN : await_connected(fd, stamp, deadline);
		if (r == -EINTR)
			continue;
		if (r != -EAGAIN || poll)
			return r;
		if (deadline.ns && deadline.ns <= plat_now())
			return -ETIMEDOUT;
		r = await_backlog(&pause, deadline);
		if (r < 0)
			return r;
	}
}

int tl_connect(tl_stream **ret, const char *address, tl_time deadline)
{
	struct address a;
	tl_stream *s;
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	int fd, one = 1;

	if (r == 0)
		r = address_parse(address, &a);
	if (r < 0)
		return r;
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	s = stream_room();
	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	stream_fill(s, fd, true);
	r = make_connection(fd, s->stamp, &a, deadline);
	if (r < 0) {
		close(fd);
		mem_free(s);
		return r;
	}
	if (a.any.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	*ret = s;
	return 0;
}
