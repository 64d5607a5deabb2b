/* test_lock_owner.c - a lock in shared memory whose holder, repairer or waiter is killed: no other
 * process waits for ever, none is let in as if nothing had happened, and a repair makes it sound. */
#include "check.h"
#include "telar.h"
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <time.h>

struct shared {
	tl_lock lock;
	long a, b;             /* equal whenever the lock is free and sound */
	_Atomic int inside;    /* pid of the holder */
	_Atomic int ready[16]; /* steps of the cast */
	_Atomic long repairs;
};

static struct shared *share(void)
{
	struct shared *m = tl_shared(sizeof *m);

	CHECK(m != NULL);
	return m;
}

static uint32_t number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

/* Until killed. */
static int stay(void)
{
	while (getppid() > 0)
		pause();
	return 0;
}

static pid_t begin(int (*fn)(struct shared *), struct shared *m)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
		_exit(fn(m) < 0 ? 1 : 0);
	}
	return pid;
}

static void await(_Atomic int *step)
{
	while (!atomic_load(step)) {
		tl_yield();
		sched_yield();
	}
}

static void await_blocked(tl_strand t)
{
	while (tl_state(t) != TL_BLOCKED) {
		tl_yield();
		sched_yield();
	}
}

static void kill_now(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

static void went_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

/* -- one killed holder, and everybody who may wait for it */

static int hold_for_ever(struct shared *m)
{
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	m->a++; /* and never b */
	atomic_store(&m->ready[0], 1);
	return stay();
}

static int third(struct shared *m)
{
	atomic_store(&m->ready[1], 1);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), -EOWNERDEAD);
	return 0;
}

static int waiter(void *arg)
{
	struct shared *m = arg;

	return tl_lock_acquire(&m->lock, TL_NEVER);
}

static void quiet(const tl_report *r, void *arg)
{
	*(int *)arg += r->kind == TL_R_MISUSE;
}

static int ending(tl_strand t)
{
	tl_end e;

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e.value;
}

TEST_LIMIT(killed_holder, 60)
{
	struct shared *m = share();
	tl_scope s = { .keep_going = true };
	tl_strand thread, task, late;
	pid_t holder, other;
	int misuses = 0;

	holder = begin(hold_for_ever, m);
	await(&m->ready[0]);
	other = begin(third, m);
	await(&m->ready[1]);
	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, waiter, m, &(tl_opts){ .ret = &thread }), 0);
	CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &task }), 0);
	await_blocked(thread);
	await_blocked(task);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN); /* it lives */
	CHECK_EQ(tl_lock_acquire(&m->lock, tl_after(tl_ms(30))), -ETIMEDOUT);
	CHECK_EQ(kill(holder, SIGKILL), 0);
	CHECK_EQ(ending(thread), -EOWNERDEAD);
	CHECK_EQ(ending(task), -EOWNERDEAD);
	went_well(other);
	CHECK_EQ(waitpid(holder, NULL, 0), holder); /* only now: nobody had to be reaped first */
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EOWNERDEAD);
	CHECK(!tl_lock_held(&m->lock));

	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	CHECK_EQ(m->a, m->b + 1);
	tl_on_report(quiet, &misuses);
	CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &late }), 0);
	await_blocked(late);
	m->b = m->a;
	tl_lock_release(&m->lock);
	CHECK_EQ(ending(late), 0); /* and it ends holding, so the lock is lost once more */
	CHECK_EQ(misuses, 1);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 0);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
	CHECK(tl_shared_free(m) == NULL);
}

/* -- a killed repairer */

static int repair_for_ever(struct shared *m)
{
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	atomic_store(&m->ready[2], 1);
	return stay();
}

TEST_LIMIT(killed_repairer, 60)
{
	struct shared *m = share();
	tl_scope s = { .keep_going = true };
	tl_strand task, thread;
	pid_t p;

	p = begin(hold_for_ever, m);
	await(&m->ready[0]);
	kill_now(p);
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		atomic_store(&m->ready[2], 0);
		p = begin(repair_for_ever, m);
		await(&m->ready[2]);
		/* Under repair: they wait. */
		CHECK_EQ(tl_thread_start(&s, waiter, m, &(tl_opts){ .ret = &thread }), 0);
		CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &task }), 0);
		await_blocked(thread);
		await_blocked(task);
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN);
		kill_now(p);
		CHECK_EQ(ending(thread), -EOWNERDEAD);
		CHECK_EQ(ending(task), -EOWNERDEAD);
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EOWNERDEAD);
	}
	CHECK_EQ(tl_lock_recover(&m->lock, TL_POLL), 1);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), 0);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
}

/* -- killed waiters: whoever comes after them in the queue still gets it */

