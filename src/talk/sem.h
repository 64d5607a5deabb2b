/* sem.h - the inside of a semaphore, for select.c. */
#ifndef TELAR_TALK_SEM_H
#define TELAR_TALK_SEM_H
#include "telar/sync.h"
#include "wait/wait.h"

/* Link w, whose object is m, unless a unit is free; its result becomes 0 when it is given one. */
bool sem_enlist(tl_sem *m, struct waiter *w);
/* Only one that was given none keeps none: the caller's result tells. */
void sem_withdraw(tl_sem *m, struct waiter *w);

#endif
