/* telar/sync.h - lock, semaphore, condition, event: in place, zero is ready, for any mix of tasks
 * and threads; a tl_lock in shared memory (telar/shared.h) also for processes.  No object here
 * holds memory or needs destroying. Acquire and wait are cancel points; release, set, clear and
 * notify never wait and answer nothing. */
#ifndef TELAR_SYNC_H
#define TELAR_SYNC_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* -- lock: owner-checked, not recursive, barging with hand-over once a waiter is older than a
 * millisecond */
typedef struct tl_lock {
	uint64_t word, _;
} tl_lock;

/* Acquire l.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EDEADLK (the caller holds it),
 * -EOWNERDEAD (not held: the last owner ended or died holding it; see tl_lock_recover).
 * Source: the three-state futex lock of Drepper, "Futexes Are Tricky". */
TL_API int tl_lock_acquire(tl_lock *l, tl_time deadline) TL_MUST;
/* Acquire a lock, also a lost one, to repair what it protects; releasing it makes it sound again.
 * Cancel point. Answers 1 if it was lost, 0 if it was sound.  Errors: as above, without
 * -EOWNERDEAD. */
TL_API int tl_lock_recover(tl_lock *l, tl_time deadline) TL_MUST;
/* Acquire for a short private section or for cleanup: no deadline, no cancel, no answer.  Not for
 * shared memory.  A lock whose owner is gone is taken over, and stays lost for those who come after
 * until it is recovered. */
TL_API void tl_lock_hold(tl_lock *l);
/* Release.  By a strand that does not hold it: misuse (telar/report.h). */
TL_API void tl_lock_release(tl_lock *l);
/* Does anyone hold it, as of just now. */
TL_API bool tl_lock_held(const tl_lock *l);

/* -- semaphore: strictly first come, first served */
typedef struct tl_sem {
	int32_t value, limit;
	uint64_t _;
} tl_sem; /* { .value = 3, .limit = 3 }: bounded; limit 0: not */

/* Take one unit.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL). */
TL_API int tl_sem_acquire(tl_sem *m, tl_time deadline) TL_MUST;
/* Give n units back.  Errors: -EINVAL (n < 1), -EOVERFLOW (beyond the limit; the value is
 * unchanged). */
TL_API int tl_sem_release(tl_sem *m, int n);
/* Units free just now. */
TL_API int tl_sem_count(const tl_sem *m);

/* -- condition: tells n of those already waiting; what nobody waits for is not stored */
typedef struct tl_cond {
	uint64_t _[2];
} tl_cond;

/* Release l, wait to be told, and acquire l again, also on failure.  The caller holds l (else
 * misuse, -EPERM). Cancel point.  Errors: -ETIMEDOUT, -ECANCELED (l is held), -EOWNERDEAD (l was
 * lost meanwhile and is not held). */
TL_API int tl_cond_wait(tl_cond *c, tl_lock *l, tl_time deadline);
/* The same until pred(arg), called with l held, is true: one deadline over all. */
TL_API int tl_cond_wait_for(
	tl_cond *c, tl_lock *l, bool (*pred)(void *arg), void *arg, tl_time deadline);
/* Wake at most n of the waiting, oldest first; INT_MAX is all.  Hold the lock that they wait with.
 */
TL_API void tl_cond_notify(tl_cond *c, int n);

/* -- event: a flag to wait for.  Set wakes all that wait, also when it is cleared at once after */
typedef struct tl_event {
	uint64_t _;
} tl_event;

/* Wait until e is set.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL). */
TL_API int tl_event_wait(tl_event *e, tl_time deadline);
TL_API bool tl_event_is_set(const tl_event *e);
TL_API void tl_event_set(tl_event *e);
TL_API void tl_event_clear(tl_event *e);

#ifdef __cplusplus
}
#endif
#endif
