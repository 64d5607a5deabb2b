/* shared.h - the primitives in shared memory, where waiters cannot be linked: words only.
 *
 * Each is chosen by the private one's slow path.  Nobody is served in order.  Whoever is killed, at
 * whatever instruction, leaves words that mean something, and may at worst owe a wake: shared waits
 * look again by themselves (wait.h). */
#ifndef TELAR_TALK_SHARED_H
#define TELAR_TALK_SHARED_H
#include "telar/sync.h"

int shared_sem_acquire(tl_sem *m, tl_time deadline);
int shared_sem_release(tl_sem *m, int n);
int shared_sem_count(const tl_sem *m);

int shared_cond_wait(tl_cond *c, tl_lock *l, tl_time deadline); /* the caller holds l */
void shared_cond_notify(tl_cond *c, int n);
int shared_cond_waiters(const tl_cond *c);

int shared_barrier_wait(tl_barrier *b, tl_time deadline);
void shared_barrier_end(tl_barrier *b, bool broken); /* the round, and so it stays; or is as new */
int shared_barrier_waiting(const tl_barrier *b);
bool shared_barrier_broken(const tl_barrier *b);

#endif
