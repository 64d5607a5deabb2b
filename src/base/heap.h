/* heap.h - a heap of times: the least comes first, and of equal times the one with the least `who`.
 *
 * It knows nothing of where its entries are: one that is no longer wanted stays until its time has
 * come or until heap_keep.  So sifting touches the entries alone, a cache line per level. */
#ifndef TELAR_HEAP_H
#define TELAR_HEAP_H
#include <stdbool.h>
#include <stdint.h>

struct entry {
	int64_t at;
	uint64_t who;
};

struct heap {
	struct entry *at; /* the least is the first; NULL while room is 0 */
	uint32_t n, room;
};

bool heap_reserve(struct heap *h, uint32_t room); /* false: no memory, and h is as it was */
void heap_free(struct heap *h);
void heap_push(struct heap *h, struct entry e); /* there is room */
void heap_pop(struct heap *h);                  /* drop the first, which is there */
/* Drop what is not wanted: O(n). */
void heap_keep(struct heap *h, bool (*wanted)(struct entry e, void *arg), void *arg);

#endif
