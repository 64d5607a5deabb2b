/* sync.c - what strands wait for: a condition and a semaphore handed back and forth, a barrier of
 * two and of eight; among the tasks of one loop and among threads. */
#include "telar/sync.h"
#include "bench.h"
#include "telar/scope.h"

enum { MOST = 8 };

struct party {
	long n;
	int odd;
};

typedef int start_fn(tl_scope *, tl_fn *, void *, const tl_opts *);

/* So many strands do fn, n times each. */
static void play(tl_fn *fn, start_fn *start, int strands, long n)
{
	struct party all[MOST];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < strands; i++) {
		all[i] = (struct party){ n, i & 1 };
		start(&s, fn, &all[i], NULL);
	}
	bench_check(tl_scope_close(&s) == 0, "strands");
}

/* -- a condition: whose turn it is */

static struct {
	tl_lock lock;
	tl_cond changed;
	int odd;
} turn;

static int take_turns(void *arg)
{
	struct party *me = arg;

	for (long i = 0; i < me->n; i++) {
		if (tl_lock_acquire(&turn.lock, TL_NEVER) < 0)
			return -1;
		while (turn.odd != me->odd)
			if (tl_cond_wait(&turn.changed, &turn.lock, TL_NEVER) < 0)
				return -1;
		turn.odd = !turn.odd;
		tl_cond_notify(&turn.changed, 1);
		tl_lock_release(&turn.lock);
	}
	return 0;
}

static void cond_one_loop(long n) { play(take_turns, tl_task_start, 2, n); }
static void cond_threads(long n) { play(take_turns, tl_thread_start, 2, n); }

/* -- semaphores: each side gives a unit to the other's */

static tl_sem one_unit = { .value = 1 };
static tl_sem sides[2] = { { .value = 1 }, { .value = 0 } };

static void sem_alone(long n)
{
	while (n-- > 0)
		bench_check(tl_sem_acquire(&one_unit, TL_NEVER) == 0 &&
				    tl_sem_release(&one_unit, 1) == 0,
			"a semaphore");
}

static int hand_over(void *arg)
{
	struct party *me = arg;

	for (long i = 0; i < me->n; i++)
		if (tl_sem_acquire(&sides[me->odd], TL_NEVER) < 0 ||
			tl_sem_release(&sides[!me->odd], 1) < 0)
			return -1;
	return 0;
}

static void sem_one_loop(long n) { play(hand_over, tl_task_start, 2, n); }
static void sem_threads(long n) { play(hand_over, tl_thread_start, 2, n); }

/* -- a barrier */

static tl_barrier barrier;

static int meet(void *arg)
{
	struct party *me = arg;

	for (long i = 0; i < me->n; i++)
		if (tl_barrier_wait(&barrier, TL_NEVER) < 0)
			return -1;
	return 0;
}

static void meeting(start_fn *start, int parties, long n)
{
	barrier = (tl_barrier){ .parties = (uint32_t)parties };
	play(meet, start, parties, n);
}

static void two_tasks(long n) { meeting(tl_task_start, 2, n); }
static void eight_tasks(long n) { meeting(tl_task_start, 8, n); }
static void two_threads(long n) { meeting(tl_thread_start, 2, n); }
static void eight_threads(long n) { meeting(tl_thread_start, 8, n); }

int main(void)
{
	const char *unit = "ns there and back";

	bench_per_op("condition ping-pong in one loop", unit, cond_one_loop);
	bench_per_op("condition ping-pong of two threads", unit, cond_threads);
	bench_per_op("semaphore acquire + release", "ns", sem_alone);
	bench_per_op("semaphore ping-pong in one loop", unit, sem_one_loop);
	bench_per_op("semaphore ping-pong of two threads", unit, sem_threads);
	bench_per_op("barrier of two tasks in one loop", "ns per round", two_tasks);
	bench_per_op("barrier of eight tasks in one loop", "ns per round", eight_tasks);
	bench_per_op("barrier of two threads", "ns per round", two_threads);
	bench_per_op("barrier of eight threads", "ns per round", eight_threads);
	return tl_finish();
}
