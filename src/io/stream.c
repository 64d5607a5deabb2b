/* stream.c - bytes over sockets, pipes and terminals.
 *
 * Each call tries first, unless it knows better, and has the poller do what would block.  With
 * epoll a stream is registered, edge-triggered, in the poller of every loop that has waited for it,
 * under its stamp; closing the descriptor takes it out of all of them, or, where a forked child
 * still has the file, leaves events whose stamp nobody knows any more.
 *
 * `state` says who is inside: one reader, one writer, the closer, a poller that feeds the reader
 * (STREAM_FED), and whether it is closed.  It alone decides who frees: the last that leaves a
 * closed stream.  What is marked the reader's belongs to whoever has STREAM_READING.
 *
 *	reader  enters ... wakes, sees STREAM_CLOSED: -EPIPE ... leaves: the last? then it frees
 *	closer  STREAM_CLOSED ... shuts the socket, which wakes the reader ... leaves: the same
 *
 * A stream over functions of the caller's (transport.c) is told by its descriptor, -1. */
#include "io/stream.h"
#include "base/mem.h"
#include "io/address.h"
#include "io/transport.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BULK = 2000 };    /* what is read in pieces of this size is better read directly */
enum { FEED_AFTER = 2 }; /* times that the reader was back before its loop looked again */
enum { FAIR = 16 }; /* calls that a strand may complete in a row before others have their turn */

struct feed {
	struct poll_feed feed;
	tl_stream *of;
};

__attribute__((constructor(101))) static void begin(void)
{
	select_kinds[TL_W_RECV] = select_kinds[TL_W_SEND] = &stream_kind;
}

tl_stream *stream_room(void) { return mem_zalloc(sizeof(tl_stream)); }

tl_stream *stream_fill(tl_stream *s, int fd, bool socket)
{
	s->fd = fd;
	s->stamp = poller_stamp();
	s->socket = socket;
	return s;
}

/* -- in and out */

int stream_enter(tl_stream *s, uint32_t direction)
{
	uint32_t was = atomic_fetch_or_explicit(&s->state, direction, memory_order_acquire);

	return was & direction ? -EBUSY : 0;
}

bool stream_closed(const tl_stream *s)
{
	return atomic_load_explicit(&s->state, memory_order_relaxed) & STREAM_CLOSED;
}

static bool over_transport(const tl_stream *s) { return s->fd < 0; }

/* Nobody is inside any more. */
static int finish(tl_stream *s)
{
	int r;

	if (s->feed)
		poller_forget(&s->feed->feed);
	r = over_transport(s) ? transport_close(s) : close(s->fd) < 0 ? -errno : 0;
	mem_free(s->feed);
	mem_free(s);
	return r;
}

/* Answers what closing it did, if it was ours to do. */
int stream_leave(tl_stream *s, uint32_t as)
{
	/* Pairs with itself: what the others did with s is done before it is freed. */
	uint32_t was = atomic_fetch_and_explicit(&s->state, ~as, memory_order_acq_rel);

	return (was & ~as) == STREAM_CLOSED ? finish(s) : 0;
}

/* While a poller holds the stream's feed, it is inside, like a reader. */
static void held(struct poll_feed *f, bool yes)
{
	tl_stream *s = container_of(f, struct feed, feed)->of;

	if (yes)
		atomic_fetch_or_explicit(&s->state, STREAM_FED, memory_order_relaxed);
	else
		stream_leave(s, STREAM_FED);
}

/* Wake who waits inside. */
static void stop(tl_stream *s)
{
	if (over_transport(s))
		transport_shut(s, TL_IN | TL_OUT);
	else
		shutdown(s->fd, SHUT_RDWR);
}

int tl_close(tl_stream *s, tl_time deadline)
{
	uint32_t was;

	if (!s)
		return 0;
	if (over_transport(s))
		transport_closing(s, deadline);
	was = atomic_fetch_or_explicit(
		&s->state, STREAM_CLOSED | STREAM_CLOSING, memory_order_acquire);
	if (was & STREAM_FED && poller_stop(strand_self()->loop->poller, &s->feed->feed))
		was &= ~(uint32_t)STREAM_FED;
	if (was & (STREAM_READING | STREAM_WRITING | STREAM_FED))
		stop(s);
	return stream_leave(s, STREAM_CLOSING);
}

/* -- making */

