/* work.h - blocking calls of this floor, on helper threads.
 *
 * tl_offload copies a record and may withdraw it without a word; a file needs more: a piece of work
 * lies inside what it works on, and somebody must be told when nobody touches it any more. */
#ifndef TELAR_IO_WORK_H
#define TELAR_IO_WORK_H
#include "wait/wait.h"

struct work {
	int (*fn)(struct work *k);    /* on a helper thread; not called for what a group does */
	void (*drop)(struct work *k); /* called once per work_do: nobody will touch k any more */
	/* work.c's own; zero at first */
	struct node link;
	struct waiter w;
	int stage, result;
	bool left;
};

/* Where pieces of work gather while the ones before them are being done, all by one thread. */
struct work_group {
	void (*fn)(struct node *batch); /* must work_next all of it, and work_done each */
	/* work.c's own; zero at first */
	struct node waiting;
	struct work server;
	bool served; /* server is queued or runs */
	unsigned life;
};

/* Have k done by itself or, unless g is NULL, with its group, and answer its result.  Cancel point:
 * on -ETIMEDOUT, -ECANCELED and -EAGAIN (TL_POLL) k was withdrawn, or is done without the caller.
 */
int work_do(struct work *k, struct work_group *g, tl_time deadline);
/* The next of a batch; NULL: none left. */
struct work *work_next(struct node *batch);
void work_done(struct work *k, int result);

#endif
