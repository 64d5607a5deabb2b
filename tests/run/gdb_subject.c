/* A program for gdb to look at: strands of every kind, parked in functions with names of their own.
 * Ends in all_parked, where test_gdb.py has its breakpoint, or with an argument by abort. */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <telar.h>

#define PLAIN __attribute__((noinline))

static tl_event never;
static _Atomic int parked;

PLAIN static int wait_for_soup(int spoons)
{
	int r;

	atomic_fetch_add(&parked, 1);
	r = tl_event_wait(&never, TL_NEVER);
	return r < 0 ? r : r + spoons;
}

PLAIN static int order_soup(int spoons)
{
	int r = wait_for_soup(spoons + 1);

	return r < 0 ? r : r + spoons;
}

PLAIN static int guest(void *arg)
{
	int r = order_soup(*(int *)arg);

	return r < 0 ? r : 0;
}

PLAIN static int sleeping_cook(void *arg)
{
	int r;

	(void)arg;
	atomic_fetch_add(&parked, 1);
	r = tl_sleep(tl_s(3600));
	return r < 0 ? r : 0;
}

PLAIN static int kitchen(void *arg)
{
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	tl_task_start(&s, sleeping_cook, arg, &(tl_opts){ .name = "cook" });
	atomic_fetch_add(&parked, 1);
	r = tl_scope_close(&s);
	return r < 0 ? r : 0;
}

PLAIN static void all_parked(bool die)
{
	if (die)
		abort();
}

/* The cook of the kitchen is the one more. */
static bool all_blocked(const tl_strand *t, int n)
{
	for (int i = 0; i < n; i++)
		if (tl_state(t[i]) != TL_BLOCKED)
			return false;
	return atomic_load(&parked) == n + 1;
}

PLAIN int main(int argc, char **argv)
{
	static int spoons = 3;
	tl_scope s = { 0 };
	tl_strand t[3];

	(void)argv;
	tl_scope_open(&s);
	tl_task_start(&s, guest, &spoons, &(tl_opts){ .name = "guest", .ret = &t[0] });
	tl_task_start(&s, sleeping_cook, NULL, &(tl_opts){ .ret = &t[1] });
	tl_thread_start(&s, kitchen, NULL, &(tl_opts){ .name = "kitchen", .ret = &t[2] });
	tl_task_start(&s, guest, &spoons, &(tl_opts){ .name = "paused", .paused = true });
	while (!all_blocked(t, 3)) {
		tl_yield();
		sched_yield();
	}
	all_parked(argc > 1);
	tl_scope_cancel(&s);
	tl_scope_close(&s);
	return tl_finish();
}
