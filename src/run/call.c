/* call.c - a function with a deadline: called in a scope of its own, which has it. */
#include "run/run.h"
#include <errno.h>

int tl_call(tl_fn *fn, void *arg, tl_time deadline)
{
	tl_scope s = { .name = "call", .deadline = deadline };
	int r, q;

	if (!fn || deadline.ns == TL_POLL.ns)
		return -EINVAL;
	r = strand_checkpoint(strand_self());
	if (r < 0)
		return r;
	tl_scope_open(&s);
	r = fn(arg);
	q = tl_scope_close(&s);
	if (r == -ECANCELED && q == -ETIMEDOUT)
		return q;
	return scope_of(&s)->first && (r >= 0 || r == -ECANCELED) ? q : r;
}
