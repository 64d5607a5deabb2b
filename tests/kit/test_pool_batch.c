/* test_pool_batch.c - many records: all at once, or as they come to be done. */
#include "pools.h"
#include "telar/select.h"

enum { N = 1000 };

static void numbered(int *v, int n)
{
	for (int i = 0; i < n; i++)
		v[i] = i;
}

/* -- map */

/* D12: map keeps the order of its records, whatever the chunk */
TEST_KINDS(map)
{
	tl_pool *p = opened(kind, 3);
	static const size_t chunks[] = { 0, 1, 7, N, 2 * N };
	int v[N], status[N];

	for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
		tl_batch_opts o = { .chunk = chunks[k], .status = status };

		numbered(v, N);
		CHECK_EQ(tl_pool_map(p, v, N, sizeof *v, twice, &o, TL_NEVER), 0);
		for (int i = 0; i < N; i++) {
			CHECK_EQ(v[i], 2 * i);
			CHECK_EQ(status[i], i);
		}
	}
	tl_pool_close(p, TL_NEVER);
}

/* D12: map of nothing answers at once */
TEST_KINDS(map_of_nothing)
{
	tl_pool *p = opened(kind, 1);

	CHECK_EQ(tl_pool_map(p, NULL, 0, 8, twice, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_map(p, NULL, 1, 8, twice, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_pool_map(p, &p, 1, 0, twice, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_pool_map(p, &p, 1, 8, NULL, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_pool_map(p, &p, 1, 8, twice, NULL, TL_POLL), -EINVAL);
	CHECK_EQ(tl_pool_map(NULL, &p, 1, 8, twice, NULL, TL_NEVER), -EINVAL);
	tl_pool_close(p, TL_NEVER);
}

static int fails_at(void *arg)
{
	int i = *(int *)arg;

	*(int *)arg = -1;
	return i % 100 == 50 ? -1000 - i : 0;
}

/* D12: an item of a map that fails does not stop the others, and the first is the answer */
TEST_KINDS(map_goes_on)
{
	tl_pool *p = opened(kind, 2);
	int v[N], status[N];

	numbered(v, N);
	CHECK_EQ(tl_pool_map(p, v, N, sizeof *v, fails_at,
			 &(tl_batch_opts){ .chunk = 3, .status = status }, TL_NEVER),
		-1050);
	for (int i = 0; i < N; i++) {
		CHECK_EQ(v[i], -1);
		CHECK_EQ(status[i], i % 100 == 50 ? -1000 - i : 0);
	}
	tl_pool_close(p, TL_NEVER);
}

/* ... unless that is asked for.  A worker that is held up at 50 is asked to stop when the other has
 * failed at 150. */
TEST_KINDS(map_fails_fast)
{
	tl_pool *p = opened(kind, 2);
	int v[N], status[N], left = 0, failed = 0, r;
	tl_batch_opts o = { .chunk = 1, .limit = 4, .fail_fast = true, .status = status };

	numbered(v, N);
	r = tl_pool_map(p, v, N, sizeof *v, fails_at, &o, TL_NEVER);
	CHECK(r == -1050 || r == -1150);
	CHECK_EQ(status[-1000 - r], r);
	for (int i = 0; i < N; i++) {
		left += status[i] == -ECANCELED;
		failed += status[i] < 0 && status[i] != -ECANCELED;
	}
	CHECK_EQ(failed, 1);
	CHECK(left > N / 2);
	tl_pool_close(p, TL_NEVER);
}

static struct gate *at_gate;
static int waits_at_50(void *arg)
{
	int i = *(int *)arg, r;

	if (i == 50) {
		r = tl_event_wait(&at_gate->go, TL_NEVER);
		*(int *)arg = 77;
		return r;
	}
	return twice(arg);
}

/* D13: a map whose deadline passes gives up, and nothing is written to its records any more */
TEST_KINDS(map_times_out)
{
	tl_pool *p = opened(kind, 2);
	int v[100], status[100], one = 1;

	numbered(v, 100);
	at_gate = gate_new();
	CHECK_EQ(tl_pool_map(p, v, 100, sizeof *v, waits_at_50,
			 &(tl_batch_opts){ .chunk = 1, .limit = 1, .status = status },
			 tl_after(tl_ms(50))),
		-ETIMEDOUT);
	CHECK(v[50] == 50 && v[51] == 51);
	CHECK_EQ(status[50], -ECANCELED);
	CHECK_EQ(status[99], -ECANCELED);
	gate_open(at_gate);
	CHECK_EQ(tl_job_get(submitted(p, twice, &one, sizeof one), tl_after(tl_s(60))), 1);
	CHECK_EQ(v[50], 50);
	tl_pool_close(p, TL_NEVER);
}

struct outer {
	tl_pool *p;
	int v[20];
};
static int maps(void *arg)
{
	struct outer *o = arg;

	return tl_pool_map(
		o->p, o->v, 20, sizeof *o->v, twice, &(tl_batch_opts){ .chunk = 3 }, TL_NEVER);
}

/* A job may map over its own pool, also one of a single worker. */
TEST_KINDS(map_inside)
{
	tl_pool *p = opened(kind, 1);
	struct outer o = { .p = p };

	numbered(o.v, 20);
	CHECK_EQ(tl_job_get(submitted(p, maps, &o, sizeof o), TL_NEVER), 0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(o.v[i], 2 * i);
	tl_pool_close(p, TL_NEVER);
}

/* -- batches */

static int gated_by_index(void *arg)
{
	struct gated *g = arg;
	int r = tl_event_wait(&g->gate->go, TL_NEVER);

	g->value *= 2;
	return r;
}

static void gates(struct gated *g, int n)
{
	for (int i = 0; i < n; i++)
		g[i] = (struct gated){ gate_new(), i };
}

/* D12: a batch hands out its records as they come to be done */
TEST_KINDS(as_completed)
{
	static const int order[] = { 3, 1, 2, 0 };
	tl_pool *p = opened(kind, 4);
	struct gated g[4];
	tl_batch *b;
	size_t i;
	int status;

	gates(g, 4);
	CHECK_EQ(tl_batch_open(&b, p, g, 4, sizeof *g, gated_by_index, NULL), 0);
	CHECK_EQ(tl_batch_next(b, &i, &status, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_batch_next(b, &i, &status, tl_after(tl_ms(1))), -ETIMEDOUT);
	for (int k = 0; k < 4; k++) {
		gate_open(g[order[k]].gate);
		CHECK_EQ(tl_batch_next(b, &i, &status, TL_NEVER), 0);
		CHECK_EQ(i, order[k]);
		CHECK_EQ(status, 0);
		CHECK_EQ(g[i].value, 2 * order[k]);
	}
	CHECK_EQ(tl_batch_next(b, &i, &status, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_batch_next(b, &i, NULL, TL_POLL), -EPIPE);
	CHECK(tl_batch_close(b) == NULL);
	tl_pool_close(p, TL_NEVER);
}

/* D12: or in the order of its records */
TEST_KINDS(in_order)
{
	static const int order[] = { 3, 1, 2, 0 };
	tl_pool *p = opened(kind, 4);
	struct gated g[4];
	tl_batch *b;
	size_t i;

	gates(g, 4);
	CHECK_EQ(tl_batch_open(&b, p, g, 4, sizeof *g, gated_by_index,
			 &(tl_batch_opts){ .ordered = true }),
		0);
	for (int k = 0; k < 4; k++) {
		CHECK_EQ(tl_batch_next(b, &i, NULL, TL_POLL), -EAGAIN);
		gate_open(g[order[k]].gate);
	}
	for (int k = 0; k < 4; k++) {
		CHECK_EQ(tl_batch_next(b, &i, NULL, TL_NEVER), 0);
		CHECK_EQ(i, k);
	}
	CHECK_EQ(tl_batch_next(b, &i, NULL, TL_NEVER), -EPIPE);
	tl_batch_close(b);
	tl_pool_close(p, TL_NEVER);
}

/* D12: an error of a record comes at its place, and the rest after it */
TEST_KINDS(errors_at_their_places)
{
	tl_pool *p = opened(kind, 2);
	int v[N], status;
	tl_batch *b;
	size_t i;

	numbered(v, N);
	CHECK_EQ(tl_batch_open(&b, p, v, N, sizeof *v, fails_at,
			 &(tl_batch_opts){ .ordered = true, .chunk = 7, .limit = 3 }),
		0);
	for (int k = 0; k < N; k++) {
		CHECK_EQ(tl_batch_next(b, &i, &status, TL_NEVER), 0);
		CHECK_EQ(i, k);
		CHECK_EQ(status, k % 100 == 50 ? -1000 - k : 0);
	}
	CHECK_EQ(tl_batch_next(b, &i, &status, TL_NEVER), -EPIPE);
	tl_batch_close(b);
	tl_pool_close(p, TL_NEVER);
}

static _Atomic int begun;
static int counts_begun(void *arg)
{
	(void)arg;
	atomic_fetch_add(&begun, 1);
	return 0;
}

/* D12: a batch is lazy: no more is under way than its limit */
TEST_KINDS(lazy)
{
	tl_pool *p = opened(kind, 2);
	tl_pool_figures f;
	tl_batch *b;
	int v[N] = { 0 };
	size_t i;

	CHECK_EQ(tl_batch_open(&b, p, v, N, sizeof *v, counts_begun,
			 &(tl_batch_opts){ .chunk = 10, .limit = 3 }),
		0);
	for (int k = 0; k < 30; k++) {
		UNTIL((tl_pool_stat(p, &f), !f.queued && !f.running));
		CHECK(atomic_load(&begun) <= 30 + (k + 9) / 10 * 10);
		CHECK_EQ(tl_batch_next(b, &i, NULL, TL_NEVER), 0);
	}
	tl_batch_close(b);
	CHECK(atomic_load(&begun) <= 60);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* Closed in the middle it leaves its records alone. */
TEST_KINDS(closed_in_the_middle)
{
	tl_pool *p = opened(kind, 1);
	struct gated g[8];
	int one = 1;
	tl_batch *b;
	size_t i;

	gates(g, 8);
	gate_open(g[0].gate);
	for (int ordered = 0; ordered < 2; ordered++) {
		tl_batch_opts o = { .ordered = ordered };

		CHECK_EQ(tl_batch_open(&b, p, g, 8, sizeof *g, gated_by_index, &o), 0);
		CHECK_EQ(tl_batch_next(b, &i, NULL, TL_NEVER), 0);
		tl_batch_close(b);
		for (int k = 1; k < 8; k++)
			CHECK_EQ(g[k].value, k);
	}
	CHECK_EQ(tl_job_get(submitted(p, twice, &one, sizeof one), tl_after(tl_s(60))), 1);
	for (int k = 1; k < 8; k++)
		CHECK_EQ(g[k].value, k);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* D13: as_completed without a pool: all are under way at once */
TEST(tasks)
{
	enum { MANY = 50 };
	struct gated g[MANY];
	tl_batch *b;
	size_t i;
	int status;

	gates(g, MANY);
	CHECK_EQ(tl_batch_open(&b, NULL, g, MANY, sizeof *g, gated_by_index, NULL), 0);
	for (int k = MANY; k-- > 0;) {
		gate_open(g[k].gate);
		CHECK_EQ(tl_batch_next(b, &i, &status, TL_NEVER), 0);
		CHECK_EQ(i, k);
	}
	CHECK_EQ(tl_batch_next(b, &i, &status, TL_NEVER), -EPIPE);
	tl_batch_close(b);
	gates(g, 4);
	CHECK_EQ(tl_batch_open(
			 &b, NULL, g, 4, sizeof *g, gated_by_index, &(tl_batch_opts){ .limit = 2 }),
		0);
	tl_yield();
	tl_batch_close(b); /* in the middle */
	CHECK_EQ(tl_finish(), 0);
}

/* -- select */

/* D13: a strand waits for the first of jobs and other things */
TEST_KINDS(select_of_jobs)
{
	tl_pool *p = opened(kind, 2);
	struct gated g[2];
	tl_job j[2];
	tl_event e = { 0 };
	int one = 1;

	gates(g, 2);
	for (int i = 0; i < 2; i++)
		j[i] = submitted(p, gated_twice, &g[i], sizeof g[i]);
	tl_case c[] = { TL_JOB(j[0]), TL_JOB(j[1]), TL_SET(&e) };

	CHECK_EQ(tl_select(c, 3, tl_after(tl_ms(1))), -ETIMEDOUT);
	gate_open(g[1].gate);
	CHECK_EQ(tl_select(c, 3, TL_NEVER), 1);
	CHECK_EQ(c[1].result, 0);
	CHECK_EQ(tl_job_get(j[1], TL_POLL), 7);
	CHECK_EQ(tl_select(c, 3, TL_NEVER), 1); /* gone, which is not to be waited for either */
	CHECK_EQ(c[1].result, -ESRCH);
	j[1] = submitted(p, gated_by_index, &g[0], sizeof g[0]); /* in the same place */
	CHECK_EQ(tl_select(c, 3, TL_NEVER), 1);
	CHECK_EQ(c[1].result, -ESRCH);
	tl_job_drop(j[1]);
	c[1] = TL_JOB(j[1]);
	CHECK_EQ(tl_select(c, 3, TL_POLL), 1);
	CHECK_EQ(c[1].result, -ESRCH);
	c[1] = TL_JOB(((tl_job){ 0 }));
	CHECK_EQ(tl_select(c, 3, TL_POLL), 1);
	CHECK_EQ(c[1].result, -ESRCH);
	gate_open(g[0].gate);
	CHECK_EQ(tl_job_get(j[0], TL_NEVER), 7);
	j[0] = submitted(p, twice, &one, sizeof one);
	c[0] = TL_JOB(j[0]);
	CHECK_EQ(tl_select(c, 1, TL_NEVER), 0);
	CHECK_EQ(tl_job_get(j[0], TL_POLL), 1);
	tl_pool_close(p, TL_NEVER);
}
