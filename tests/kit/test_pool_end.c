/* test_pool_end.c - what keeps jobs from being done: a full queue, cancels, limits, workers that
 * cannot begin, and the end of the pool. */
#include "pools.h"

static tl_pool *opened_for(enum tl_kind kind, unsigned workers, size_t queued)
{
	tl_pool_opts o = { .kind = kind, .workers = workers, .queued = queued };
	tl_pool *p = NULL;

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	return p;
}

/* A job that keeps the only worker until its gate opens. */
static tl_job busy(tl_pool *p, struct gated *g)
{
	tl_job j;

	*g = (struct gated){ .gate = gate_new() };
	j = submitted(p, gated_twice, g, sizeof *g);
	gate_await(g->gate);
	return j;
}

/* -- full */

struct late {
	tl_pool *p;
	_Atomic int *n;
	_Atomic int begun;
};
static int submit_late(void *arg)
{
	struct late *l = arg;

	atomic_store(&l->begun, 1);
	return tl_pool_submit(l->p, count_up, (void *)l->n, 0, NULL, TL_NEVER);
}

/* D12: who submits to a full pool waits for room, is refused, or runs the job */
TEST_KINDS(full)
{
	tl_pool *p = opened_for(kind, 1, 2);
	struct gated g;
	tl_job first = busy(p, &g), run;
	_Atomic int n = 0;
	struct late late = { p, &n, 0 };
	tl_job_opts o = { .full = TL_FULL_REJECT };
	tl_strand t;
	tl_end end;

	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_POLL), 0);
	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, tl_after(tl_ms(2))), -ETIMEDOUT);
	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, &o, TL_NEVER), -EAGAIN);
	CHECK_EQ(atomic_load(&n), 0);
	o = (tl_job_opts){ .full = TL_FULL_RUN, .ret = &run };
	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, &o, TL_NEVER), 0);
	CHECK_EQ(atomic_load(&n), 1);
	CHECK_EQ(tl_job_get(run, TL_POLL), 0);
	tl_thread_start(NULL, submit_late, &late, &(tl_opts){ .ret = &t });
	UNTIL(tl_state(t) == TL_BLOCKED);
	gate_open(g.gate);
	CHECK_EQ(tl_job_get(first, TL_NEVER), 7);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 0);
	UNTIL(atomic_load(&n) == 4);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* D13: who waits for room when the pool closes is told */
TEST_KINDS(full_and_closed)
{
	tl_scope s = { .keep_going = true };
	tl_pool *p = opened_for(kind, 1, 1);
	struct gated g;
	tl_job first = busy(p, &g);
	_Atomic int n = 0;
	struct late late = { p, &n, 0 };
	tl_strand t;
	tl_end end;

	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_NEVER), 0);
	tl_scope_open(&s);
	tl_thread_start(NULL, submit_late, &late, &(tl_opts){ .ret = &t });
	UNTIL(tl_state(t) == TL_BLOCKED);
	CHECK_EQ(tl_pool_close(p, TL_POLL), 2);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, -EPIPE);
	CHECK_EQ(tl_job_get(first, TL_NEVER), -ESRCH);
	CHECK_EQ(atomic_load(&n), 0);
	CHECK(tl_scope_close(&s) < 0);
}

/* -- cancel, drop, limit */

