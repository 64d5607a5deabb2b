/* status.c - the symbols of statuses, and the functions of telar/base.h. */
#include "plat/plat.h"
#include "telar/base.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

const char *tl_error_name(int r)
{
	const char *name = r >= 0 ? "OK" : r > INT_MIN ? strerrorname_np(-r) : NULL;

	if (r == -ENOTSUP)
		return "ENOTSUP"; /* which has another name besides */
	return name ? name : "E?";
}

tl_time tl_now(void) { return (tl_time){ plat_now() }; }

tl_time tl_after(tl_span in)
{
	int64_t at, now = plat_now();

	if (__builtin_add_overflow(now, in.ns, &at))
		return in.ns > 0 ? TL_NEVER : (tl_time){ 1 };
	return (tl_time){ at > 0 ? at : 1 };
}

int tl_cpu_count(void) { return plat_cpu_count(); }
