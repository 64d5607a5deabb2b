/* ring.c - what is done to a ring with both its locks held. */
#include "talk/ring.h"
#include "base/mem.h"
#include <errno.h>

enum { FIRST = 256 };

/* The records lie from the start of the buffer to `used`. */
static void place(struct ring *g, size_t used)
{
	g->out.at = 0;
	g->in.at = used;
	g->in.seen_at = 0;
	atomic_store_explicit(&g->out.told_at, 0, memory_order_relaxed); /* who looks has in.lock */
}

void ring_lock(struct ring *g, const void *me)
{
	biased_lock(&g->out.lock, me);
	biased_lock(&g->in.lock, me);
	if (!ring_n(g) && g->in.at)
		place(g, 0); /* stay at the warm end of the buffer */
}

void ring_unlock(struct ring *g)
{
	biased_unlock(&g->in.lock);
	biased_unlock(&g->out.lock);
}

/* Where the record lies that is next at `at`; where the one after it may lie. */
static size_t here(const struct ring *g, size_t at)
{
	return *ring_header(g, at) == RING_SKIP ? at + ring_run(g, at) : at;
}

static size_t after(const struct ring *g, size_t at)
{
	return at + ring_whole((size_t)*ring_header(g, at));
}

/* Growing copies the records in order to the start of a larger buffer. */
static int grow(struct ring *g, size_t need)
{
	struct ring bigger = { .size = g->size ? g->size * 2 : FIRST };
	size_t at = g->out.at;

	while (bigger.size < g->in.at - at + need)
		bigger.size *= 2;
	bigger.buf = mem_alloc(bigger.size);
	if (!bigger.buf)
		return -ENOMEM;
	for (size_t n = ring_n(g); n > 0; n--, at = after(g, at)) {
		at = here(g, at);
		ring_write(&bigger, ring_header(g, at) + 1, (size_t)*ring_header(g, at));
	}
	mem_free(g->buf);
	g->buf = bigger.buf;
	g->size = bigger.size;
	place(g, bigger.in.at);
	return 0;
}

int ring_room(struct ring *g, size_t size)
{
	return ring_fits(g, SIZE_MAX, size) ? 0 : grow(g, 2 * ring_whole(size));
}

bool ring_holds(struct ring *g, const void *item, size_t size)
{
	size_t at = g->out.at;

	for (size_t n = ring_n(g); n > 0; n--, at = after(g, at)) {
		at = here(g, at);
		if (*ring_header(g, at) == size && memcmp(ring_header(g, at) + 1, item, size) == 0)
			return true;
	}
	return false;
}

void ring_clear(struct ring *g)
{
	g->out.n = g->out.seen_n = g->in.n;
	place(g, 0);
	atomic_store_explicit(&g->out.told_n, g->out.n, memory_order_release);
}

void ring_free(struct ring *g) { mem_free(g->buf); }

size_t ring_count(const struct ring *g)
{
	size_t in, out, again = atomic_load_explicit(&g->in.told_n, memory_order_acquire);

	do {
		in = again;
		out = atomic_load_explicit(&g->out.told_n, memory_order_acquire);
		again = atomic_load_explicit(&g->in.told_n, memory_order_acquire);
	} while (again != in);
	return in - out;
}
