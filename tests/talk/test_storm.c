/* test_storm.c - a storm over each primitive: strands of both kinds use it, with deadlines by
 * chance, and are cancelled by chance, from outside and by a scope around the call.  What must
 * always hold is checked at each step, and that nobody is left behind by the end of it all.  Chance
 * is TELAR_SEED's, which tests/run.py names where something failed. */
#include "talk.h"

enum {
	CREWS = 3,
	CREW = 6,
	ROUNDS = SANITIZED ? 30 : 150, /* where nobody waits for who tends it: */
	TENDED = ROUNDS / 10,
	STEPS = 60,
	UNITS = 3,
	PARTIES = 3,
	MANY = 65536
};

typedef int use_fn(uint64_t *seed, tl_time until); /* one use; answers what its call answered */
typedef void tend_fn(uint64_t *seed);              /* what those who wait may wait for */

static use_fn *use;
static tend_fn *tend;
static _Atomic bool over;

/* -- the weather */

static tl_time patience(uint32_t x)
{
	switch (x % 4) {
	case 0: return TL_POLL;
	case 1: return tl_after(tl_us((int)(x >> 8 & 127) - 16));
	default: return TL_NEVER;
	}
}

static bool may_answer(int r, tl_time until)
{
	if (r == -EAGAIN)
		return until.ns == TL_POLL.ns;
	if (r == -ETIMEDOUT)
		return until.ns && until.ns != TL_POLL.ns;
	return r >= 0 || r == -ECANCELED;
}

static int act(void *arg)
{
	uint64_t *seed = arg;
	int r = 0;

	for (int i = 0; i < STEPS && r == 0; i++) {
		uint32_t x = number(seed);
		tl_time until = patience(number(seed));
		tl_scope s = { .deadline = x % 8 == 3 ? tl_after(tl_us(x >> 8 & 127)) : TL_NEVER };

		tl_scope_open(&s);
		if (x % 32 == 7)
			tl_scope_cancel(&s);
		CHECK(may_answer(use(seed, until), until));
		tl_scope_close(&s);
		r = tl_yield();
	}
	return r;
}

