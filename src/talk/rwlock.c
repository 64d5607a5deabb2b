/* rwlock.c - many readers or one writer.
 *
 * A writer holds the inner lock from its coming to its release.  It raises WRITER in `readers`,
 * which keeps newcomers out, and waits until those inside have left.  Only it waits on that word,
 * whose address is the key, as that of l is the inner lock's; WAITED: it sleeps.  A reader enters
 * by a step of the count while WRITER is down and nobody waits for the inner lock; else it takes
 * that lock too, enters, and lets it go at once.
 *
 * So whoever waits, to read or to write, is in one queue, the inner lock's: that bounds by how many
 * a waiter is passed, tells all if a writer is gone, and sees to it that who leaves takes nobody's
 * turn along.
 *
 * In shared memory a process may be killed while it reads.  So each notes its readers in a book of
 * leases (lease.c) before they enter and until they have left, and a writer that finds none of the
 * living in there while WRITER is up takes those who are still counted for dead. */
#include "run/run.h"
#include "talk/lock.h"
#include <errno.h>

enum { READER = 1 };
#define COUNT  ((1u << 30) - 1)
#define WRITER (1u << 30)
#define WAITED (1u << 31)

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

/* -- reading */

static int step_in(tl_rwlock *l)
{
	uint32_t v = load(l);

	do {
		if (v & WRITER)
			return -EAGAIN;
		if ((v & COUNT) == COUNT)
			return -EOVERFLOW;
	} while (!swap(l, &v, v + READER));
	strand_self()->body->reads++;
	return 0;
}

static int enter(tl_rwlock *l)
{
	bool shared = window_holds(l);
	int r;

	if (shared)
		lease_take(l);
	r = step_in(l);
	if (shared && r < 0)
		lease_give(l);
	return r;
}

int tl_rwlock_read(tl_rwlock *l, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	r = lock_is_wanted(&l->lock) ? -EAGAIN : enter(l);
	if (r != -EAGAIN)
		return r;
	r = tl_lock_acquire(&l->lock, deadline);
	if (r < 0)
		return r;
	r = enter(l); /* WRITER is up only while its lock is held, or lost */
	tl_lock_release(&l->lock);
	return r;
}

/* -- writing */

/* Newcomers may read again. */
static void lower(tl_rwlock *l)
{
	atomic_fetch_and_explicit(readers_of(l), ~(WRITER | WAITED), memory_order_seq_cst);
}

/* Sleep while readers are inside, as v says; v has WAITED when we do. */
static int await_readers(tl_rwlock *l, uint32_t v, tl_time deadline)
{
	if (!(v & WAITED) && !swap(l, &v, v | WAITED))
		return 0;
	return word_wait(readers_of(l), v | WAITED, "rwlock to write", &l->readers, deadline);
}

/* With WRITER up nobody comes in: if no process that lives reads, those who are inside are dead. */
static uint32_t inside(tl_rwlock *l)
{
	uint32_t v = load(l);

	if (v & COUNT && window_holds(l) && !lease_lives(l) && swap(l, &v, v & ~COUNT))
		v &= ~COUNT;
	return v;
}

/* With the inner lock held: keep newcomers out, and wait for those inside. */
static int drain(tl_rwlock *l, tl_time deadline)
{
	uint32_t v = atomic_fetch_or_explicit(readers_of(l), WRITER, memory_order_seq_cst) | WRITER;
	int r = 0;

	while (r == 0 && (v & COUNT)) {
		r = deadline.ns == TL_POLL.ns ? -EAGAIN : await_readers(l, v, deadline);
		v = inside(l);
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
	bool last;

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
	last = (v & COUNT) == READER;
	if (window_holds(l)) {
		lease_give(l);
		last = true; /* perhaps, of those that live */
	}
	if (last && v & WAITED)
		word_wake(readers_of(l), &l->readers, 1);
}

int tl_rwlock_readers(const tl_rwlock *l)
{
	int n = (int)(load(l) & COUNT);

	return n && window_holds(l) && !lease_lives(l) ? 0 : n;
}

bool tl_rwlock_written(const tl_rwlock *l) { return (load(l) & (WRITER | COUNT)) == WRITER; }
