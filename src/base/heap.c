/* heap.c - a 4-ary heap.  The children of i are 4i + 1 to 4i + 4: entries begin at PAD in their
 * memory, so that four children are one cache line.  Which entry is less is computed, not jumped
 * about: with random times a jump would be wrong every other time. */
#include "base/heap.h"
#include "base/mem.h"
#include <string.h>

enum { FAN = 4, PAD = FAN - 1 };

static bool before(const struct entry *a, const struct entry *b)
{
	return (a->at < b->at) | ((a->at == b->at) & (a->who < b->who));
}

bool heap_reserve(struct heap *h, uint32_t room)
{
	struct entry *bigger;

	if (room <= h->room)
		return true;
	if (room < h->room * 2)
		room = h->room * 2;
	bigger = mem_alloc_lines((room + PAD) * sizeof *bigger);
	if (!bigger)
		return false;
	bigger += PAD;
	if (h->n)
		memcpy(bigger, h->at, h->n * sizeof *bigger);
	heap_free(h);
	h->at = bigger;
	h->room = room;
	return true;
}

void heap_free(struct heap *h)
{
	if (h->at)
		mem_free(h->at - PAD);
}

void heap_push(struct heap *h, struct entry e)
{
	uint32_t i = h->n++;

	for (; i && before(&e, &h->at[(i - 1) / FAN]); i = (i - 1) / FAN)
		h->at[i] = h->at[(i - 1) / FAN];
	h->at[i] = e;
}

static uint32_t least_child(const struct heap *h, uint32_t i)
{
	uint32_t c = i * FAN + 1, least = c;
	const struct entry *at = h->at + c;

	if (c + FAN <= h->n) {
		uint32_t a = before(&at[1], &at[0]), b = 2 + before(&at[3], &at[2]);

		return c + (before(&at[b], &at[a]) ? b : a);
	}
	while (++c < h->n)
		if (before(&h->at[c], &h->at[least]))
			least = c;
	return least;
}

static void down(struct heap *h, uint32_t i, struct entry e)
{
	uint32_t c;

	while ((c = least_child(h, i)) < h->n && before(&h->at[c], &e)) {
		h->at[i] = h->at[c];
		i = c;
	}
	h->at[i] = e;
}

void heap_pop(struct heap *h)
{
	if (--h->n)
		down(h, 0, h->at[h->n]);
}

void heap_keep(struct heap *h, bool (*wanted)(struct entry e, void *arg), void *arg)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n; i++)
		if (wanted(h->at[i], arg))
			h->at[n++] = h->at[i];
	h->n = n;
	for (uint32_t i = n / FAN + 1; i-- > 0;)
		if (i < n)
			down(h, i, h->at[i]);
}
