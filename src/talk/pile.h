/* pile.h - records of bytes in another order than that of their coming: the last in first out, or
 * the smallest first and among equals the first in.
 *
 * All of it is done with one lock held, the caller's; only pile_count may be called without.  A
 * record that was taken stays where it is as a spare one, so where put and take are in balance no
 * memory changes hands. */
#ifndef TELAR_TALK_PILE_H
#define TELAR_TALK_PILE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef int pile_order(const void *a, const void *b);

struct record;
struct pile {
	pile_order *order; /* NULL: last in, first out */
	struct record *
		*records; /* the n first are in it, a heap if there is an order; then spares */
	size_t n, room;
	/* for the eyes of others: n, and how many were put since the beginning */
	_Atomic size_t told_n, puts;
};

/* 0, -ENOMEM: nothing has changed. */
int pile_put(struct pile *p, const void *item, size_t size);
/* Size of the next to be taken; there is one. */
size_t pile_peek(const struct pile *p);
/* buf holds the pile_peek() bytes. */
void pile_take(struct pile *p, void *buf);
void pile_clear(struct pile *p); /* forget what is in it */
void pile_free(struct pile *p);

static inline size_t pile_count(const struct pile *p)
{
	return atomic_load_explicit(&p->told_n, memory_order_relaxed);
}

#endif
