/* shared_cond.c - the condition in shared memory.
 *
 * Its words change under the lock, but for who finds it lost.  A waiter is counted in `waiting`; a
 * notify puts as many as it tells into `told`, but never more than wait, raises `turn`, on which
 * they sleep, and wakes as many.  Who finds that turn has moved since it came, and can take one out
 * of `told`, was told; if others were faster it sleeps again.  So a notify tells at most n of those
 * who waited already, and what nobody waits for is not stored, and one that meets a deadline
 * or a cancel goes to one of them.
 *
 * Who is killed while it waits stays counted: a later notify may then tell one too many.  Who is
 * killed with the lock tells nobody, so waiters leave, too, when the lock is lost.  Some of them
 * may not look before another has repaired it: so a notify raises `turn` even if all that wait are
 * told already, for it may be that the dead told them and raised nothing. */
#include "run/run.h"
#include "talk/lock.h"
#include "talk/shared.h"

struct inside {
	_Atomic uint32_t turn, unused;
	_Atomic uint64_t state; /* waiting << 32 | told */
};
_Static_assert(sizeof(struct inside) <= sizeof(tl_cond), "fits what sync.h leaves");

static struct inside *in(const tl_cond *c) { return (struct inside *)(uintptr_t)c->_; }

static uint32_t turn_of(const tl_cond *c)
{
	return atomic_load_explicit(&in(c)->turn, memory_order_seq_cst);
}

/* So many more wait, and so many more are told, if there are as many. */
static void add(tl_cond *c, uint32_t waiting, uint32_t told)
{
	_Atomic uint64_t *state = &in(c)->state;
	uint64_t v = atomic_load_explicit(state, memory_order_relaxed);
	uint32_t w, t;

	do {
		w = (uint32_t)(v >> 32) + waiting;
		t = (uint32_t)v + told;
	} while (!atomic_compare_exchange_weak_explicit(state, &v,
		(uint64_t)w << 32 | (t < w ? t : w), memory_order_seq_cst, memory_order_relaxed));
}

/* Be one of those who were told.  False: others were faster. */
static bool take(tl_cond *c)
{
	_Atomic uint64_t *state = &in(c)->state;
	uint64_t v = atomic_load_explicit(state, memory_order_relaxed);

	do
		if (!(uint32_t)v)
			return false;
	while (!atomic_compare_exchange_weak_explicit(
		state, &v, v - (1ull << 32 | 1), memory_order_seq_cst, memory_order_relaxed));
	return true;
}

/* Until somebody is told, or nobody can be any more: who held the lock is gone. */
static int await(tl_cond *c, tl_lock *l, uint32_t seen, tl_time deadline)
{
	int r;

	do
		r = word_wait(&in(c)->turn, seen, "shared condition", c, deadline);
	while (r == 0 && turn_of(c) == seen && !lock_is_lost(l));
	return r;
}

int shared_cond_wait(tl_cond *c, tl_lock *l, tl_time deadline)
{
	uint32_t came = turn_of(c), seen = came;
	int r, q;

	add(c, 1, 0);
	for (;;) {
		tl_lock_release(l);
		r = await(c, l, seen, deadline);
		q = lock_again(l);
		seen = turn_of(c);
		if (q >= 0 && seen != came && take(c))
			return 0;
		if (q < 0 || r < 0)
			break;
	}
	add(c, -1u, 0);
	return q < 0 ? q : r;
}

void shared_cond_notify(tl_cond *c, int n)
{
	uint64_t v = atomic_load_explicit(&in(c)->state, memory_order_seq_cst);

	if (n <= 0 || !(v >> 32))
		return;
	add(c, 0, (uint32_t)n);
	atomic_fetch_add_explicit(&in(c)->turn, 1, memory_order_seq_cst);
	word_wake(&in(c)->turn, c, n);
}

int shared_cond_waiters(const tl_cond *c)
{
	uint64_t v = atomic_load_explicit(&in(c)->state, memory_order_seq_cst);
	uint32_t waiting = (uint32_t)(v >> 32), told = (uint32_t)v;

	return waiting > told ? (int)(waiting - told) : 0;
}