static int wait_and_hold(struct shared *m)
{
	atomic_fetch_add(&m->ready[3], 1);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	CHECK_EQ(++m->a, m->b + 1);
	m->b++;
	tl_lock_release(&m->lock);
	return 0;
}

TEST_LIMIT(killed_waiters, 60)
{
	struct shared *m = share();
	pid_t dead[4], live[4];

	for (int round = 0; round < 5; round++) {
		atomic_store(&m->ready[3], 0);
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
		for (int i = 0; i < 4; i++) {
			dead[i] = begin(wait_and_hold, m);
			live[i] = begin(wait_and_hold, m);
		}
		while (atomic_load(&m->ready[3]) < 8)
			sched_yield();
		for (int i = 0; i < 2; i++) /* before, and while the lock is given away */
			kill_now(dead[i]);
		tl_lock_release(&m->lock);
		for (int i = 2; i < 4; i++)
			CHECK_EQ(kill(dead[i], SIGKILL), 0);
		for (int i = 2; i < 4; i++)
			CHECK_EQ(waitpid(dead[i], NULL, 0), dead[i]);
		/* The late ones may have been killed holding it; then the others say so. */
		for (int i = 0; i < 4; i++) {
			int status;

			CHECK_EQ(waitpid(live[i], &status, 0), live[i]);
			CHECK(WIFEXITED(status));
		}
		CHECK(tl_lock_recover(&m->lock, TL_NEVER) >= 0);
		m->b = m->a;
		tl_lock_release(&m->lock);
	}
}

/* -- kill anywhere: four processes take turns, and one after the other is killed and replaced */

static void repair(struct shared *m)
{
	int r = tl_lock_recover(&m->lock, TL_NEVER);

	CHECK(r >= 0);
	if (r == 1) {
		CHECK(m->a - m->b >= 0 && m->a - m->b <= 1);
		atomic_store(&m->inside, getpid());
		m->b = m->a;
		atomic_fetch_add(&m->repairs, 1);
	} else {
		CHECK_EQ(m->a, m->b);
		atomic_store(&m->inside, getpid());
	}
	CHECK_EQ(atomic_load(&m->inside), getpid());
	tl_lock_release(&m->lock);
}

static int take_turns(void *arg)
{
	struct shared *m = arg;

	while (atomic_load(&m->repairs) >= 0) {
		int r = tl_lock_acquire(&m->lock, TL_NEVER);

		CHECK(r == 0 || r == -EOWNERDEAD);
		if (r < 0) {
			repair(m);
			continue;
		}
		CHECK_EQ(m->a, m->b);
		atomic_store(&m->inside, getpid());
		m->a++;
		for (volatile int i = 0; i < 200; i++)
			continue;
		m->b++;
		CHECK_EQ(atomic_load(&m->inside), getpid()); /* nobody else was let in */
		tl_lock_release(&m->lock);
	}
	return 0;
}

static int by_main(struct shared *m) { return take_turns(m); }

/* Two tasks, which wait by the bridge. */
static int by_tasks(struct shared *m)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, take_turns, m, NULL);
	tl_task_start(&s, take_turns, m, NULL);
	return tl_scope_close(&s);
}

enum { CAST = 4, KILLS = 240 };

TEST_LIMIT(kill_anywhere, 240)
{
	struct shared *m = share();
	uint64_t seed = 20260101;
	pid_t cast[CAST];
	long seen = 0;

	for (int i = 0; i < CAST; i++)
		cast[i] = begin(i % 2 ? by_tasks : by_main, m);
	for (int k = 0; k < KILLS; k++) {
		uint32_t i = number(&seed) % CAST;
		struct timespec nap = { 0, (long)(number(&seed) % 700000) };

		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL); /* where it strikes is chance */
		if (number(&seed) % 4 == 0) /* sometimes at whoever is inside */
			for (uint32_t c = 0; c < CAST; c++)
				if (cast[c] == atomic_load(&m->inside))
					i = c;
		kill_now(cast[i]);
		cast[i] = begin(i % 2 ? by_tasks : by_main, m);
		/* The others go on: the parent itself gets its turn, and sees them move. */
		repair(m);
		CHECK(m->a >= seen);
		seen = m->a;
	}
	for (int i = 0; i < CAST; i++)
		kill_now(cast[i]);
	repair(m);
	CHECK_EQ(m->a, m->b);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), 0);
	tl_lock_release(&m->lock);
	CHECK(m->a > 0);
	CHECK(atomic_load(&m->repairs) > 0); /* some were killed inside, or this tested nothing */
	printf("%ld turns, %ld repairs\n", m->a, atomic_load(&m->repairs));
}

