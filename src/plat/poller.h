/* poller.h - wait for descriptors: one contract, one poller per loop.
 *
 * Who may call: poller_wake from any thread and poller_drop from any thread; all else only the
 * loop's own thread.  An operation lives in its caller's frame from poller_arm until its done was
 * called or poller_disarm has answered. */
#ifndef TELAR_POLLER_H
#define TELAR_POLLER_H
#include <stdint.h>

struct poller;
enum { POLLER_IN = 1, POLLER_OUT = 2 };

struct poll_op {
	int fd;
	uint32_t stamp; /* from poller_stamp: says which file this number meant; 0: unknown, look
			   again */
	int events;     /* POLLER_IN, POLLER_OUT or both: the first that comes */
	int result;     /* which came, when done is called */
	void (*done)(struct poll_op *op);
};

int poller_open(struct poller **ret);
void poller_close(struct poller *p);
/* A name for one open file, so that a number used again is not taken for the old file. */
uint32_t poller_stamp(void);
/* 0: armed, done will be called once, from poller_wait; > 0: ready at once, these events, not
 * armed. -EBUSY: somebody waits for the same descriptor and direction; -EPERM: it is of a kind that
 * never blocks; -EBADF ... */
int poller_arm(struct poller *p, struct poll_op *op);
void poller_disarm(struct poller *p, struct poll_op *op);
/* Call done for all that is ready.  deadline: 0 none, < 0 do not wait.  Comes back early when
 * woken. */
void poller_wait(struct poller *p, int64_t deadline);
void poller_wake(struct poller *p);
/* The file fd is about to be closed: forget it (it may live on in a forked child). */
void poller_drop(struct poller *p, int fd);

#endif
