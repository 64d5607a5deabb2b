/* locals.h - keys that count what is done with their values, for the tests of locals. */
#ifndef TESTS_LOCALS_H
#define TESTS_LOCALS_H
#include "strands.h"
#include "telar/local.h"
#include "telar/sync.h"
#include <pthread.h>

static _Atomic int n_drops, n_copies;
static _Atomic uint64_t dropped_in, copied_in;

static inline void drop(void *value)
{
	atomic_store(&dropped_in, tl_self().id);
	atomic_fetch_add(&n_drops, 1);
	free(value);
}

static inline void *copy(void *value)
{
	int *mine = malloc(sizeof *mine);

	atomic_store(&copied_in, tl_self().id);
	atomic_fetch_add(&n_copies, 1);
	*mine = *(int *)value;
	return mine;
}

static tl_local fresh = { .drop = drop }, inherited = { .drop = drop, .copy = copy };

static inline void set(tl_local *k, int value)
{
	int *p = malloc(sizeof *p);

	*p = value;
	free(tl_local_get(k));
	CHECK_EQ(tl_local_set(k, p), 0);
}

static inline int get(tl_local *k)
{
	int *p = tl_local_get(k);

	return p ? *p : -1;
}

static inline void both(void (*test)(start_fn *how))
{
	test(tl_task_start);
	test(tl_thread_start);
}

#endif
