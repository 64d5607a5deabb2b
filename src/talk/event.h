/* event.h - the inside of an event, for select.c. */
#ifndef TELAR_TALK_EVENT_H
#define TELAR_TALK_EVENT_H
#include "run/run.h"
#include "telar/sync.h"

/* Link w into the event's bucket; its result becomes 0 when a set wakes it.  False: it is set. */
bool event_enlist(tl_event *e, struct waiter *w);

#endif
