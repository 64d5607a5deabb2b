/* strike.h - how a stand-in fails.  A function as_NAME takes the place of NAME in the copy of the
 * library (faulty.sh).  GIVE names the errors that NAME may give, ODDLY what else may happen to it;
 * which of several it is goes by turns of n.  Calls that cannot fail for want of something, and
 * those whose failure would be the caller's own mistake, have no stand-in. */
#ifndef STRIKE_H
#define STRIKE_H
#include "inject.h"
#include <errno.h>
#include <stdbool.h>

struct call {
	const char *name;
	int errors[8];
};

enum { SHORT = -1 };

/* Is it this call's turn?  Its errno, or SHORT; 0: no. */
int strike(const struct call *c, bool odd);
bool strikes_on(void); /* INJECT_ON */

#define STRIKE(odd, ...) \
	({ \
		static const struct call call = { __func__, { __VA_ARGS__ } }; \
		int e = strike(&call, odd); \
		if (e) \
			errno = e; \
		e; \
	})
#define ANSWER(answer, odd, ...) \
	do \
		if (STRIKE(odd, __VA_ARGS__)) \
			return answer; \
	while (0)
#define GIVE(...)         ANSWER(-1, false, __VA_ARGS__)
#define NONE(answer, ...) ANSWER(answer, false, __VA_ARGS__)
#define ODDLY(...)        ANSWER(-1, true, __VA_ARGS__)
/* Of n bytes only a part. */
#define SHORTEN(n) \
	do \
		if (n > 1 && STRIKE(true, SHORT)) \
			n = (n + 1) / 2; \
	while (0)
/* What is asked for again until it is given would not end if it never were. */
#define GIVE_ONCE(...) \
	do \
		if (!strikes_on()) \
			GIVE(__VA_ARGS__); \
	while (0)

#endif
