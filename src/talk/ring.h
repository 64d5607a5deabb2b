/* ring.h - records of bytes of any length, first in, first out, in one buffer that grows as needed.
 *
 * Two ends, each with a lock, so that one thread puts while another takes.  Who holds one lock may
 * work at that end; who holds both (ring_lock) may do everything, and alone may grow.  Each end has
 * a line of its own and tells its progress on another, which the other end reads only when what it
 * saw last is used up.
 *
 * A record is a header of 8 bytes, its size, then the bytes, padded to 8.  It lies in one piece:
 * where it does not fit before the end of the buffer, a header that says SKIP fills the rest.
 *
 * What crosses from end to end (W29): that a record is written, by told_n of the putting end; that
 * its bytes were read and are free, by told_at of the taking end; and by its told_n that a place is
 * free, with all that the taker did before.  Each is a release, met by an acquire. */
#ifndef TELAR_TALK_RING_H
#define TELAR_TALK_RING_H
#include "base/biased.h"
#include <string.h>

struct ring_end {
	/* under the lock: bytes and records put, or taken, since the beginning; and what was last
	 * seen of the other end's */
	_Alignas(PLAT_LINE) struct biased lock;
	size_t at, n, seen_at, seen_n;
	uint32_t away; /* the queue's: calls that have let go of the lock, and will take it again */
	/* the same for the other end's eyes, written under the lock */
	_Alignas(PLAT_LINE) _Atomic size_t told_n;
	_Atomic size_t told_at; /* of the taking end */
};

struct ring {
	char *buf;
	size_t size; /* of buf: a power of two, or 0 */
	struct ring_end in, out;
};

/* Both locks.  The order: out, then in; and back.  me: see biased.h. */
void ring_lock(struct ring *g, const void *me);
void ring_unlock(struct ring *g);

/* -- with both held */

static inline size_t ring_n(const struct ring *g) { return g->in.n - g->out.n; }
int ring_room(struct ring *g, size_t size); /* make some: 0, -ENOMEM */
bool ring_holds(struct ring *g, const void *item, size_t size);
void ring_clear(struct ring *g); /* forget what is in it */
void ring_free(struct ring *g);

/* -- with neither */

/* As of some moment during the call. */
size_t ring_count(const struct ring *g);
/* The same, roughly, and rather too little. */
static inline size_t ring_seems(const struct ring *g)
{
	return atomic_load_explicit(&g->in.told_n, memory_order_relaxed) -
	       atomic_load_explicit(&g->out.told_n, memory_order_relaxed);
}

/* -- inside */

enum { RING_HEADER = 8 };
#define RING_SKIP UINT64_MAX

static inline uint64_t *ring_header(const struct ring *g, size_t at)
{
	return (uint64_t *)(g->buf + (at & (g->size - 1)));
}

/* Bytes of a record; bytes from `at` to the end of the buffer. */
static inline size_t ring_whole(size_t size) { return RING_HEADER + ((size + 7) & ~(size_t)7); }
static inline size_t ring_run(const struct ring *g, size_t at)
{
	return g->size - (at & (g->size - 1));
}

static inline void ring_copy(void *to, const void *from, size_t size)
{
	if (size == 8)
		memcpy(to, from, 8); /* the common case, in one move */
	else if (size)
		memcpy(to, from, size);
}

/* -- putting, with in.lock held */

static inline void ring_look(struct ring *g)
{
	g->in.seen_n = atomic_load_explicit(&g->out.told_n, memory_order_acquire);
	g->in.seen_at = atomic_load_explicit(&g->out.told_at, memory_order_acquire);
}

static inline bool ring_has(const struct ring *g, size_t most, size_t size)
{
	/* What a record may need: itself, and the run that it may have to skip. */
	size_t need = ring_whole(size), run = ring_run(g, g->in.at);

	return g->in.n - g->in.seen_n < most &&
	       g->size - (g->in.at - g->in.seen_at) >= need + (run < need ? run : 0);
}

/* Are there fewer than `most` records, and is there room for this one? */
static inline bool ring_fits(struct ring *g, size_t most, size_t size)
{
	if (ring_has(g, most, size))
		return true;
	ring_look(g);
	return ring_has(g, most, size);
}

/* Where it fits. */
static inline void ring_write(struct ring *g, const void *item, size_t size)
{
	struct ring_end *in = &g->in;

	if (__builtin_expect(ring_run(g, in->at) < ring_whole(size), 0)) {
		*ring_header(g, in->at) = RING_SKIP;
		in->at += ring_run(g, in->at);
	}
	*ring_header(g, in->at) = size;
	ring_copy(ring_header(g, in->at) + 1, item, size);
	in->at += ring_whole(size);
	in->n++;
}

static inline void ring_put(struct ring *g, const void *item, size_t size)
{
	ring_write(g, item, size);
	atomic_store_explicit(&g->in.told_n, g->in.n, memory_order_release);
}

/* -- taking, with out.lock held */

static inline bool ring_any(struct ring *g)
{
	struct ring_end *out = &g->out;

	if (out->n == out->seen_n)
		out->seen_n = atomic_load_explicit(&g->in.told_n, memory_order_acquire);
	return out->n != out->seen_n;
}

/* Size of the oldest; there is one. */
static inline size_t ring_peek(struct ring *g)
{
	if (__builtin_expect(*ring_header(g, g->out.at) == RING_SKIP, 0))
		g->out.at += ring_run(g, g->out.at);
	return (size_t)*ring_header(g, g->out.at);
}

/* buf holds the ring_peek() bytes. */
static inline void ring_take(struct ring *g, void *buf)
{
	struct ring_end *out = &g->out;
	size_t size = (size_t)*ring_header(g, out->at);

	ring_copy(buf, ring_header(g, out->at) + 1, size);
	out->at += ring_whole(size);
	out->n++;
	atomic_store_explicit(&out->told_at, out->at, memory_order_release);
	atomic_store_explicit(&out->told_n, out->n, memory_order_release);
}

#endif
