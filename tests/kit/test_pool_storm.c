/* test_pool_storm.c - everything at once: many who submit, wait, give up, cancel and drop, from
 * tasks and threads.  Each job runs once at most, each that was not withdrawn runs once, and no
 * record is written to after its waiter has left. */
#include "pools.h"

enum { CROWD = 8, ROUNDS = SANITIZED ? 150 : 1500 };

static tl_pool *pool;
static _Atomic int ran, done, withdrawn;

static uint32_t chance(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static int work(void *arg)
{
	uint32_t *seed = arg;

	atomic_fetch_add(&ran, 1);
	for (uint32_t i = chance(seed) % 4; i > 0; i--)
		if (tl_yield() < 0)
			return -ECANCELED;
	*seed = ~0u;
	return 1;
}

static int one_of_crowd(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg * 77, record;

	for (int i = 0; i < ROUNDS; i++) {
		tl_job_opts o = { 0 };
		tl_job j;
		int r;

		record = seed;
		o.ret = &j;
		o.full = chance(&seed) % 3;
		r = tl_pool_submit(pool, work, &record, sizeof record, &o, TL_NEVER);
		if (r == -EAGAIN)
			continue;
		CHECK_EQ(r, 0);
		if (chance(&seed) % 4 == 0)
			atomic_fetch_add(&withdrawn, tl_job_cancel(j));
		r = -EAGAIN;
		if (chance(&seed) % 2)
			r = tl_job_get(j, tl_after(tl_us(chance(&seed) % 50)));
		if (r == -EAGAIN || r == -ETIMEDOUT) {
			CHECK(record != ~0u);
			r = tl_job_get(j, TL_NEVER);
		}
		CHECK(r == 1 || r == -ECANCELED);
		CHECK_EQ(record == ~0u, r == 1);
		atomic_fetch_add(&done, r == 1);
		CHECK_EQ(tl_job_get(j, TL_POLL), -ESRCH);
	}
	return 0;
}

TEST_KINDS(storm)
{
	tl_scope s = { 0 };
	tl_pool_figures f;
	tl_pool_opts o = { .kind = kind, .workers = 3, .queued = 4 };

	CHECK_EQ(tl_pool_open(&pool, &o), 0);
	tl_scope_open(&s);
	for (uintptr_t i = 1; i <= CROWD; i++)
		(i % 2 ? tl_thread_start : tl_task_start)(&s, one_of_crowd, (void *)i, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_pool_stat(pool, &f);
	CHECK_EQ(f.queued + f.running + f.kept, 0);
	CHECK_EQ(f.done, atomic_load(&ran) + atomic_load(&withdrawn));
	CHECK(atomic_load(&done) > 0);
	CHECK_EQ(tl_pool_close(pool, TL_NEVER), 0);
}

/* -- pools that open and close, with all that is in them */

static int uses(void *arg)
{
	struct gated *g = arg;

	atomic_fetch_add(&ran, 1);
	return tl_sleep(tl_us(g->value));
}

TEST_KINDS(closes)
{
	for (int i = 0; i < (SANITIZED ? 30 : 200); i++) {
		tl_pool *p = opened(kind, 1 + i % 4);
		struct gated g = { NULL, i % 50 };
		tl_job j[20];
		int n;

		for (int k = 0; k < 20; k++)
			j[k] = submitted(p, uses, &g, sizeof g);
		if (i % 3 == 0)
			tl_yield();
		n = tl_pool_close(p, i % 2 ? TL_POLL : tl_after(tl_us(50 * (i % 5))));
		CHECK(n >= 0 && n <= 20);
		for (int k = 0; k < 20; k++)
			CHECK_EQ(tl_job_get(j[k], TL_NEVER), -ESRCH);
	}
}

/* -- batches of several strands on one pool */

static int twice_slowly(void *arg)
{
	tl_yield();
	return twice(arg);
}

static int batches(void *arg)
{
	enum { N = 300 };
	int v[N], seen[N];
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	for (int k = 0; k < (SANITIZED ? 5 : 40); k++) {
		tl_batch_opts o = { .chunk = 1 + chance(&seed) % 9,
			.limit = 1 + chance(&seed) % 9,
			.ordered = chance(&seed) % 2 };
		tl_batch *b;
		int status, n = 0, stop = chance(&seed) % 3 ? N : (int)(chance(&seed) % N);
		size_t i;

		for (int m = 0; m < N; m++)
			v[m] = m, seen[m] = 0;
		CHECK_EQ(tl_batch_open(&b, pool, v, N, sizeof *v, twice_slowly, &o), 0);
		while (n < stop && tl_batch_next(b, &i, &status, TL_NEVER) == 0) {
			CHECK(i < N && !seen[i]++);
			CHECK_EQ(status, (int)i);
			CHECK_EQ(v[i], 2 * (int)i);
			CHECK(!o.ordered || (int)i == n);
			n++;
		}
		CHECK_EQ(n, stop);
		tl_batch_close(b);
	}
	return 0;
}

TEST_KINDS(many_batches)
{
	tl_scope s = { 0 };

	pool = opened(kind, 3);
	tl_scope_open(&s);
	for (uintptr_t i = 1; i <= 6; i++)
		(i % 2 ? tl_thread_start : tl_task_start)(&s, batches, (void *)i, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_pool_close(pool, TL_NEVER), 0);
}
