/* test_sync_anywhere.c - processes that share a semaphore, a condition, an event, a barrier, a
 * rwlock, a once or a future are killed anywhere; the others go on. */
#include "cast.h"
#include "run/run.h"
#include <limits.h>

enum { CAST = 4, KILLS = 60 };

struct play {
	_Atomic long turns[CAST]; /* of each place in the cast */
	_Atomic int at[CAST];     /* what it may have taken: 0 nothing, 1 perhaps, 2 yes */
	_Atomic int next;         /* the place of the one that begins */
	_Atomic long told;
	uint64_t seed;
	tl_sem sem;
	tl_lock lock;
	tl_cond cond;
	tl_event event[2];
	tl_barrier barrier;
	tl_rwlock rw;
	tl_once once;
	tl_future future;
	long a, b;
	_Atomic int runs;
};

static struct play *m; /* each process has one */
static int place;

static struct play *set_stage(void)
{
	m = shared_zero(sizeof *m);
	m->seed = 20260707;
	return m;
}

static pid_t enter(int i, tl_fn *fn)
{
	place = i;
	atomic_store(&m->at[i], 0);
	return cast(i % KINDS, fn, m);
}

/* Until killed. */
static bool plays(const struct play *on) { return on == m && getppid() > 0; }

static void step(void) { atomic_fetch_add(&m->turns[place], 1); }

/* Kill one after the other; after each death, and the repair that is the parent's, all the places
 * move again. */
static void kill_them(tl_fn *fn, void (*repair)(int dead))
{
	pid_t p[CAST];

	for (int i = 0; i < CAST; i++)
		p[i] = enter(i, fn);
	for (int k = 0; k < KILLS; k++) {
		int i = (int)(number(&m->seed) % CAST);
		long now[CAST];

		nap(&m->seed, 3000);
		kill_now(p[i]);
		window_died();
		if (repair)
			repair(i);
		p[i] = enter(i, fn);
		for (int j = 0; j < CAST; j++)
			now[j] = atomic_load(&m->turns[j]);
		for (int j = 0; j < CAST; j++)
			await_more(&m->turns[j], now[j]);
	}
	for (int i = 0; i < CAST; i++)
		kill_now(p[i]);
}

/* -- semaphore: what is certain to be lost the parent gives back */

static int take_units(void *arg)
{
	while (plays(arg)) {
		atomic_store(&m->at[place], 1);
		CHECK_EQ(tl_sem_acquire(&m->sem, TL_NEVER), 0);
		atomic_store(&m->at[place], 2);
		step();
		if (number(&m->seed) % 8 == 0)
			sched_yield();
		atomic_store(&m->at[place], 1);
		CHECK_EQ(tl_sem_release(&m->sem, 1), 0);
		atomic_store(&m->at[place], 0);
	}
	return 0;
}

static int maybe;

static void give_back(int dead)
{
	maybe += atomic_load(&m->at[dead]) == 1;
	if (atomic_load(&m->at[dead]))
		CHECK(tl_sem_release(&m->sem, 1) != -EINVAL); /* one too many, perhaps */
}

TEST_LIMIT(semaphore_anywhere, 120)
{
	set_stage()->sem.value = 2;
	kill_them(take_units, give_back);
	for (int i = 0; i < CAST; i++)
		give_back(i);
	CHECK(tl_sem_count(&m->sem) >= 2);
	CHECK(tl_sem_count(&m->sem) <= 2 + maybe);
}

/* -- condition: two numbers go up in turn, each waits for its own */

static int wait_for_turn(void)
{
	int r = 0;

	while (r == 0 && m->a % CAST != place)
		r = tl_cond_wait(&m->cond, &m->lock, TL_NEVER);
	return r;
}

static int go_round(void *arg)
{
	while (plays(arg)) {
		int r = tl_lock_acquire(&m->lock, TL_NEVER);

		if (r == 0)
			r = wait_for_turn();
		if (r == -EOWNERDEAD) {
			r = tl_lock_recover(&m->lock, TL_NEVER);
			CHECK(r >= 0);
			m->b = m->a;
			tl_cond_notify(&m->cond, INT_MAX); /* whom the dead may not have told */
			tl_lock_release(&m->lock);
			continue;
		}
		CHECK_EQ(r, 0);
		CHECK_EQ(m->a, m->b);
		m->a++;
		step();
		m->b++;
		tl_cond_notify(&m->cond, INT_MAX);
		tl_lock_release(&m->lock);
	}
	return 0;
}