int tl_stream_adopt(tl_stream **ret, int fd)
{
	struct stat st;
	tl_stream *s;
	int flags, one = 1;

	if (fstat(fd, &st) < 0 || (flags = fcntl(fd, F_GETFL)) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		return -EINVAL;
	s = stream_room();
	if (!s)
		return -ENOMEM;
	if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		mem_free(s);
		return -errno;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* refused by all but TCP */
	*ret = stream_fill(s, fd, S_ISSOCK(st.st_mode));
	atomic_store_explicit(&s->lent, true, memory_order_relaxed);
	return 0;
}

/* -- bytes */

/* A pipe knows no MSG_NOSIGNAL: hold the signal back, and take away the one that we caused. */
static ssize_t pipe_write(int fd, const void *buf, size_t n)
{
	struct timespec now = { 0 };
	sigset_t pipe_only, was, pending;
	bool before;
	ssize_t r;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &was);
	sigpending(&pending);
	before = sigismember(&pending, SIGPIPE);
	while ((r = write(fd, buf, n)) < 0 && errno == EINTR)
		;
	r = r < 0 ? -errno : r;
	if (r == -EPIPE && !before)
		sigtimedwait(&pipe_only, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return r;
}

static ssize_t file_read(int fd, void *buf, size_t n)
{
	ssize_t r;

	while ((r = read(fd, buf, n)) < 0 && errno == EINTR)
		;
	return r < 0 ? -errno : r;
}

/* Pipes and terminals: no poller moves their bytes for us. */
static ssize_t file_transfer(
	tl_stream *s, uint32_t direction, void *buf, size_t n, tl_time deadline)
{
	bool in = direction == STREAM_READING;
	ssize_t r;

	for (;;) {
		r = in ? file_read(s->fd, buf, n) : pipe_write(s->fd, buf, n);
		if (r != -EAGAIN || deadline.ns == TL_POLL.ns)
			return r;
		r = loop_fd_wait(s->fd, s->stamp, in ? POLLER_IN : POLLER_OUT,
			in ? "read" : "write", deadline);
		if (stream_closed(s))
			return -EPIPE;
		if (r < 0)
			return r;
	}
}

/* -- receiving ahead of the reader.  A stream is fed by a receive that stays, once its reader was
 * back FEED_AFTER times in a row before its loop looked again, with all that had come; so one that
 * does other things between reads, or reads in bulk, is not, nor one whose descriptor others know:
 * what is kept here they could not read. */

/* The reader waits: has it earned a feed? */
static struct poll_feed *feed_of(tl_stream *s, const struct poller *p)
{
	uint32_t state = atomic_load_explicit(&s->state, memory_order_acquire);

	if (!p || p->looks != s->looks)
		s->returns = 0;
	else if (s->returns < FEED_AFTER)
		s->returns++;
	if (s->returns < FEED_AFTER || !poller_levels(p) ||
		atomic_load_explicit(&s->lent, memory_order_relaxed))
		return NULL;
	if (!s->feed && (s->feed = mem_zalloc(sizeof *s->feed))) {
		s->feed->feed.held = held;
		s->feed->of = s;
	}
	if (!s->feed || (state & STREAM_FED && atomic_load_explicit(&s->feed->feed.poller,
						       memory_order_relaxed) != p))
		return NULL; /* another loop's still, until that looks again */
	s->feed->feed.full = true;
	return &s->feed->feed;
}

/* r bytes have come, or none: was that all, and is it worth a feed? */
static ssize_t note_read(tl_stream *s, const struct poll_feed *f, ssize_t r, size_t n)
{
	const struct poller *p = strand_self()->loop->poller;

	s->dry = r > 0 && (f ? !f->full : (size_t)r < n);
	if (p)
		s->looks = r > 0 && r < BULK ? p->looks : p->looks - 1;
	return r;
}

static ssize_t socket_read(tl_stream *s, void *buf, size_t n, tl_time deadline)
{
	struct poll_op op = {
		.fd = s->fd, .stamp = s->stamp, .kind = POLLER_RECV, .buf = buf, .size = n
	};
	struct loop *l = strand_self()->loop;
	bool vain = s->dry && poller_levels(l->poller) && (!deadline.ns || deadline.ns > l->now);
	ssize_t r = s->feed ? poller_kept(&s->feed->feed, buf, n) : -EAGAIN;

	if (r != -EAGAIN)
		return r;
	if (!vain)
		r = poller_try(&op);
	while (r == -EAGAIN && deadline.ns != TL_POLL.ns) {
		op.feed = feed_of(s, l->poller);
		r = loop_fd_do(op, "read", deadline);
		if (r <= 0 && stream_closed(s))
			return -EPIPE;
		if (r == -EAGAIN)
			s->returns = 0; /* no buffers: in another way, then */
	}
	return note_read(s, op.feed, r, n);
}

static ssize_t socket_write(tl_stream *s, const void *buf, size_t n, tl_time deadline)
{
	struct poll_op op = {
		.fd = s->fd, .stamp = s->stamp, .kind = POLLER_SEND, .buf = (void *)buf, .size = n
	};
	ssize_t r = poller_try(&op);

	while (r == -EAGAIN && deadline.ns != TL_POLL.ns) {
		r = loop_fd_do(op, "write", deadline);
		if (r <= 0 && stream_closed(s))
			return -EPIPE;
	}
	return r;
}

ssize_t stream_transfer(tl_stream *s, uint32_t direction, void *buf, size_t n, tl_time deadline)
{
	if (over_transport(s))
		return transport_move(s, direction, buf, n, deadline);
	if (!s->socket)
		return file_transfer(s, direction, buf, n, deadline);
	return direction == STREAM_READING ? socket_read(s, buf, n, deadline)
					   : socket_write(s, buf, n, deadline);
}

/* A strand whose calls never have to wait would keep its loop to itself. */
static void be_fair(struct strand *me)
{
	static _Thread_local unsigned completed;

	if (++completed % FAIR == 0)
		loop_yield(me->loop);
}

static ssize_t transfer(tl_stream *s, uint32_t direction, void *buf, size_t n, tl_time deadline)
{
	struct strand *me = strand_self();
	bool poll = deadline.ns == TL_POLL.ns;
	ssize_t r = poll ? 0 : strand_checkpoint(me);

	if (r < 0 || n == 0)
		return r;
	r = stream_enter(s, direction);
	if (r < 0)
		return r;
	r = stream_transfer(s, direction, buf, n, deadline);
	stream_leave(s, direction);
	if (r > 0 && !poll)
		be_fair(me);
	return r;
}

ssize_t tl_read(tl_stream *s, void *buf, size_t n, tl_time deadline)
{
	return transfer(s, STREAM_READING, buf, n, deadline);
}

ssize_t tl_write(tl_stream *s, const void *buf, size_t n, tl_time deadline)
{
	return transfer(s, STREAM_WRITING, (void *)buf, n, deadline);
}

static int transfer_all(
	tl_stream *s, uint32_t direction, void *buf, size_t n, size_t *ret_done, tl_time deadline)
{
	size_t done = 0;
	ssize_t r;

	do {
		r = transfer(s, direction, (char *)buf + done, n - done, deadline);
		done += r > 0 ? (size_t)r : 0;
	} while (r > 0 && done < n);
	if (ret_done)
		*ret_done = done;
	return r < 0 ? (int)r : done == n ? 0 : -EPIPE;
}

int tl_read_all(tl_stream *s, void *buf, size_t n, size_t *got, tl_time deadline)
{
	return transfer_all(s, STREAM_READING, buf, n, got, deadline);
}

int tl_write_all(tl_stream *s, const void *buf, size_t n, size_t *put, tl_time deadline)
{
	return transfer_all(s, STREAM_WRITING, (void *)buf, n, put, deadline);
}

/* -- the rest */

int tl_shut(tl_stream *s)
{
	if (over_transport(s))
		return transport_shut(s, TL_OUT);
	return shutdown(s->fd, SHUT_WR) < 0 ? -errno : 0;
}

int tl_peer(tl_stream *s, char *buf, size_t cap)
{
	struct address a = { .size = sizeof a.un };

	if (over_transport(s))
		return -ENOTSUP;
	if (getpeername(s->fd, &a.any, &a.size) < 0)
		return -errno;
	return address_format(&a, buf, cap);
}

int tl_stream_fd(const tl_stream *s)
{
	if (over_transport(s))
		return -ENOTSUP;
	atomic_store_explicit(&((tl_stream *)s)->lent, true, memory_order_relaxed);
	return s->fd;
}
