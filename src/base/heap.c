/* heap.c - a quickheap: a quicksort that is put off until somebody asks for the least.
 *
 * The entries lie in a ring.  A cut is the place of an entry that is where it would be if all were
 * sorted: what lies before it is less, what lies after it is not.  The cuts fall towards the
 * beginning, and between two of them is no order at all:
 *
 *	first            cuts[2]          cuts[1]                    cuts[0]               first + n
 *	  | (less, any order) | (any order)     | (any order)            | (any order)         |
 *
 * The least is found by cutting the foremost part until a cut is its beginning; the cuts of one
 * search serve the following, so that a pop costs O(log n) in the long run, and a push of a late
 * time, the usual one, is put behind the others and that is all.  An earlier one makes its room by
 * moving one entry of each part behind it, and the cut.
 *
 * Everything here goes through memory in rows.  A binary or 4-ary heap jumps: with a million
 * entries, three misses one after the other for each pop.  The price is a pause now and then, of
 * a millisecond and a half per million entries.
 *
 * A forgotten cut is never wrong, it is only work that is done again.
 *
 * Source: Navarro and Paredes, "On Sorting, Heaps, and Minimum Spanning Trees", Algorithmica 57
 * (2010). */
#include "base/heap.h"
#include "base/mem.h"
#include <string.h>

enum { LEAST_ROOM = 64, FEW = 8 };

/* As one number. */
static __int128 key(struct entry e) { return (__int128)((unsigned __int128)e.at << 64 | e.who); }

static struct entry entry(__int128 k) { return (struct entry){ (int64_t)(k >> 64), (uint64_t)k }; }
static bool before(const struct entry *a, const struct entry *b) { return key(*a) < key(*b); }

static struct entry *place(const struct heap *h, uint32_t i) { return &h->ring[i & (h->room - 1)]; }

bool heap_reserve(struct heap *h, uint32_t room)
{
	uint32_t power = h->room ? h->room : LEAST_ROOM;
	struct entry *ring;

	if (room <= h->room)
		return true;
	while (power < room)
		power *= 2;
	ring = mem_alloc_lines(power * sizeof *ring);
	if (!ring)
		return false;
	for (uint32_t i = 0; i < h->n; i++)
		ring[i] = *place(h, h->first + i);
	for (uint32_t k = 0; k < h->n_cuts; k++)
		h->cuts[k] -= h->first;
	h->first = 0;
	mem_free(h->ring);
	h->ring = ring;
	h->room = power;
	return true;
}

void heap_free(struct heap *h) { mem_free(h->ring); }

void heap_push(struct heap *h, struct entry e)
{
	uint32_t gap = h->first + h->n++;

	for (uint32_t k = 0; k < h->n_cuts && before(&e, place(h, h->cuts[k])); k++) {
		uint32_t cut = h->cuts[k]++;

		*place(h, gap) = *place(h, cut + 1);
		*place(h, cut + 1) = *place(h, cut);
		gap = cut;
	}
	*place(h, gap) = e;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry was = *a;

	*a = *b;
	*b = was;
}

/* A full list forgets the last cut, which is needed last. */
static void add_cut(struct heap *h, uint32_t at)
{
	if (h->n_cuts == HEAP_CUTS)
		memmove(h->cuts, h->cuts + 1, --h->n_cuts * sizeof *h->cuts);
	h->cuts[h->n_cuts++] = at;
}

static uint32_t somewhere(struct heap *h, uint32_t from, uint32_t n)
{
	h->chance = h->chance * 1664525 + 1013904223;
	return from + (uint32_t)((uint64_t)h->chance * n >> 32);
}

static uint32_t middle(const struct heap *h, uint32_t a, uint32_t b, uint32_t c)
{
	bool ab = before(place(h, a), place(h, b)), bc = before(place(h, b), place(h, c));

	if (ab == bc)
		return b;
	return before(place(h, a), place(h, c)) == ab ? c : a;
}

/* Cut from..end, by the middle of three that chance names: no order of pushes is a bad one.  To
 * which side an entry belongs is computed, not jumped about: a jump would be wrong every other
 * time.  And entries move as two words, as they are stored: a wide load waits for narrow stores. */
static uint32_t cut(struct heap *h, uint32_t from, uint32_t end)
{
	uint32_t n = end - from, at = from, mask = h->room - 1;
	uint32_t by =
		middle(h, somewhere(h, from, n), somewhere(h, from, n), somewhere(h, from, n));
	struct entry *ring = h->ring;
	__int128 pivot = key(ring[by & mask]);

	ring[by & mask] = ring[--end & mask];
	for (uint32_t i = from; i != end; i++) {
		__int128 e = key(ring[i & mask]);

		ring[i & mask] = entry(key(ring[at & mask]));
		ring[at & mask] = entry(e);
		at += e < pivot;
	}
	ring[end & mask] = ring[at & mask];
	ring[at & mask] = entry(pivot);
	return at;
}

/* The least of a few, at their beginning. */
static uint32_t choose(struct heap *h, uint32_t from, uint32_t end)
{
	uint32_t least = from;

	for (uint32_t i = from + 1; i != end; i++)
		least = before(place(h, i), place(h, least)) ? i : least;
	swap(place(h, least), place(h, from));
	return from;
}

const struct entry *heap_least(struct heap *h)
{
	if (!h->n)
		return NULL;
	while (!h->n_cuts || h->cuts[h->n_cuts - 1] != h->first) {
		uint32_t end = h->n_cuts ? h->cuts[h->n_cuts - 1] : h->first + h->n;

		add_cut(h, (end - h->first <= FEW ? choose : cut)(h, h->first, end));
	}
	return place(h, h->first);
}

void heap_pop(struct heap *h)
{
	heap_least(h);
	h->n_cuts--;
	h->first++;
	h->n--;
}

void heap_keep(struct heap *h, bool (*wanted)(struct entry e, void *arg), void *arg)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n; i++)
		if (wanted(*place(h, h->first + i), arg))
			*place(h, h->first + n++) = *place(h, h->first + i);
	h->n = n;
	h->n_cuts = 0;
}
