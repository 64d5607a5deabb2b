/* telar/signal.h - signals as events.  telar touches only the signals it is given here, and gives
 * them back. */
#ifndef TELAR_SIGNAL_H
#define TELAR_SIGNAL_H
#include <telar/queue.h>
#include <telar/scope.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Cancel s, open, when one of sigs[0..n) comes.  A second SIGINT has its default action at once,
 * whatever the program is doing.  Ends when s closes, which restores what was there before.  Not a
 * cancel point. Errors: -EINVAL (a number that cannot be caught; s was never opened, misuse),
 * -EBUSY (another scope or queue has it), -EAGAIN, -ENOMEM. Source: sigaction(2). */
TL_API int tl_scope_signals(tl_scope *s, const int *sigs, size_t n);

/* A queue of ints that receives the numbers of sigs[0..n) as they come: tl_queue_get and TL_GET
 * work on it.  Signals that come faster than they are read are merged, as the system merges them.
 * tl_queue_close restores what was there before. Not a cancel point.  Errors: -EINVAL (a number
 * that cannot be caught), -EBUSY (another scope or queue has it), -EAGAIN, -ENOMEM.  Ownership:
 * *ret is the caller's, for tl_queue_close; untouched on failure.  Source: sigaction(2). */
TL_API int tl_signals_open(tl_queue **ret, const int *sigs, size_t n) TL_MUST;

#ifdef __cplusplus
}
#endif
#endif
