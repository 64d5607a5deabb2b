/* lock.c - the lock: one word (lock_word.h), for tasks and threads, private or shared between
 * processes.
 *
 * Claims (tests/model/lock.pml and lock_queue.pml, tests/talk/test_lock.c):
 *  L1  at most one strand holds;
 *  L2  a free lock with waiters is being taken by one that was woken: none sleeps for ever;
 *  L3  a waiter that was chosen and leaves passes its turn on;
 *  L4  a lock whose owner is gone is never acquired as if it were sound, and strands nobody;
 *  L5  in private memory a waiter is passed by no more than PASSES others that came after it.
 *
 * Barging: release frees the word, and whoever is first takes it.  In private memory waiting has a
 * file of its own, lock_queue.c.  In shared memory release wakes one, which tries again, with
 * WAITERS set as it does not know who else waits; each time it looks, whether the owner's process
 * lives.  In private memory a foreign participant can only mean that the lock was
 * held by the parent of a fork.
 *
 * A strand's held locks are a list through their second word, written by the holder alone, so that
 * a strand which ends can lose exactly those. */
#include "talk/lock_word.h"
#include <errno.h>
#include <limits.h>

/* The half that is waited on; little-endian, as all of x86-64 and aarch64 Linux is. */
static _Atomic uint32_t *half_of(tl_lock *l) { return (_Atomic uint32_t *)&l->word; }

/* -- the list of held locks */

static void note(struct body *b, tl_lock *l)
{
	l->_ = b->held;
	b->held = (uintptr_t)l;
}

static void strike(struct body *b, tl_lock *l)
{
	uintptr_t *at = &b->held;

	while (*at != (uintptr_t)l)
		at = (uintptr_t *)&((tl_lock *)*at)->_;
	*at = (uintptr_t)l->_;
}

/* The owner is gone: the lock is lost.  All are told, for none of them will be its next holder. */
static void lose(tl_lock *l, uint64_t w)
{
	if (!window_holds(l))
		lock_queue_lose(l, w);
	else if (swap(l, w, LOST))
		word_wake(half_of(l), l, INT_MAX);
}

static void lose_mine(tl_lock *l, const struct body *b)
{
	uint64_t w;

	while (((w = load(l)) & OWNER) == b->lock_word)
		lose(l, w);
}

static void lose_all(struct strand *s)
{
	struct body *b = s->body;

	while (b->held) {
		tl_lock *l = (tl_lock *)b->held;

		report(TL_R_MISUSE, s, 0, "ended holding lock %p, which is lost now", (void *)l);
		b->held = (uintptr_t)l->_;
		lose_mine(l, b);
	}
}

__attribute__((constructor(101))) static void begin(void) { strand_lost = lose_all; }

/* -- acquiring */

/* A wake may have been spent on us: see to it that the next is woken, now or by the holder (L3). */
static void pass_on(tl_lock *l)
{
	uint64_t w;

	do {
		w = load(l);
		if (!(w & OWNER)) {
			word_wake(half_of(l), l, 1);
			return;
		}
	} while (!(w & WAITERS) && !swap(l, w, w | WAITERS));
}

static int acquire_shared(tl_lock *l, uint64_t self, enum want want, tl_time deadline)
{
	uint64_t slept = 0;
	int r = 0;

	while (r == 0) {
		uint64_t w = load(l);

		if (!(w & OWNER)) {
			if (take(l, w, self, slept | (w & WAITERS), want, &r))
				return r;
		} else if (owner_gone(l, w)) {
			lose(l, w);
		} else if (w & WAITERS || swap(l, w, w | WAITERS)) {
			slept = WAITERS;
			r = word_wait(
				half_of(l), (uint32_t)(w | WAITERS), "shared lock", l, deadline);
		}
	}
	pass_on(l);
	return r;
}

static int wait(tl_lock *l, struct strand *me, enum want want, tl_time deadline)
{
	return window_holds(l) ? acquire_shared(l, me->body->lock_word, want, deadline)
			       : lock_queue_acquire(l, me, want, deadline);
}

