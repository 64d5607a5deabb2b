/* futex.c - sleep on a word, wake who sleeps on it.  Source: futex(2), futex2. */
#include "plat/linux.h"
#include "plat/plat.h"
#include <errno.h>
#include <limits.h>
#include <linux/time_types.h>
#include <time.h>
#include <unistd.h>

static struct timespec at(int64_t ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

int plat_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline, bool shared)
{
	int op = FUTEX_WAIT_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG); /* BITSET: absolute time */
	struct timespec ts = at(deadline > 0 ? deadline : 1);
	long r = syscall(
		SYS_futex, word, op, expected, deadline ? &ts : NULL, NULL, FUTEX_BITSET_MATCH_ANY);

	return r == 0 || errno == EINTR ? 0 : -errno;
}

void plat_futex_wake(_Atomic uint32_t *word, int n, bool shared)
{
	syscall(SYS_futex, word, FUTEX_WAKE | (shared ? 0 : FUTEX_PRIVATE_FLAG), n, NULL, NULL, 0);
}

struct plat_wait plat_wait_on(struct plat_word w)
{
	return (struct plat_wait){
		.expected = w.expected,
		.word = (uintptr_t)w.word,
		.flags = FUTEX_32 | (w.shared ? 0 : FUTEX_PRIVATE_FLAG),
	};
}

int plat_futex_wait_any(const struct plat_word *words, unsigned n, int64_t deadline)
{
	struct plat_wait v[128];
	struct timespec ts = at(deadline > 0 ? deadline : 1);
	long r;

	for (unsigned i = 0; i < n; i++)
		v[i] = plat_wait_on(words[i]);
	r = syscall(SYS_futex_waitv, v, n, 0, deadline ? &ts : NULL, CLOCK_MONOTONIC);
	if (r < 0 && errno == EPERM)
		return -ENOSYS; /* a filter that does not know it */
	return r >= 0 ? (int)r : errno == EINTR ? -EAGAIN : -errno;
}
