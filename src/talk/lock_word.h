/* lock_word.h - the word of a lock, and what lock.c has of lock_queue.c.
 *
 *	63     40 39      32 31      30   29      28     26 12 11          0
 *	[ slot  ][ its gen. ][WAITERS][LOST][COMING][STALE][gener.][participant]      0 is free
 *
 * The upper half and the participant name the owner: a strand of a process.  In shared memory
 * waiting is on the lower half.  WAITERS: somebody may be waiting, so release looks.  COMING: one
 * who waited was woken and is on its way here.  LOST without an owner: the last owner is gone;
 * acquire answers -EOWNERDEAD and recover takes it.  LOST with an owner: being repaired.  STALE:
 * taken over by tl_lock_hold without repair; release makes it LOST again. */
#ifndef TELAR_TALK_LOCK_WORD_H
#define TELAR_TALK_LOCK_WORD_H
#include "run/run.h"
#include "talk/lock.h"
#include <errno.h>
#include <limits.h>

#define WAITERS (1ull << 31)
#define LOST    (1ull << 30)
#define COMING  (1ull << 29)
#define STALE   (1ull << 28)
#define PROCESS ((1ull << 27) - 1)
#define OWNER   (0xffffffffull << 32 | PROCESS)

enum want { SOUND, REPAIR, HOLD };
enum { PARKS = INT_MIN }; /* no status: a wait for which no thread can be had is -EAGAIN */

static inline _Atomic uint64_t *word_of(const tl_lock *l) { return (_Atomic uint64_t *)&l->word; }
static inline uint64_t load(const tl_lock *l)
{
	return atomic_load_explicit(word_of(l), memory_order_seq_cst);
}
static inline bool swap(tl_lock *l, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word_of(l), &from, to, memory_order_seq_cst, memory_order_relaxed);
}

static inline bool owner_gone(const tl_lock *l, uint64_t w)
{
	return window_gone(l, (uint32_t)(w & PROCESS));
}

/* The word is nobody's: take it, with these flags.  False: it is worth another look. */
static inline bool take(
	tl_lock *l, uint64_t w, uint64_t self, uint64_t flags, enum want want, int *ret)
{
	uint64_t keep = w & LOST ? want == HOLD ? LOST | STALE : LOST : 0;

	if (keep && want == SOUND) {
		*ret = -EOWNERDEAD;
		return true;
	}
	*ret = keep && want == REPAIR;
	return swap(l, w, self | keep | flags);
}

/* Private memory: acquire, where the caller is not the owner, without noting it; release; the owner
 * is gone, and the word was w; take w out of the list, true: the lock is the caller's. */
int lock_queue_acquire(tl_lock *l, struct strand *me, enum want want, tl_time deadline);
void lock_queue_release(tl_lock *l);
void lock_queue_lose(tl_lock *l, uint64_t w);
bool lock_queue_withdraw(tl_lock *l, struct waiter *w);

#endif