TEST_LIMIT(condition_anywhere, 120)
{
	set_stage();
	kill_them(go_round, NULL);
	CHECK(m->a > KILLS);
}

/* -- event: two by two they ring for one another */

static int ring(void *arg)
{
	while (plays(arg)) {
		CHECK_EQ(tl_event_wait(&m->event[place % 2], tl_after(tl_ms(50))) == -EINVAL, 0);
		tl_event_clear(&m->event[place % 2]);
		tl_event_set(&m->event[1 - place % 2]);
		step();
	}
	return 0;
}

TEST_LIMIT(event_anywhere, 120)
{
	set_stage();
	kill_them(ring, NULL);
	tl_event_set(&m->event[0]);
	CHECK_EQ(tl_event_wait(&m->event[0], TL_NEVER), 0);
}

/* -- rwlock: a reader that is killed keeps nobody out, a writer that is killed is told of */

static void repair_page(void)
{
	int r = tl_rwlock_recover(&m->rw, TL_NEVER);

	CHECK(r >= 0);
	if (r == 1)
		m->b = m->a;
	CHECK_EQ(m->a, m->b);
	tl_rwlock_release(&m->rw);
}

static int read_and_write(void *arg)
{
	while (plays(arg)) {
		int r = tl_rwlock_read(&m->rw, TL_NEVER);

		if (r == 0) {
			CHECK_EQ(m->a, m->b);
			step();
			CHECK_EQ(m->a, m->b);
			tl_rwlock_release(&m->rw);
			r = tl_rwlock_write(&m->rw, TL_NEVER);
		}
		if (r == -EOWNERDEAD) {
			repair_page();
			continue;
		}
		CHECK_EQ(r, 0);
		CHECK_EQ(m->a, m->b);
		m->a++;
		sched_yield();
		m->b++;
		tl_rwlock_release(&m->rw);
	}
	return 0;
}

TEST_LIMIT(rwlock_anywhere, 120)
{
	set_stage();
	kill_them(read_and_write, NULL);
	repair_page();
	CHECK_EQ(tl_rwlock_write(&m->rw, TL_POLL), 0);
	tl_rwlock_release(&m->rw);
	CHECK_EQ(tl_rwlock_readers(&m->rw), 0);
	CHECK_EQ(m->a, m->b);
}

/* Only readers die, in the middle, many of each process: no writer waits for them. */
static int read_for_ever(void *arg)
{
	for (int i = 0; i < 3; i++)
		CHECK_EQ(tl_rwlock_read(&m->rw, TL_NEVER), 0);
	step();
	(void)arg;
	return stay();
}

TEST_LIMIT(dead_readers, 60)
{
	pid_t p[CAST];

	set_stage();
	for (int round = 0; round < 3; round++) {
		long then = atomic_load(&m->turns[CAST - 1]);

		for (int i = 0; i < CAST; i++)
			p[i] = enter(i, read_for_ever);
		await_more(&m->turns[CAST - 1], then);
		while (tl_rwlock_readers(&m->rw) < 3 * CAST)
			sched_yield();
		for (int i = 1; i < CAST; i++)
			kill_now(p[i]);
		CHECK_EQ(tl_rwlock_write(&m->rw, TL_POLL), -EAGAIN); /* one lives */
		CHECK_EQ(tl_rwlock_write(&m->rw, tl_after(tl_ms(20))), -ETIMEDOUT);
		kill_now(p[0]);
		CHECK_EQ(tl_rwlock_readers(&m->rw), 0);
		CHECK_EQ(tl_rwlock_write(&m->rw, TL_POLL), 0);
		tl_rwlock_release(&m->rw);
		CHECK_EQ(tl_rwlock_readers(&m->rw), 0);
	}
}

/* -- barrier: all of a round return, or are told that it broke */

