/* heap.h - a heap of times: the least comes first, and of equal times the one with the least `who`.
 *
 * It knows nothing of where its entries are: one that is no longer wanted stays until its time has
 * come or until heap_keep. */
#ifndef TELAR_HEAP_H
#define TELAR_HEAP_H
#include <stdbool.h>
#include <stdint.h>

struct entry {
	int64_t at;
	uint64_t who;
};

enum { HEAP_CUTS = 64 };

struct heap {
	uint32_t n, room; /* room: a power of two, or 0 */
	uint32_t first;   /* where the entries begin: a place in the ring, as all that follow */
	uint32_t chance;  /* for the choice of pivots */
	uint32_t n_cuts;
	uint32_t cuts[HEAP_CUTS]; /* falling; see heap.c */
	struct entry *ring;       /* NULL while room is 0 */
};

bool heap_reserve(struct heap *h, uint32_t room); /* false: no memory, and h is as it was */
void heap_free(struct heap *h);
void heap_push(struct heap *h, struct entry e); /* there is room */
const struct entry *heap_least(struct heap *h); /* NULL: empty */
void heap_pop(struct heap *h);                  /* drop the least, which is there */
static inline void heap_clear(struct heap *h) { h->n = h->n_cuts = 0; }
/* Drop what is not wanted: O(n). */
void heap_keep(struct heap *h, bool (*wanted)(struct entry e, void *arg), void *arg);

#endif
