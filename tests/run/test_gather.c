/* tl_gather and tl_offload. */
#include "strands.h"
#include <pthread.h>
#include <time.h>

struct rec {
	int in, out;
	pid_t thread;
};

static _Atomic int now_inside, most_inside, begun;

static int work(void *arg)
{
	struct rec *r = arg;
	int n = atomic_fetch_add(&now_inside, 1) + 1, most = atomic_load(&most_inside);

	atomic_fetch_add(&begun, 1);
	while (n > most && !atomic_compare_exchange_weak(&most_inside, &most, n))
		;
	for (int i = 0; i < 3; i++)
		tl_yield();
	r->out = r->in * 2;
	r->thread = gettid();
	atomic_fetch_sub(&now_inside, 1);
	return r->in;
}

static void gathers(tl_gather_opts o, int n)
{
	struct rec rec[100];
	int status[100];

	o.status = status;
	most_inside = 0;
	for (int i = 0; i < n; i++)
		rec[i] = (struct rec){ .in = i };
	CHECK_EQ(tl_gather(rec, (size_t)n, sizeof *rec, work, &o, TL_NEVER), 0);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(rec[i].out, 2 * i);
		CHECK_EQ(status[i], i);
		CHECK_EQ(rec[i].thread == gettid(), o.kind != TL_THREAD);
	}
	CHECK(!o.limit || most_inside <= (int)o.limit);
	if (o.kind != TL_THREAD)
		CHECK_EQ(most_inside, o.limit && (int)o.limit < n ? (int)o.limit : n);
}

TEST(gather_runs_all)
{
	gathers((tl_gather_opts){ 0 }, 100);
	gathers((tl_gather_opts){ 0 }, 1);
	gathers((tl_gather_opts){ .limit = 1 }, 100);
	gathers((tl_gather_opts){ .limit = 7 }, 100);
	gathers((tl_gather_opts){ .limit = 100 }, 100);
	gathers((tl_gather_opts){ .limit = 1000 }, 100);
	gathers((tl_gather_opts){ .kind = TL_THREAD }, 20);
	gathers((tl_gather_opts){ .kind = TL_THREAD, .limit = 3 }, 40);
	CHECK_EQ(tl_gather(NULL, 0, 8, work, NULL, TL_NEVER), 0);
}

