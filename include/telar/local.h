/* telar/local.h - a variable of which every strand has its own value.
 *
 * The variable is in place and static; what it holds is a pointer, NULL in a strand that has not
 * set it.  There are two kinds:
 *
 *	static tl_local connection = { .drop = hang_up };         // fresh in every strand
 *	static tl_local request = { .drop = free, .copy = dup };  // children begin with a copy
 *
 * With .copy it is a context: what a strand has set when it starts a task or thread, that begins
 * with a copy of (a process begins with nothing), and neither sees what the other sets afterwards.
 *
 * A strand's values are its own: a task's are not its thread's, a child that is run in place by its
 * joiner has its own, a generator shares those of the strand that advances it.  A task with .every
 * keeps them from call to call.  In the child of a fork the strand that forked keeps its own.
 * A function given to tl_offload sees none of its caller's, and leaves none behind. */
#ifndef TELAR_LOCAL_H
#define TELAR_LOCAL_H
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

/* drop: called with each value that is not NULL when its strand ends, in that strand, on its stack,
 * after its function has returned and all its scopes have closed; NULL: nothing to do.  It may use
 * all of telar, but a strand that was asked to stop still is: a cancel point answers -ECANCELED.
 * Values that are set while others are dropped are dropped too, in at most four rounds; what is
 * set even then is reported (TL_R_LEAK).  In no order.  Main's are dropped by tl_finish, those of a
 * thread that telar did not start when that thread ends.  A strand that ends before it has begun
 * drops its copies all the same (if there is no memory even for that: on the stack of whoever finds
 * out, where drop must not wait).
 * copy: called in the strand that starts another, before that one can run; what it answers is the
 * other's value; NULL: it begins with none. */
typedef struct tl_local {
	void (*drop)(void *value);
	void *(*copy)(void *value);
	uint64_t _; /* telar's own; zero */
} tl_local;

/* The calling strand's value of k; NULL: it has not set one.  Not a cancel point; cannot fail. */
TL_API void *tl_local_get(const tl_local *k);

/* Set the calling strand's value of k; NULL: have none.  The strand owns value from now on; on
 * failure it stays the caller's, and the old value stays set.  The old one is not dropped: it is
 * the caller's again.  Not a cancel point.  Error: -ENOMEM (never for NULL).  Source:
 * pthread_setspecific(3), whose keys are limited and inherit nothing. */
TL_API int tl_local_set(tl_local *k, void *value);

#ifdef __cplusplus
}
#endif
#endif
