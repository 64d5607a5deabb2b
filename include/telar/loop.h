/* telar/loop.h - telar inside a loop of somebody else's: poll(2), epoll(7), GLib, Qt, a game.
 *
 * A thread that starts tasks is their loop whenever it waits in telar.  Where a foreign loop does
 * the waiting, one descriptor tells it when there is something to do here, and one call does it:
 *
 *	struct pollfd p[] = { { .fd = tl_loop_fd(), .events = POLLIN }, ... };
 *	while (going) {
 *		poll(p, n, timeout_of_my_own);
 *		if (p[0].revents)
 *			tl_loop_turn();
 *		...
 *	}
 *
 * There is no object to pass about: the loop is the calling thread's own, there is exactly one, and
 * tasks cannot leave it.  Nor is there a time-out to ask for: the descriptor carries the timers.
 * The host goes on as before otherwise: it may start tasks, cancel, set events and open and close
 * scopes between turns, and may even wait in telar, which then runs the tasks until it is done.
 * While the host waits, nothing here is called a deadlock.
 *
 * A thread that telar did not start opens a scope for its tasks, and closes it (which waits for
 * them) or at least ends the thread only when they have ended. */
#ifndef TELAR_LOOP_H
#define TELAR_LOOP_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The descriptor that is readable (POLLIN) whenever the calling thread's loop has something to do:
 * a task is ready, whoever made it so, a timer is due, or what a task waits for has come.  It is
 * made at the first call, the same at every other, readable at first, and may be so for nothing now
 * and then.  Only to be waited for, by any means that takes an epoll(7) set: not read, written, nor
 * closed.  Not a cancel point.  It is the loop's, and goes with tl_loop_close or the end of the
 * thread; the child of a fork(2) has none and may ask for its own.  Errors: -EMFILE, -ENFILE,
 * -ENOMEM; nothing has changed then.  Example: examples/loop_embedded.c. */
TL_API int tl_loop_fd(void);

/* Run what can run now on the calling thread's loop, without waiting: each task until it waits or
 * ends, 64 of them at most, so that the host stays responsive.  What they start or wake has its
 * turn too, within the 64.  Answers 0: all is done, the descriptor tells of more; 1: more could run
 * at once, and the descriptor is readable still.  Also without tl_loop_fd, for a host that turns
 * anyway, as with every frame.  Not a cancel point: a cancelled scope of the host's own is no
 * matter here.  Error: -EDEADLK, misuse: the caller is a task, so a loop below it would turn.
 * Example: examples/loop_embedded.c. */
TL_API int tl_loop_turn(void);

/* The host lets go: the descriptor is closed (take it out of the foreign loop first), and tasks run
 * again only while this thread waits in telar.  Nothing is cancelled.  0 also where there is no
 * descriptor.  Not a cancel point.  Error: -EDEADLK, misuse: the caller is a task. */
TL_API int tl_loop_close(void);

#ifdef __cplusplus
}
#endif
#endif
