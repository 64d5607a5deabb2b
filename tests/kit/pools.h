/* pools.h - what the tests of pools share: a case for each kind of workers, gates that a job waits
 * at, and jobs that do little. */
#ifndef POOLS_H
#define POOLS_H
#include "run/strands.h"
#include "telar/pool.h"
#include "telar/sync.h"

#define TEST_KINDS(name) \
	static void name##_of(enum tl_kind kind); \
	TEST(name##_threads) { name##_of(TL_THREAD); } \
	TEST(name##_tasks) { name##_of(TL_TASK); } \
	static void name##_of(enum tl_kind kind)

__attribute__((unused)) static tl_pool *opened(enum tl_kind kind, unsigned workers)
{
	tl_pool *p = NULL;

	CHECK_EQ(tl_pool_open(&p, &(tl_pool_opts){ .kind = kind, .workers = workers }), 0);
	return p;
}

__attribute__((unused)) static tl_job submitted(tl_pool *p, tl_fn *fn, void *record, size_t size)
{
	tl_job j = { 0 };

	CHECK_EQ(tl_pool_submit(p, fn, record, size, &(tl_job_opts){ .ret = &j }, TL_NEVER), 0);
	CHECK(j.id);
	return j;
}

/* Answers what it was given, and doubles it. */
__attribute__((unused)) static int twice(void *arg)
{
	int was = *(int *)arg;

	*(int *)arg = 2 * was;
	return was;
}

/* -- a job that says that it has come, and waits to be let on */
struct gate {
	tl_event come, go;
	int value;
};
struct gated {
	struct gate *gate;
	int value;
};

__attribute__((unused)) static struct gate *gate_new(void)
{
	static struct gate gates[64];
	static int n;

	return &gates[n++];
}
__attribute__((unused)) static void gate_open(struct gate *g) { tl_event_set(&g->go); }
__attribute__((unused)) static void gate_await(struct gate *g)
{
	CHECK_EQ(tl_event_wait(&g->come, TL_NEVER), 0);
}

__attribute__((unused)) static int gated_twice(void *arg)
{
	struct gated *g = arg;
	int r;

	tl_event_set(&g->gate->come);
	r = tl_event_wait(&g->gate->go, TL_NEVER);
	g->value = 7;
	return r < 0 ? r : 7;
}

__attribute__((unused)) static int get_it(void *job)
{
	return tl_job_get(*(tl_job *)job, TL_NEVER);
}
/* The same, but without helping. */
__attribute__((unused)) static int get_later(void *job)
{
	return tl_job_get(*(tl_job *)job, tl_after(tl_s(600)));
}

#endif
