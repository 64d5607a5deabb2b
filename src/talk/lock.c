/* lock.c - the lock: one word, for tasks and threads, private or shared between processes.
 *
 *	63     40 39      32 31      30   28     26     12 11          0
 *	[ slot  ][ its gen. ][WAITERS][LOST][STALE][generation][participant]      0 is free
 *
 * The upper half and the participant name the owner: a strand of a process.  Waiting is on the
 * lower half.  WAITERS: somebody may be waiting, so release looks.  LOST without an owner: the last
 * owner is gone; acquire answers -EOWNERDEAD and recover takes it.  LOST with an owner: being
 * repaired.  STALE: taken over by tl_lock_hold without repair; release makes it LOST again.
 *
 * Claims (tests/model/lock.pml, tests/talk/test_lock.c):
 *  L1  at most one strand holds;
 *  L2  a free lock with waiters is being taken by one that was woken: none sleeps for ever;
 *  L3  a waiter that was chosen and leaves passes its turn on;
 *  L4  a lock whose owner is gone is never acquired as if it were sound, and strands nobody.
 *
 * Barging: release frees the word and wakes the oldest waiter, which tries again, with WAITERS set
 * as it does not know who else waits.  In private memory a waiter older than HANDOVER_NS is given
 * the lock instead, under the bucket's lock.  A strand's held locks are a list through their second
 * word, written by the holder alone, so that a strand which ends can lose exactly those.
 *
 * A shared waiter looks again at least once a second whether the owner's process lives.  In private
 * memory a foreign participant can only mean that the lock was held by the parent of a fork. */
#include "talk/lock.h"
#include "run/run.h"
#include <errno.h>
#include <limits.h>

#define WAITERS (1ull << 31)
#define LOST    (1ull << 30)
#define STALE   (1ull << 28)
#define PROCESS ((1ull << 27) - 1)
#define OWNER   (0xffffffffull << 32 | PROCESS)

static const int64_t HANDOVER_NS = 1000000, LOOK_NS = 1000000000;

enum want { SOUND, REPAIR, HOLD };

static _Atomic uint64_t *word_of(const tl_lock *l) { return (_Atomic uint64_t *)&l->word; }
static uint64_t load(const tl_lock *l)
{
	return atomic_load_explicit(word_of(l), memory_order_seq_cst);
}
static bool swap(tl_lock *l, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word_of(l), &from, to, memory_order_seq_cst, memory_order_relaxed);
}
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
	if (swap(l, w, LOST))
		word_wake(half_of(l), l, INT_MAX);
}

static void lose_all(struct body *b)
{
	while (b->held) {
		tl_lock *l = (tl_lock *)b->held;
		uint64_t w;

		b->held = (uintptr_t)l->_;
		while (((w = load(l)) & OWNER) == b->lock_word)
			lose(l, w);
	}
}

__attribute__((constructor)) static void begin(void) { strand_lost = lose_all; }

/* -- acquiring */

static bool owner_gone(const tl_lock *l, uint64_t w)
{
	uint32_t process = (uint32_t)(w & PROCESS);

	return process != window_participant() && (!window_holds(l) || window_dead(process));
}

/* Wait in private memory; true in claim->granted: the lock is ours. */
static int wait_private(tl_lock *l, uint64_t w, struct lock_claim *c, tl_time deadline)
{
	struct waiter wt = { .object = l, .what = "lock", .data = c };
	struct wait_list *b = word_bucket(l);

	if (!c->since)
		c->since = plat_now();
	spin_lock(&b->lock);
	if (load(l) != w) {
		spin_unlock(&b->lock);
		return 0;
	}
	return wait_park(&wt, &b->head, &b->lock, deadline);
}

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

static int wait_shared(tl_lock *l, uint64_t w, tl_time deadline)
{
	int64_t look = plat_now() + LOOK_NS;
	bool last = deadline.ns && deadline.ns <= look;
	int r = word_wait(
		half_of(l), (uint32_t)w, "shared lock", l, last ? deadline : (tl_time){ look });

	if (r == -ETIMEDOUT && !last)
		return 0;
	if (r < 0)
		pass_on(l);
	return r;
}

/* The word is nobody's: take it.  More: it is worth another look. */
static bool take(tl_lock *l, uint64_t w, uint64_t self, enum want want, uint64_t carry, int *ret)
{
	uint64_t keep = w & LOST ? want == HOLD ? LOST | STALE : LOST : 0;

	if (w & LOST && want == SOUND) {
		*ret = -EOWNERDEAD;
		return true;
	}
	*ret = keep && want == REPAIR;
	return swap(l, w, self | keep | carry | (w & WAITERS));
}

