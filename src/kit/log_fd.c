/* log_fd.c - whole lines into a descriptor of the caller's, or into a function of the caller's.
 *
 * One write(2) per line.  If the system takes only a part, the rest follows, for FLUSH_MS in
 * all where the descriptor does not block; what then is still missing makes the line a parted one,
 * dropped and counted, and the next line begins with a line break.
 *
 * A pipe or socket without a reader answers -EPIPE and raises no signal. */
#include "log.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLAIN, PIPE, SOCKET, FLUSH_MS = 1000 };

int fd_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISFIFO(st.st_mode) ? PIPE : S_ISSOCK(st.st_mode) ? SOCKET : PLAIN;
}

/* The signal of a broken pipe is the calling thread's own: held off, and taken back. */
static ssize_t write_pipe(int fd, const char *bytes, size_t n)
{
	sigset_t pipe_only, before, pending;
	ssize_t r;
	int e;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	sigpending(&pending);
	r = write(fd, bytes, n);
	e = errno;
	if (r < 0 && e == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_only, NULL, &(struct timespec){ 0 });
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	return r;
}

static ssize_t write_once(int fd, int kind, const char *bytes, size_t n)
{
	ssize_t r = kind == SOCKET ? send(fd, bytes, n, MSG_NOSIGNAL)
		    : kind == PIPE ? write_pipe(fd, bytes, n)
				   : write(fd, bytes, n);

	return r < 0 ? -errno : r;
}

int fd_write(int fd, int kind, const char *bytes, size_t n, size_t *ret_done)
{
	tl_time until = TL_NEVER;
	size_t done = 0;
	int r = 0;

	while (done < n) {
		ssize_t put = write_once(fd, kind, bytes + done, n - done);

		if (put > 0)
			done += (size_t)put;
		else if (put == -EAGAIN && done) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };
			int64_t left;

			if (!until.ns)
				until = tl_after(tl_ms(FLUSH_MS));
			left = (until.ns - tl_now().ns) / 1000000;
			if (left <= 0 || poll(&p, 1, (int)left) == 0) {
				r = -EAGAIN;
				break;
			}
		} else if (put != -EINTR) {
			r = put ? (int)put : -EIO;
			break;
		}
	}
	*ret_done = done;
	return r;
}

static int fd_open(tl_handler *h, const tl_handler_opts *o)
{
	h->fd = o->fd ? o->fd : STDERR_FILENO;
	h->kind = fd_kind(h->fd);
	return h->kind < 0 ? h->kind : 0;
}

static void nothing(tl_handler *h) { (void)h; }

static int fd_lines(tl_handler *h, int level, const char *lines, size_t n)
{
	size_t done;
	int r = 0;

	(void)level;
	if (h->parted)
		r = fd_write(h->fd, h->kind, "\n", 1, &done);
	if (r < 0)
		return r;
	r = fd_write(h->fd, h->kind, lines, n, &done);
	h->parted = r < 0 && done;
	return r;
}

static int fn_open(tl_handler *h, const tl_handler_opts *o)
{
	h->fn = o->fn;
	h->arg = o->arg;
	return 0;
}

static int fn_lines(tl_handler *h, int level, const char *lines, size_t n)
{
	h->fn(h->arg, level, lines, n);
	return 0;
}

const struct sink sink_fd = { fd_open, nothing, fd_lines, false };
const struct sink sink_fn = { fn_open, nothing, fn_lines, false };
