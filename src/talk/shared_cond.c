/* shared_cond.c - the condition in shared memory.
 *
 * Its words change while the caller's lock is held.  A waiter is counted in `waiting`; a notify
 * puts as many as it tells into `told`, but never more than wait, raises `turn`, on which they
 * sleep, and wakes as many.  Who finds that turn has moved since it came, and can take one out of
 * `told`, was told; if others were faster it sleeps again.  So a notify tells at most n of those
 * who waited already, and what nobody waits for is not stored (W56), and one that meets a deadline
 * or a cancel goes to one of them (W57).
 *
 * Who is killed while it waits stays counted: a later notify may then tell one too many.  Who is
 * killed with the lock tells nobody, so waiters leave, too, when the lock is lost.  The claims are
 * in tests/model/CLAIMS.md. */
#include "run/run.h"
#include "talk/lock.h"
#include "talk/shared.h"

struct inside {
	_Atomic uint32_t turn, waiting, told, unused;
};
_Static_assert(sizeof(struct inside) <= sizeof(tl_cond), "fits what sync.h leaves");

static struct inside *in(const tl_cond *c) { return (struct inside *)(uintptr_t)c->_; }

static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_seq_cst);
}
static void add(_Atomic uint32_t *word, uint32_t n)
{
	atomic_fetch_add_explicit(word, n, memory_order_seq_cst);
}

/* One less, but never below 0, whatever others write there. */
static bool take(_Atomic uint32_t *word)
{
	uint32_t v = load(word);

	do
		if (!v)
			return false;
	while (!atomic_compare_exchange_weak_explicit(
		word, &v, v - 1, memory_order_seq_cst, memory_order_seq_cst));
	return true;
}

/* Until somebody is told, or nobody can be any more: who held the lock is gone. */
static int await(tl_cond *c, tl_lock *l, uint32_t seen, tl_time deadline)
{
	int r;

	do
		r = word_wait(&in(c)->turn, seen, "shared condition", c, deadline);
	while (r == 0 && load(&in(c)->turn) == seen && !lock_is_lost(l));
	return r;
}

int shared_cond_wait(tl_cond *c, tl_lock *l, tl_time deadline)
{
	struct inside *i = in(c);
	uint32_t came = load(&i->turn), seen = came;
	int r = 0, q;

	add(&i->waiting, 1);
	for (;;) {
		tl_lock_release(l);
		r = await(c, l, seen, deadline);
		q = lock_again(l);
		seen = load(&i->turn);
		if (q < 0)
			r = q;
		else if (seen != came && take(&i->told))
			r = 0;
		else if (r == 0)
			continue;
		take(&i->waiting);
		return r;
	}
}

void shared_cond_notify(tl_cond *c, int n)
{
	struct inside *i = in(c);
	uint32_t left = (uint32_t)shared_cond_waiters(c);
	uint32_t k = n < 0 ? 0 : (uint32_t)n < left ? (uint32_t)n : left;

	if (!k)
		return;
	add(&i->told, k);
	add(&i->turn, 1);
	word_wake(&i->turn, c, (int)k);
}

int shared_cond_waiters(const tl_cond *c)
{
	uint32_t waiting = load(&in(c)->waiting), told = load(&in(c)->told);

	return waiting > told ? (int)(waiting - told) : 0;
}
