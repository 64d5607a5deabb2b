/* telar/scope.h - who owns what runs, and how it is asked to stop.
 *
 * A scope is a struct in the frame that opens and closes it; { 0 } is ready.  Every strand belongs
 * to one.  Scopes nest: in a strand by the order of opening, and from strand to strand through the
 * scope in which a strand was started.  Cancellation is level-triggered: while any enclosing scope
 * up to the nearest shield is cancelled or past its deadline, every cancel point answers
 * -ECANCELED.  Only the scope whose own deadline fired turns that into -ETIMEDOUT, at close.
 *
 *	tl_scope s = { .deadline = tl_after(tl_s(30)) };
 *	tl_scope_open(&s);
 *	tl_task_start(&s, reader, &r, NULL);
 *	tl_task_start(&s, writer, &w, NULL);
 *	return tl_scope_close(&s); // both have ended; the first failure is the answer */
#ifndef TELAR_SCOPE_H
#define TELAR_SCOPE_H
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_failure {
	tl_strand strand; /* of a start that failed: who tried */
	tl_end end;
	char name[32];
	const void *site;
	const char *why; /* in words, the option that a start was refused for; NULL: none */
} tl_failure;

struct tl_scope {
	const char *name;     /* for dumps and reports; not copied */
	tl_time deadline;     /* all inside is cancelled when it passes */
	tl_span grace;        /* how long a cancelled strand, or a shield, may still run; 0: 5 s */
	bool keep_going;      /* a failure does not cancel the siblings */
	bool shield;          /* cancellation from outside is held off, for .grace */
	tl_failure *failures; /* the caller's array, if all failures are wanted */
	uint32_t max_failures, n_failures; /* its size; how many failures there were, also > max */
	uint64_t _[16];                    /* telar's own; zero */
};

/* Open s inside the calling strand's innermost scope.  Not a cancel point.  Cannot fail: an error
 * (a field that makes no sense) sticks, and close answers it.  s must stay where it is until
 * tl_scope_close. */
TL_API void tl_scope_open(tl_scope *s);

/* Record the body's own failure r < 0, as if a strand of s had failed with it.  Not a cancel point.
 */
TL_API void tl_scope_fail(tl_scope *s, int r);

/* Cancel all that runs in s.  Leaving early is cancel, then close; it is not an error.  Not a
 * cancel point; any thread may call it while s is open. */
TL_API void tl_scope_cancel(tl_scope *s);

/* Move the deadline of s, open, to `deadline` (TL_NEVER: none).  Not a cancel point.  Error:
 * -ESRCH: it has already fired.  -EINVAL, misuse: s was never opened. */
TL_API int tl_scope_move(tl_scope *s, tl_time deadline);

/* Wait until only daemons are left in s.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED. */
TL_API int tl_scope_join(tl_scope *s, tl_time deadline);

/* Wait for the strands of s, cancel its daemons and wait for them, and close s, which must be the
 * caller's innermost. Waits as long as it takes: a strand that is asked to stop and has not within
 * the grace is reported, again and again. Not a cancel point (an enclosing cancellation reaches the
 * strands, so close ends). Answers, in this order: the first failure; -ETIMEDOUT if its own
 * deadline fired; -ECANCELED if an enclosing scope is cancelled; 0. */
TL_API int tl_scope_close(tl_scope *s);

/* End of main: close main's own scope; one that main left open inside is misuse, and waited for.
 * `return tl_finish();`  Answers 0, 1 (something failed; it has been reported), or 2 (stragglers
 * still run after being asked to stop: leave by _exit).  By another strand than main: misuse, and
 * nothing happens but the answer 1.  Not a cancel point. */
TL_API int tl_finish(void);

/* wait_for: run fn(arg) here, in the caller's own strand, under a deadline.  Cancel point.
 * Answers what fn answered; -ETIMEDOUT if the deadline passed and fn answered -ECANCELED. */
TL_API int tl_call(tl_fn *fn, void *arg, tl_time deadline);

typedef struct tl_gather_opts {
	enum tl_kind kind; /* 0: TL_TASK */
	size_t limit;      /* at most so many at once; 0: all */
	bool keep_going;   /* do not cancel the others when one fails */
	int *status;       /* n results, if wanted; -ECANCELED for those never begun */
	uint64_t reserved[4];
} tl_gather_opts;

/* Run fn on each of n records of size bytes from base, called as qsort is, and wait for all.
 * Cancel point.  Answers as tl_scope_close does.  Errors also: -EINVAL, -ENOMEM. */
TL_API int tl_gather(
	void *base, size_t n, size_t size, tl_fn *fn, const tl_gather_opts *o, tl_time deadline);

#ifdef __cplusplus
}
#endif
#endif
