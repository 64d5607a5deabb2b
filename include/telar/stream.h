/* telar/stream.h - bytes over TCP and Unix sockets, with deadlines.  From a task only the task
 * waits.
 *
 * Addresses: "127.0.0.1:8080", "[::1]:80", "localhost:80", "*:80" (all interfaces), ":0" (any free
 * port on 127.0.0.1), "unix:/run/x.sock", "unix:@abstract".  Names other than localhost are
 * -EINVAL. These functions pass the system's own errors through: -ECONNREFUSED, -ECONNRESET,
 * -EADDRINUSE ... One strand may read while another writes; two readers, or two writers, of one
 * stream at once are -EBUSY. */
#ifndef TELAR_STREAM_H
#define TELAR_STREAM_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_stream tl_stream;
typedef struct tl_listener tl_listener;

/* Connect.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EINVAL (address), the system's.
 * Ownership: *ret is the caller's, for tl_close; untouched on failure. */
TL_API int tl_connect(tl_stream **ret, const char *address, tl_time deadline) TL_MUST;

/* Make a stream of a socket, pipe or terminal; it is made non-blocking and closed with the stream.
 * Not a cancel point. Errors: -EBADF, -ENOMEM, -EINVAL (a regular file); fd then stays the
 * caller's. */
TL_API int tl_stream_adopt(tl_stream **ret, int fd) TL_MUST;

/* A way of one's own to move bytes.  Each function is given tl_stream_over's arg, runs in the
 * strand that called the stream, on its stack, and may call whatever telar has; what it answers,
 * that call answers.  At most one read and one write run at a time: both at once perhaps, and in
 * two threads. */
typedef struct tl_transport {
	/* As tl_read and tl_write of n >= 1 bytes, with their deadline: they keep to it, to TL_POLL
	 * and to cancels as far as these functions do.  NULL: -ENOTSUP. */
	ssize_t (*read)(void *arg, void *buf, size_t n, tl_time deadline);
	ssize_t (*write)(void *arg, const void *buf, size_t n, tl_time deadline);
	/* TL_OUT: no more will be written (tl_shut).  TL_IN | TL_OUT: the stream is being closed,
	 * and somebody is inside: read and write, now running or about to, are to answer soon.
	 * NULL: tl_shut is -ENOTSUP, and a close does not hurry them. */
	int (*shut)(void *arg, int directions);
	/* The last of all, and once: flush, and free arg.  By the strand that is the last to leave,
	 * which the closer need not be, with the deadline of tl_close; what it answers reaches
	 * tl_close only if nobody was inside.  NULL: nothing to do. */
	int (*close)(void *arg, tl_time deadline);
	uint64_t reserved[4];
} tl_transport;

/* Make a stream of the functions *t, called with arg.  *t must stay for as long as the stream.  All
 * of this header works on it but tl_peer and tl_stream_fd, which answer -ENOTSUP, as TL_RECV and
 * TL_SEND do.  Not a cancel point.  Errors: -EINVAL (neither read nor write, or reserved is not
 * zero), -ENOMEM.  Ownership: arg is the stream's until t->close has been called with it; on
 * failure it stays the caller's, and *ret is untouched.  Example: bridge_callbacks.c. */
TL_API int tl_stream_over(tl_stream **ret, const tl_transport *t, void *arg) TL_MUST;

/* Close and free s.  NULL is legal.  What the system still has to send it sends.  A strand that
 * waits in s is answered -EPIPE (in a pipe: once the pipe wakes it).  Cancel point only for a
 * stream over a transport, as far as that waits.  Errors: the system's, the transport's; s is gone
 * in any case. */
TL_API int tl_close(tl_stream *s, tl_time deadline);

/* Read at least one byte, at most n; 0 is the end of the stream.  Cancel point: on failure nothing
 * was consumed. */
TL_API ssize_t tl_read(tl_stream *s, void *buf, size_t n, tl_time deadline) TL_MUST;
/* Write at least one byte, at most n.  Cancel point: on failure nothing was written.  A closed peer
 * is -EPIPE. */
TL_API ssize_t tl_write(tl_stream *s, const void *buf, size_t n, tl_time deadline) TL_MUST;
/* Read all n bytes.  got (may be NULL): how many there are in buf, also on failure.  Cancel point.
 * Errors: -EPIPE (the stream ended before that), -ETIMEDOUT, -ECANCELED, the system's. */
TL_API int tl_read_all(tl_stream *s, void *buf, size_t n, size_t *got, tl_time deadline) TL_MUST;
/* Write all n bytes.  put (may be NULL): how many were written, also on failure.  Cancel point.
 * Errors: -EPIPE (the peer has closed), -ETIMEDOUT, -ECANCELED, the system's. */
TL_API int tl_write_all(tl_stream *s, const void *buf, size_t n, size_t *put, tl_time deadline)
	TL_MUST;

/* Say that no more will be written; the peer reads its end.  Not a cancel point. */
TL_API int tl_shut(tl_stream *s);
/* The peer's address as text; answers its whole length.  Not a cancel point. */
TL_API int tl_peer(tl_stream *s, char *buf, size_t cap);
/* The file descriptor, which stays the stream's.  Bytes that had been received before the first
 * call may be read by tl_read alone (tl_fd_wait and TL_READABLE see them): whoever will read the
 * descriptor himself calls this before the first tl_read. */
TL_API int tl_stream_fd(const tl_stream *s);

/* Listen.  Not a cancel point.  Errors: -EINVAL (address), -EADDRINUSE, -EACCES, the system's.
 * Ownership: as tl_connect. A Unix socket's path that nobody listens on any more is taken over. */
TL_API int tl_listen(tl_listener **ret, const char *address) TL_MUST;
/* Its real address (with the port the system chose); answers the whole length. */
TL_API int tl_listener_address(const tl_listener *l, char *buf, size_t cap);
/* Take one connection.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EMFILE, the system's. */
TL_API int tl_accept(tl_stream **ret, tl_listener *l, tl_time deadline) TL_MUST;
/* Close and free l; a Unix socket's path is removed if it is still ours.  Who waits in tl_accept is
 * answered -EPIPE.  NULL is legal.  Cancel point only in name: there is nothing to wait for yet. */
TL_API int tl_listener_close(tl_listener *l, tl_time deadline);

typedef struct tl_serve_opts {
	size_t limit;  /* connections at once; 0: 10,000.  Those beyond wait unaccepted */
	tl_span drain; /* after a cancel: how long handlers may finish; 0: 5 s */
	uint64_t reserved[4];
} tl_serve_opts;

/* Accept for ever; each connection runs fn(peer, arg) in a task of its own and is closed after it.
 * What fn answers ends only that connection.  Out of descriptors, it waits for one to be freed.
 * Cancel point, and the way to end it: then no more are accepted, handlers have .drain to finish by
 * themselves (they see the cancellation only after it), and the rest are cancelled.  Answers how
 * many were, or an error of the listener. */
TL_API int tl_serve(
	tl_listener *l, int (*fn)(tl_stream *peer, void *arg), void *arg, const tl_serve_opts *o);

/* -- raw descriptors */
enum { TL_IN = 1, TL_OUT = 2 };
/* Wait until fd is readable (TL_IN), writable (TL_OUT); answers which.  Cancel point.  Errors:
 * -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EBADF, -EPERM (a regular file: it never blocks). */
TL_API int tl_fd_wait(int fd, int events, tl_time deadline);

#ifdef __cplusplus
}
#endif
#endif
