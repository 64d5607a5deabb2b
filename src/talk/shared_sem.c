/* shared_sem.c - the semaphore in shared memory.
 *
 * One word, the value: units free, and WAITED, its sign: somebody may be asleep.  As with a lock,
 * release clears WAITED and wakes as many as it gives units, and who has slept takes its unit with
 * WAITED set, for it does not know who else sleeps.  A release between the two finds WAITED clear
 * and wakes nobody: so who has slept and leaves units behind wakes one more (W54), and who leaves
 * without a unit passes the turn on (W55).  More units than there may be, and WAITED, is a value
 * that was made negative from outside: it is refused.  The claims are in tests/model/CLAIMS.md. */
#include "run/run.h"
#include "talk/sem.h"
#include "talk/shared.h"
#include <errno.h>

#define WAITED (1u << 31)
#define UNITS  (~WAITED)

static _Atomic uint32_t *word_of(const tl_sem *m) { return (_Atomic uint32_t *)&m->value; }

static uint32_t load(const tl_sem *m)
{
	return atomic_load_explicit(word_of(m), memory_order_seq_cst);
}

static bool swap(tl_sem *m, uint32_t *from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word_of(m), from, to, memory_order_seq_cst, memory_order_seq_cst);
}

static bool is_foreign(const tl_sem *m, uint32_t v)
{
	return v & WAITED && (v & UNITS) > (uint32_t)sem_most(m);
}

static bool take(tl_sem *m, uint32_t slept)
{
	uint32_t v = load(m);

	do
		if (!(v & UNITS))
			return false;
	while (!swap(m, &v, (v - 1) | slept));
	if (slept && (v & UNITS) > 1)
		word_wake(word_of(m), m, 1);
	return true;
}

/* A wake may have been spent on us: the next is woken, now or by the next release. */
static void pass_on(tl_sem *m)
{
	uint32_t v = load(m);

	do
		if (v & UNITS) {
			word_wake(word_of(m), m, 1);
			return;
		}
	while (!(v & WAITED) && !swap(m, &v, v | WAITED));
}

int shared_sem_acquire(tl_sem *m, tl_time deadline)
{
	uint32_t slept = 0, v;
	int r = 0;

	if (is_foreign(m, load(m)))
		return sem_refuse(m);
	while (!take(m, slept)) {
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		if (r < 0) {
			pass_on(m);
			return r;
		}
		v = load(m);
		if (v == WAITED || (!v && swap(m, &v, WAITED))) {
			slept = WAITED;
			r = word_wait(word_of(m), WAITED, "shared semaphore", m, deadline);
		}
	}
	return 0;
}

int shared_sem_release(tl_sem *m, int n)
{
	uint32_t v = load(m);

	if (is_foreign(m, v))
		return sem_refuse(m);
	do
		if (n > sem_most(m) - (int32_t)(v & UNITS))
			return -EOVERFLOW;
	while (!swap(m, &v, (v & UNITS) + (uint32_t)n));
	if (v & WAITED)
		word_wake(word_of(m), m, n);
	return 0;
}

int shared_sem_count(const tl_sem *m)
{
	uint32_t v = load(m);

	return is_foreign(m, v) ? 0 : (int)(v & UNITS);
}
