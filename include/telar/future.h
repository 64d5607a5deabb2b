/* telar/future.h - a value that will be there: set once, read by many.  In place, zero is ready. */
#ifndef TELAR_FUTURE_H
#define TELAR_FUTURE_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_future {
	uint64_t _[3];
} tl_future;

/* Fill f with value and wake all who wait.  Not a cancel point: it never waits.  Errors: -EBUSY
 * (filled already; unchanged).  Ownership: *value is the parties' own matter. */
TL_API int tl_future_set(tl_future *f, void *value);

/* Fill f with the failure r < 0, which tl_future_get then answers, and wake all who wait.  Not a
 * cancel point.  Errors: -EBUSY (filled already; unchanged), -EINVAL (r >= 0). */
TL_API int tl_future_fail(tl_future *f, int r);

/* Wait until f is filled.  ret (may be NULL): its value; untouched on failure.  Cancel point.
 * Answers 0, or what tl_future_fail was given.  Errors of its own: -ETIMEDOUT, -ECANCELED, -EAGAIN
 * (TL_POLL).  Ownership: *ret is whose the parties say; f keeps it for others who ask. */
TL_API int tl_future_get(tl_future *f, void **ret, tl_time deadline) TL_MUST;

/* Whether f is filled or failed, as of just now.  Not a cancel point; cannot fail. */
TL_API bool tl_future_done(const tl_future *f);

#ifdef __cplusplus
}
#endif
#endif