static int acquire_slow(tl_lock *l, struct body *b, enum want want, tl_time deadline)
{
	struct lock_claim claim = { .self = b->lock_word };
	bool shared = window_holds(l);
	uint64_t carry = 0;
	int r;

	for (;;) {
		uint64_t w = load(l);

		if (!(w & OWNER)) {
			if (!take(l, w, claim.self, want, carry, &r))
				continue;
			if (r >= 0)
				note(b, l);
			return r;
		}
		if ((w & OWNER) == claim.self)
			return -EDEADLK;
		if (owner_gone(l, w)) {
			lose(l, w);
			continue;
		}
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		if (!(w & WAITERS) && !swap(l, w, w | WAITERS))
			continue;
		carry = WAITERS;
		r = shared ? wait_shared(l, w | WAITERS, deadline)
			   : wait_private(l, w | WAITERS, &claim, deadline);
		if (claim.granted)
			return note(b, l), 0;
		if (r < 0)
			return r;
	}
}

static int acquire(tl_lock *l, enum want want, tl_time deadline)
{
	struct strand *me = strand_self();
	struct body *b = me->body;
	int r = deadline.ns == TL_POLL.ns || want == HOLD ? 0 : strand_checkpoint(me);

	if (r < 0)
		return r;
	if (swap(l, 0, b->lock_word)) {
		note(b, l);
		return 0;
	}
	return acquire_slow(l, b, want, deadline);
}

int tl_lock_acquire(tl_lock *l, tl_time deadline) { return acquire(l, SOUND, deadline); }
int tl_lock_recover(tl_lock *l, tl_time deadline) { return acquire(l, REPAIR, deadline); }

/* For conditions, which must have the lock back whatever happens but will not take a lost one. */
int lock_again(tl_lock *l)
{
	struct body *b = strand_self()->body;
	bool was = b->deaf;
	int r;

	b->deaf = true;
	r = swap(l, 0, b->lock_word) ? (note(b, l), 0) : acquire_slow(l, b, SOUND, TL_NEVER);
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

/* -- in a select, which waits as a private waiter, and in other lists too */

bool lock_enlist(tl_lock *l, struct waiter *w, struct lock_claim *c)
{
	struct wait_list *b = word_bucket(l);
	uint64_t v = load(l);
	bool in = v & OWNER && !owner_gone(l, v) && (v & WAITERS || swap(l, v, v | WAITERS));

	if (!in)
		return false;
	c->self = strand_self()->body->lock_word;
	if (!c->since)
		c->since = plat_now();
	w->data = c;
	spin_lock(&b->lock);
	in = load(l) == (v | WAITERS);
	if (in)
		list_append(&b->head, &w->link);
	spin_unlock(&b->lock);
	return in;
}

void lock_withdraw(tl_lock *l, struct waiter *w, struct lock_claim *c)
{
	struct wait_list *b = word_bucket(l);

	spin_lock(&b->lock);
	c->owed |= !c->granted && !list_in(&w->link);
	list_remove(&w->link);
	spin_unlock(&b->lock);
	if (c->granted)
		note(strand_self()->body, l);
}

void lock_settle(tl_lock *l, const struct lock_claim *c)
{
	if (c->owed)
		pass_on(l);
}

/* -- releasing */

static bool old_enough(const struct lock_claim *c) { return plat_now() - c->since >= HANDOVER_NS; }

/* Free or hand over a private lock that is waited for. */
static void release_private(tl_lock *l, uint64_t next)
{
	struct wait_list *b = word_bucket(l);
	enum wait_claim how = WAIT_LOST;
	struct parker *who = NULL;
	struct waiter *w;

	spin_lock(&b->lock);
	while (how == WAIT_LOST && (w = word_first(b, l))) {
		struct lock_claim *c = w->data;

		list_remove(&w->link);
		who = w->who;
		how = wait_claim(w);
		if (how == WAIT_LOST || next || !old_enough(c))
			continue;
		c->granted = true;
		w->result = 0;
		next = c->self | (word_first(b, l) ? WAITERS : 0);
	}
	atomic_store_explicit(word_of(l), next, memory_order_seq_cst);
	if (how == WAIT_UP)
		wait_finish(who, how);
	spin_unlock(&b->lock);
	if (how == WAIT_READY)
		wait_finish(who, how);
}

bool lock_is_lost(const tl_lock *l)
{
	uint64_t w = load(l);

	return w & OWNER ? owner_gone(l, w) : (w & LOST) != 0;
}

bool lock_is_mine(const tl_lock *l) { return (load(l) & OWNER) == strand_self()->body->lock_word; }

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
	if (window_holds(l)) {
		w = atomic_exchange_explicit(
			word_of(l), w & STALE ? LOST : 0, memory_order_seq_cst);
		if (w & WAITERS)
			word_wake(half_of(l), l, w & STALE ? INT_MAX : 1);
	} else {
		release_private(l, w & STALE ? LOST : 0);
		if (w & STALE)
			word_wake(half_of(l), l, INT_MAX);
	}
}

void tl_lock_release(tl_lock *l)
{
	struct strand *me = strand_self();
	struct body *b = me->body;

	if (b->held == (uintptr_t)l) {
		uintptr_t next = (uintptr_t)l->_; /* the next holder's, once the word is free */

		if (swap(l, b->lock_word, 0)) {
			b->held = next;
			return;
		}
	}
	release_slow(l, me);
}

bool tl_lock_held(const tl_lock *l) { return load(l) & OWNER; }
