/* lock.h - what other primitives need of a lock. */
#ifndef TELAR_TALK_LOCK_H
#define TELAR_TALK_LOCK_H
#include "telar/sync.h"
#include "wait/wait.h"

/* One who waits in private memory: its waiter's data.  The bucket's lock guards all but self. */
struct lock_claim {
	uint64_t self;       /* what the word holds if the lock is handed over */
	int64_t since;       /* when it began to wait; 0: not yet */
	uint32_t since_pass; /* what the bucket's clock said then */
	bool coming;         /* it was woken for this lock */
};

/* For a select, whose waiter is in other lists too, and whose claim begins as zeros: into the list,
 * unless l is worth a try now; out of it, with result 0 if l is now the caller's. */
bool lock_enlist(tl_lock *l, struct waiter *w, struct lock_claim *c);
void lock_withdraw(tl_lock *l, struct waiter *w);

int lock_again(tl_lock *l); /* whatever happens, but -EOWNERDEAD without it if it is lost */
bool lock_is_mine(const tl_lock *l);
bool lock_is_lost(const tl_lock *l);   /* and nobody repairs it */
bool lock_is_wanted(const tl_lock *l); /* somebody may be waiting for it */

#endif
