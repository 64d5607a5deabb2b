/* once.c - code that runs once, whoever comes first; the others wait until it has.
 *
 * The word: 0 not yet; DONE; or who runs it now (the word of its locks, see lock.c) and WAITED.
 * When the code fails, who has waited longest is the next to run: its name is put into the word, in
 * one step with its leaving the list, under the bucket's lock, so nobody comes past.  In shared
 * memory the word goes back to 0, and one that waits is woken to try.  A runner whose process died
 * is found by those who look again once a second. */
#include "run/run.h"
#include "telar/sync.h"
#include <errno.h>
#include <limits.h>

#define DONE    (1ull << 30)
#define WAITED  (1ull << 31)
#define PROCESS ((1u << 27) - 1)
enum { OURS = 1 };

static _Atomic uint64_t *word_of(const tl_once *o) { return (_Atomic uint64_t *)&o->_; }
static _Atomic uint32_t *half_of(tl_once *o) { return (_Atomic uint32_t *)&o->_; }

static bool swap(tl_once *o, uint64_t *from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word_of(o), from, to, memory_order_seq_cst, memory_order_acquire);
}

/* It failed, and somebody may wait, in private memory.  Who has just raised WAITED and is not in
 * the list yet finds the word changed. */
static void pass_on(tl_once *o)
{
	struct wait_list *b = word_bucket(o);
	struct waiter *w;
	struct node won;
	uint64_t next = 0;

	list_init(&won);
	spin_lock(&b->lock);
	while (!next && (w = word_first(b, o))) {
		list_remove(&w->link);
		if (wait_win(w, &won)) {
			next = *(uint64_t *)w->data | WAITED;
			w->result = OURS;
		}
	}
	atomic_store_explicit(word_of(o), next, memory_order_seq_cst);
	spin_unlock(&b->lock);
	wait_let_go(&won);
}

static int run(tl_once *o, uint64_t self, tl_fn *fn, void *arg)
{
	int r = fn(arg);
	bool failed = r < 0, shared = window_holds(o);
	uint64_t w = self;

	if (failed && !shared) {
		if (!swap(o, &w, 0))
			pass_on(o);
		return r;
	}
	w = atomic_exchange_explicit(word_of(o), failed ? 0 : DONE, memory_order_seq_cst);
	if (w & WAITED)
		word_wake(half_of(o), o, failed ? 1 : INT_MAX);
	return failed ? r : 0;
}

/* While the word is w.  OURS: it is the caller's turn, as the word says. */
static int await(tl_once *o, uint64_t w, uint64_t self, tl_time deadline)
{
	struct waiter me = { .object = o, .what = "once", .data = &self };
	struct wait_list *b = word_bucket(o);
	int r;

	if (window_holds(o))
		return word_wait(half_of(o), (uint32_t)w, me.what, o, deadline);
	spin_lock(&b->lock);
	if (atomic_load_explicit(word_of(o), memory_order_acquire) != w) {
		spin_unlock(&b->lock);
		return 0;
	}
	r = wait_park(&me, &b->head, &b->lock, deadline);
	return r < 0 ? r : me.result;
}

int tl_once_run(tl_once *o, tl_fn *fn, void *arg, tl_time deadline)
{
	struct strand *me = strand_self();
	uint64_t self = me->body->lock_word, carry = 0, w = 0;
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(me);

	if (r < 0)
		return r;
	while (r == 0) {
		if (swap(o, &w, self | (w & WAITED) | carry))
			return run(o, self, fn, arg);
		if (w == DONE) {
			if (carry) /* our wake may have been meant for all who wait */
				word_wake(half_of(o), o, INT_MAX);
			return 0;
		}
		if (w == 0 || window_gone(o, (uint32_t)w & PROCESS))
			continue; /* take it as it is */
		if ((w & ~WAITED) == self)
			return -EDEADLK;
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		if (w & WAITED || swap(o, &w, w | WAITED))
			r = await(o, w | WAITED, self, deadline);
		if (r < 0 && window_holds(o)) /* a wake may have been spent on us */
			word_wake(half_of(o), o, 1);
		if (r == OURS)
			return run(o, self, fn, arg);
		carry = WAITED; /* we do not know who else waits */
		w = 0;
	}
	return r;
}

bool tl_once_done(const tl_once *o)
{
	return atomic_load_explicit(word_of(o), memory_order_acquire) == DONE;
}
