/* pile.c - a stack, or a binary heap, of records.
 *
 * The heap is one of pointers, since records differ in size.  What costs is comparing: so a gap at
 * the top sinks to the bottom by one comparison a level, and the record that fills it rises from
 * there, mostly by none.  Records that compare equal are told apart by their number. */
#include "talk/pile.h"
#include "base/mem.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { FIRST = 16, STEP = 16 };

struct record {
	size_t number; /* of its put */
	uint32_t size, room;
	_Alignas(max_align_t) char bytes[];
};

static bool before(const struct pile *p, const struct record *a, const struct record *b)
{
	int c = p->order(a->bytes, b->bytes);

	return c ? c < 0 : (ptrdiff_t)(a->number - b->number) < 0;
}

static void rise(struct pile *p, size_t at, struct record *r)
{
	while (at && before(p, r, p->records[(at - 1) / 2])) {
		p->records[at] = p->records[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	p->records[at] = r;
}

/* Close the gap at the top of a heap that will have n records; answers where it then is. */
static size_t sink(struct pile *p, size_t n)
{
	size_t at = 0, child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n)
			child += before(p, p->records[child + 1], p->records[child]);
		p->records[at] = p->records[child];
		at = child;
	}
	return at;
}

static void tell(struct pile *p, size_t n)
{
	p->n = n;
	atomic_store_explicit(&p->told_n, n, memory_order_relaxed);
}

static int make_room(struct pile *p)
{
	size_t room = p->room ? p->room * 2 : FIRST;
	struct record **records = mem_resize(p->records, room * sizeof *records);

	if (!records)
		return -ENOMEM;
	memset(records + p->room, 0, (room - p->room) * sizeof *records);
	p->records = records;
	p->room = room;
	return 0;
}

/* The spare record behind the last, large enough; NULL: no memory. */
static struct record *spare(struct pile *p, size_t size)
{
	size_t room = (size + STEP - 1) / STEP * STEP;
	struct record *r;

	if (p->n == p->room && make_room(p) < 0)
		return NULL;
	r = p->records[p->n];
	if (r && r->room >= size)
		return r;
	r = mem_resize(r, sizeof *r + room);
	if (r) {
		r->room = (uint32_t)room;
		p->records[p->n] = r;
	}
	return r;
}

int pile_put(struct pile *p, const void *item, size_t size)
{
	size_t number = atomic_load_explicit(&p->puts, memory_order_relaxed);
	struct record *r = spare(p, size);

	if (!r)
		return -ENOMEM;
	r->number = number;
	r->size = (uint32_t)size;
	if (size)
		memcpy(r->bytes, item, size);
	if (p->order)
		rise(p, p->n, r);
	atomic_store_explicit(&p->puts, number + 1, memory_order_relaxed);
	tell(p, p->n + 1);
	return 0;
}

static struct record *next(const struct pile *p) { return p->records[p->order ? 0 : p->n - 1]; }

size_t pile_peek(const struct pile *p) { return next(p)->size; }

void pile_take(struct pile *p, void *buf)
{
	struct record *r = next(p);
	size_t last = p->n - 1;

	if (r->size)
		memcpy(buf, r->bytes, r->size);
	if (p->order) {
		struct record *fills = p->records[last];

		rise(p, sink(p, last), fills);
		p->records[last] = r;
	}
	tell(p, last);
}

void pile_clear(struct pile *p) { tell(p, 0); }

void pile_free(struct pile *p)
{
	for (size_t i = 0; i < p->room; i++)
		mem_free(p->records[i]);
	mem_free(p->records);
}
