/* rwlock.c - many readers or one writer.
 *
 * A writer first takes the inner lock, which all writers share, then raises WRITER in `readers`,
 * which keeps newcomers out, then waits until those inside have left.  When it is done it lowers
 * WRITER and wakes all who waited to read, before it lets the next writer at the lock.  So a writer
 * waits for the readers inside and for the writers before it, never for readers that came after it
 * raised WRITER.  A reader is woken between two writers, but nothing makes the second wait for it.
 *
 * Both wait on `readers`, a word: readers while WRITER is up, the writer while the count is not 0;
 * WAITED: somebody sleeps on it.  That a writer has died holding the inner lock is seen by readers
 * that look again once a second, and by the next writer at once. */
#include "run/run.h"
#include "talk/lock.h"
#include <errno.h>
#include <limits.h>

enum { READER = 1 };
#define COUNT  ((1u << 30) - 1)
#define WRITER (1u << 30)
#define WAITED (1u << 31)

static const int64_t LOOK_NS = 1000000000;

static _Atomic uint32_t *readers_of(const tl_rwlock *l) { return (_Atomic uint32_t *)&l->readers; }

static bool swap(tl_rwlock *l, uint32_t *from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(
		readers_of(l), from, to, memory_order_seq_cst, memory_order_relaxed);
}

static uint32_t load(const tl_rwlock *l)
{
	return atomic_load_explicit(readers_of(l), memory_order_seq_cst);
}

/* Sleep while the word holds v; v has WAITED when we do. */
static int await(tl_rwlock *l, uint32_t v, const char *what, tl_time deadline)
{
	if (!(v & WAITED) && !swap(l, &v, v | WAITED))
		return 0;
	return word_wait(readers_of(l), v | WAITED, what, l, deadline);
}

/* -- reading */

/* One look at a time, so that a writer's death is noticed. */
static int await_writer(tl_rwlock *l, uint32_t v, tl_time deadline)
{
	int64_t look = plat_now() + LOOK_NS;
	bool last = deadline.ns && deadline.ns <= look;
	int r = await(l, v, "rwlock to read", last ? deadline : (tl_time){ look });

	return r == -ETIMEDOUT && !last ? 0 : r;
}

int tl_rwlock_read(tl_rwlock *l, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	uint32_t v = load(l);

	while (r == 0) {
		if (!(v & WRITER)) {
			if ((v & COUNT) == COUNT)
				return -EOVERFLOW;
			if (!swap(l, &v, v + READER))
				continue;
			strand_self()->body->reads++;
			return 0;
		}
		if (lock_is_mine(&l->lock))
			return -EDEADLK;
		if (lock_is_lost(&l->lock))
			return -EOWNERDEAD;
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		r = await_writer(l, v, deadline);
		v = load(l);
	}
	return r;
}

/* -- writing */

/* Newcomers may read again; all who wait look. */
static void lower(tl_rwlock *l)
{
	uint32_t v =
		atomic_fetch_and_explicit(readers_of(l), ~(WRITER | WAITED), memory_order_seq_cst);

	if (v & WAITED)
		word_wake(readers_of(l), l, INT_MAX);
}

/* With the inner lock held: keep newcomers out, and wait for those inside. */
static int drain(tl_rwlock *l, tl_time deadline)
{
	uint32_t v = atomic_fetch_or_explicit(readers_of(l), WRITER, memory_order_seq_cst) | WRITER;
	int r = 0;

	while (r == 0 && (v & COUNT)) {
		r = deadline.ns == TL_POLL.ns ? -EAGAIN : await(l, v, "rwlock to write", deadline);
		v = load(l);
	}
	if (!(v & COUNT))
		return 0; /* completion beats deadline and cancel */
	lower(l);
	return r;
}

static int write_with(tl_rwlock *l, int (*acquire)(tl_lock *l, tl_time deadline), tl_time deadline)
{
	int r = acquire(&l->lock, deadline), q;

	if (r < 0)
		return r;
	q = drain(l, deadline);
	if (q == 0)
		return r;
	tl_lock_release(&l->lock);
	return q;
}

int tl_rwlock_write(tl_rwlock *l, tl_time deadline)
{
	return write_with(l, tl_lock_acquire, deadline);
}

int tl_rwlock_recover(tl_rwlock *l, tl_time deadline)
{
	return write_with(l, tl_lock_recover, deadline);
}

/* -- */

void tl_rwlock_release(tl_rwlock *l)
{
	struct strand *me = strand_self();
	uint32_t v = load(l);

	if (lock_is_mine(&l->lock)) {
		lower(l);
		tl_lock_release(&l->lock);
		return;
	}
	do {
		if (!me->body->reads || !(v & COUNT)) {
			report(TL_R_MISUSE, me, -EPERM,
				"releases rwlock %p, which it does not hold", (void *)l);
			return;
		}
	} while (!swap(l, &v, v - READER));
	me->body->reads--;
	if ((v & COUNT) == READER && v & WAITED)
		word_wake(readers_of(l), l, INT_MAX);
}

int tl_rwlock_readers(const tl_rwlock *l) { return (int)(load(l) & COUNT); }
