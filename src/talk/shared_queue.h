/* shared_queue.h - the inside of a queue that lies in the shared window.
 *
 * Slots in a ring.  A slot begins with a header: the bytes' number, where they lie, and which
 * record it is of all that were ever put (its tag), so that the one store of the header commits
 * the record. Short items lie in the slot, others in a block whose number the slot holds.  Blocks
 * are what loans are made of, too.  A block's owner tells at any time whose it is: nobody's (0), a
 * process's (its participant number), or the n-th record's (QUEUED | n).
 *
 * Each end has a lock that names its holder; the next takes it from the dead.  Whatever a process
 * leaves behind that is killed inside is either committed or not there: see shared_queue.c. */
#ifndef TELAR_TALK_SHARED_QUEUE_H
#define TELAR_TALK_SHARED_QUEUE_H
#include "talk/bell.h"
#include "talk/queue.h"
#include <errno.h>

struct shared_end {
	/* under the lock */
	_Alignas(PLAT_LINE) _Atomic uint32_t holder; /* a participant; 0: nobody */
	uint32_t begun;                              /* the tag that is being put; 0: none */
	_Atomic size_t n;                            /* records put, or taken; all may look */
	size_t seen;                                 /* in: of out's n, at least */
	struct bell door;                            /* for those who wait for the lock */
};

struct shared_block {
	_Atomic uint64_t owner;
	_Atomic uint64_t at; /* from the queue's own address; 0: not made yet */
};
#define SHARED_QUEUED (1ull << 63)

struct shared_queue {
	struct queue_head head;
	/* do not change */
	uint32_t mask, stride, inside; /* slots - 1; bytes of a slot, and of the item in it */
	uint32_t blocks;
	size_t table; /* of struct shared_block, from the queue's own address */
	/* any time */
	_Atomic uint32_t made, spare; /* blocks made, at least; one that may be free */
	_Atomic size_t done;          /* told done */
	_Atomic size_t clean;         /* what done was when last nothing was unfinished */
	struct shared_end in, out;
	_Alignas(PLAT_LINE) struct bell gets;
	_Alignas(PLAT_LINE) struct bell puts;
	_Alignas(PLAT_LINE) struct bell joins;
	_Alignas(PLAT_LINE) char slots[];
};
_Static_assert(offsetof(struct tl_queue, head) == offsetof(struct shared_queue, head),
	"which of the two it is stands in the head");

static inline struct shared_queue *shared_of(tl_queue *q) { return (struct shared_queue *)q; }

/* -- slots */

#define SHARED_OUTSIDE (1u << 31)
enum { SHARED_HEADER = 8 };

static inline uint32_t shared_tag(size_t n) { return (uint32_t)n + 1; }
static inline char *shared_slot(struct shared_queue *q, size_t n)
{
	return q->slots + (n & q->mask) * q->stride;
}
static inline _Atomic uint64_t *shared_header(struct shared_queue *q, size_t n)
{
	return (_Atomic uint64_t *)shared_slot(q, n);
}
static inline size_t shared_n(struct shared_end *e)
{
	return atomic_load_explicit(&e->n, memory_order_acquire);
}
/* A header's low half is one more than the size, and never 0: the tag of every 2^32nd record is. */
static inline size_t shared_size(uint64_t header) { return (header & (SHARED_OUTSIDE - 1)) - 1; }
/* The header of the n-th record; 0: it is not committed. */
static inline uint64_t shared_record(struct shared_queue *q, size_t n)
{
	uint64_t h = atomic_load_explicit(shared_header(q, n), memory_order_acquire);

	return h >> 32 == shared_tag(n) ? h : 0;
}
static inline uint32_t shared_state(struct shared_queue *q)
{
	return atomic_load_explicit(&q->head.state, memory_order_acquire);
}
static inline bool shared_ended(struct shared_queue *q) { return shared_state(q) & QUEUE_ENDED; }
/* Where there is no record to be got, read before the look for one: what was put before the end is
 * seen. */
static inline int shared_none(uint32_t state) { return state & QUEUE_ENDED ? -EPIPE : -EAGAIN; }

/* -- the ends' locks.  Order: in, then out. */

enum { SHARED_FROM_DEAD = 1 };

/* 0, SHARED_FROM_DEAD, or why not; TL_POLL waits for a moment, in case the holder is at work. */
int shared_enter(struct shared_queue *q, struct shared_end *e, tl_time deadline);
void shared_hold(struct shared_queue *q, struct shared_end *e); /* whatever comes */
/* A full fence is part of it: who rings a bell afterwards needs no other. */
static inline void shared_leave(struct shared_end *e)
{
	atomic_store_explicit(&e->holder, 0, memory_order_release);
	plat_fence();
	bell_ring(&e->door, 1);
}
/* The n-th record is in it, with in's lock held; where: SHARED_OUTSIDE or 0. */
void shared_commit(struct shared_queue *q, size_t n, size_t size, uint32_t where);

/* -- calls that may wait */

struct shared_call {
	struct shared_queue *q;
	/* Do it, with the end's lock held if there is one: >= 0, -EAGAIN, or why not. */
	int (*now)(struct shared_call *c);
	struct shared_end *end;
	struct bell *hears, *rings; /* it waits for this one, and rings that one when it is done */
	bool (*may)(struct shared_queue *q);
	const char *what;
	const void *item;
	void *buf, **ret;
	size_t size;
	/* told when nobody rings: < 0 is the answer if there is nothing to be had; or NULL */
	int (*silent)(void *arg);
	void *arg;
	bool no_block; /* what it would need is a block */
};

int shared_call(struct shared_call *c, tl_time deadline);
int shared_queue_put(tl_queue *q, const void *item, size_t size, int (*silent)(void *), void *arg,
	tl_time deadline);
int shared_queue_get(
	tl_queue *q, void *buf, size_t cap, int (*silent)(void *), void *arg, tl_time deadline);
bool shared_may_put(struct shared_queue *q);
bool shared_may_get(struct shared_queue *q);

/* For select: see queue_enlist.  size: of what is to be put. */
bool shared_queue_enlist(tl_queue *q, struct waiter *w, bool get, size_t size);
void shared_queue_withdraw(tl_queue *q, struct waiter *w, bool get);

/* -- shared_block.c */

/* One that is nobody's is the caller's now, the last only for who borrows.  -EAGAIN: none; -ENOSPC.
 */
int shared_block_claim(struct shared_queue *q, bool borrows);
bool shared_block_any(struct shared_queue *q); /* is there one, for who does not borrow? */
/* Where its size bytes lie; NULL: there is no such block. */
void *shared_block_bytes(struct shared_queue *q, uint64_t b, size_t size);
void shared_block_set(struct shared_queue *q, uint64_t b, uint64_t owner);
/* Those that the dead have left, unless somebody is in the queue; true: there were some. */
bool shared_block_reclaim(struct shared_queue *q);
void shared_block_free(struct shared_queue *q); /* all */

/* -- shared_queue_end.c: what queue_end.c is to queue.c */

int shared_queue_open(tl_queue **ret, const tl_queue_opts *o);
void shared_queue_close(struct shared_queue *q);
void shared_queue_end(struct shared_queue *q);
int shared_queue_drop(struct shared_queue *q);
int shared_queue_done(struct shared_queue *q);
int shared_queue_join(struct shared_queue *q, tl_time deadline);
size_t shared_queue_count(struct shared_queue *q);
size_t shared_queue_unfinished(struct shared_queue *q);

#endif
