/* telar/sync.h - lock, recursive lock, read-write lock, semaphore, condition, event, barrier,
 * latch, once: in place, zero is ready, for any mix of tasks and threads, in shared memory of all
 * processes of the program: telar/shared.h says what is different there.  No object here holds
 * memory or needs destroying.  After a fork(2) the child must not use what another thread was in: a
 * lock answers -EOWNERDEAD there, a rwlock keeps its dead readers, a barrier its dead parties.
 *
 * Acquire and wait are cancel points; release, set, clear and notify never wait, answer nothing. */
#ifndef TELAR_SYNC_H
#define TELAR_SYNC_H
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

/* -- lock: owner-checked, not recursive, and barging: a newcomer may be faster than one that waits.
 * Private, one that waits is passed by at most 65536 that came after it, then the lock is handed to
 * it, as it is when it has waited for a millisecond; in shared memory there is no such bound.  Who
 * has just come and watches for a moment whether the owner lets go does not wait yet. */
typedef struct tl_lock {
	uint64_t word, _;
} tl_lock;

/* Acquire l.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EDEADLK (the caller holds it),
 * -EOWNERDEAD (not held: the last owner ended or died holding it; see tl_lock_recover).
 * Source: the three-state futex lock of Drepper, "Futexes Are Tricky". */
TL_API int tl_lock_acquire(tl_lock *l, tl_time deadline) TL_MUST;
/* Acquire a lock, also a lost one, to repair what it protects; releasing it makes it sound again.
 * Cancel point. Answers 1 if it was lost, 0 if it was sound.  Errors: as of tl_lock_acquire,
 * without -EOWNERDEAD. */
TL_API int tl_lock_recover(tl_lock *l, tl_time deadline) TL_MUST;
/* Acquire for a short private section or for cleanup: no deadline, no cancel, no answer.  Not for
 * shared memory.  A lock whose owner is gone is taken over, and stays lost for those who come after
 * until it is recovered. */
TL_API void tl_lock_hold(tl_lock *l);
/* Release.  By a strand that does not hold it: misuse (telar/report.h). */
TL_API void tl_lock_release(tl_lock *l);
/* Does anyone hold it, as of just now. */
TL_API bool tl_lock_held(const tl_lock *l);

/* -- recursive lock: its holder may acquire it again; it is free when each acquire was released.
 * As fair as a tl_lock: others pass one that waits 65536 times at most. */
typedef struct tl_rlock {
	tl_lock lock;
	uint64_t depth; /* telar's */
} tl_rlock;

/* Acquire l, or once more if the caller holds it.  Cancel point.  Errors: as of tl_lock_acquire,
 * without -EDEADLK. */
TL_API int tl_rlock_acquire(tl_rlock *l, tl_time deadline) TL_MUST;
/* Acquire l, also a lost one, to repair what it protects: see tl_lock_recover.  Cancel point.
 * Answers 1 if it was lost, 0 if it was sound.  Errors: as of tl_lock_recover. */
TL_API int tl_rlock_recover(tl_rlock *l, tl_time deadline) TL_MUST;
/* Take back one acquire.  By a strand that does not hold it: misuse. */
TL_API void tl_rlock_release(tl_rlock *l);
/* How often the caller holds it; for anybody else 0. */
TL_API uint64_t tl_rlock_depth(const tl_rlock *l);
/* Does anyone hold it, as of just now. */
TL_API bool tl_rlock_held(const tl_rlock *l);

/* -- read-write lock: any number of readers, or one writer.  Who must wait, to read or to write, is
 * in one queue, as fair as that of a tl_lock: at most 65536 that came later pass it, readers and
 * writers together; and none passes a writer that only waits for the readers inside. */
typedef struct tl_rwlock {
	tl_lock lock;     /* telar's: a writer's, and the queue */
	uint32_t readers; /* telar's */
} tl_rwlock;

/* Acquire l to read.  Not again by a reader, nor tl_rwlock_write by one: it would wait for itself,
 * unseen.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EDEADLK (the caller writes), -EOWNERDEAD (a
 * writer ended or died in the middle; see tl_rwlock_recover; noticed within a second). */
TL_API int tl_rwlock_read(tl_rwlock *l, tl_time deadline) TL_MUST;
/* Acquire l to write.  Cancel point.  Errors: as of tl_rwlock_read. */
TL_API int tl_rwlock_write(tl_rwlock *l, tl_time deadline) TL_MUST;
/* Acquire l to write, also a lost one, to repair what it protects; releasing it makes it sound
 * again.  Cancel point.  Answers 1 if it was lost, 0 if it was sound. */
TL_API int tl_rwlock_recover(tl_rwlock *l, tl_time deadline) TL_MUST;
/* Release what the caller acquired, to read or to write. Not a cancel point. By a strand that holds
 * nothing: misuse. A strand that ends while it reads is reported, and keeps writers out. A writer's
 * release may still touch l when others have acquired it: free l after all have returned. */
TL_API void tl_rwlock_release(tl_rwlock *l);
/* How many read, just now. */
TL_API int tl_rwlock_readers(const tl_rwlock *l);
/* Whether somebody writes, just now, or ended in the middle of that. */
TL_API bool tl_rwlock_written(const tl_rwlock *l);

/* -- semaphore: strictly first come, first served: 0 units go past one that waits */
typedef struct tl_sem {
	int32_t value, limit;
	uint64_t _;
} tl_sem; /* { .value = 3, .limit = 3 }: bounded; limit 0: by 2^30 alone.  Begins with value >= 0 */

