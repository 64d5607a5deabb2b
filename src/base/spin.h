/* spin.h - the lock inside: for a few dozen instructions, never across a system call or a switch.
 *
 * Release is one plain store: after it the releaser does not touch the lock again, so it may lie in
 * memory that the next holder frees.  That rules out waking sleepers; a waiter whose holder has
 * lost its processor therefore naps in growing steps instead (see spin_wait). */
#ifndef TELAR_SPIN_H
#define TELAR_SPIN_H
#include "plat/hostile.h"
#include "plat/plat.h"

struct spin {
	_Atomic uint32_t held;
};

void spin_wait(struct spin *s);

static inline bool spin_try(struct spin *s)
{
	return atomic_exchange_explicit(&s->held, 1, memory_order_acquire) == 0;
}

static inline void spin_lock(struct spin *s)
{
	hostile_pause();
	if (!spin_try(s))
		spin_wait(s);
}

static inline void spin_unlock(struct spin *s)
{
	atomic_store_explicit(&s->held, 0, memory_order_release);
}

/* A step of waiting for another thread's next few instructions; *turn counts them, from 0. */
void spin_pause(unsigned *turn);

#endif