/* D13: a job that has not begun can be withdrawn, one that runs is asked to stop */
TEST_KINDS(cancel)
{
	tl_pool *p = opened(kind, 1);
	struct gated g;
	tl_job runs = busy(p, &g), waits, next;
	int record = 3;

	waits = submitted(p, twice, &record, sizeof record);
	next = submitted(p, twice, &record, sizeof record);
	CHECK_EQ(tl_job_cancel(waits), 1);
	CHECK_EQ(tl_job_cancel(waits), 0);
	CHECK_EQ(tl_job_get(waits, TL_NEVER), -ECANCELED);
	CHECK_EQ(record, 3);
	CHECK_EQ(tl_job_cancel(runs), 0);
	CHECK_EQ(tl_job_get(runs, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_job_get(next, TL_NEVER), 3); /* the worker works on */
	CHECK_EQ(tl_job_get(submitted(p, twice, &record, sizeof record), TL_NEVER), 6);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* D13: one that has ended is not cancelled any more */
TEST_KINDS(cancel_too_late)
{
	tl_pool *p = opened(kind, 1);
	int record = 3;
	tl_job j = submitted(p, twice, &record, sizeof record);
	tl_job_report end;

	UNTIL(tl_job_end(j, &end) == 0);
	CHECK_EQ(tl_job_cancel(j), 0);
	CHECK_EQ(tl_job_get(j, TL_NEVER), 3);
	CHECK_EQ(record, 6);
	tl_pool_close(p, TL_NEVER);
}

/* A job that its waiter runs is cancelled the same way, and with its waiter. */
struct helped {
	tl_pool *p;
	struct gated g;
	tl_job _Atomic job;
};
static int help(void *arg)
{
	struct helped *h = arg;
	tl_job j;

	CHECK_EQ(tl_pool_submit(h->p, gated_twice, &h->g, sizeof h->g, &(tl_job_opts){ .ret = &j },
			 TL_NEVER),
		0);
	atomic_store(&h->job, j);
	return tl_job_get(j, TL_NEVER);
}
TEST(cancel_a_helper)
{
	tl_scope s = { .keep_going = true };
	struct helped h = { .p = opened(TL_TASK, 1) }; /* whose worker does not begin meanwhile */
	tl_strand t;
	tl_end end;

	tl_scope_open(&s);
	for (int way = 0; way < 2; way++) {
		h.g.gate = gate_new();
		tl_thread_start(NULL, help, &h, &(tl_opts){ .ret = &t });
		UNTIL_RAW(tl_event_is_set(&h.g.gate->come));
		if (way == 0)
			CHECK_EQ(tl_job_cancel(atomic_load(&h.job)), 0);
		else
			tl_cancel(t);
		while (tl_alive(t))
			sched_yield();
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(end.value, -ECANCELED);
		CHECK_EQ(end.how, way == 0 ? TL_RETURNED : TL_CANCELLED);
	}
	tl_pool_close(h.p, TL_NEVER);
	CHECK(tl_scope_close(&s) < 0);
}

static int count_later(void *arg)
{
	struct gated *g = arg;

	tl_event_wait(&g->gate->go, TL_NEVER);
	g->gate->value++;
	return 0;
}

/* What is dropped runs on or is withdrawn; its place is free in the end. */
TEST_KINDS(drop)
{
	tl_pool *p = opened(kind, 1);
	struct gated g = { .gate = gate_new() }, h = { .gate = gate_new() };
	tl_job runs, waits, ended;
	tl_pool_figures f;

	runs = busy(p, &g);
	waits = submitted(p, count_later, &h, sizeof h);
	tl_job_drop(waits);
	tl_job_drop(runs);
	CHECK_EQ(tl_job_get(runs, TL_POLL), -ESRCH);
	CHECK_EQ(tl_job_get(waits, TL_POLL), -ESRCH);
	gate_open(g.gate);
	gate_open(h.gate);
	ended = submitted(p, count_later, &h, sizeof h);
	UNTIL((tl_pool_stat(p, &f), f.kept == 1));
	CHECK_EQ(h.gate->value, 1);
	tl_job_drop(ended);
	tl_pool_stat(p, &f);
	CHECK_EQ(f.kept, 0);
	CHECK_EQ(f.done, 3);
	tl_pool_close(p, TL_NEVER);
}

static int sleeps_on(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}

/* D13: a job that runs beyond its limit is asked to stop, and that is its answer */
TEST_KINDS(limit)
{
	tl_pool *p = opened(kind, 1);
	tl_job j;

	CHECK_EQ(tl_pool_submit(p, sleeps_on, NULL, 0,
			 &(tl_job_opts){ .ret = &j, .limit = tl_ms(3) }, TL_NEVER),
		0);
	CHECK_EQ(tl_job_get(j, TL_NEVER), -ETIMEDOUT);
	tl_pool_close(p, TL_NEVER);
}

/* -- workers that cannot begin */

static _Atomic int inits;
static int init_well(void *arg)
{
	atomic_fetch_add(&inits, 1);
	return *(int *)arg;
}

/* D12: each worker is prepared once, before its first job */
TEST_KINDS(init)
{
	int fine = 0, record = 1;
	tl_pool *p = NULL;
	tl_pool_opts o = { .kind = kind, .workers = 3, .init = init_well, .init_arg = &fine };

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	for (int i = 0; i < 30; i++) {
		tl_job j = submitted(p, twice, &record, sizeof record);
		CHECK(tl_job_get(j, tl_after(tl_s(60))) >= 0);
		CHECK(atomic_load(&inits) >= 1);
		record = 1;
	}
	tl_pool_close(p, TL_NEVER);
	CHECK(atomic_load(&inits) <= 3);
}

static int init_badly(void *arg)
{
	CHECK_EQ(tl_event_wait(arg, TL_NEVER), 0);
	return -ENODEV;
}

/* D13: a worker that cannot be prepared breaks the pool, for what waits and for what comes */
TEST_KINDS(init_fails)
{
	tl_event go = { 0 };
	tl_pool *p = NULL;
	tl_pool_opts o = { .kind = kind, .workers = 2, .init = init_badly, .init_arg = &go };
	tl_pool_figures f;
	int record = 1;
	tl_job j;

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	j = submitted(p, twice, &record, sizeof record);
	tl_event_set(&go);
	CHECK_EQ(tl_job_get(j, tl_after(tl_s(60))), -ENODEV);
	CHECK_EQ(tl_pool_submit(p, twice, &record, sizeof record, NULL, TL_NEVER), -ENODEV);
	CHECK_EQ(tl_pool_map(p, &record, 1, sizeof record, twice, NULL, TL_NEVER), -ENODEV);
	tl_pool_stat(p, &f);
	CHECK_EQ(f.broken, -ENODEV);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* -- close */

/* D12: a pool that is closed takes nothing more, and finishes what it has */
TEST_KINDS(close_drains)
{
	tl_pool *p = opened(kind, 2);
	_Atomic int n = 0;

	for (int i = 0; i < 500; i++)
		CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(atomic_load(&n), 500);
	CHECK_EQ(tl_pool_close(NULL, TL_NEVER), 0);
}

/* D12: a pool that is told to stop at once answers what waits with -ECANCELED */
TEST_KINDS(close_at_once)
{
	tl_scope s = { .keep_going = true };
	tl_pool *p = opened(kind, 1);
	struct gated g;
	tl_job runs = busy(p, &g), waits;
	tl_strand t[2];
	tl_end end;
	int record = 1;

	waits = submitted(p, twice, &record, sizeof record);
	tl_scope_open(&s);
	tl_thread_start(NULL, get_it, &runs, &(tl_opts){ .ret = &t[0] });
	tl_task_start(NULL, get_later, &waits, &(tl_opts){ .ret = &t[1] });
	UNTIL(tl_state(t[0]) == TL_BLOCKED && tl_state(t[1]) == TL_BLOCKED);
	CHECK_EQ(tl_pool_close(p, TL_POLL), 2);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tl_join(t[i], &end, TL_NEVER), 0);
		CHECK_EQ(end.value, -ECANCELED);
	}
	CHECK_EQ(record, 1);
	CHECK_EQ(tl_job_get(runs, TL_NEVER), -ESRCH);
	CHECK(tl_scope_close(&s) < 0);
}

/* D12: a close that drains gives up when its deadline passes */
TEST_KINDS(close_with_a_deadline)
{
	tl_pool *p = opened(kind, 1);
	struct gated g;
	_Atomic int n = 0;

	busy(p, &g);
	CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_close(p, tl_after(tl_ms(3))), 2);
	CHECK_EQ(atomic_load(&n), 0);
}

