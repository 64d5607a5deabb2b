/* test_pool.c - jobs one by one: submitted, waited for, withdrawn, asked to stop; pools opened,
 * full, broken and closed.  Each with both kinds of workers. */
#include "pools.h"

/* -- opening */

static int id_of_thread(void *ret)
{
	*(uint64_t *)ret = tl_my_thread().id;
	return 0;
}

/* D12: has as many workers as it was asked for, at least one */
TEST_KINDS(workers)
{
	tl_pool_figures f;
	tl_pool *p = NULL;
	tl_pool_opts o = { .kind = kind, .workers = 3 };

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	tl_pool_stat(p, &f);
	CHECK_EQ(f.workers, 3);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	o.workers = 0;
	CHECK_EQ(tl_pool_open(&p, &o), 0);
	tl_pool_stat(p, &f);
	CHECK_EQ(f.workers, tl_cpu_count());
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* D12: options that make no sense are refused */
TEST(options_without_sense)
{
	tl_pool *p = (tl_pool *)1;

	CHECK_EQ(tl_pool_open(&p, &(tl_pool_opts){ .kind = 77 }), -EINVAL);
	CHECK_EQ(tl_pool_open(&p, &(tl_pool_opts){ .reserved = { 1 } }), -EINVAL);
	CHECK_EQ((uintptr_t)p, 1);
	p = opened(TL_THREAD, 1);
	CHECK_EQ(tl_pool_submit(p, NULL, NULL, 0, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_pool_submit(p, twice, NULL, 8, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_pool_submit(p, twice, NULL, 0, &(tl_job_opts){ .full = 9 }, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_pool_submit(
			 p, twice, NULL, 0, &(tl_job_opts){ .reserved = { [3] = 1 } }, TL_NEVER),
		-EINVAL);
	tl_pool_close(p, TL_NEVER);
}

/* D12: its workers have names of their own, and are daemons */
TEST_KINDS(names)
{
	tl_pool *p = NULL;
	tl_info info[16];
	int n, found = 0;

	CHECK_EQ(tl_pool_open(&p, &(tl_pool_opts){ .name = "horno", .kind = kind, .workers = 2 }),
		0);
	n = tl_list(info, 16);
	for (int i = 0; i < n; i++) {
		if (strncmp(info[i].name, "horno-", 6) != 0)
			continue;
		CHECK(info[i].daemon);
		CHECK_EQ(info[i].kind, kind);
		found++;
	}
	CHECK_EQ(found, 2);
	tl_pool_close(p, TL_NEVER);
}

/* -- results */

/* D12: what a job answers is what its waiter gets, and its record is what it made of it */
TEST_KINDS(record_comes_back)
{
	tl_pool *p = opened(kind, 2);

	for (int i = 0; i < 100; i++) {
		int record = i;
		tl_job j = submitted(p, twice, &record, sizeof record);

		CHECK_EQ(tl_job_get(j, TL_NEVER), i);
		CHECK_EQ(record, 2 * i);
	}
	tl_pool_close(p, TL_NEVER);
}

/* D13: an error of the function is what its waiter gets */
TEST_KINDS(failure_comes_back)
{
	tl_pool *p = opened(kind, 2);
	int why = -ENOENT;

	CHECK_EQ(tl_job_get(submitted(p, answer, &why, sizeof why), TL_NEVER), -ENOENT);
	tl_pool_close(p, TL_NEVER);
	CHECK_EQ(tl_finish(), 0); /* a job's failure is its waiter's, and nobody's else */
}

struct large {
	int of[5000];
};
static int all_twice(void *arg)
{
	struct large *l = arg;

	for (int i = 0; i < 5000; i++)
		l->of[i] *= 2;
	return 0;
}

TEST_KINDS(large_records)
{
	static struct large l;
	tl_pool *p = opened(kind, 2);

	for (int i = 0; i < 5000; i++)
		l.of[i] = i;
	CHECK_EQ(tl_job_get(submitted(p, all_twice, &l, sizeof l), TL_NEVER), 0);
	for (int i = 0; i < 5000; i++)
		CHECK_EQ(l.of[i], 2 * i);
	tl_pool_close(p, TL_NEVER);
}

/* With size 0 the record is the function's as it is. */
TEST_KINDS(no_copy)
{
	tl_pool *p = opened(kind, 1);
	_Atomic int n = 0;

	CHECK_EQ(tl_job_get(submitted(p, count_up, (void *)&n, 0), TL_NEVER), 0);
	CHECK_EQ(atomic_load(&n), 1);
	tl_pool_close(p, TL_NEVER);
}

/* D12: a wait that gives up leaves the job going, and its record untouched */
TEST_KINDS(wait_gives_up)
{
	tl_pool *p = opened(kind, 1);
	struct gated g = { .gate = gate_new() };
	tl_job j = submitted(p, gated_twice, &g, sizeof g);

	CHECK_EQ(tl_job_get(j, tl_after(tl_ms(2))), -ETIMEDOUT);
	CHECK_EQ(tl_job_get(j, TL_POLL), -EAGAIN);
	CHECK_EQ(g.value, 0);
	gate_open(g.gate);
	CHECK_EQ(tl_job_get(j, tl_after(tl_s(60))), 7);
	CHECK_EQ(g.value, 7);
	tl_pool_close(p, TL_NEVER);
}

/* D12: a result is got once; the job is unknown then */
TEST_KINDS(got_once)
{
	tl_pool *p = opened(kind, 1);
	int record = 3;
	tl_job j = submitted(p, twice, &record, sizeof record), again;
	tl_job_report end;

	CHECK_EQ(tl_job_get(j, TL_NEVER), 3);
	CHECK_EQ(tl_job_get(j, TL_NEVER), -ESRCH);
	again = submitted(p, twice, &record, sizeof record); /* the same place, another id */
	CHECK_EQ(tl_job_get(j, TL_NEVER), -ESRCH);
	CHECK_EQ(tl_job_end(j, &end), -ESRCH);
	CHECK_EQ(tl_job_cancel(j), 0);
	tl_job_drop(j);
	CHECK_EQ(tl_job_get(again, TL_NEVER), 6);
	CHECK_EQ(tl_job_get((tl_job){ 0 }, TL_NEVER), -ESRCH);
	CHECK_EQ(tl_job_get((tl_job){ ~0ull }, TL_NEVER), -ESRCH);
	tl_pool_close(p, TL_NEVER);
}

TEST_KINDS(one_waiter)
{
	tl_pool *p = opened(kind, 1);
	struct gated g = { .gate = gate_new() };
	tl_job j = submitted(p, gated_twice, &g, sizeof g);
	tl_strand first;
	tl_end end;

	gate_await(g.gate);
	tl_thread_start(NULL, get_it, &j, &(tl_opts){ .ret = &first });
	UNTIL(tl_job_get(j, TL_POLL) == -EBUSY);
	tl_job_drop(j); /* is the waiter's, and stays so */
	gate_open(g.gate);
	CHECK_EQ(tl_join(first, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 7);
	CHECK_EQ(g.value, 7);
	tl_pool_close(p, TL_NEVER);
}

/* D13: says how a job ended, and who ran it, without taking it */
TEST_KINDS(report)
{
	tl_pool *p = opened(kind, 1);
	struct gated g = { .gate = gate_new() };
	tl_job j = submitted(p, gated_twice, &g, sizeof g);
	tl_job_report end = { .result = 99 };

	CHECK_EQ(tl_job_end(j, &end), -EAGAIN);
	CHECK_EQ(end.result, 99);
	gate_await(g.gate);
	gate_open(g.gate);
	UNTIL(tl_job_end(j, &end) == 0);
	CHECK_EQ(end.result, 7);
	CHECK_STR(end.name, "pool-1");
	CHECK_EQ(g.value, 0);
	CHECK_EQ(tl_job_get(j, TL_POLL), 7);
	tl_pool_close(p, TL_NEVER);
}

/* D12: a job that nobody waits for is done all the same */
TEST_KINDS(nobody_waits)
{
	tl_pool *p = opened(kind, 2);
	tl_pool_figures f;
	_Atomic int n = 0;

	for (int i = 0; i < 300; i++)
		CHECK_EQ(tl_pool_submit(p, count_up, (void *)&n, 0, NULL, TL_NEVER), 0);
	UNTIL(atomic_load(&n) == 300);
	UNTIL((tl_pool_stat(p, &f), f.done == 300 && !f.running));
	CHECK_EQ(f.queued, 0);
	CHECK_EQ(f.kept, 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* -- how many at once, and who */

static _Atomic int inside, most;
static int at_once(void *arg)
{
	int now = atomic_fetch_add(&inside, 1) + 1, was = atomic_load(&most);

	while (was < now && !atomic_compare_exchange_weak(&most, &was, now))
		;
	tl_sleep(tl_us(*(int *)arg));
	atomic_fetch_sub(&inside, 1);
	return 0;
}

/* D12: never more run at once than there are workers, also when their waiters help */
TEST_KINDS(never_more_than_workers)
{
	enum { N = 60 };
	tl_pool *p = opened(kind, 3);
	tl_job j[N];
	int us[N];

	for (int i = 0; i < N; i++) {
		us[i] = 100 + i * 37 % 400;
		j[i] = submitted(p, at_once, &us[i], sizeof us[i]);
	}
	for (int i = N; i-- > 0;)
		CHECK_EQ(tl_job_get(j[i], TL_NEVER), 0);
	CHECK(atomic_load(&most) <= 3);
	tl_pool_close(p, TL_NEVER);
}

/* Alone among idle workers the waiter's help is none too much: it is there already. */
TEST(waiter_helps)
{
	tl_pool *p = opened(TL_TASK, 1); /* which has not begun while we do not wait */
	uint64_t ran = 0;
	tl_job j = submitted(p, id_of_thread, &ran, sizeof ran);
	tl_job_report end;

	CHECK_EQ(tl_job_end(j, &end), -EAGAIN);
	CHECK_EQ(tl_job_get(j, TL_NEVER), 0);
	CHECK_EQ(ran, tl_self().id);
	tl_pool_close(p, TL_NEVER);
}

struct nested {
	tl_pool *p;
	int depth, sum;
};
static int nest(void *arg)
{
	struct nested *n = arg, below[2];
	tl_job j[2];
	int r = 0;

	n->sum = 1;
	for (int i = 0; n->depth && i < 2; i++) {
		below[i] = (struct nested){ n->p, n->depth - 1, 0 };
		j[i] = submitted(n->p, nest, &below[i], sizeof below[i]);
	}
	for (int i = 0; n->depth && i < 2; i++) {
		r = tl_job_get(j[i], TL_NEVER);
		if (r < 0)
			return r;
		n->sum += below[i].sum;
	}
	return r;
}

/* D13: jobs that wait for jobs of their own pool do not stop it */
TEST_KINDS(jobs_wait_for_jobs)
{
	tl_pool *p = opened(kind, 1);
	struct nested top = { p, 7, 0 };

	CHECK_EQ(tl_job_get(submitted(p, nest, &top, sizeof top), TL_NEVER), 0);
	CHECK_EQ(top.sum, 255);
	tl_pool_close(p, TL_NEVER);
}

static int nest_in_child(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, nest, arg, NULL);
	return tl_scope_close(&s);
}

/* So do strands that a job starts. */
TEST_KINDS(children_of_jobs_wait_for_jobs)
{
	tl_pool *p = opened(kind, 1);
	struct nested top = { p, 3, 0 };

	CHECK_EQ(tl_job_get(submitted(p, nest_in_child, &top, sizeof top), TL_NEVER), 0);
	CHECK_EQ(top.sum, 15);
	tl_pool_close(p, TL_NEVER);
}

static int start_one(void *arg)
{
	tl_task_start(NULL, count_up, *(void **)arg, NULL);
	return 0;
}
static int start_failing(void *arg)
{
	tl_task_start(NULL, answer, *(void **)arg, NULL);
	return 0;
}

/* D12: what a job starts has ended when the job has, and fails with it */
TEST_KINDS(a_job_has_a_scope)
{
	tl_pool *p = opened(kind, 1);
	_Atomic int n = 0;
	void *arg = (void *)&n;
	int why = -EILSEQ;

	for (int i = 1; i <= 20; i++) {
		CHECK_EQ(tl_job_get(submitted(p, start_one, &arg, sizeof arg), TL_NEVER), 0);
		CHECK_EQ(atomic_load(&n), i);
	}
	arg = &why;
	CHECK_EQ(tl_job_get(submitted(p, start_failing, &arg, sizeof arg), TL_NEVER), -EILSEQ);
	CHECK_EQ(tl_job_get(submitted(p, twice, &why, sizeof why), TL_NEVER), -EILSEQ);
	tl_pool_close(p, TL_NEVER);
}
