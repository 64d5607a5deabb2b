/* test_fail_pool.c - pools, with every call to the system failing once.  See every.h. */
#include "every.h"

static int twice(void *arg)
{
	int was = *(int *)arg;

	*(int *)arg = 2 * was;
	return was;
}

/* What a worker that could not begin leaves undone is answered -ECANCELED, or by what it met. */
static int one_by_one(tl_pool *p)
{
	enum { N = 6 };
	int v[N], r = 0, n = 0;
	tl_job j[N];

	for (int i = 0; i < N; i++) {
		v[i] = i;
		r = tl_pool_submit(
			p, twice, &v[i], sizeof v[i], &(tl_job_opts){ .ret = &j[i] }, TL_NEVER);
		if (r < 0)
			break;
		n++;
	}
	for (int i = 0; i < n; i++) {
		int one = tl_job_get(j[i], TL_NEVER);

		CHECK(one == i ? v[i] == 2 * i : one < 0 && v[i] == i);
		r = r < 0 || one >= 0 ? r : one;
	}
	return r;
}

static int many(tl_pool *p)
{
	static const tl_batch_opts o = { .chunk = 30, .limit = 2 };
	int v[100], r, status;
	tl_batch *b;
	size_t i, n = 0;

	for (int k = 0; k < 100; k++)
		v[k] = k;
	r = tl_batch_open(&b, p, v, 100, sizeof *v, twice, &o);
	if (r < 0)
		return r;
	while ((r = tl_batch_next(b, &i, &status, TL_NEVER)) == 0) {
		CHECK(status < 0 ? v[i] == (int)i : status == (int)i && v[i] == 2 * (int)i);
		n++;
	}
	CHECK(r != -EPIPE || n == 100);
	tl_batch_close(b);
	if (r != -EPIPE)
		return r;
	return !p ? 0 : tl_pool_map(p, v, 100, sizeof *v, twice, NULL, TL_NEVER);
}

static int use(enum tl_kind kind)
{
	tl_scope s = { .keep_going = true };
	tl_pool *p = NULL;
	int r, closed;

	BEGINS();
	tl_scope_open(&s);
	r = tl_pool_open(&p, &(tl_pool_opts){ .kind = kind, .workers = 2 });
	if (r == 0)
		r = one_by_one(p);
	if (r == 0)
		r = many(p);
	if (r == 0 && kind == TL_TASK)
		r = many(NULL);
	closed = tl_pool_close(p, TL_NEVER);
	CHECK(closed >= 0);
	closed = tl_scope_close(&s);
	return ends(r < 0 ? r : closed);
}

FAULTS(pool_of_threads) { return use(TL_THREAD); }
FAULTS(pool_of_tasks) { return use(TL_TASK); }
