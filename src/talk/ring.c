/* ring.c - records in a ring: a header of 8 bytes, then the bytes, padded to 8.
 *
 * A record lies in one piece: where it does not fit before the end of the buffer, a header that
 * says SKIP fills the rest.  Growing copies the records in order to the start of a larger buffer.
 */
#include "talk/ring.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>

enum { HEADER = 8, FIRST = 256 };
static const uint64_t SKIP = UINT64_MAX;

static size_t padded(size_t size) { return (size + 7) & ~(size_t)7; }
static uint64_t *header(struct ring *g, size_t at)
{
	return (uint64_t *)(g->buf + (at & (g->size - 1)));
}

/* Bytes from `at` to the end of the buffer. */
static size_t run(const struct ring *g, size_t at) { return g->size - (at & (g->size - 1)); }

static void copy(void *to, const void *from, size_t size)
{
	if (size == 8)
		memcpy(to, from, 8); /* the common case, in one move */
	else if (size)
		memcpy(to, from, size);
}

static void put(struct ring *g, const void *item, size_t size)
{
	if (run(g, g->tail) < HEADER + padded(size)) {
		*header(g, g->tail) = SKIP;
		g->tail += run(g, g->tail);
	}
	*header(g, g->tail) = size;
	copy(header(g, g->tail) + 1, item, size);
	g->tail += HEADER + padded(size);
	g->n++;
}

static void skip(struct ring *g)
{
	if (*header(g, g->head) == SKIP)
		g->head += run(g, g->head);
}

static void drop(struct ring *g)
{
	g->head += HEADER + padded((size_t)*header(g, g->head));
	if (--g->n == 0)
		g->head = g->tail = 0; /* stay at the warm end of the buffer */
}

static int grow(struct ring *g, size_t need)
{
	struct ring bigger = { .size = g->size ? g->size * 2 : FIRST };

	while (bigger.size < g->tail - g->head + need)
		bigger.size *= 2;
	bigger.buf = mem_alloc(bigger.size);
	if (!bigger.buf)
		return -ENOMEM;
	while (g->n) {
		skip(g);
		put(&bigger, header(g, g->head) + 1, (size_t)*header(g, g->head));
		drop(g);
	}
	mem_free(g->buf);
	*g = bigger;
	return 0;
}

int ring_put(struct ring *g, const void *item, size_t size)
{
	/* What a record may need: itself, and the run that it may have to skip. */
	size_t need = HEADER + padded(size);

	if (!g->size || g->size - (g->tail - g->head) <
				need + (run(g, g->tail) < need ? run(g, g->tail) : 0)) {
		int r = grow(g, 2 * need);

		if (r < 0)
			return r;
	}
	put(g, item, size);
	return 0;
}

size_t ring_peek(struct ring *g)
{
	skip(g);
	return (size_t)*header(g, g->head);
}

void ring_take(struct ring *g, void *buf)
{
	copy(buf, header(g, g->head) + 1, (size_t)*header(g, g->head));
	drop(g);
}

void ring_free(struct ring *g) { mem_free(g->buf); }
