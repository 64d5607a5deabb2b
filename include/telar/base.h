/* telar/base.h - what every other header stands on: time, status, and the words of the contract.
 *
 * Status.  An int >= 0 is success, < 0 a negative errno.  Nothing is ever said through errno.
 * Time.    A deadline is a tl_time, an absolute point on the monotonic clock; a length of time is a
 * tl_span.  A function takes a tl_time, last, exactly if it may block, and is then a cancel point
 * (see telar/scope.h). Zero.    Zero is ready: TL_NEVER is { 0 }, and every in-place object and
 * every options struct starts at { 0 }. */
#ifndef TELAR_BASE_H
#define TELAR_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TL_API __attribute__((visibility("default")))
/* Only on functions whose answer, when ignored, loses a lock, an item or memory. */
#define TL_MUST __attribute__((warn_unused_result))

#ifdef __cplusplus
#define TL_MAKE(type, ...) (type{ __VA_ARGS__ })
extern "C" {
#else
#define TL_MAKE(type, ...) ((type){ __VA_ARGS__ })
#endif

#define TL_VERSION_MAJOR 0
#define TL_VERSION_MINOR 1
#define TL_VERSION_PATCH 0

typedef struct tl_time {
	int64_t ns;
} tl_time; /* absolute, CLOCK_MONOTONIC */
typedef struct tl_span {
	int64_t ns;
} tl_span; /* a length of time */

#define TL_NEVER TL_MAKE(tl_time, 0) /* no deadline */
#define TL_POLL \
	TL_MAKE(tl_time, INT64_MIN) /* try once, never wait: -EAGAIN instead; no cancel point */

/* A length of time in nanoseconds.  Not a cancel point; cannot fail. */
static inline tl_span tl_ns(int64_t ns) { return TL_MAKE(tl_span, ns); }
/* A length of time in microseconds.  One that does not fit is the longest there is.  Not a cancel
 * point; cannot fail. */
static inline tl_span tl_us(int64_t us)
{
	return TL_MAKE(tl_span, us > INT64_MAX / 1000    ? INT64_MAX
				: us < -INT64_MAX / 1000 ? -INT64_MAX
							 : us * 1000);
}
/* A length of time in milliseconds.  One that does not fit is the longest there is.  Not a cancel
 * point; cannot fail. */
static inline tl_span tl_ms(int64_t ms)
{
	return tl_us(ms > INT64_MAX / 1000    ? INT64_MAX
		     : ms < -INT64_MAX / 1000 ? -INT64_MAX
					      : ms * 1000);
}
/* A length of time in seconds and parts of one.  One that is not a number or does not fit is the
 * longest there is.  Not a cancel point; cannot fail. */
static inline tl_span tl_s(double s)
{
	return TL_MAKE(tl_span, s <= -9.2e9 ? -INT64_MAX
				: s < 9.2e9 ? (int64_t)(s * 1e9)
					    : INT64_MAX);
}

/* The time now.  Not a cancel point; cannot fail.  Source: clock_gettime(2), CLOCK_MONOTONIC. */
TL_API tl_time tl_now(void);

/* The point in time that lies `in` from now; TL_NEVER if that is beyond the clock.  A negative
 * length lies in the past: such a deadline tries once, then answers -ETIMEDOUT.  Not a cancel
 * point; cannot fail. */
TL_API tl_time tl_after(tl_span in);

/* The symbol of a status: "ETIMEDOUT" for -ETIMEDOUT, "OK" for r >= 0, "E?" for what has none.  The
 * text is static. Not a cancel point. */
TL_API const char *tl_error_name(int r);

/* How many processors this program may really use: the smaller of its affinity mask and its control
 * group's quota, at least 1.  Not a cancel point.  Source: sched_getaffinity(2), cgroups(7)
 * cpu.max. */
TL_API int tl_cpu_count(void);

#ifdef __cplusplus
}
#endif
#endif