static int crew(void *arg)
{
	uint64_t seed = seed_of((uintptr_t)arg), seeds[CREW];
	tl_strand t[CREW];

	for (int round = 0; round < (tend ? TENDED : ROUNDS); round++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < CREW; i++) {
			seeds[i] = seed_of(number(&seed));
			t[i] = (number(&seed) % 3 ? start_task : start_thread)(&s, act, &seeds[i]);
		}
		for (uint32_t n = number(&seed) % CREW; n; n--) {
			for (uint32_t i = number(&seed) % 16; i; i--)
				tl_yield();
			tl_cancel(t[number(&seed) % CREW]);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

static int tend_it(void *arg)
{
	uint64_t seed = seed_of(CREWS);

	(void)arg;
	while (!atomic_load(&over)) {
		tend(&seed);
		tl_yield();
		sched_yield();
	}
	return 0;
}

static void storm(use_fn *used, tend_fn *tended)
{
	tl_scope s = { 0 };
	tl_strand t[CREWS];

	use = used;
	tend = tended;
	tl_scope_open(&s);
	for (uintptr_t i = 0; i < CREWS; i++)
		t[i] = (i ? start_thread : start_task)(&s, crew, (void *)i);
	if (tend)
		start_thread(&s, tend_it, NULL);
	for (int i = 0; i < CREWS; i++)
		CHECK_EQ(ending(t[i]), 0);
	atomic_store(&over, true);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- locks: one inside, who sees what the last one left */

static struct {
	_Atomic int writers, readers;
	long a, b;
} room;

static void write_in(uint64_t *seed)
{
	CHECK_EQ(atomic_fetch_add(&room.writers, 1), 0);
	CHECK_EQ(atomic_load(&room.readers), 0);
	CHECK_EQ(room.a++, room.b);
	if (number(seed) % 4 == 0)
		tl_yield();
	room.b++;
	CHECK_EQ(atomic_fetch_sub(&room.writers, 1), 1);
}

static tl_lock lock;

static int use_lock(uint64_t *seed, tl_time until)
{
	int r = tl_lock_acquire(&lock, until);

	if (r < 0)
		return r;
	write_in(seed);
	tl_lock_release(&lock);
	return r;
}

TEST_LIMIT(lock, 100)
{
	storm(use_lock, NULL);
	CHECK_EQ(lock.word, 0);
}

static tl_rlock rlock;

static int use_rlock(uint64_t *seed, tl_time until)
{
	uint64_t wanted = 1 + number(seed) % 3, deep = 0;
	int r = 0;

	while (deep < wanted && (r = tl_rlock_acquire(&rlock, until)) == 0)
		CHECK_EQ(tl_rlock_depth(&rlock), ++deep);
	if (deep)
		write_in(seed);
	for (; deep; deep--) {
		CHECK_EQ(tl_rlock_depth(&rlock), deep);
		tl_rlock_release(&rlock);
	}
	return r;
}

TEST_LIMIT(rlock, 100)
{
	storm(use_rlock, NULL);
	CHECK_EQ(rlock.lock.word, 0);
}

static tl_rwlock rwlock;

static void read_in(uint64_t *seed)
{
	atomic_fetch_add(&room.readers, 1);
	CHECK_EQ(atomic_load(&room.writers), 0);
	CHECK_EQ(room.a, room.b);
	if (number(seed) % 4 == 0)
		tl_yield();
	CHECK_EQ(room.a, room.b);
	CHECK(atomic_fetch_sub(&room.readers, 1) > 0);
}

static int use_rwlock(uint64_t *seed, tl_time until)
{
	bool writes = number(seed) % 3 == 0;
	int r = (writes ? tl_rwlock_write : tl_rwlock_read)(&rwlock, until);

	if (r < 0)
		return r;
	(writes ? write_in : read_in)(seed);
	tl_rwlock_release(&rwlock);
	return r;
}

TEST_LIMIT(rwlock, 100)
{
	storm(use_rwlock, NULL);
	CHECK_EQ(rwlock.lock.word, 0);
	CHECK_EQ(rwlock.readers, 0);
}

/* -- semaphore: units free and units held are what there was */

static tl_sem sem = { .value = UNITS, .limit = UNITS };

static int use_sem(uint64_t *seed, tl_time until)
{
	static _Atomic int held;
	int r = tl_sem_acquire(&sem, until);

	if (r < 0)
		return r;
	CHECK(atomic_fetch_add(&held, 1) < UNITS);
	if (number(seed) % 4 == 0)
		tl_yield();
	atomic_fetch_sub(&held, 1);
	CHECK_EQ(tl_sem_release(&sem, 1), 0);
	return r;
}

TEST_LIMIT(semaphore, 100)
{
	storm(use_sem, NULL);
	CHECK_EQ(sem.value, UNITS);
}

/* -- condition: one is told at a time, and the next only when that one has come.  Where nobody is
 * left in the list, all who were in it may have been leaving. */

static struct {
	tl_lock lock;
	tl_cond cond;
	long told, perhaps, woken; /* guarded by lock */
} post;

static int use_cond(uint64_t *seed, tl_time until)
{
	int r = tl_lock_acquire(&post.lock, TL_NEVER);

	(void)seed;
	if (r < 0)
		return r;
	r = tl_cond_wait(&post.cond, &post.lock, until);
	post.woken += r == 0;
	CHECK(post.woken <= post.told + post.perhaps);
	tl_lock_release(&post.lock);
	return r;
}

static void tell_one(uint64_t *seed)
{
	(void)seed;
	tl_lock_hold(&post.lock);
	if (post.woken >= post.told && tl_cond_waiters(&post.cond)) {
		tl_cond_notify(&post.cond, 1);
		if (tl_cond_waiters(&post.cond))
			post.told++;
		else
			post.perhaps++;
	}
	tl_lock_release(&post.lock);
}

TEST_LIMIT(condition, 100)
{
	storm(use_cond, tell_one);
	CHECK(post.told <= post.woken);
	CHECK_EQ(tl_cond_waiters(&post.cond), 0);
	CHECK_EQ(post.lock.word, 0);
}

/* -- event: who passes has been let through since it came */

static tl_event event;
static _Atomic long sets, clears;

static int use_event(uint64_t *seed, tl_time until)
{
	long before = atomic_load(&clears);
	int r = tl_event_wait(&event, until);

	(void)seed;
	CHECK(r != 0 || atomic_load(&sets) > before);
	return r;
}

static void set_and_clear(uint64_t *seed)
{
	atomic_fetch_add(&sets, 1);
	tl_event_set(&event);
	if (number(seed) % 4 == 0)
		tl_yield();
	tl_event_clear(&event);
	atomic_fetch_add(&clears, 1);
}

TEST_LIMIT(event, 100)
{
	storm(use_event, set_and_clear);
	CHECK_EQ(tl_event_wait(&event, TL_POLL), -EAGAIN);
}

/* -- barrier: a round goes on whole, or not at all */

static tl_barrier barrier = { .parties = PARTIES };
static _Atomic long numbers[PARTIES];

static int use_barrier(uint64_t *seed, tl_time until)
{
	int r = tl_barrier_wait(&barrier, until);

	(void)seed;
	if (r >= 0)
		atomic_fetch_add(&numbers[r], 1);
	return r == -EPIPE ? 0 : r;
}

/* Those who are too few for a round are let go, too. */
static void break_it(uint64_t *seed)
{
	uint32_t x = number(seed);

	if (x % 256 == 0)
		tl_barrier_abort(&barrier);
	if (x % 256 == 1 || tl_barrier_broken(&barrier))
		tl_barrier_reset(&barrier);
}

TEST_LIMIT(barrier, 100)
{
	storm(use_barrier, break_it);
	for (int i = 0; i < PARTIES; i++)
		CHECK_EQ(numbers[i], numbers[0]);
	CHECK_EQ(tl_barrier_waiting(&barrier), 0);
}

/* -- latches, one after the other: each is brought to 0 by one call */

static tl_latch latches[MANY];
static _Atomic long steps, lasts;

static void step_down(uint64_t *seed)
{
	long i = atomic_fetch_add(&steps, 1) / PARTIES;

	(void)seed;
	if (i < MANY && tl_latch_down(&latches[i], 1))
		atomic_fetch_add(&lasts, 1);
}

static int use_latch(uint64_t *seed, tl_time until)
{
	long i = atomic_load(&steps) / PARTIES;
	int r;

	if (number(seed) % 3 == 0)
		step_down(seed);
	if (i >= MANY)
		return 0;
	r = tl_latch_wait(&latches[i], until);
	CHECK(r != 0 || tl_latch_count(&latches[i]) == 0);
	return r;
}

static void step_seldom(uint64_t *seed)
{
	if (number(seed) % 32 == 0)
		step_down(seed);
}

TEST_LIMIT(latch, 100)
{
	for (int i = 0; i < MANY; i++)
		latches[i].count = PARTIES;
	storm(use_latch, step_seldom);
	CHECK_EQ(lasts, steps / PARTIES < MANY ? steps / PARTIES : MANY);
}

/* -- once, one after the other: one run at a time, and after a success none */

static struct turn {
	tl_once once;
	_Atomic int inside, successes;
} turns[MANY];
static _Atomic long at;
static _Atomic uint64_t chances = 1;

static int succeed_perhaps(void *arg)
{
	struct turn *t = arg;
	uint64_t seed = seed_of(atomic_fetch_add(&chances, 1));
	int r;

	CHECK_EQ(atomic_fetch_add(&t->inside, 1), 0);
	CHECK_EQ(atomic_load(&t->successes), 0);
	r = tl_yield();
	if (r == 0 && number(&seed) % 4)
		r = -EIO;
	atomic_fetch_add(&t->successes, r == 0);
	atomic_fetch_add(&at, r == 0);
	atomic_fetch_sub(&t->inside, 1);
	return r;
}

static int use_once(uint64_t *seed, tl_time until)
{
	long i = atomic_load(&at);
	struct turn *t = &turns[i];
	int r;

	(void)seed;
	if (i >= MANY)
		return 0;
	r = tl_once_run(&t->once, succeed_perhaps, t, until);
	CHECK(r != 0 || (tl_once_done(&t->once) && atomic_load(&t->successes) == 1));
	return r == -EIO ? 0 : r;
}

TEST_LIMIT(once, 100)
{
	storm(use_once, NULL);
	for (long i = 0; i < MANY; i++)
		CHECK_EQ(turns[i].successes, i < at);
}