static __attribute__((noinline)) int acquire_slow(
	tl_lock *l, struct strand *me, enum want want, tl_time deadline)
{
	uint64_t self = me->body->lock_word;
	int r = PARKS;

	while (r == PARKS) {
		uint64_t w = load(l);

		if ((w & OWNER) == self)
			return -EDEADLK;
		if (!(w & OWNER)) {
			if (!take(l, w, self, w & (WAITERS | COMING), want, &r))
				r = PARKS;
		} else if (owner_gone(l, w)) {
			lose(l, w);
		} else if (deadline.ns == TL_POLL.ns) {
			return -EAGAIN;
		} else {
			r = wait(l, me, want, deadline);
		}
	}
	if (r >= 0)
		note(me->body, l);
	return r;
}

/* Nobody's, and sound: take it as it is. */
static inline bool take_fast(tl_lock *l, struct body *b)
{
	uint64_t w = load(l);

	if (w & ~(WAITERS | COMING) || !swap(l, w, w | b->lock_word))
		return false;
	note(b, l);
	return true;
}

static int acquire(tl_lock *l, enum want want, tl_time deadline)
{
	struct strand *me = strand_self();
	struct body *b = me->body;
	int r = deadline.ns == TL_POLL.ns || want == HOLD ? 0 : strand_checkpoint(me);

	if (r < 0)
		return r;
	if (take_fast(l, b))
		return 0;
	return acquire_slow(l, me, want, deadline);
}

int tl_lock_acquire(tl_lock *l, tl_time deadline) { return acquire(l, SOUND, deadline); }
int tl_lock_recover(tl_lock *l, tl_time deadline) { return acquire(l, REPAIR, deadline); }

/* For conditions, which must have the lock back whatever happens but will not take a lost one. */
int lock_again(tl_lock *l)
{
	struct strand *me = strand_self();
	struct body *b = me->body;
	bool was = b->deaf;
	int r;

	b->deaf = true;
	r = take_fast(l, b) ? 0 : acquire_slow(l, me, SOUND, TL_NEVER);
	b->deaf = was;
	return r;
}

void tl_lock_hold(tl_lock *l)
{
	struct strand *me = strand_self();
	bool was = me->body->deaf;
	int r;

	me->body->deaf = true;
	r = acquire(l, HOLD, TL_NEVER);
	me->body->deaf = was;
	if (r < 0)
		report(TL_R_MISUSE, me, r, "tl_lock_hold of lock %p, which it already holds",
			(void *)l);
}

void lock_withdraw(tl_lock *l, struct waiter *w)
{
	if (!lock_queue_withdraw(l, w))
		return;
	note(strand_self()->body, l);
	w->result = 0;
}

/* -- releasing */

bool lock_is_mine(const tl_lock *l) { return (load(l) & OWNER) == strand_self()->body->lock_word; }

bool lock_is_lost(const tl_lock *l)
{
	uint64_t w = load(l);

	return w & OWNER ? owner_gone(l, w) : w & LOST;
}

bool lock_is_wanted(const tl_lock *l) { return load(l) & WAITERS; }

/* Apart, so that the common case saves no registers for it. */
static __attribute__((noinline)) void release_slow(tl_lock *l, struct strand *me)
{
	uint64_t w = load(l);

	if ((w & OWNER) != me->body->lock_word) {
		report(TL_R_MISUSE, me, -EPERM, "releases lock %p, which it does not hold",
			(void *)l);
		return;
	}
	strike(me->body, l);
	if (w & STALE) {
		lose_mine(l, me->body);
	} else if (window_holds(l)) {
		if (atomic_exchange_explicit(word_of(l), 0, memory_order_seq_cst) & WAITERS)
			word_wake(half_of(l), l, 1);
	} else {
		lock_queue_release(l);
	}
}

void tl_lock_release(tl_lock *l)
{
	struct strand *me = strand_self();
	struct body *b = me->body;

	if (b->held == (uintptr_t)l) {
		uintptr_t next = (uintptr_t)l->_; /* the next holder's, once the word is free */

		if (load(l) == b->lock_word && swap(l, b->lock_word, 0)) {
			b->held = next;
			return;
		}
	}
	release_slow(l, me);
}

bool tl_lock_held(const tl_lock *l)
{
	uint64_t w = load(l);

	return w & OWNER && !owner_gone(l, w);
}
