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

/* Fill f with value, or with failure r < 0, and wake all who wait.  Never wait.
 * Errors: -EBUSY (filled already; unchanged), -EINVAL (r >= 0).  Ownership of *value is the
 * parties' own matter. */
TL_API int tl_future_set(tl_future *f, void *value);
TL_API int tl_future_fail(tl_future *f, int r);

/* Wait for f.  ret may be NULL; untouched on failure.  Cancel point.  Answers 0, or what
 * tl_future_fail was given. Errors of its own: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL). */
TL_API int tl_future_get(tl_future *f, void **ret, tl_time deadline) TL_MUST;

/* Filled or failed, as of just now. */
TL_API bool tl_future_done(const tl_future *f);

#ifdef __cplusplus
}
#endif
#endif
