/* event.c - a flag to wait for.
 *
 * SET and WAITED are two bits of one word.  A waiter marks WAITED under the bucket's lock by a
 * compare-and-swap from "not set", so a set either sees the mark or is seen.  Set wakes all who
 * wait and they return without looking again: a clear right after takes nothing from them (E1).
 * WAITED gives way to SET under the bucket's lock too, in the setter's last touch of the word: one
 * that comes after a clear is not woken by the set before it, and whoever sees the event set, or
 * unlinks itself, may free it (E2).
 *
 * In shared memory waiters sleep on the word's lower half.  Above the two bits it counts the sets
 * that found somebody waiting: who finds that it has moved was woken, whatever SET says now. */
#include "talk/event.h"
#include <errno.h>
#include <limits.h>

enum { SET = 1, WAITED = 2, TURN = 4 };

static _Atomic uint64_t *word_of(const tl_event *e) { return (_Atomic uint64_t *)&e->_; }

bool tl_event_is_set(const tl_event *e)
{
	return atomic_load_explicit(word_of(e), memory_order_acquire) & SET;
}

bool event_enlist(tl_event *e, struct waiter *w)
{
	struct wait_list *b = word_bucket(e);
	uint64_t v = atomic_load_explicit(word_of(e), memory_order_acquire);
	bool in = false;

	w->object = e;
	spin_lock(&b->lock);
	while (!(v & SET) && !in)
		in = atomic_compare_exchange_weak_explicit(
			word_of(e), &v, v | WAITED, memory_order_seq_cst, memory_order_acquire);
	if (in)
		list_append(&b->head, &w->link);
	spin_unlock(&b->lock);
	return in;
}

/* Little-endian, as all of x86-64 and aarch64 Linux is. */
static _Atomic uint32_t *half_of(tl_event *e) { return (_Atomic uint32_t *)&e->_; }

static int wait_shared(tl_event *e, tl_time deadline)
{
	uint64_t v = atomic_load_explicit(word_of(e), memory_order_seq_cst), came = v / TURN;
	int r = 0;

	while (!(v & SET) && v / TURN == came) {
		if (r < 0)
			return r;
		if (!(v & WAITED) &&
			!atomic_compare_exchange_strong_explicit(word_of(e), &v, v | WAITED,
				memory_order_seq_cst, memory_order_seq_cst))
			continue;
		r = word_wait(half_of(e), (uint32_t)v | WAITED, "shared event", e, deadline);
		v = atomic_load_explicit(word_of(e), memory_order_seq_cst);
	}
	return 0;
}

static void wake_shared(tl_event *e)
{
	uint64_t v = atomic_load_explicit(word_of(e), memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(word_of(e), &v, (v / TURN + 1) * TURN | SET,
		memory_order_seq_cst, memory_order_relaxed))
		;
	word_wake(half_of(e), e, INT_MAX);
}

int tl_event_wait(tl_event *e, tl_time deadline)
{
	struct waiter w = { .what = "event" };
	struct wait_list *b;
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0 || tl_event_is_set(e))
		return r;
	if (deadline.ns == TL_POLL.ns)
		return -EAGAIN;
	if (window_holds(e))
		return wait_shared(e, deadline);
	w.who = wait_me;
	wait_begin();
	if (!event_enlist(e, &w)) {
		wait_withdraw();
		return 0;
	}
	r = wait_block(&w, deadline);
	if (r < 0) {
		b = word_bucket(e);
		spin_lock(&b->lock);
		list_remove(&w.link);
		spin_unlock(&b->lock);
	}
	return r;
}

static void wake_all(tl_event *e)
{
	struct wait_list *b = word_bucket(e);
	struct waiter *w;

	strand_self();
	if (window_holds(e)) {
		wake_shared(e);
		return;
	}
	spin_lock(&b->lock);
	atomic_store_explicit(word_of(e), SET, memory_order_seq_cst);
	while ((w = word_first(b, e))) {
		struct parker *who = w->who;
		enum wait_claim how;

		list_remove(&w->link);
		how = wait_claim(w);
		if (how != WAIT_LOST)
			w->result = 0;
		wait_finish(who, how);
	}
	spin_unlock(&b->lock);
}

void tl_event_set(tl_event *e)
{
	uint64_t v = atomic_load_explicit(word_of(e), memory_order_relaxed);

	do
		if (v & WAITED)
			return wake_all(e);
	while (!atomic_compare_exchange_weak_explicit(
		word_of(e), &v, v | SET, memory_order_seq_cst, memory_order_relaxed));
}

void tl_event_clear(tl_event *e)
{
	atomic_fetch_and_explicit(word_of(e), ~(uint64_t)SET, memory_order_release);
}
