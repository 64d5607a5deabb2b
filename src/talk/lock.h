/* lock.h - what other primitives need of a lock. */
#ifndef TELAR_TALK_LOCK_H
#define TELAR_TALK_LOCK_H
#include "telar/sync.h"
#include "wait/wait.h"

/* What a private waiter tells the releaser: waiter.data. */
struct lock_claim {
	uint64_t self; /* what the word is to hold if the lock is handed over */
	int64_t since; /* when it began to wait; 0: not yet */
	bool granted;  /* the lock is its own; waiter.result is then 0 */
	bool owed;     /* of a select: a wake may have been spent on it */
};

/* For a select, whose waiter is in other lists too: into the list, unless l is worth a try now; out
 * of it, and l is the caller's if it was granted; and when all is over, a wake that was spent on
 * it, whatever came of that, is passed on. */
bool lock_enlist(tl_lock *l, struct waiter *w, struct lock_claim *c);
void lock_withdraw(tl_lock *l, struct waiter *w, struct lock_claim *c);
void lock_settle(tl_lock *l, const struct lock_claim *c);

int lock_again(tl_lock *l); /* whatever happens, but -EOWNERDEAD without it if it is lost */
bool lock_is_mine(const tl_lock *l);
bool lock_is_lost(const tl_lock *l); /* or would be found so */

#endif
