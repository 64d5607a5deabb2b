/* future.c - a value that will be there.
 *
 * The first word: its low half is the state, EMPTY, FILLING and by which process, or DONE, and
 * WAITED; its high half the failure, if it was one.  The second word is the value, written between
 * FILLING and DONE.  If that process is killed between the two, another may fill it. */
#include "talk/future.h"
#include "run/run.h"
#include <errno.h>
#include <limits.h>

static _Atomic uint32_t *value_status(tl_future *f) { return (_Atomic uint32_t *)&f->_[0] + 1; }

_Atomic uint32_t *future_word(const tl_future *f) { return (_Atomic uint32_t *)&f->_[0]; }

static bool taken(const tl_future *f, uint32_t s)
{
	return s & FUTURE_DONE || (s & FUTURE_FILLING && !window_gone(f, s >> FUTURE_WHO));
}

static int fill(tl_future *f, void *value, int status)
{
	_Atomic uint32_t *word = future_word(f);
	uint32_t s = atomic_load_explicit(word, memory_order_relaxed), filling = FUTURE_FILLING;

	strand_self();
	filling |= window_participant() << FUTURE_WHO;
	do
		if (taken(f, s))
			return -EBUSY;
	while (!atomic_compare_exchange_weak_explicit(word, &s, (s & FUTURE_WAITED) | filling,
		memory_order_relaxed, memory_order_relaxed));
	f->_[1] = (uintptr_t)value;
	atomic_store_explicit(value_status(f), (uint32_t)status, memory_order_relaxed);
	s = atomic_exchange_explicit(word, FUTURE_DONE, memory_order_seq_cst);
	if (s & FUTURE_WAITED)
		word_wake(word, word, INT_MAX);
	return 0;
}

int tl_future_set(tl_future *f, void *value) { return fill(f, value, 0); }
int tl_future_fail(tl_future *f, int r) { return r < 0 ? fill(f, NULL, r) : -EINVAL; }

bool tl_future_done(const tl_future *f)
{
	return atomic_load_explicit(future_word(f), memory_order_acquire) & FUTURE_DONE;
}

int future_read(tl_future *f, void **ret)
{
	int r = (int)atomic_load_explicit(value_status(f), memory_order_relaxed);

	if (r == 0 && ret)
		*ret = (void *)(uintptr_t)f->_[1];
	return r;
}

bool future_mark(tl_future *f, uint32_t *ret_word)
{
	uint32_t s = atomic_load_explicit(future_word(f), memory_order_acquire);

	while (!(s & FUTURE_DONE)) {
		*ret_word = s | FUTURE_WAITED;
		if (s & FUTURE_WAITED ||
			atomic_compare_exchange_weak_explicit(future_word(f), &s, *ret_word,
				memory_order_seq_cst, memory_order_acquire))
			return true;
	}
	return false;
}

int tl_future_get(tl_future *f, void **ret, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	uint32_t word;

	while (r == 0 && !tl_future_done(f)) {
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		if (future_mark(f, &word))
			r = word_wait(future_word(f), word, "future", future_word(f), deadline);
	}
	return r < 0 ? r : future_read(f, ret);
}
