/* test_fail_run.c - strands, scopes, timers, helper threads and shared memory, with every call to
 * the system failing once.  See every.h. */
#include "every.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

/* -- tasks in scopes */

static int twice(void *arg)
{
	int *x = arg;

	BEGINS();
	*x *= 2;
	return ends(tl_yield());
}

static int for_ever(void *arg)
{
	(void)arg;
	BEGINS();
	return ends(tl_sleep_until(TL_NEVER));
}

/* A family: two that never end by themselves, and one that goes on; it leaves by cancel. */
static int family(void *arg)
{
	tl_scope s = { .name = "family" };
	int one = *(int *)arg;

	BEGINS();
	tl_scope_open(&s);
	tl_task_start(&s, for_ever, NULL, &(tl_opts){ .name = "waits" });
	tl_task_start(&s, for_ever, NULL, &(tl_opts){ .daemon = true, .stack = 100000 });
	tl_task_start(&s, twice, &one, NULL);
	tl_yield();
	tl_scope_cancel(&s);
	return ends(tl_scope_close(&s));
}

FAULTS(nested_scopes)
{
	tl_scope s = { 0 };
	int same = 7;

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++)
		tl_task_start(&s, family, &same, &(tl_opts){ .copy = sizeof same });
	return tl_scope_close(&s);
}

FAULTS(gathering_and_waiting)
{
	int x[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, r;
	tl_scope s = { 0 };
	tl_strand t[3];

	r = tl_gather(x, 9, sizeof *x, twice, &(tl_gather_opts){ .limit = 4 }, TL_NEVER);
	for (int i = 0; r == 0 && i < 9; i++)
		CHECK_EQ(x[i], 2 * (i + 1));
	if (r < 0)
		return r;
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		tl_task_start(&s, twice, &x[i], &(tl_opts){ .ret = &t[i] });
	r = tl_wait(t, 3, TL_ALL, TL_NEVER);
	CHECK(r == 3 || r < 0);
	if (r == 3)
		CHECK_EQ(tl_join(t[2], NULL, TL_NEVER), 0);
	tl_scope_fail(&s, r == -ESRCH ? 0 : r); /* one that did not start has said so */
	return tl_scope_close(&s);
}

/* -- time */

static int third_time(void *arg)
{
	int *n = arg;

	BEGINS();
	return ends(++*n == 3 ? -ECANCELED : 0);
}

static int nap(void *arg)
{
	(void)arg;
	BEGINS();
	return ends(tl_sleep(tl_ms(1)));
}

static int oversleep(void *arg)
{
	(void)arg;
	BEGINS();
	return ends(tl_call(for_ever, NULL, tl_after(tl_ms(1))) == -ETIMEDOUT ? 0 : -EPROTO);
}

FAULTS(timers)
{
	tl_scope s = { .deadline = tl_after(tl_s(60)) };
	int n = 0, r;

	tl_scope_open(&s);
	tl_task_start(&s, nap, NULL, &(tl_opts){ .at = tl_after(tl_ms(1)) });
	tl_task_start(&s, oversleep, NULL, NULL);
	tl_task_start(&s, third_time, &n, &(tl_opts){ .every = tl_us(100) });
	r = tl_scope_close(&s);
	return n == 3 && r == -ECANCELED ? 0 : r; /* an ending of its own accord, so a failure */
}

/* -- threads */

static int with_tasks(void *arg)
{
	BEGINS();
	return ends(tl_gather(arg, 3, sizeof(int), twice, NULL, TL_NEVER));
}

FAULTS(threads)
{
	tl_thread_opts cpus = { 0 };
	tl_scope s = { 0 };
	int x[3] = { 1, 2, 3 }, y = 1;
	tl_strand paused;
	cpu_set_t set;

	CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
	cpus.cpus = &set;
	cpus.cpus_size = sizeof set;
	tl_scope_open(&s);
	tl_thread_start(&s, with_tasks, x, &(tl_opts){ .name = "with tasks", .stack = 200000 });
	tl_thread_start(&s, twice, &y, &(tl_opts){ .paused = true, .ret = &paused });
	tl_thread_start(&s, nap, NULL, &(tl_opts){ .thread = &cpus, .at = tl_after(tl_ms(1)) });
	tl_thread_start(&s, for_ever, NULL, &(tl_opts){ .daemon = true });
	tl_resume(paused); /* unless it could not be started */
	return tl_scope_close(&s);
}

FAULTS(tasks_anywhere)
{
	tl_scope s = { 0 };
	int x[40];

	tl_workers(3); /* too late the second time */
	tl_scope_open(&s);
	for (int i = 0; i < 40; i++) {
		x[i] = i;
		tl_task_start(&s, twice, &x[i], &(tl_opts){ .anywhere = true });
	}
	return tl_scope_close(&s);
}

/* -- helpers */

static int increment(void *record) { return ++*(int *)record; }

static int offloads(void *arg)
{
	int x = 41, r;

	(void)arg;
	BEGINS();
	r = tl_offload(increment, &x, sizeof x, TL_NEVER);
	CHECK(r < 0 || x == 42);
	return ends(r < 0 ? r : 0);
}

FAULTS(offloading)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, offloads, NULL, NULL);
	for (int i = 0; i < 3; i++)
		tl_task_start(&s, offloads, NULL, NULL);
	return tl_scope_close(&s);
}

