/* test_pool_process.c - pools whose workers are processes, and what their deaths cost. */
#include "kit/pool_crew.h"
#include "pools.h"
#include "telar/process.h"
#include "telar/shared.h"
#include <sys/resource.h>

/* What all processes see. */
struct seen {
	_Atomic int come, go, n, deaths;
	int deadly;
};

static struct seen *seen_new(void)
{
	struct seen *s = tl_shared(sizeof *s);

	CHECK(s != NULL);
	return s;
}

static int id_of(void *ret)
{
	*(pid_t *)ret = getpid();
	return 5;
}

/* The process is no more: its zygote has seen to that by the time of its end. */
static bool gone(pid_t pid) { return kill(pid, 0) < 0; }

/* D13: jobs run in other processes, and their records come back */
TEST(other_processes)
{
	tl_pool *p = opened(TL_PROCESS, 2);
	pid_t pid = 0;
	tl_job_report end;
	tl_job j = submitted(p, id_of, &pid, sizeof pid);

	UNTIL(tl_job_end(j, &end) == 0);
	CHECK_EQ(tl_job_get(j, TL_NEVER), 5);
	CHECK(pid > 0 && pid != getpid());
	CHECK_EQ(end.pid, pid);
	CHECK_EQ(end.signal, 0);
	CHECK_EQ(end.tries, 0);
	CHECK(strcmp(end.name, "pool-1") == 0 || strcmp(end.name, "pool-2") == 0);
	for (int i = 0; i < 300; i++) {
		int record = i;
		CHECK_EQ(tl_job_get(submitted(p, twice, &record, sizeof record), TL_NEVER), i);
		CHECK_EQ(record, 2 * i);
	}
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK(gone(pid));
	CHECK_EQ(tl_finish(), 0);
}

enum { LARGE = 20000 };
static int all_twice(void *arg)
{
	for (int i = 0; i < LARGE; i++)
		((int *)arg)[i] *= 2;
	return 0;
}

/* Maps, batches in order and not, and large records; and pointers into shared memory. */
TEST(records_there_and_back)
{
	static int v[LARGE], status[LARGE];
	tl_pool *p = opened(TL_PROCESS, 3);
	struct seen *s = seen_new();
	int *counter = (int *)&s->n;

	for (size_t chunk = 0; chunk < 3; chunk++) {
		tl_batch_opts o = { .chunk = chunk, .status = status };

		for (int i = 0; i < LARGE; i++)
			v[i] = i;
		CHECK_EQ(tl_pool_map(p, v, LARGE, sizeof *v, twice, &o, TL_NEVER), 0);
		for (int i = 0; i < LARGE; i++)
			CHECK(v[i] == 2 * i && status[i] == i);
	}
	for (int ordered = 0; ordered < 2; ordered++) {
		tl_batch_opts o = { .chunk = 7, .ordered = ordered };
		tl_batch *b;
		int left = 500;
		size_t i;

		CHECK_EQ(tl_batch_open(&b, p, v, 500, sizeof *v, twice, &o), 0);
		for (; tl_batch_next(b, &i, NULL, TL_NEVER) == 0; left--)
			CHECK(!ordered || i == 500 - (size_t)left);
		CHECK_EQ(left, 0);
		tl_batch_close(b);
	}
	for (int i = 0; i < LARGE; i++)
		v[i] = i;
	CHECK_EQ(tl_job_get(submitted(p, all_twice, v, sizeof v), TL_NEVER), 0);
	for (int i = 0; i < LARGE; i++)
		CHECK_EQ(v[i], 2 * i);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(tl_job_get(submitted(p, count_up, counter, 0), TL_NEVER), 0);
	CHECK_EQ(atomic_load(&s->n), 50);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* -- deaths */

struct deadly {
	struct seen *seen;
	int value;
};

/* Dies with its process as long as that many deaths are left. */
static int dies(void *arg)
{
	struct deadly *d = arg;

	d->value++; /* of this copy: a later try does not see it */
	if (atomic_fetch_add(&d->seen->deaths, 1) < d->seen->deadly)
		kill(getpid(), SIGKILL);
	return d->value;
}

/* D12: a worker that dies costs its own job a retry, never the pool */
TEST(death_is_retried)
{
	enum { N = 100 };
	tl_pool *p = opened(TL_PROCESS, 2);
	struct deadly d = { seen_new(), 0 };
	int v[N];
	tl_job_report end;
	tl_job deadly, j[N];

	d.seen->deadly = 1;
	for (int i = 0; i < N; i++) {
		v[i] = i;
		j[i] = submitted(p, twice, &v[i], sizeof v[i]);
		if (i == N / 2)
			deadly = submitted(p, dies, &d, sizeof d);
	}
	UNTIL(tl_job_end(deadly, &end) == 0);
	CHECK_EQ(end.tries, 1);
	CHECK_EQ(end.signal, SIGKILL);
	CHECK_EQ(tl_job_get(deadly, TL_NEVER), 1);
	CHECK_EQ(d.value, 1);
	CHECK_EQ(atomic_load(&d.seen->deaths), 2);
	for (int i = 0; i < N; i++) {
		CHECK_EQ(tl_job_get(j[i], TL_NEVER), i);
		CHECK_EQ(v[i], 2 * i);
	}
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0); /* it is nobody's failure */
}

