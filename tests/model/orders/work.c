/* work.c - .anywhere tasks: each is taken once, what was done before it was pushed is seen by who
 * takes it, and no worker sleeps beside it. */
#include "loops.h"

/* Not in question here: see loop.c. */
void deadlock_loops(int change) { (void)change; }
int64_t deadlock_sleep(struct loop *l) { return (void)l, 0; }
void deadlock_wake(struct loop *l, bool by_somebody) { (void)l, (void)by_somebody; }
void deadlock_outside(int change) { (void)change; }
void deadlock_forked(int loops) { (void)loops; }

static unsigned taken[TASKS];
static int data[TASKS];

static void took(struct strand *s)
{
	int i = (int)(s - tasks);

	ORDERS_CHECK(i >= 0 && i < TASKS);
	orders_write(&data[i]);
	ORDERS_CHECK(data[i] == 1);
	data[i] = 2;
	__atomic_fetch_add(&taken[i], 1, __ATOMIC_RELAXED);
}

/* A worker, until it has found so many. */
static void worker(int n)
{
	loop_here->takes = true;
	while (n--)
		took(loop_pick(loop_here));
}

static void worker_1(void) { worker(1); }
static void worker_2(void) { worker(2); }

static void push(int i)
{
	orders_write(&data[i]);
	data[i] = 1;
	work_push(loop_here, &tasks[i]);
}

static bool fits(const struct strand *me, const struct strand *s) { return me && s; }
static void push_0(void) { push(0); }
static void push_1(void) { push(1); }
static void push_both(void) { push(0), push(1); }

/* The starter takes it back, by a join or in its own loop, unless it is gone. */
static void push_and_claim(void)
{
	push(0);
	if (work_claim(&zeros[1], &tasks[0], fits))
		took(&tasks[0]);
}

static void push_and_take(void)
{
	push(0);
	if (work_own(loop_here))
		took(loop_pick(loop_here));
}

static void no_more(void) { tl_workers(1); }
static void looks(void) { no_more(), loops_run(worker_1), loops_run(push_0), loops_tick = 15000; }
static void one(void) { no_more(), loops_run(worker_1), loops_run(push_0); }
static void both(void) { no_more(), loops_run(worker_2), loops_run(push_both); }
static void two_starters(void)
{
	no_more(), loops_run(worker_2), loops_run(push_0), loops_run(push_1);
}
static void two_workers(void)
{
	no_more(), loops_run(worker_2), loops_run(worker_2), loops_run(push_both);
	orders_may_block(); /* the one that finds nothing more */
}
static void one_of_two(void)
{
	no_more(), loops_run(worker_1), loops_run(worker_1), loops_run(push_0);
	orders_may_block(); /* the other one */
}
static void claims(void)
{
	no_more(), loops_run(worker_1), loops_run(push_and_claim);
	orders_may_block();
}
static void takes(void)
{
	no_more(), loops_run(worker_1), loops_run(push_and_take);
	orders_may_block();
}
static void once(void) { ORDERS_CHECK(taken[0] == 1); }
static void each_once(void) { ORDERS_CHECK(taken[0] == 1 && taken[1] == 1); }

const struct orders_scenario orders_scenarios[] = {
	{ "work: one", one, once, 0 },
	{ "work: one, looked for", looks, once, 0 },
	{ "work: claimed", claims, once, 0 },
	{ "work: taken by its own", takes, once, 0 },
	{ "work: two tasks", both, each_once, 0, ORDERS_CHANCE },
	{ "work: one of two workers", one_of_two, once, 0, ORDERS_CHANCE },
	{ "work: two starters", two_starters, each_once, 0, ORDERS_CHANCE },
	{ "work: two workers", two_workers, each_once, 0, ORDERS_CHANCE },
	{ 0 },
};