TEST(gather_arguments)
{
	struct rec r = { 0 };

	CHECK_EQ(tl_gather(&r, 1, sizeof r, NULL, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_gather(&r, 1, sizeof r, work, NULL, TL_POLL), -EINVAL);
	CHECK_EQ(tl_gather(&r, 1, sizeof r, work, &(tl_gather_opts){ .kind = 3 }, TL_NEVER),
		-EINVAL);
	CHECK_EQ(tl_gather(&r, 1, sizeof r, work, &(tl_gather_opts){ .reserved = { 1 } }, TL_NEVER),
		-EINVAL);
	CHECK_EQ(begun, 0);
}

static int fail_at_seven(void *arg)
{
	struct rec *r = arg;

	atomic_fetch_add(&begun, 1);
	if (r->in == 7)
		return -EIO;
	return r->in > 7 ? tl_sleep(tl_ms(1)) : 0;
}

TEST(gather_with_a_failure)
{
	for (int i = 0; i < 8; i++) {
		tl_gather_opts o = {
			.keep_going = i & 1, .limit = i & 2 ? 4 : 0, .kind = i & 4 ? TL_THREAD : 0
		};
		struct rec rec[30];
		int status[30], never = 0;

		o.status = status;
		begun = 0;
		for (int k = 0; k < 30; k++)
			rec[k] = (struct rec){ .in = k };
		CHECK_EQ(tl_gather(rec, 30, sizeof *rec, fail_at_seven, &o, TL_NEVER), -EIO);
		CHECK_EQ(status[7], -EIO);
		for (int k = 0; k < 30; k++)
			never += status[k] == -ECANCELED;
		if (o.keep_going)
			CHECK_EQ(begun, 30);
		if (o.keep_going)
			CHECK_EQ(never, 0);
		CHECK(begun + never >= 30);
		if (!o.keep_going && o.kind != TL_THREAD)
			CHECK(never > 0);
	}
}

static int long_work(void *arg) { return (void)arg, tl_sleep(tl_s(1000)); }

TEST(gather_with_a_deadline)
{
	int status[10];
	char base[10];

	for (size_t limit = 0; limit < 4; limit += 3) {
		tl_gather_opts o = { .status = status, .limit = limit };

		CHECK_EQ(tl_gather(base, 10, 1, long_work, &o, tl_after(tl_ms(5))), -ETIMEDOUT);
		for (int i = 0; i < 10; i++)
			CHECK_EQ(status[i], -ECANCELED);
	}
	CHECK_EQ(tl_gather(base, 10, 1, long_work, NULL, PAST), -ETIMEDOUT);
}

static int gather_inside(void *arg)
{
	char base[10];

	*(int *)arg = tl_gather(base, 10, 1, long_work, NULL, TL_NEVER);
	return *(int *)arg;
}

TEST(gather_cancelled_from_outside)
{
	tl_scope s = { 0 };
	int r = 0;

	tl_scope_open(&s);
	tl_task_start(&s, gather_inside, &r, NULL);
	tl_yield();
	tl_yield();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(r, -ECANCELED);
}

/* -- offload */

static int nothing(void *arg) { return (void)arg, 0; }

static int compute(void *arg)
{
	struct rec *r = arg;

	r->out = r->in + 1;
	r->thread = gettid();
	return r->in;
}

static int offload_one(void *arg)
{
	struct rec *r = arg;

	CHECK_EQ(tl_offload(compute, r, sizeof *r, TL_NEVER), r->in);
	CHECK_EQ(r->out, r->in + 1);
	CHECK(r->thread != gettid());
	return 0;
}

TEST(offload_copies_back)
{
	struct rec r = { .in = 5 };
	tl_scope s = { 0 };

	offload_one(&r);
	tl_scope_open(&s);
	tl_thread_start(&s, offload_one, &(struct rec){ .in = 6 }, NULL);
	tl_task_start(&s, offload_one, &(struct rec){ .in = 7 }, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_offload(compute, &r, sizeof r, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_offload(nothing, NULL, 0, TL_NEVER), 0);
}

TEST_LIMIT(two_hundred_offloads_at_once, 60)
{
	static struct rec rec[400];
	tl_scope s = { 0 };

	for (int round = 0; round < 10; round++) {
		s = (tl_scope){ 0 };
		tl_scope_open(&s);
		for (int i = 0; i < 400; i++) {
			rec[i] = (struct rec){ .in = i };
			CHECK_EQ((i < 380 ? tl_task_start : tl_thread_start)(
					 &s, offload_one, &rec[i], NULL),
				0);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

static _Atomic int gate, at_gate;

struct gated {
	int in, out;
};

static int wait_at_gate(void *arg)
{
	struct gated *g = arg;

	g->out = g->in;
	atomic_fetch_add(&at_gate, 1);
	while (!atomic_load(&gate))
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	atomic_fetch_sub(&at_gate, 1);
	return g->in;
}

TEST(an_abandoned_offload_touches_nothing)
{
	struct gated g = { .in = 4 };

	CHECK_EQ(tl_offload(wait_at_gate, &g, sizeof g, tl_after(tl_ms(10))), -ETIMEDOUT);
	CHECK_EQ(g.out, 0);
	gate = 1;
	UNTIL(at_gate == 0);
	CHECK_EQ(g.out, 0);
	CHECK_EQ(tl_offload(wait_at_gate, &g, sizeof g, TL_NEVER), 4);
	CHECK_EQ(g.out, 4);
}

static int offload_gate(void *arg)
{
	struct gated g = { .in = 1 };
	int r = tl_offload(wait_at_gate, &g, sizeof g, TL_NEVER);

	CHECK_EQ(g.out, r < 0 ? 0 : 1);
	return (void)arg, r;
}

static int never_run(void *arg)
{
	(void)arg;
	_exit(9);
}

static int offload_never(void *arg)
{
	CHECK_EQ(tl_offload(never_run, NULL, 0, TL_NEVER), -ECANCELED);
	return (void)arg, -ECANCELED;
}

/* All helpers stand at the gate; what is queued behind them and cancelled never runs. */
TEST(cancelled_in_the_queue_never_runs)
{
	tl_scope busy = { 0 }, s = { 0 };

	tl_scope_open(&busy);
	for (int i = 0; i < 64; i++)
		tl_task_start(&busy, offload_gate, NULL, NULL);
	UNTIL(at_gate == 64);
	tl_scope_open(&s);
	for (int i = 0; i < 20; i++)
		tl_task_start(&s, offload_never, NULL, NULL);
	for (int i = 0; i < 5; i++)
		tl_yield();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_offload(never_run, NULL, 0, PAST), -ETIMEDOUT);
	gate = 1;
	CHECK_EQ(tl_scope_close(&busy), 0);
	CHECK_EQ(tl_offload(nothing, NULL, 0, TL_NEVER), 0);
}

TEST(cancelled_at_work_is_abandoned)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 10; i++)
		tl_task_start(&s, offload_gate, NULL, NULL);
	UNTIL(at_gate == 10);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(at_gate, 10);
	gate = 1;
	UNTIL(at_gate == 0);
}

static int random_deadlines(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	for (int i = 0; i < 1500; i++) {
		struct rec r = { .in = i };
		int q;

		seed = seed * 1103515245 + 12345;
		q = tl_offload(compute, &r, sizeof r, tl_after(tl_us(seed >> 16 & 63)));
		CHECK(q == i ? r.out == i + 1 : q == -ETIMEDOUT && r.out == 0);
	}
	return 0;
}

TEST_LIMIT(deadlines_race_with_results, 60)
{
	unsigned seeds[6];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (unsigned i = 0; i < 6; i++) {
		seeds[i] = i;
		(i % 2 ? tl_thread_start : tl_task_start)(&s, random_deadlines, &seeds[i], NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}