static int close_it(void *p) { return tl_pool_close(p, TL_NEVER); }

TEST_KINDS(close_cancelled)
{
	tl_pool *p = opened(kind, 1);
	struct gated g;
	tl_strand t;
	tl_end end;

	busy(p, &g);
	tl_thread_start(NULL, close_it, p, &(tl_opts){ .ret = &t });
	UNTIL(tl_state(t) == TL_BLOCKED);
	tl_cancel(t);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 1);
}

struct closer {
	tl_pool *p;
};
static int close_own(void *arg) { return tl_pool_close(((struct closer *)arg)->p, TL_NEVER); }

/* D12: a job that closes its own pool is told, instead of waiting for itself */
TEST_KINDS(close_from_inside)
{
	tl_pool *p = opened(kind, 1);
	struct closer c = { p };

	CHECK_EQ(tl_job_get(submitted(p, close_own, &c, sizeof c), TL_NEVER), -EDEADLK);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* Results that nobody has got go with the pool; the next pool is as new. */
TEST_KINDS(again_and_again)
{
	for (int i = 0; i < 50; i++) {
		tl_pool *p = opened(kind, 1 + i % 3);
		tl_pool_figures f;
		int record = i;
		tl_job j = submitted(p, twice, &record, sizeof record);

		if (i % 2) {
			CHECK_EQ(tl_job_get(j, TL_NEVER), i);
		}
		tl_pool_stat(p, &f);
		CHECK_EQ(f.workers, 1 + i % 3);
		CHECK(f.done <= 1);
		CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
		CHECK_EQ(tl_job_get(j, TL_NEVER), -ESRCH);
	}
}

/* -- the scope it was opened in */

struct owner {
	enum tl_kind kind;
	tl_pool *_Atomic p;
	tl_event leave;
};
static int own(void *arg)
{
	struct owner *o = arg;

	atomic_store(&o->p, opened(o->kind, 2));
	tl_event_wait(&o->leave, TL_NEVER);
	return 0; /* and its daemons are cancelled with it */
}

/* A pool whose scope has closed answers, whether its workers had begun or not. */
TEST_KINDS(its_scope_closes)
{
	struct owner o = { .kind = kind };
	struct gated g = { .gate = gate_new() };
	tl_job runs;
	tl_strand t;
	int record = 1;

	tl_thread_start(NULL, own, &o, &(tl_opts){ .ret = &t });
	UNTIL(atomic_load(&o.p));
	runs = submitted(o.p, gated_twice, &g, sizeof g);
	tl_event_set(&o.leave);
	CHECK_EQ(tl_job_get(runs, tl_after(tl_s(60))), -ECANCELED);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_submit(o.p, twice, &record, sizeof record, NULL, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_pool_close(o.p, TL_NEVER), 0);
}
