/* sem.h - the inside of a semaphore, for shared_sem.c and select.c. */
#ifndef TELAR_TALK_SEM_H
#define TELAR_TALK_SEM_H
#include "telar/sync.h"
#include "wait/wait.h"

/* Units that there may be.  The numbers above can only be a value that was negative: in shared
 * memory its sign says that somebody waits. */
static inline int32_t sem_most(const tl_sem *m)
{
	enum { MOST = 1 << 30 };

	return m->limit && m->limit < MOST ? m->limit : MOST;
}
/* Report that m has a value that it cannot have; -EINVAL. */
int sem_refuse(const tl_sem *m);

/* Link w, whose object is m, unless a unit is free or m is to be refused; its result becomes 0 when
 * it is given one. */
bool sem_enlist(tl_sem *m, struct waiter *w);
/* Only one that was given none keeps none: the caller's result tells. */
void sem_withdraw(tl_sem *m, struct waiter *w);

#endif
