/* switch.c - leaving one stack for another: bare, and through the scheduler. */
#include "bench.h"
#include "plat/plat.h"
#include "telar/scope.h"
#include <limits.h>

enum { STACK = 65536 };
static void *here, *there;

/* Both sides leave from one place, as all strands in the library do: a switch returns, and is
 * predicted to return to where its own side last called from. */
static void turns(void **mine, void **other, long n)
{
	while (n-- > 0)
		plat_switch(mine, *other);
}

static void (*volatile run_turns)(void **, void **, long) = turns; /* so there is one copy */

static void back(void *arg)
{
	(void)arg;
	run_turns(&there, &here, LONG_MAX);
}

static void raw(long n) { run_turns(&here, &there, n / 2); }

static int yield_n(void *arg)
{
	for (long i = 0; i < *(long *)arg; i++)
		if (tl_yield() < 0)
			return -1;
	return 0;
}

static void two_tasks(long n)
{
	long half = n / 2;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, yield_n, &half, NULL);
	tl_task_start(&s, yield_n, &half, NULL);
	bench_check(tl_scope_close(&s) == 0, "yield");
}

int main(void)
{
	char *stack = plat_slab(STACK, false);

	bench_check(stack != NULL, "a stack");
	there = plat_stack_begin(stack + STACK, back, NULL);
	bench_per_op("raw switch, one way", "ns", raw);
	bench_per_op("scheduled yield, two tasks", "ns per switch", two_tasks);
	return tl_finish();
}
