/* world.h - strands for scenarios of the wait floor and above: one per virtual thread, blocked and
 * made ready by a token, which is what loop.c is shown to come to (loop.c's scenarios). */
#ifndef ORDERS_WORLD_H
#define ORDERS_WORLD_H
#include "orders.h"
#include "run/run.h"

enum { STRANDS = 4 };

struct strand *world_strand(int i);
/* fn runs as the next strand, from 0; in setup. */
void world_run(void (*fn)(void));
/* Cancel strand i, as cancel.c does. */
void world_cancel(int i);
/* From the strand's second look at the clock on it is later by so many ns than the others'. */
void world_late(int i, int64_t by);

#endif
