/* bias.h - locks that cost the thread they belong to next to nothing: biased locking.
 *
 * The lock of a strand, or of a scope, is nearly always taken by the thread of its loop.  As long
 * as nobody else looks in, that thread does not take it at all: it says that it is inside, sees
 * that there is no visitor, and goes ahead (two stores and a load).  Who comes from another thread
 * is a visitor: it counts itself in bias_state, waits until no thread is inside, and from then on
 * all take the real locks; the owners go back to their own way when they have long met nobody.
 *
 * What keeps the two apart is a store and a load on either side, "I am inside, is there a visitor"
 * and "here is a visitor, who is inside", and the asymmetric barrier between them.  A real lock,
 * taken by its owner in place of going inside, is always right too.
 *
 * Inside: a few instructions, no other lock, no visit, nothing that waits.
 *
 * Source: Dice and Kogan, "BRAVO: Biased Locking for Reader-Writer Locks", 2019, with an owner in
 * the place of readers; membarrier(2).  The claims are W23 to W25 in tests/model/CLAIMS.md. */
#ifndef TELAR_BIAS_H
#define TELAR_BIAS_H
#include "run/run.h"

enum { BIAS_LOST = 1, BIAS_VISITOR = 2 }; /* the rest of bias_state counts visitors */
extern _Atomic uint32_t bias_state;

/* From here to bias_leave real locks exclude the owners, too.  Visits nest and may overlap. */
void bias_visit(void);
void bias_leave(void);
void bias_met(struct loop *l); /* the owner's way is closed: perhaps it can be opened again */
void bias_forked(void);

static inline bool bias_inside(const struct loop *l)
{
	return l && atomic_load_explicit(&l->inside, memory_order_relaxed);
}

/* l is the calling thread's.  False: take the real lock. */
static inline bool bias_enter(struct loop *l)
{
	atomic_store_explicit(&l->inside, true, memory_order_relaxed);
	plat_barrier_light();
	if (__builtin_expect(atomic_load_explicit(&bias_state, memory_order_acquire) == 0, 1) &&
		!hostile_odd())
		return true;
	atomic_store_explicit(&l->inside, false, memory_order_release);
	bias_met(l);
	return false;
}

static inline void bias_out(struct loop *l)
{
	atomic_store_explicit(&l->inside, false, memory_order_release);
}

/* The lock of something that belongs to l, which is the calling thread's. */
static inline void own_lock(struct loop *l, struct spin *lock)
{
	if (!bias_enter(l))
		spin_lock(lock);
}

static inline void own_unlock(struct loop *l, struct spin *lock)
{
	if (bias_inside(l))
		bias_out(l);
	else
		spin_unlock(lock);
}

/* A strand's lock, from any thread.  Answers, for strand_let, whether we are a visitor. */
static inline bool strand_hold(struct strand *s)
{
	if (LOOK(s->at_home) && LOOK(s->loop) == loop_here) {
		own_lock(loop_here, &s->lock);
		return false;
	}
	bias_visit();
	spin_lock(&s->lock);
	return true;
}

static inline void strand_let(struct strand *s, bool visitor)
{
	if (!visitor) {
		own_unlock(loop_here, &s->lock);
		return;
	}
	spin_unlock(&s->lock);
	bias_leave();
}

#endif
