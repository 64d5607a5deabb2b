/* telar/select.h - wait for the first of several things, and commit exactly that one.
 *
 *	tl_case c[] = { TL_GET(orders, &o, sizeof o), TL_JOINED(worker), TL_READABLE(fd) };
 *	switch (tl_select(c, 3, tl_after(tl_s(1)))) { case 0: ... } */
#ifndef TELAR_SELECT_H
#define TELAR_SELECT_H
#include <telar/future.h>
#include <telar/pipe.h>
#include <telar/queue.h>
#include <telar/strand.h>
#include <telar/stream.h>
#include <telar/sync.h>
#ifdef __cplusplus
extern "C" {
#endif

enum tl_what {
	TL_W_GET = 1,
	TL_W_PUT,
	TL_W_DONE,
	TL_W_JOINED,
	TL_W_READABLE,
	TL_W_WRITABLE,
	TL_W_SET,
	TL_W_LOCK,
	TL_W_SEM,
	TL_W_AT,
	TL_W_RECV,
	TL_W_SEND,
	TL_W_ACCEPT,
	TL_W_JOB, /* telar/pool.h */
	TL_W_PIPE_RECV,
	TL_W_PIPE_SEND,
	TL_W_KINDS
};

typedef struct tl_case {
	enum tl_what what;
	int fd;
	void *object;
	tl_strand strand;
	void *item;
	size_t size;
	int result; /* of the committed case: what the call alone would have answered */
	uint64_t reserved[2];
} tl_case;

static inline tl_case tl_case_make(
	enum tl_what what, int fd, void *object, tl_strand strand, void *item, size_t size)
{
	tl_case c = { what, fd, object, strand, item, size, 0, { 0, 0 } };
	return c;
}
#define TL_NO_STRAND              TL_MAKE(tl_strand, 0)
#define TL_CASE_OF(what, o, p, n) tl_case_make((what), -1, (o), TL_NO_STRAND, (p), (n))
#define TL_CASE_FD(what, fd)      tl_case_make((what), (fd), NULL, TL_NO_STRAND, NULL, 0)

/* tl_queue_get, tl_queue_put: an item of at most n bytes out, of n bytes in. */
#define TL_GET(q, p, n) TL_CASE_OF(TL_W_GET, (q), (p), (n))
#define TL_PUT(q, p, n) TL_CASE_OF(TL_W_PUT, (q), (p), (n))
/* Of a pipe: tl_pipe_recv, tl_pipe_send.  Of a stream: tl_read, tl_write, of some bytes; for as
 * long as the select lasts its strand is the stream's reader or writer: another's, or a second case
 * of the same, is -EBUSY.  A stream over a transport is -ENOTSUP: a strand of its own may read it,
 * and put what comes into a queue. */
#ifdef __cplusplus
#define TL_RECV(s, p, n) tl_case_recv((s), (p), (n))
#define TL_SEND(s, p, n) tl_case_send((s), (p), (n))
#else
#define TL_RECV(s, p, n) \
	TL_CASE_OF(_Generic((s), tl_pipe * : TL_W_PIPE_RECV, default : TL_W_RECV), (s), (p), (n))
#define TL_SEND(s, p, n) \
	TL_CASE_OF(_Generic((s), tl_pipe * \
			    : TL_W_PIPE_SEND, default \
			    : TL_W_SEND), \
		(s), (void *)(p), (n))
#endif
/* tl_accept: result 0, and the stream in *ret (a tl_stream **), the caller's to close. */
#define TL_ACCEPT(l, ret) TL_CASE_OF(TL_W_ACCEPT, (l), (ret), 0)
/* tl_lock_acquire of a tl_lock *, tl_sem_acquire of a tl_sem *: it is held, and to be released, if
 * this case is committed with result 0.  What lies in shared memory is -ENOTSUP.  A select that is
 * woken for nothing, by another of its cases, stands in a semaphore's line anew. */
#ifdef __cplusplus
#define TL_ACQUIRE(m) tl_case_acquire(m)
#else
#define TL_ACQUIRE(m) \
	TL_CASE_OF(_Generic((m), tl_lock * : TL_W_LOCK, tl_sem * : TL_W_SEM), (m), NULL, 0)
#endif
/* tl_future_get without the value, tl_event_wait, tl_join without the ending: nothing is taken.  A
 * future or an event in shared memory is -ENOTSUP. */
#define TL_DONE(f)   TL_CASE_OF(TL_W_DONE, (f), NULL, 0)
#define TL_SET(e)    TL_CASE_OF(TL_W_SET, (e), NULL, 0)
#define TL_JOINED(t) tl_case_make(TL_W_JOINED, -1, NULL, (t), NULL, 0)
/* The time, a tl_time, has come.  TL_NEVER does not. */
#define TL_AT(time) tl_case_make(TL_W_AT, -1, NULL, TL_NO_STRAND, NULL, (size_t)(time).ns)
/* tl_fd_wait: result TL_IN or TL_OUT. */
#define TL_READABLE(f) TL_CASE_FD(TL_W_READABLE, (f))
#define TL_WRITABLE(f) TL_CASE_FD(TL_W_WRITABLE, (f))

/* Wait until one of cases[0..n) can be done, do it, and answer its index.  Its .result holds what
 * the single call would have answered: the size for TL_GET; an error (-EPIPE of an ended queue,
 * -ESRCH of an unknown strand, -EDEADLK of a lock that the caller holds) also commits.  Several
 * ready at once: one of them, by chance.  Cancel point; none is done on failure.  Errors:
 * -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EINVAL (n is 0 or above 64, or an unknown case). */
TL_API int tl_select(tl_case *cases, size_t n, tl_time deadline) TL_MUST;

#ifdef __cplusplus
}
static inline tl_case tl_case_recv(tl_stream *s, void *p, size_t n)
{
	return TL_CASE_OF(TL_W_RECV, s, p, n);
}
static inline tl_case tl_case_recv(tl_pipe *s, void *p, size_t n)
{
	return TL_CASE_OF(TL_W_PIPE_RECV, s, p, n);
}
static inline tl_case tl_case_send(tl_stream *s, const void *p, size_t n)
{
	return TL_CASE_OF(TL_W_SEND, s, (void *)p, n);
}
static inline tl_case tl_case_send(tl_pipe *s, const void *p, size_t n)
{
	return TL_CASE_OF(TL_W_PIPE_SEND, s, (void *)p, n);
}
static inline tl_case tl_case_acquire(tl_lock *l) { return TL_CASE_OF(TL_W_LOCK, l, NULL, 0); }
static inline tl_case tl_case_acquire(tl_sem *m) { return TL_CASE_OF(TL_W_SEM, m, NULL, 0); }
#endif
#endif
