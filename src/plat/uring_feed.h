/* uring_feed.h - the feeds of one ring (see struct poll_feed), for poller_uring.c. */
#ifndef TELAR_URING_FEED_H
#define TELAR_URING_FEED_H
#include "plat/poller.h"
#include "plat/uring_buffers.h"

struct uring_feeds {
	struct poller *poller;
	struct uring *u;
	int pid;       /* of the process whose kernel side it is */
	bool none;     /* this kernel has none */
	bool uncapped; /* before Linux 6.17: one cannot be told when to stop */
	struct poll_feed *loose, *ending;
	struct uring_buffers buffers;
};

enum { URING_FEED = 2 }; /* the bit of a user_data that is a feed's */

/* Have op read f: 0 it is armed.  False: it must be done in another way. */
bool uring_feed_arm(struct uring_feeds *s, struct poll_op *op);
/* op does not wait any more.  False: it did not read through its feed. */
bool uring_feed_leave(struct uring_feeds *s, struct poll_op *op);
/* Queue the end of all that nobody reads. */
void uring_feed_call_back(struct uring_feeds *s);
/* A feed's completion.  Its reader is told, unless it is mine. */
void uring_feed_came(
	struct uring_feeds *s, const struct io_uring_cqe *c, const struct poll_op *mine);
/* One that has not come to its end, though nobody reads it; NULL: there is none. */
struct poll_feed *uring_feed_any(const struct uring_feeds *s);
void uring_feed_end(struct poll_feed *f); /* it has, or never will */

#endif
