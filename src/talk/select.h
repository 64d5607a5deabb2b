/* select.h - what select.c must know of a kind of case.  A floor above hands its kinds down, by
 * select_kinds, before main. */
#ifndef TELAR_TALK_SELECT_H
#define TELAR_TALK_SELECT_H
#include "run/run.h"
#include "talk/lock.h"
#include "telar/select.h"
#include <limits.h>

enum { SELECT_NOTHING = INT_MIN };

struct branch {
	tl_case *c;
	const struct select_kind *kind;
	struct waiter w; /* its result: SELECT_NOTHING until a waker has done the case */
	int64_t until;   /* look again then; 0: no need */
	union {
		struct poll_op op;
		struct lock_claim claim;
	};
};

/* Each gets a branch whose .c and .kind are set, and from enlist on also .w. */
struct select_kind {
	bool object; /* there must be one */
	/* Before all else, and after all; or NULL.  What enter answers < 0 is the case's result,
	 * and it is not left. */
	int (*enter)(struct branch *b);
	void (*leave)(struct branch *b);
	/* Do it, if it can be done now: true, with c->result. */
	bool (*try)(struct branch *b);
	/* See to it that the strand is woken when it may have become possible.  False: look again,
	 * or, where .w.result says why, it never will.  A waker that does the case itself, rather
	 * than say "look again", sets .w.result. */
	bool (*enlist)(struct branch *b);
	void (*withdraw)(struct branch *b); /* of what was enlisted; or NULL: there is nothing to */
};

extern const struct select_kind *select_kinds[TL_W_KINDS];

/* Enlist in the poller of the strand's loop; op's result is the case's if it commits, else only an
 * error is. */
bool select_arm(struct branch *b, struct poll_op op, bool commits);
void select_disarm(struct branch *b); /* nothing to do if it was not armed */

#endif