/* D12: a job that kills its worker each time ends with -EOWNERDEAD, and a report */
TEST(death_each_time)
{
	static const struct {
		int retries, tries;
	} ways[] = { { 0, 2 }, { -1, 1 }, { 3, 4 } };
	tl_pool *p = opened(TL_PROCESS, 1);
	tl_job_report end;
	int one = 1;
	tl_job j;

	for (int i = 0; i < 3; i++) {
		struct deadly d = { seen_new(), 0 };

		d.seen->deadly = 100;
		CHECK_EQ(tl_pool_submit(p, dies, &d, sizeof d,
				 &(tl_job_opts){ .ret = &j, .retries = ways[i].retries }, TL_NEVER),
			0);
		UNTIL(tl_job_end(j, &end) == 0);
		CHECK_EQ(end.result, -EOWNERDEAD);
		CHECK_EQ(end.tries, ways[i].tries);
		CHECK_EQ(end.signal, SIGKILL);
		CHECK_STR(end.name, "pool-1");
		CHECK(end.pid > 0 && gone(end.pid));
		CHECK_EQ(tl_job_get(j, TL_NEVER), -EOWNERDEAD);
		CHECK_EQ(d.value, 0);
		CHECK_EQ(atomic_load(&d.seen->deaths), ways[i].tries);
		CHECK(tl_job_get(submitted(p, twice, &one, sizeof one), TL_NEVER) > 0);
	}
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

static int leaves(void *arg)
{
	(void)arg;
	_exit(3);
}

/* D13: one that leaves its process is lost like one that is killed, and a map says which */
TEST(exit_in_a_map)
{
	tl_pool *p = opened(TL_PROCESS, 2);
	int v[4] = { 0 }, status[4];

	CHECK_EQ(tl_pool_map(p, v, 4, sizeof *v, leaves,
			 &(tl_batch_opts){ .chunk = 1, .status = status }, TL_NEVER),
		-EOWNERDEAD);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(status[i], -EOWNERDEAD);
	CHECK_EQ(tl_pool_map(p, v, 4, sizeof *v, twice, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* -- workers come and go */

static int note_pid(void *arg)
{
	*(pid_t *)arg = getpid();
	return 0;
}

/* D12: a worker ends after so many jobs, another takes its place, and all jobs are done */
TEST(recycle)
{
	enum { N = 40, EACH = 5 };
	tl_pool_opts o = { .kind = TL_PROCESS, .workers = 1, .recycle = EACH };
	tl_pool *p = NULL;
	pid_t pid[N] = { 0 };
	int pids = 1;

	CHECK_EQ(tl_pool_open(&p, &(tl_pool_opts){ .workers = 1, .recycle = 1 }), -EINVAL);
	CHECK_EQ(tl_pool_open(&p, &o), 0);
	CHECK_EQ(tl_pool_map(p, pid, N, sizeof *pid, note_pid, &(tl_batch_opts){ .chunk = 1 },
			 TL_NEVER),
		0);
	for (int i = 1; i < N; i++)
		pids += pid[i] != pid[i - 1];
	CHECK_EQ(pids, N / EACH);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

static int init_shared(void *arg)
{
	struct seen *s = arg;

	atomic_fetch_add(&s->n, 1);
	return s->deadly;
}

/* D13: each process is prepared, and one that cannot be breaks the pool */
TEST(prepared)
{
	struct seen *s = seen_new();
	tl_pool_opts o = { .kind = TL_PROCESS, .workers = 2, .init = init_shared, .init_arg = s };
	tl_pool *p = NULL;
	int one = 1;
	tl_job j;

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	CHECK_EQ(tl_job_get(submitted(p, twice, &one, sizeof one), TL_NEVER), 1);
	UNTIL(atomic_load(&s->n) == 2);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	s->deadly = -ENODEV;
	CHECK_EQ(tl_pool_open(&p, &o), 0);
	if (tl_pool_submit(p, twice, &one, sizeof one, &(tl_job_opts){ .ret = &j }, TL_NEVER) == 0)
		CHECK_EQ(tl_job_get(j, TL_NEVER), -ENODEV);
	CHECK_EQ(tl_pool_submit(p, twice, &one, sizeof one, NULL, TL_NEVER), -ENODEV);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

static int init_dies(void *arg)
{
	(void)arg;
	abort();
}

/* A process that dies whenever it is prepared is not begun for ever. */
TEST(stillborn)
{
	tl_pool_opts o = { .kind = TL_PROCESS, .workers = 2, .init = init_dies };
	tl_pool *p = NULL;
	int one = 1;
	tl_job j = { 0 };

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	if (tl_pool_submit(p, twice, &one, sizeof one, &(tl_job_opts){ .ret = &j }, TL_NEVER) == 0)
		CHECK_EQ(tl_job_get(j, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* -- asked to stop */

static int waits(void *arg)
{
	struct seen *s = arg;
	int r = 0;

	atomic_fetch_add(&s->n, 1);
	atomic_store(&s->come, 1);
	while (r == 0 && !atomic_load(&s->go))
		r = tl_sleep(tl_us(200));
	return r;
}

/* D13: a job in a process can be withdrawn, or asked to stop; the pool goes on */
TEST(cancel_in_a_process)
{
	tl_pool *p = opened(TL_PROCESS, 1);
	struct seen *s = seen_new(), *t = seen_new();
	tl_job runs = submitted(p, waits, s, 0), behind, next;
	int one = 1;

	UNTIL(atomic_load(&s->come));
	behind = submitted(p, waits, t, 0);
	next = submitted(p, twice, &one, sizeof one);
	CHECK_EQ(tl_job_cancel(behind), 1);
	CHECK_EQ(tl_job_get(behind, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_job_cancel(runs), 0);
	CHECK_EQ(tl_job_get(runs, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_job_get(next, TL_NEVER), 1);
	CHECK_EQ(atomic_load(&t->n), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

static int feels_a_cancel(void *n)
{
	for (int i = 0; i < 20; i++)
		if (tl_yield() < 0)
			return -ECANCELED;
	return *(int *)n;
}

/* The worker may be done with the one, and have begun the other. */
TEST(a_cancel_is_for_one_job_alone)
{
	tl_pool *p = opened(TL_PROCESS, 1);
	int n = 7;

	for (int i = 0; i < 400; i++) {
		tl_job one = submitted(p, feels_a_cancel, &n, sizeof n);
		tl_job two = submitted(p, feels_a_cancel, &n, sizeof n);
		int64_t until = tl_now().ns + i * 50; /* where it strikes is chance */

		while (tl_now().ns < until)
			;
		int r = (tl_job_cancel(one), tl_job_get(one, TL_NEVER));
		CHECK(r == 7 || r == -ECANCELED);
		CHECK_EQ(tl_job_get(two, TL_NEVER), 7);
	}
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* D12: a pool of processes that is told to stop at once leaves none */
TEST(close_at_once)
{
	tl_pool *p = opened(TL_PROCESS, 2);
	struct seen *s = seen_new();
	tl_strand getter;
	tl_job j[5];
	tl_end end;
	tl_scope scope = { .keep_going = true };

	for (int i = 0; i < 5; i++)
		j[i] = submitted(p, waits, s, 0);
	UNTIL(atomic_load(&s->n) == 2);
	tl_scope_open(&scope);
	tl_thread_start(&scope, get_it, &j[4], &(tl_opts){ .ret = &getter });
	UNTIL(tl_state(getter) == TL_BLOCKED);
	CHECK_EQ(tl_pool_close(p, TL_POLL), 5);
	CHECK_EQ(tl_join(getter, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, -ECANCELED);
	tl_scope_close(&scope);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(tl_job_get(j[i], TL_NEVER), -ESRCH);
}

/* D13: more than may wait is refused, of processes too */
TEST(full_of_processes)
{
	tl_pool_opts o = { .kind = TL_PROCESS, .workers = 2, .queued = 3 };
	tl_job_opts full = { .full = TL_FULL_REJECT };
	struct seen *s = seen_new();
	tl_pool *p = NULL;

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(tl_pool_submit(p, waits, s, 0, &full, TL_NEVER), 0);
	CHECK_EQ(tl_pool_submit(p, waits, s, 0, &full, TL_NEVER), -EAGAIN);
	CHECK_EQ(tl_pool_submit(p, waits, s, 0, NULL, tl_after(tl_ms(2))), -ETIMEDOUT);
	atomic_store(&s->go, 1);
	CHECK_EQ(tl_pool_submit(p, waits, s, 0, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(atomic_load(&s->n), 6);
}

/* A job that has to wait behind a long one is taken back for a worker that is idle. */
TEST(not_behind_a_long_one)
{
	tl_pool *p = opened(TL_PROCESS, 2);
	struct seen *s = seen_new();
	tl_job longest = submitted(p, waits, s, 0), j[20];
	int v[20];

	UNTIL(atomic_load(&s->come));
	for (int i = 0; i < 20; i++) {
		v[i] = i;
		j[i] = submitted(p, twice, &v[i], sizeof v[i]);
	}
	for (int i = 0; i < 20; i++)
		CHECK_EQ(tl_job_get(j[i], TL_NEVER), i);
	atomic_store(&s->go, 1);
	CHECK_EQ(tl_job_get(longest, TL_NEVER), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* From tasks on a loop, which goes on meanwhile. */
static int one_task(void *arg)
{
	int i = 1, r;

	r = tl_job_get(submitted(arg, twice, &i, sizeof i), TL_NEVER);
	return r == 1 && i == 2 ? 0 : -EILSEQ;
}
TEST(from_tasks)
{
	tl_pool *p = opened(TL_PROCESS, 2);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 200; i++)
		tl_task_start(&s, one_task, p, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
}

/* One that was stopped when it had taken the bell's flag down, and has not rung yet, keeps nobody
 * else's results back. */
TEST(stopped_before_it_rings)
{
	tl_pool *p = opened(TL_PROCESS, 2);
	struct seen *s = seen_new();
	tl_job j = submitted(p, waits, s, 0);
	tl_strand t;

	CHECK_EQ(tl_task_start(NULL, get_it, &j, &(tl_opts){ .ret = &t }), 0);
	UNTIL(s->come && tl_state(t) == TL_BLOCKED && !p->hub->watched && p->hub->sleeps);
	p->hub->sleeps = 0;
	s->go = 1;
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

static int zygote_of(void *ret)
{
	*(pid_t *)ret = getppid();
	return 0;
}

/* Where no other can be forked for the dead one, the pool goes on with those it has. */
TEST(no_more_forks_for_a_while)
{
	struct seen *s, *again;
	struct rlimit none, was;
	struct deadly d = { 0 };
	tl_pool_figures now;
	tl_job j[2];
	pid_t zygote;
	tl_pool *p;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		SKIP("cannot become a user that has limits");
	p = opened(TL_PROCESS, 2);
	s = seen_new();
	again = seen_new();
	d.seen = seen_new();
	for (int i = 0; i < 2; i++)
		j[i] = submitted(p, waits, s, 0);
	UNTIL(s->n == 2);
	s->go = 1;
	for (int i = 0; i < 2; i++)
		CHECK_EQ(tl_job_get(j[i], TL_NEVER), 0);
	CHECK_EQ(tl_job_get(submitted(p, zygote_of, &zygote, sizeof zygote), TL_NEVER), 0);
	CHECK_EQ(prlimit(zygote, RLIMIT_NPROC, NULL, &was), 0);
	none = (struct rlimit){ 0, was.rlim_max };
	CHECK_EQ(prlimit(zygote, RLIMIT_NPROC, &none, NULL), 0);
	d.seen->deadly = 1;
	CHECK_EQ(tl_job_get(submitted(p, dies, &d, sizeof d), TL_NEVER), 1);
	for (int i = 0; i < 200; i++) {
		int one = 1;
		CHECK_EQ(tl_job_get(submitted(p, twice, &one, sizeof one), TL_NEVER), 1);
		tl_sleep(tl_ms(1));
	}
	tl_pool_stat(p, &now);
	CHECK_EQ(now.broken, 0);
	CHECK_EQ(prlimit(zygote, RLIMIT_NPROC, &was, NULL), 0);
	for (int i = 0; i < 2; i++)
		j[i] = submitted(p, waits, again, 0);
	UNTIL(again->n == 2);
	again->go = 1;
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}
