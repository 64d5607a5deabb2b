/* generators.h - what the tests of generators share: numbers as values, and steps that are checked.
 */
#ifndef GENERATORS_H
#define GENERATORS_H
#include "strands.h"
#include "telar/generator.h"
#include <stdint.h>

static inline void *num(long n) { return (void *)(intptr_t)n; }
static inline long val(void *v) { return (long)(intptr_t)v; }

static inline tl_gen *gen_new(tl_fn *fn, void *arg)
{
	tl_gen *g;

	CHECK_EQ(tl_gen_open(&g, fn, arg, NULL), 0);
	return g;
}

/* Send n (0: next): it must yield. */
static inline long gen_send(tl_gen *g, long n)
{
	void *out = num(-1);

	CHECK_EQ(tl_gen_send(g, num(n), &out), 0);
	return val(out);
}

static inline long gen_next(tl_gen *g) { return gen_send(g, 0); }

#define GEN_ENDS(g) CHECK_EQ(tl_gen_send(g, NULL, NULL), -EPIPE)

static inline int gen_result(tl_gen *g)
{
	int r = -1;

	CHECK_EQ(tl_gen_result(g, &r), 0);
	return r;
}

/* Yields 1 to *n, and returns *n; or the failure that it meets. */
__attribute__((unused)) static int counts(void *arg)
{
	int n = *(int *)arg;

	for (long i = 1; i <= n; i++) {
		int r = tl_gen_yield(num(i), NULL);

		if (r < 0)
			return r;
	}
	return n;
}

/* Yields twice what it is sent, 0 first. */
__attribute__((unused)) static int doubles(void *arg)
{
	void *in = NULL;
	int r;

	(void)arg;
	while ((r = tl_gen_yield(num(val(in) * 2), &in)) == 0)
		;
	return r;
}

#endif