/* -- shared memory */

struct shared {
	tl_lock lock;
	int n;
};

static int count_up(void *arg)
{
	struct shared *m = arg;
	int r = 0;

	BEGINS();
	for (int i = 0; r == 0 && i < 3; i++)
		if ((r = tl_lock_acquire(&m->lock, TL_NEVER)) == 0) {
			m->n++;
			tl_yield();
			tl_lock_release(&m->lock);
		}
	return ends(r);
}

FAULTS(shared_memory)
{
	struct shared *m = tl_shared(sizeof *m);
	tl_scope s = { 0 };
	int r;

	if (!m)
		return -ENOMEM;
	tl_scope_open(&s);
	tl_thread_start(&s, count_up, m, NULL);
	for (int i = 0; i < 2; i++)
		tl_task_start(&s, count_up, m, NULL);
	r = tl_scope_close(&s);
	CHECK(r < 0 || m->n == 9);
	tl_shared_free(m);
	return r;
}

/* Without a ring: tasks that wait need a thread that does it for them. */
FAULTS(shared_memory_by_epoll)
{
	setenv("TELAR_POLLER", "epoll", 1);
	return shared_memory(arg);
}

/* In a process of its own: acquire, say so, and stay until killed. */
static pid_t begin_holder(struct shared *m)
{
	int fd[2];
	pid_t pid;
	char r;

	CHECK_EQ(pipe(fd), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		r = tl_lock_acquire(&m->lock, TL_NEVER) == 0;
		CHECK_EQ(write(fd[1], &r, 1), 1);
		while (getppid() > 0)
			pause();
		_exit(0);
	}
	CHECK_EQ(read(fd[0], &r, 1), 1);
	CHECK_EQ(r, 1);
	close(fd[0]);
	close(fd[1]);
	return pid;
}

/* A fault is no reason to take a living owner for dead. */
FAULTS(lock_of_another_process)
{
	struct shared *m = tl_shared(sizeof *m);
	pid_t pid;

	if (!m)
		return -ENOMEM;
	pid = begin_holder(m);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EOWNERDEAD);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_POLL), 1);
	tl_lock_release(&m->lock);
	tl_shared_free(m);
	return 0;
}

/* -- generators */

static int steps(void *arg)
{
	int r = tl_sleep(tl_us(10));

	while (r == 0)
		r = tl_gen_yield(arg, NULL);
	return r;
}

/* Each level has its own, opened and closed inside. */
static int nests(void *depth)
{
	int below = *(int *)depth - 1, r, q;
	tl_gen *g;

	r = tl_gen_open(
		&g, below ? nests : steps, &below, &(tl_gen_opts){ .stack = 65536u * below });
	if (r < 0)
		return r;
	r = tl_gen_from(g, NULL);
	q = tl_gen_close(g);
	return q < 0 ? q : r;
}

static int advances(void *depth)
{
	tl_gen *g;
	int r, q;

	BEGINS();
	r = tl_gen_open(&g, nests, depth, NULL);
	if (r < 0)
		return ends(r);
	for (int i = 0; r == 0 && i < 3; i++)
		r = tl_gen_send(g, NULL, NULL);
	q = tl_gen_close(g);
	return ends(r < 0 ? r : q);
}

FAULTS(generators)
{
	tl_scope s = { 0 };
	int depth = 4;

	tl_scope_open(&s);
	tl_task_start(&s, advances, &depth, NULL);
	tl_task_start(&s, advances, &depth, NULL);
	return tl_scope_close(&s);
}

/* -- looking */

FAULTS(looking)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), r;
	char text[100];

	CHECK(null >= 0);
	CHECK(tl_cpu_count() > 0);
	CHECK(tl_site_text((void *)looking, text, sizeof text) > 0);
	r = tl_crash_reports(true);
	tl_crash_reports(false);
	if (r == 0)
		r = tl_dump(null);
	close(null);
	return r < 0 ? r : 0;
}
