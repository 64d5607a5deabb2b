/* talk.h - what the tests of the talk floor share: crowds of strands of every kind, waiting for a
 * strand to block, counted reports, and numbers from a seed. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H
#include "check.h"
#include "telar.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>

/* xorshift: the same numbers in every run. */
static inline uint32_t number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

/* A number to begin with, never 0: of TELAR_SEED, which tests/run.py names where something failed.
 */
static inline uint64_t seed_of(uint64_t whose)
{
	const char *given = getenv("TELAR_SEED");
	uint64_t x = (given ? strtoull(given, NULL, 10) : 1) + whose * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u; /* Steele, Lea, Flood: SplitMix64 */
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (x ^ x >> 31) | 1;
}

/* Until t is in that state.  A blocked strand is, or is about to be, in its object's list: whoever
 * takes the list's lock next finds it there. */
static inline void await_state(tl_strand t, int state)
{
	while (tl_state(t) != state) {
		tl_yield();
		sched_yield();
	}
}

/* Tasks of this loop have come so far at once, threads perhaps not. */
static inline void await_count(_Atomic long *count, long n)
{
	tl_yield();
	while (atomic_load(count) < n) {
		sched_yield();
		tl_yield();
	}
}

static inline int nothing(void *arg) { return (void)arg, 0; }
static inline int stay(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}

static inline tl_strand start_task(tl_scope *s, tl_fn *fn, void *arg)
{
	tl_strand t;

	CHECK_EQ(tl_task_start(s, fn, arg, &(tl_opts){ .ret = &t }), 0);
	return t;
}

static inline tl_strand start_thread(tl_scope *s, tl_fn *fn, void *arg)
{
	tl_strand t;

	CHECK_EQ(tl_thread_start(s, fn, arg, &(tl_opts){ .ret = &t }), 0);
	return t;
}

static inline int ending(tl_strand t)
{
	tl_end e;

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e.value;
}

/* The same function in a process, which ends with us. */
static inline pid_t process(tl_fn *fn, void *arg)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg) < 0 ? 1 : 0);
	}
	return pid;
}

/* -- the same function in many strands */

enum mix { ONE_LOOP, LOOPS, THREADS, MIXED };
enum { CARRIERS = 3 };

struct share {
	tl_fn *fn;
	char *args;
	size_t n, size, first, step;
};

static inline int carry(void *arg)
{
	struct share *h = arg;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (size_t i = h->first; i < h->n; i += h->step)
		tl_task_start(&s, h->fn, h->args + i * h->size, NULL);
	return tl_scope_close(&s);
}

/* Run fn on each of n records; all must answer 0. */
static inline void crowd(enum mix how, size_t n, tl_fn *fn, void *args, size_t size)
{
	size_t step = how == LOOPS ? CARRIERS : 2;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (size_t i = 0; how != LOOPS && i < n; i++) {
		void *arg = (char *)args + i * size;

		if (how == THREADS || (how == MIXED && i % 4 == 1))
			tl_thread_start(&s, fn, arg, NULL);
		else if (how == ONE_LOOP || i % 4 == 3)
			tl_task_start(&s, fn, arg, NULL);
	}
	for (size_t i = 0; (how == LOOPS && i < step) || (how == MIXED && i < 1); i++) {
		struct share h = { fn, args, n, size, i, step };

		tl_thread_start(&s, carry, &h, &(tl_opts){ .copy = sizeof h });
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- queues of numbers */

static bool shared_queues; /* make_queue's lie in the shared window */

static inline tl_queue *make_queue(size_t capacity, size_t max_item)
{
	tl_queue_opts o = {
		.name = "q", .capacity = capacity, .max_item = max_item, .shared = shared_queues
	};
	tl_queue *q = NULL;

	CHECK_EQ(tl_queue_open(&q, &o), 0);
	CHECK(q != NULL);
	return q;
}

static inline int put(tl_queue *q, int64_t v, tl_time t)
{
	return tl_queue_put(q, &v, sizeof v, t);
}
static inline int get(tl_queue *q, int64_t *v, tl_time t)
{
	return tl_queue_get(q, v, sizeof *v, t);
}

/* -- a select in a strand of its own */

struct choice {
	tl_case c[8];
	size_t n;
	tl_time until;
};

static inline int choose(void *arg)
{
	struct choice *h = arg;

	return tl_select(h->c, h->n, h->until);
}

static inline tl_strand waiting(tl_scope *s, struct choice *h, bool thread)
{
	tl_strand t = (thread ? start_thread : start_task)(s, choose, h);

	await_state(t, TL_BLOCKED);
	return t;
}

/* -- reports */

static _Atomic int reports[8];

static inline void count_report(const tl_report *r, void *arg)
{
	(void)arg;
	atomic_fetch_add(&reports[r->kind], 1);
}

#endif
