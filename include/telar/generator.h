/* telar/generator.h - functions that stop in the middle, hand out a value, and go on when asked.
 *
 * A generator is a second stack of the strand that opened it: no strand of its own.  Inside it the
 * caller is still that strand, with its name, locks, deadlines and cancellation, and every call of
 * telar works: what blocks there parks the strand, whichever of its stacks it is on.  Hence only
 * that strand may advance it (-EPERM for others: a lock taken before a yield would change its
 * owner), and no scope may be open across a yield: it would enclose what others do meanwhile.
 *
 *	static int squares(void *arg)
 *	{
 *		int r = 0;
 *
 *		for (int i = 0; r == 0; i++)
 *			r = tl_gen_yield((void *)(intptr_t)(i * i), NULL);
 *		return r; // -ECANCELED: tl_gen_close
 *	}
 *
 * A generator whose strand's function has returned is closed then, and reported as a leak; what its
 * arg points to must still be there.  Source: Python's PEP 342, PEP 380 and PEP 479. */
#ifndef TELAR_GENERATOR_H
#define TELAR_GENERATOR_H
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_gen tl_gen;

typedef struct tl_gen_opts {
	size_t stack; /* bytes of stack; 0: 256 KiB */
	uint64_t reserved[3];
} tl_gen_opts;

/* Make a generator of fn(arg), which begins with the first send.  Not a cancel point.  Errors:
 * -EINVAL (options), -ENOMEM.  Ownership: *ret is the calling strand's until tl_gen_close; *arg
 * stays the caller's.  Example: examples/generator_next.c. */
TL_API int tl_gen_open(tl_gen **ret, tl_fn *fn, void *arg, const tl_gen_opts *o) TL_MUST;

/* Advance g: the yield that it waits at answers 0 and takes `in` (NULL for the first send, as there
 * is none yet), and it runs until its next yield, whose value comes in *ret_out (may be NULL).  Not
 * a cancel point itself, but waits as long as the function does.  Answers 0 with a value, or -EPIPE
 * for good when the function has returned; its failure < 0 is answered once, before that.  What
 * would be misread comes as -EPROTO: a function that fails with -EPIPE or -EBUSY.  Errors also:
 * -EINVAL (the first `in` is not NULL), -EBUSY (it is running: g is the caller itself, or advances
 * it), -EPERM.  Example: examples/generator_grep.c. */
TL_API int tl_gen_send(tl_gen *g, void *in, void **ret_out);

/* Advance g with a failure: the yield that it waits at answers r < 0.  The function may yield again
 * all the same.  One that has not begun ends without running, with r as its result.  Not a cancel
 * point itself.  Answers as tl_gen_send does, and r if it had ended or not begun.  Errors: -EINVAL
 * (r >= 0), -EBUSY, -EPERM. */
TL_API int tl_gen_throw(tl_gen *g, int r, void **ret_out);

/* Inside a generator: hand out a value and wait to be advanced.  ret_in (may be NULL): what was
 * sent.  Not a cancel point.  Answers 0, or the r < 0 of tl_gen_throw; -ECANCELED: tl_gen_close
 * asks to clean up and return.  Errors also: -EPERM (the caller is in no generator), -EBUSY (a
 * scope that was opened inside is still open; reported as misuse).  Example:
 * examples/generator_grep.c. */
TL_API int tl_gen_yield(void *out, void **ret_in);

/* Inside a generator: yield all that inner yields, as if its function stood here.  What is sent and
 * thrown meanwhile goes to inner; a close cancels inner, and then answers -ECANCELED here.
 * ret_result (may be NULL): what inner's function returned.  Not a cancel point itself.  Answers 0
 * when inner has ended, or the failure that ended it.  Errors also: -EBUSY (inner is running, or
 * yielded again when asked to leave), -EPERM.  Ownership: inner stays the caller's to close. */
TL_API int tl_gen_from(tl_gen *inner, int *ret_result);

/* What g's function returned.  ret is untouched on failure.  Not a cancel point.  Errors: -EBUSY
 * (has not ended), -EPERM. */
TL_API int tl_gen_result(tl_gen *g, int *ret);

/* End g and free it.  If it waits at a yield, that answers -ECANCELED: the function cleans up, on
 * its own stack, and returns.  One that has not begun never runs.  NULL is no error.  Not a cancel
 * point itself, but waits as long as the function does.  Answers what the function has returned
 * upon this; 0 if that is -ECANCELED, or if it had ended before.  Its -EPIPE or -EBUSY comes as
 * -EPROTO.  Ownership: g is gone, but for these errors: -EBUSY (it yielded again, and waits there;
 * or it is running), -EPERM.  Example: examples/generator_grep.c. */
TL_API int tl_gen_close(tl_gen *g);

#ifdef __cplusplus
}
#endif
#endif