/* The same without anybody who comes from outside: those who wait must find out by themselves. */
static int some_turns(struct shared *m)
{
	for (int i = 0; i < 200; i++) {
		int r = tl_lock_acquire(&m->lock, TL_NEVER);

		if (r == -EOWNERDEAD) {
			repair(m);
			continue;
		}
		CHECK_EQ(r, 0);
		CHECK_EQ(m->a, m->b);
		atomic_store(&m->inside, getpid());
		m->a++;
		sched_yield();
		m->b++;
		tl_lock_release(&m->lock);
	}
	return 0;
}

TEST_LIMIT(those_who_wait_find_out, 120)
{
	struct shared *m = share();
	pid_t cast[CAST], holder;

	for (int round = 0; round < 5; round++) {
		atomic_store(&m->ready[0], 0);
		holder = begin(hold_for_ever, m);
		await(&m->ready[0]);
		for (int i = 0; i < CAST; i++)
			cast[i] = begin(some_turns, m);
		kill_now(holder);
		for (int i = 0; i < CAST; i++)
			went_well(cast[i]);
		CHECK_EQ(m->a, m->b);
	}
	CHECK_EQ(atomic_load(&m->repairs), 5);
}

/* -- fork, and what the parent held */

static int found_lost(tl_lock *l)
{
	CHECK_EQ(tl_lock_acquire(l, TL_POLL), -EOWNERDEAD);
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_lock_recover(l, TL_NEVER), 1);
	CHECK_EQ(tl_lock_acquire(l, TL_POLL), -EDEADLK);
	tl_lock_release(l);
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	tl_lock_release(l);
	return 0;
}

static int end_quietly(void *arg)
{
	(void)arg;
	return 0;
}

TEST_LIMIT(private_lock_across_fork, 60)
{
	tl_lock l[3] = { 0 };
	pid_t pid;

	for (int i = 0; i < 3; i++)
		CHECK_EQ(tl_lock_acquire(&l[i], TL_NEVER), 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			found_lost(&l[(i + 1) % 3]);
		tl_task_start(NULL, end_quietly, NULL, NULL);
		_exit(tl_finish());
	}
	CHECK(pid > 0);
	went_well(pid);
	for (int i = 0; i < 3; i++) {
		CHECK(tl_lock_held(&l[i])); /* the parent's own is untouched */
		tl_lock_release(&l[i]);
	}
}

static int hold_private(void *l)
{
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	while (tl_yield() == 0)
		sched_yield();
	tl_lock_release(l);
	return 0;
}

/* Another strand of the parent holds it; children of children too. */
TEST_LIMIT(private_lock_of_another_strand_across_forks, 60)
{
	tl_scope s = { 0 };
	tl_lock l = { 0 };
	tl_strand t;
	pid_t pid;

	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, hold_private, &l, &(tl_opts){ .ret = &t }), 0);
	while (!tl_lock_held(&l))
		tl_yield();
	pid = fork();
	if (pid == 0) {
		pid = fork();
		CHECK(pid >= 0);
		found_lost(&l);
		if (pid == 0)
			_exit(0);
		went_well(pid);
		_exit(0);
	}
	CHECK(pid > 0);
	went_well(pid);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), 0);
	tl_lock_release(&l);
}

/* The parent's shared lock stays the parent's, as long as it lives. */
static int not_mine(struct shared *m)
{
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_lock_acquire(&m->lock, tl_after(tl_ms(20))), -ETIMEDOUT);
	return 0;
}

TEST_LIMIT(shared_lock_across_fork, 60)
{
	struct shared *m = share();

	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	went_well(begin(not_mine, m));
	CHECK(tl_lock_held(&m->lock));
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), 0);
	tl_lock_release(&m->lock);
}

/* A process that ends in good order but holding is no different from a killed one. */
static int leave_it_held(struct shared *m) { return tl_lock_acquire(&m->lock, TL_NEVER); }

TEST_LIMIT(holder_exits, 60)
{
	struct shared *m = share();

	for (int i = 0; i < 20; i++) {
		went_well(begin(leave_it_held, m));
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), -EOWNERDEAD);
		CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
		tl_lock_release(&m->lock);
	}
}

/* -- cancel and deadline, waiting across processes */

TEST_LIMIT(leaving_a_shared_wait, 60)
{
	struct shared *m = share();
	tl_scope s = { .keep_going = true };
	tl_strand task, thread;
	pid_t p = begin(hold_for_ever, m);

	await(&m->ready[0]);
	tl_scope_open(&s);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(tl_thread_start(&s, waiter, m, &(tl_opts){ .ret = &thread }), 0);
		CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &task }), 0);
		await_blocked(task);
		await_blocked(thread);
		tl_cancel(task);
		tl_cancel(thread);
		CHECK_EQ(ending(task), -ECANCELED);
		CHECK_EQ(ending(thread), -ECANCELED);
	}
	CHECK_EQ(tl_lock_acquire(&m->lock, tl_after(tl_ms(1100))), -ETIMEDOUT);
	kill_now(p);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_scope_close(&s), 0);
}
