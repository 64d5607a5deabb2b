/* lease.c - what the strands of each process hold of things in the window that only count their
 * holders, as a read-write lock its readers.
 *
 * A lease is taken before the count goes up and given back after it has gone down, in words of the
 * process's own: so if no process that lives has one, what is left in the count is the dead's.  A
 * word says where in the window, and how many; what a book has no word for, because it is full or
 * could not be had, is counted beside it, and may be of anything.  A book belongs to a
 * participant's number, and begins empty with each process that gets it. */
#include "run/window.h"
#include "telar/shared.h"

enum { WORDS = 64, COUNT_BITS = 24 };
#define COUNT ((1ull << COUNT_BITS) - 1)

struct lease_book {
	_Atomic uint64_t words[WORDS];
};

/* Where in the window, of which 36 bits of an address tell, in units of 8 bytes; never 0. */
static uint64_t place_of(const void *of)
{
	uint64_t at = (uintptr_t)of & ((1ull << 36) - 1);

	return (at >> 3 | 1ull << 33) << COUNT_BITS;
}

static struct lease_book *own(void)
{
	struct participant *p = window_at(window_participant());
	struct lease_book *b = atomic_load_explicit(&p->book, memory_order_acquire), *none = NULL;

	if (b)
		return b;
	b = tl_shared(sizeof *b);
	if (b && !atomic_compare_exchange_strong_explicit(
			 &p->book, &none, b, memory_order_acq_rel, memory_order_acquire)) {
		tl_shared_free(b);
		b = none;
	}
	return b;
}

/* The word for this place, or an empty one, in the order in which the place looks for one. */
static bool change(struct lease_book *b, uint64_t place, bool give)
{
	unsigned first = (unsigned)((place >> COUNT_BITS) * 0x9e3779b97f4a7c15u >> 58);

	for (unsigned i = 0; b && i < WORDS; i++) {
		_Atomic uint64_t *w = &b->words[(first + i) % WORDS];
		uint64_t v = atomic_load_explicit(w, memory_order_seq_cst), to;

		do {
			if (give ? (v & ~COUNT) != place : v && (v & ~COUNT) != place)
				break;
			to = give ? v - 1 : place + (v & COUNT) + 1;
			if (!(to & COUNT))
				to = 0;
			if (atomic_compare_exchange_weak_explicit(
				    w, &v, to, memory_order_seq_cst, memory_order_seq_cst))
				return true;
		} while (true);
	}
	return false;
}

void lease_take(const void *of)
{
	struct participant *p = window_at(window_participant());

	if (!change(own(), place_of(of), false))
		atomic_fetch_add_explicit(&p->others, 1, memory_order_seq_cst);
}

void lease_give(const void *of)
{
	struct participant *p = window_at(window_participant());

	if (!change(own(), place_of(of), true))
		atomic_fetch_sub_explicit(&p->others, 1, memory_order_seq_cst);
}

static bool has(struct participant *p, uint64_t place)
{
	struct lease_book *b = atomic_load_explicit(&p->book, memory_order_acquire);

	if (atomic_load_explicit(&p->others, memory_order_seq_cst))
		return true;
	for (unsigned i = 0; b && i < WORDS; i++)
		if ((atomic_load_explicit(&b->words[i], memory_order_seq_cst) & ~COUNT) == place)
			return true;
	return false;
}

bool lease_lives(const void *of)
{
	for (uint32_t n = 1; n <= WINDOW_PARTICIPANTS; n++) {
		struct participant *p = window_at(n);

		if (has(p, place_of(of)) && window_runs(p))
			return true;
	}
	return false;
}

void lease_begin(struct participant *p)
{
	struct lease_book *b = atomic_load_explicit(&p->book, memory_order_acquire);

	atomic_store_explicit(&p->others, 0, memory_order_seq_cst);
	for (unsigned i = 0; b && i < WORDS; i++)
		atomic_store_explicit(&b->words[i], 0, memory_order_seq_cst);
}
