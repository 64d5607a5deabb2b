/* spin.h - the lock inside as one step that waits until it is free: what src/base/spin.h gives, as
 * the scenarios of spin.c show of the real one.  So the others have fewer interleavings. */
#ifndef TELAR_SPIN_H
#define TELAR_SPIN_H
#include "plat/hostile.h"
#include "plat/plat.h"

/* So that each use is a site of its own. */
#define plat_barrier_heavy() orders_barrier(ORDERS_SITE("barrier", memory_order_seq_cst, 0))

struct spin {
	uint32_t held;
};

static inline bool spin_try(struct spin *s) { return orders_try(&s->held); }
static inline void spin_lock(struct spin *s) { orders_lock(&s->held); }
static inline void spin_unlock(struct spin *s) { orders_unlock(&s->held); }
static inline void spin_pause(unsigned *turn) { (void)turn, orders_pause(); }

#endif
