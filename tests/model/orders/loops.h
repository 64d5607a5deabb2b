/* loops.h - real loops for scenarios, one per virtual thread, whose strand zero it is. */
#ifndef ORDERS_LOOPS_H
#define ORDERS_LOOPS_H
#include "orders.h"
#include "run/run.h"

enum { LOOPS = 3, TASKS = 3 };

extern struct loop *loops[LOOPS];
extern struct strand zeros[LOOPS], tasks[TASKS];
extern unsigned deadlocks; /* that were reported */

extern int64_t
	loops_tick; /* between two looks at the clock; long enough for work_look to give up */

void loops_run(void (*fn)(void)); /* in setup: on the next loop */
void loops_poll(int i);           /* loop i sleeps in its poller; in setup */

#endif
