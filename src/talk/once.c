/* once.c - code that runs once, whoever comes first; the others wait until it has.
 *
 * The word: 0 not yet; DONE; or who runs it now (the word of its locks, see lock.c) and WAITED.
 * When the code fails the word goes back to 0 and one of the waiting tries its own.  A runner whose
 * process died is found by those who look again once a second. */
#include "run/run.h"
#include "telar/sync.h"
#include <errno.h>
#include <limits.h>

#define DONE    (1ull << 30)
#define WAITED  (1ull << 31)
#define PROCESS ((1u << 27) - 1)

static _Atomic uint64_t *word_of(const tl_once *o) { return (_Atomic uint64_t *)&o->_; }
static _Atomic uint32_t *half_of(tl_once *o) { return (_Atomic uint32_t *)&o->_; }

static bool swap(tl_once *o, uint64_t *from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word_of(o), from, to, memory_order_seq_cst, memory_order_acquire);
}

static int run(tl_once *o, tl_fn *fn, void *arg)
{
	int r = fn(arg);
	uint64_t w = atomic_exchange_explicit(word_of(o), r < 0 ? 0 : DONE, memory_order_seq_cst);

	if (w & WAITED)
		word_wake(half_of(o), o, r < 0 ? 1 : INT_MAX);
	return r < 0 ? r : 0;
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
			return run(o, fn, arg);
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
			r = word_wait(half_of(o), (uint32_t)(w | WAITED), "once", o, deadline);
		if (r < 0 && window_holds(o)) /* a wake may have been spent on us */
			word_wake(half_of(o), o, 1);
		carry = WAITED; /* we do not know who else waits */
		w = 0;
	}
	return r;
}

bool tl_once_done(const tl_once *o)
{
	return atomic_load_explicit(word_of(o), memory_order_acquire) == DONE;
}
