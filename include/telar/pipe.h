/* telar/pipe.h - two ends that send each other messages: between two strands, or two processes.
 *
 *	tl_pipe *here, *there;
 *	if (tl_pipe_open(&here, &there, &(tl_pipe_opts){ .shared = true }) < 0) ...
 *	// a strand, or a process, is given `there`
 *	r = tl_pipe_send(here, "hola", 5, tl_after(tl_s(1)));
 *	r = tl_pipe_recv(here, buf, sizeof buf, TL_NEVER); // its size; -EPIPE: it is closed
 *	here = tl_pipe_close(here);
 *
 * A message comes whole, once, in the order of sending; an empty one is legal.  Each direction is
 * a queue (telar/queue.h), and any number of strands may use an end.  File descriptors go beside
 * them, from hand to hand: tl_pipe_send_fd.
 *
 * An end is closed by tl_pipe_close.  The end of a shared pipe is closed, too, when all processes
 * that have used it have ended, killed or not; before anybody has, it is its opener's.  Who waits
 * at the other end, or tries again and again, notices within a quarter of a second. */
#ifndef TELAR_PIPE_H
#define TELAR_PIPE_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_pipe tl_pipe;

typedef struct tl_pipe_opts {
	const char *name;   /* for dumps; copied, at most 31 bytes */
	size_t capacity;    /* messages on their way, each direction; 0: 1024 */
	size_t max_message; /* bytes; 0: 4096 */
	bool shared;        /* for all processes of the program */
	bool one_way;       /* the first end sends, the second receives */
	uint64_t reserved[4];
} tl_pipe_opts;

/* Make a pipe.  Not a cancel point.  Errors: -ENOMEM, -EINVAL, -ENOSPC (a shared one: the window is
 * full, or there can be none).  Ownership: both ends are the caller's, or those of whom they are
 * given to, each for one tl_pipe_close; untouched on failure.  Source: multiprocessing.Pipe.
 * Example: examples/process_pipe.c. */
TL_API int tl_pipe_open(tl_pipe **ret_a, tl_pipe **ret_b, const tl_pipe_opts *o) TL_MUST;

/* Close this end: who receives at the other gets what remains, then -EPIPE, who sends there gets
 * -EPIPE at once.  Nobody may be inside a call on this end.  The memory goes with the second close.
 * NULL is legal.  Answers NULL.  Not a cancel point. */
TL_API tl_pipe *tl_pipe_close(tl_pipe *p);

/* Send a message of size bytes to the other end; waits while too many are on their way.  Cancel
 * point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EPIPE (the other end is closed), -EMSGSIZE
 * (larger than max_message), -ENOTSUP (this end only receives), -ENOMEM, -ENOSPC, -EMFILE (64 other
 * processes use this end).  None of it was sent on failure.  Ownership: data stays the caller's. */
TL_API int tl_pipe_send(tl_pipe *p, const void *data, size_t size, tl_time deadline) TL_MUST;

/* Receive the next message into buf, of cap bytes, and answer its size.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EPIPE (the other end is closed, and nothing
 * remains), -EMSGSIZE (it is larger than cap, and still the next), -ENOTSUP (this end only sends),
 * -EMFILE.  Nothing was consumed on failure. */
TL_API int tl_pipe_recv(tl_pipe *p, void *buf, size_t cap, tl_time deadline) TL_MUST;

/* Hand the file descriptor fd to who receives one at the other end, with tl_pipe_recv_fd, strand or
 * process: a connection, a file, one side of a pair.  He gets a descriptor of his own for the same
 * open file; fd stays the caller's, who closes it when he needs it no more.  Waits until somebody
 * receives: descriptors go from hand to hand, beside the messages and not in order with them, so
 * what is to be said of it goes in a message before.  Cancel point.
 * Both must see the same network namespace (network_namespaces(7)), whose abstract socket names are
 * used.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL: nobody receives just now), -EPIPE (the other
 * end is closed), -ENOTSUP (this end only receives), -EBADF (fd is none), -EMFILE; the system's
 * own, as -ETOOMANYREFS.  It was not handed over on failure; after success, should the receiver be
 * killed, it is closed with him.
 * Source: SCM_RIGHTS in unix(7), multiprocessing.reduction.send_handle.
 * Example: docs/guide/en/11-between.md. */
TL_API int tl_pipe_send_fd(tl_pipe *p, int fd, tl_time deadline) TL_MUST;

/* Receive a descriptor from the other end.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL, always: who sends must see that somebody
 * waits), -EPIPE (the other end is closed; noticed within a quarter of a second), -ENOTSUP (this
 * end only sends), -EMFILE (three free numbers are needed; or 64 already receive here), -ENFILE,
 * -ENOMEM.  None was received on failure; but if others of this process take its last free number
 * at the very moment, -EMFILE may mean that the descriptor came and was closed.
 * Ownership: *ret is the caller's to close, and is closed by an exec; untouched on failure.
 * Source: unix(7), multiprocessing.reduction.recv_handle. */
TL_API int tl_pipe_recv_fd(tl_pipe *p, int *ret, tl_time deadline) TL_MUST;

/* Messages that could be received at this end just now; 0 for one that only sends.  Not a cancel
 * point; cannot fail. */
TL_API int tl_pipe_count(tl_pipe *p);

#ifdef __cplusplus
}
#endif
#endif