/* Take one unit.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EINVAL (the
 * value was made negative: misuse). */
TL_API int tl_sem_acquire(tl_sem *m, tl_time deadline) TL_MUST;
/* Give n units back.  Errors: -EINVAL (n < 1, or as of tl_sem_acquire), -EOVERFLOW (beyond the
 * limit; the value is unchanged). */
TL_API int tl_sem_release(tl_sem *m, int n);
/* Units free just now. */
TL_API int tl_sem_count(const tl_sem *m);

/* -- condition: tells n of those already waiting, in the order in which they came: 0 are told past
 * one that waits.  What nobody waits for is not stored */
typedef struct tl_cond {
	uint64_t _[2];
} tl_cond;

/* Release l, wait to be told, and acquire l again, also on failure.  The caller holds l (else
 * misuse, -EPERM). Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL) (l is held),
 * -EOWNERDEAD (l was lost meanwhile and is not held). */
TL_API int tl_cond_wait(tl_cond *c, tl_lock *l, tl_time deadline);
/* tl_cond_wait again and again until pred(arg), called with l held, is true: one deadline over all.
 * Cancel point.  Answers 0 once it is true, also when that and the deadline come together.  Errors:
 * as of tl_cond_wait. */
TL_API int tl_cond_wait_for(
	tl_cond *c, tl_lock *l, bool (*pred)(void *arg), void *arg, tl_time deadline);
/* tl_cond_wait with a recursive lock: it is released whole, and acquired again as deep as it was.
 * Cancel point.  Errors: as of tl_cond_wait. */
TL_API int tl_cond_rwait(tl_cond *c, tl_rlock *l, tl_time deadline);
/* Wake at most n of the waiting, oldest first; INT_MAX is all.  Hold the lock that they wait with.
 */
TL_API void tl_cond_notify(tl_cond *c, int n);
/* How many wait to be told, just now. */
TL_API int tl_cond_waiters(const tl_cond *c);

/* -- event: a flag to wait for.  Set wakes all that wait, also when it is cleared at once after: 0
 * go past one that waits */
typedef struct tl_event {
	uint64_t _;
} tl_event;

/* Wait until e is set.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL). */
TL_API int tl_event_wait(tl_event *e, tl_time deadline);
/* Whether e is set, just now.  Not a cancel point; cannot fail. */
TL_API bool tl_event_is_set(const tl_event *e);
/* Set e: all who wait go on, and so do those who come.  Not a cancel point; cannot fail. */
TL_API void tl_event_set(tl_event *e);
/* Clear e: those who come wait; who was woken goes on.  Not a cancel point; cannot fail. */
TL_API void tl_event_clear(tl_event *e);

/* -- barrier: `parties` strands wait for one another, again and again.  It breaks when a wait's own
 * deadline passes, when the action fails, or by abort: everybody is told, until it is reset.  A
 * cancelled strand only leaves.  A round is let go whole: 0 go past one that waits. */
typedef struct tl_barrier {
	uint32_t parties; /* at least 1 */
	tl_fn *action;    /* run by the last to come, before anyone goes on; or NULL */
	void *arg;
	uint64_t _[2];
} tl_barrier;

/* Wait until `parties` strands do. Cancel point. Answers which one the caller was: 0 to parties -
 * 1, each once; who is cancelled while the action runs is not replaced. Errors: -EINVAL (no
 * parties, an action in shared memory), -EPIPE (broken), -ETIMEDOUT (and broken by that),
 * -ECANCELED, -EAGAIN (TL_POLL, and not the last), -EDEADLK (called by its own action), or what the
 * action answered, to the one who ran it. */
TL_API int tl_barrier_wait(tl_barrier *b, tl_time deadline);
/* Break b: who waits, and who comes, is answered -EPIPE. */
TL_API void tl_barrier_abort(tl_barrier *b);
/* Make b as new; who waits is answered -EPIPE. */
TL_API void tl_barrier_reset(tl_barrier *b);
/* How many wait for the others to come, just now. */
TL_API int tl_barrier_waiting(const tl_barrier *b);
/* Whether b is broken, just now. */
TL_API bool tl_barrier_broken(const tl_barrier *b);

/* -- latch: { .count = n } goes down to 0, once, and lets all go: 0 go past one that waits */
typedef struct tl_latch {
	uint32_t count;
} tl_latch;

/* Take n off the count.  More than is left: misuse, and nothing happens.  Answers whether this was
 * what made it 0: true for one call. */
TL_API bool tl_latch_down(tl_latch *a, uint32_t n);
/* Wait until it is 0.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL). */
TL_API int tl_latch_wait(tl_latch *a, tl_time deadline);
/* What is left of the count, just now. */
TL_API uint32_t tl_latch_count(const tl_latch *a);

/* -- once: code that runs once.  A success lets all go, after a failure who has waited longest has
 * its turn: 0 go past one that waits (in shared memory a newcomer may be faster after a failure) */
typedef struct tl_once {
	uint64_t _;
} tl_once;

/* Run fn(arg), unless a run of o has succeeded; wait if one is going on. A run that answers < 0 has
 * failed, and the next caller tries its own. Cancel point. Answers 0 once a run has succeeded, or
 * what the caller's own run failed with. Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL, and
 * somebody runs it), -EDEADLK (called by fn itself). */
TL_API int tl_once_run(tl_once *o, tl_fn *fn, void *arg, tl_time deadline);
/* Whether a run of o has succeeded, just now. */
TL_API bool tl_once_done(const tl_once *o);

#ifdef __cplusplus
}
#endif
#endif