static int go_on(void *arg)
{
	while (plays(arg)) {
		int r = tl_barrier_wait(&m->barrier, tl_after(tl_ms(100)));

		CHECK((r >= 0 && r < CAST) || r == -EPIPE || r == -ETIMEDOUT);
		if (r < 0)
			tl_barrier_reset(&m->barrier);
		step();
	}
	return 0;
}

TEST_LIMIT(barrier_anywhere, 120)
{
	set_stage()->barrier.parties = CAST;
	kill_them(go_on, NULL);
}

/* -- once: the one that runs it is killed, again and again, then one succeeds */

static int run_or_stay(void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&m->runs, 1) < 6) {
		atomic_store(&m->told, getpid());
		stay();
	}
	return 0;
}

static int run_once(void *arg) { return tl_once_run(&m->once, run_or_stay, arg, TL_NEVER); }

TEST_LIMIT(once_anywhere, 60)
{
	pid_t p[8];
	int status;

	set_stage();
	for (int i = 0; i < 8; i++)
		p[i] = cast(i % KINDS, run_once, m);
	for (int k = 0; k < 6; k++) {
		pid_t runs;

		while ((runs = (pid_t)atomic_exchange(&m->told, 0)) == 0)
			sched_yield();
		CHECK_EQ(kill(runs, SIGKILL), 0);
		CHECK_EQ(waitpid(runs, &status, 0), runs);
		window_died();
		for (int i = 0; i < 8; i++)
			p[i] = p[i] == runs ? 0 : p[i];
	}
	for (int i = 0; i < 8; i++)
		if (p[i])
			went_well(p[i]);
	CHECK_EQ(atomic_load(&m->runs), 7);
	CHECK(tl_once_done(&m->once));
}

/* -- future: many fill one, and are killed; it is filled once, or by the next that tries */

static int fill(void *arg)
{
	int r;

	step();
	r = tl_future_set(&m->future, arg);
	CHECK(r == 0 || r == -EBUSY);
	return 0;
}

TEST_LIMIT(future_anywhere, 120)
{
	void *value;

	set_stage();
	for (int k = 0; k < KILLS; k++) {
		pid_t p;

		m->future = (tl_future){ 0 };
		p = enter(0, fill);
		await_more(&m->turns[0], k);
		for (uint32_t n = number(&m->seed) % 2000; n; n--)
			__asm__ volatile("");
		kill(p, SIGKILL);
		CHECK_EQ(waitpid(p, &(int){ 0 }, 0), p);
		fill(m);
		CHECK_EQ(tl_future_get(&m->future, &value, TL_POLL), 0);
		CHECK(value == m);
	}
}

/* -- a death that is known is felt at once: far below the second of looking by oneself */

static int hold(void *arg)
{
	(void)arg;
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	step();
	return stay();
}

static int feel(void *arg)
{
	int r;

	(void)arg;
	r = tl_lock_acquire(&m->lock, TL_NEVER);
	atomic_fetch_add(&m->told, 1);
	return r == -EOWNERDEAD ? 0 : -EINVAL;
}

TEST_LIMIT(a_known_death_is_felt_at_once, 60)
{
	int64_t best = INT64_MAX;

	set_stage();
	for (int round = 0; round < 10; round++) {
		pid_t holder = enter(0, hold), p[KINDS];
		int64_t began;

		await_more(&m->turns[0], round);
		atomic_store(&m->told, 0);
		for (int i = 0; i < KINDS; i++)
			p[i] = cast(i, feel, NULL);
		nap(&m->seed, 20000);
		kill_now(holder);
		began = plat_now();
		window_died();
		await_more(&m->told, KINDS - 1);
		if (plat_now() - began < best)
			best = plat_now() - began;
		for (int i = 0; i < KINDS; i++)
			went_well(p[i]);
		CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
		tl_lock_release(&m->lock);
	}
	printf("felt after %lld us\n", (long long)best / 1000);
	CHECK(best < 500000000); /* the fastest of ten: without being told it takes a second */
}

TEST(a_select_refuses_what_others_wake)
{
	struct play *p = set_stage();
	tl_case c[] = { TL_SET(&p->event[0]), TL_DONE(&p->future), TL_ACQUIRE(&p->sem) };

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_select(&c[i], 1, TL_NEVER), 0);
		CHECK_EQ(c[i].result, -ENOTSUP);
	}
}
