/* lock_queue.c - waiting for a lock in private memory.
 *
 * Who finds the lock held by a strand that runs on another thread watches for a moment.  Then it
 * joins the bucket's list, and stays in it, in its place, until it leaves with an answer.  Release
 * frees the word and has the oldest come, if nobody is coming yet; who comes may find that another
 * was faster, watches again, and lies down where it was.  Once it has waited for HANDOVER_NS, or
 * the lock was freed PASSES times since it came, release makes the oldest the owner instead: it
 * finds its own name in the word.
 *
 * All of this is under the bucket's lock, but for taking a free word.  So while a word is held,
 * only its owner and those with the bucket's lock change it: release stores it plainly.  COMING
 * stands only while one in the list is coming: it takes the mark with it when it takes the word or
 * lies down, and cannot leave otherwise but where the lock is lost, which clears it.
 *
 * Proven in tests/model/lock_queue.pml (W16 to W22, W56). */
#include "talk/lock_word.h"

static const int64_t HANDOVER_NS = 1000000;
enum { PASSES = HOSTILE_FEW(65536, 3), WATCHES = 4, RELAX = 100 };

static bool alone; /* there is one processor */

__attribute__((constructor(101))) static void begin(void) { alone = plat_cpu_count() < 2; }

static struct lock_claim *claim_of(const struct waiter *w) { return w->data; }

/* Have it come, unless it is leaving.  With the bucket's lock held, as is everything private; but
 * one that is coming looks at its own claim without it. */
static enum wait_claim call(struct waiter *w)
{
	enum wait_claim how = claim_of(w)->coming ? WAIT_LOST : wait_claim(w);

	if (how != WAIT_LOST)
		claim_of(w)->coming = true;
	return how;
}

static void call_all(tl_lock *l, struct wait_list *b)
{
	list_each(n, &b->head)
	{
		struct waiter *w = container_of(n, struct waiter, link);
		if (w->object == l)
			wait_finish(w->who, call(w));
	}
}

/* The owner is gone: the lock is lost.  All are told, for none of them will be its next holder. */
static void lose(tl_lock *l, uint64_t w, struct wait_list *b)
{
	if (swap(l, w, LOST | (w & WAITERS)))
		call_all(l, b);
}

void lock_queue_lose(tl_lock *l, uint64_t w)
{
	struct wait_list *b = word_bucket(l);

	spin_lock(&b->lock);
	lose(l, w, b);
	spin_unlock(&b->lock);
}

/* -- acquiring */

/* Does the owner run, or is it about to, on another thread, while we have nothing else to run here?
 * It and its loop may be gone by now, but their records stay. */
static bool worth_watching(const struct loop *mine, uint64_t w)
{
	struct strand *owner = slot_at((uint32_t)(w >> 40));
	struct loop *its = owner ? LOOK(owner->loop) : NULL;

	return !mine->first && its && its != mine &&
	       atomic_load_explicit(&owner->park.word, memory_order_relaxed) == PARK_IDLE &&
	       atomic_load_explicit(&its->sleeping, memory_order_relaxed) == LOOP_AWAKE;
}

/* Look for a free and sound word for a moment, ever more seldom, for each look costs the owner a
 * cache miss.  True: we own it. */
static bool watch(tl_lock *l, const struct loop *mine, const struct lock_claim *c)
{
	uint64_t drop = c->coming ? COMING : 0, w = load(l);

	if (alone || hostile_odd() || (w & OWNER && !worth_watching(mine, w)))
		return false;
	for (unsigned i = 0; i < WATCHES; i++) {
		for (unsigned j = 0; j < RELAX; j++)
			plat_relax();
		w = load(l);
		if (!(w & (OWNER | LOST)) && swap(l, w, c->self | (w & ~drop)))
			return true;
		if ((w & OWNER) == c->self)
			return true;
	}
	return false;
}

/* What the word says to one who waits, or is about to; with the bucket's lock held.  PARKS: it is
 * held, and says that somebody waits. */
static int look(tl_lock *l, struct wait_list *b, const struct lock_claim *c, enum want want)
{
	uint64_t drop = c->coming || !word_first(b, l) ? COMING : 0; /* a fork may leave it */
	int r = PARKS;

	for (;;) {
		uint64_t w = load(l);

		if ((w & OWNER) == c->self)
			return 0;
		if (!(w & OWNER)) {
			if (take(l, w, c->self, w & (WAITERS | COMING) & ~drop, want, &r))
				return r;
		} else if (owner_gone(l, w)) {
			lose(l, w, b);
		} else if (swap(l, w, (w | WAITERS) & ~drop)) {
			return PARKS;
		}
	}
}

