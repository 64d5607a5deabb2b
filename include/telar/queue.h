/* telar/queue.h - records of bytes, first in, first out, bounded, with an end.
 * Many may put and many may get, tasks and threads in any mix.  An item is handed over exactly
 * once, also when a deadline, a cancel and a put happen together: a call that fails consumed
 * nothing. */
#ifndef TELAR_QUEUE_H
#define TELAR_QUEUE_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_queue tl_queue;

typedef struct tl_queue_opts {
	const char *name; /* for dumps; copied, at most 31 bytes */
	size_t capacity;  /* items; 0: 1024; SIZE_MAX: no bound */
	size_t max_item;  /* bytes; 0: 4096 */
	uint64_t reserved[6];
} tl_queue_opts;

/* Make a queue.  Not a cancel point.  Memory is taken as items come, not up front.
 * Errors: -ENOMEM, -EINVAL.  Ownership: *ret is the caller's, for tl_queue_close; untouched on
 * failure. */
TL_API int tl_queue_open(tl_queue **ret, const tl_queue_opts *o) TL_MUST;

/* Free q and what is still in it.  Nobody may be waiting in it (misuse).  NULL is legal.  Answers
 * NULL. */
TL_API tl_queue *tl_queue_close(tl_queue *q);

/* Append a copy of size bytes.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL and full), -EPIPE (ended), -EMSGSIZE (larger
 * than max_item), -ENOMEM. */
TL_API int tl_queue_put(tl_queue *q, const void *item, size_t size, tl_time deadline) TL_MUST;

/* Take the oldest item and answer its size.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL and empty), -EPIPE (ended and empty), -EMSGSIZE
 * (it is larger than cap and stays in the queue). */
TL_API int tl_queue_get(tl_queue *q, void *buf, size_t cap, tl_time deadline) TL_MUST;

/* No more puts: readers drain what is there, then get -EPIPE; blocked putters get -EPIPE at once.
 * Idempotent. */
TL_API void tl_queue_end(tl_queue *q);

/* Items in it just now. */
TL_API int tl_queue_count(tl_queue *q);

#ifdef __cplusplus
}
#endif
#endif
