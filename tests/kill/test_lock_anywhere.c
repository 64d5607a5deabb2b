/* test_lock_anywhere.c - processes that share a lock are killed anywhere; the others go on. */
#include "kill.h"

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
	/* Some must have been killed inside, or this tests nothing. */
	for (int k = 0; k < KILLS || !atomic_load(&m->repairs); k++) {
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