/* Into the list, where it was if it is in it. */
static void enter(struct wait_list *b, struct waiter *w)
{
	struct lock_claim *c = claim_of(w);

	c->coming = false;
	if (!c->since) {
		c->since = plat_now();
		c->since_pass = b->clock;
	}
	if (!list_in(&w->link))
		list_append(&b->head, &w->link);
}

static void leave(tl_lock *l, struct wait_list *b, struct waiter *w)
{
	list_remove(&w->link);
	if (load(l) & WAITERS && !word_first(b, l))
		atomic_fetch_and_explicit(word_of(l), ~(WAITERS | COMING), memory_order_seq_cst);
}

int lock_queue_acquire(tl_lock *l, struct strand *me, enum want want, tl_time deadline)
{
	struct lock_claim c = { .self = me->body->lock_word };
	struct waiter w = { .who = &me->park, .object = l, .what = "lock", .data = &c };
	struct wait_list *b = word_bucket(l);
	int r = 0;

	if (watch(l, me->loop, &c))
		return 0;
	list_init(&w.link);
	spin_lock(&b->lock);
	while (r == 0 && (r = look(l, b, &c, want)) == PARKS) {
		wait_begin();
		enter(b, &w);
		spin_unlock(&b->lock);
		r = wait_block(&w, deadline);
		if (r == 0)
			watch(l, me->loop, &c);
		spin_lock(&b->lock);
	}
	leave(l, b, &w);
	spin_unlock(&b->lock);
	return r;
}

/* -- in a select, whose waiter is in other lists too */

bool lock_enlist(tl_lock *l, struct waiter *w, struct lock_claim *c)
{
	struct wait_list *b = word_bucket(l);
	uint64_t v;
	bool in;

	c->self = strand_self()->body->lock_word;
	w->data = c;
	spin_lock(&b->lock);
	v = load(l);
	in = v & OWNER && !owner_gone(l, v) && swap(l, v, v | WAITERS);
	if (in)
		enter(b, w);
	spin_unlock(&b->lock);
	return in;
}

bool lock_queue_withdraw(tl_lock *l, struct waiter *w)
{
	struct wait_list *b = word_bucket(l);
	bool got;

	spin_lock(&b->lock);
	got = claim_of(w)->coming && look(l, b, claim_of(w), SOUND) == 0;
	leave(l, b, w);
	spin_unlock(&b->lock);
	return got;
}

/* -- releasing */

static bool passed(const struct wait_list *b, const struct waiter *w)
{
	return b->clock - claim_of(w)->since_pass >= PASSES;
}

/* The oldest that is coming, or could be called just now. */
static struct waiter *heir_of(struct wait_list *b, const tl_lock *l, enum wait_claim *how)
{
	list_each(n, &b->head)
	{
		struct waiter *w = container_of(n, struct waiter, link);

		if (w->object != l)
			continue;
		*how = call(w);
		if (claim_of(w)->coming)
			return w;
	}
	return NULL;
}

/* With the bucket's lock held, the word's next value; *ret_who is to be woken as *how says. */
static uint64_t pass(tl_lock *l, struct wait_list *b, struct parker **ret_who, enum wait_claim *how)
{
	struct waiter *first = word_first(b, l), *heir;

	if (!first)
		return 0;
	if (load(l) & COMING && !passed(b, first))
		return WAITERS | COMING;
	heir = heir_of(b, l, how);
	if (!heir)
		return 0;
	*ret_who = heir->who;
	if (passed(b, heir) ||
		(*how != WAIT_LOST && plat_now() - claim_of(heir)->since >= HANDOVER_NS))
		return claim_of(heir)->self | WAITERS;
	return WAITERS | COMING;
}

/* Free or hand over a private lock that is waited for. */
void lock_queue_release(tl_lock *l)
{
	struct wait_list *b = word_bucket(l);
	enum wait_claim how = WAIT_LOST;
	struct parker *who = NULL;
	uint64_t next;

	spin_lock(&b->lock);
	next = pass(l, b, &who, &how);
	b->clock += !(next & OWNER);
	atomic_store_explicit(word_of(l), next, memory_order_release);
	if (how == WAIT_UP)
		wait_finish(who, how);
	spin_unlock(&b->lock);
	if (how == WAIT_READY)
		wait_finish(who, how);
}
