/* shared_barrier.c - the barrier in shared memory: one word.
 *
 *	63    56 55      54     32 31    0
 *	[ done ][BROKEN][ arrived ][ turn ]
 *
 * turn counts the rounds that have ended, well or not, and is slept on; done counts those that
 * ended well.  Every step is one compare-and-swap.  Who was woken finds turn moved, and that all
 * the rounds since its own ended well: then so did its own; else the barrier broke. */
#include "run/run.h"
#include "talk/shared.h"
#include <errno.h>
#include <limits.h>

#define ONE    (1ull << 32)
#define MOST   ((1u << 23) - 1)
#define BROKEN (1ull << 55)
#define DONE   (1ull << 56)

static _Atomic uint64_t *word_of(const tl_barrier *b) { return (_Atomic uint64_t *)&b->_[0]; }

/* Little-endian, as all of x86-64 and aarch64 Linux is. */
static _Atomic uint32_t *turn_of(const tl_barrier *b) { return (_Atomic uint32_t *)&b->_[0]; }

static uint64_t load(const tl_barrier *b)
{
	return atomic_load_explicit(word_of(b), memory_order_seq_cst);
}

static bool swap(tl_barrier *b, uint64_t *from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word_of(b), from, to, memory_order_seq_cst, memory_order_seq_cst);
}

static uint32_t arrived(uint64_t v) { return (uint32_t)(v >> 32) & MOST; }

/* The round of v has ended. */
static uint64_t next(uint64_t v) { return (v & ~(DONE - 1)) | (uint32_t)(v + 1); }

static void wake(tl_barrier *b) { word_wake(turn_of(b), b, INT_MAX); }

static bool all_done(uint64_t then, uint64_t now)
{
	return (uint8_t)(now - then) == (uint8_t)((now >> 56) - (then >> 56));
}

/* The round goes on without us, or not at all.  False: it has ended by now. */
static bool leave(tl_barrier *b, uint64_t now, int why)
{
	bool late = why == -ETIMEDOUT;

	if (!swap(b, &now, late ? next(now) | BROKEN : now - ONE))
		return false;
	if (late)
		wake(b);
	return true;
}

/* We were the n-th of the round of then. */
static int await(tl_barrier *b, uint64_t then, uint32_t n, tl_time deadline)
{
	uint64_t now;
	int r = 0;

	while ((uint32_t)(now = load(b)) == (uint32_t)then) {
		if (r == 0)
			r = word_wait(turn_of(b), (uint32_t)then, "shared barrier", b, deadline);
		else if (leave(b, now, r))
			return r;
	}
	return all_done(then, now) ? (int)n : -EPIPE;
}

int shared_barrier_wait(tl_barrier *b, tl_time deadline)
{
	uint32_t parties = b->parties, n;
	uint64_t v = load(b);
	bool last;

	if (b->action || parties > MOST)
		return -EINVAL;
	do {
		if (v & BROKEN)
			return -EPIPE;
		n = arrived(v);
		last = n + 1 >= parties;
		if (!last && deadline.ns == TL_POLL.ns)
			return -EAGAIN;
	} while (!swap(b, &v, last ? next(v) + DONE : v + ONE));
	if (!last)
		return await(b, v, n, deadline);
	wake(b);
	return (int)n;
}

void shared_barrier_end(tl_barrier *b, bool broken)
{
	uint64_t v = load(b);

	do
		if (broken && v & BROKEN)
			return;
	while (!swap(b, &v, next(v) | (broken ? BROKEN : 0)));
	wake(b);
}

int shared_barrier_waiting(const tl_barrier *b) { return (int)arrived(load(b)); }

bool shared_barrier_broken(const tl_barrier *b) { return load(b) & BROKEN; }
