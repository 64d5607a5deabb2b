/* libev: a million timers in its heap. */
#include "../timer.h"
#include <ev.h>

static ev_timer timers[MILLION];
static struct ev_loop *loop;
static long fired;

static void fire(struct ev_loop *l, ev_timer *t, int events)
{
	fired++;
	(void)l, (void)t, (void)events;
}

static void insert(double from, double within)
{
	ev_now_update(loop);
	for (long i = 0; i < MILLION; i++) {
		ev_timer_init(&timers[i], fire, from + within * some_part(), 0);
		ev_timer_start(loop, &timers[i]);
	}
}

static void insert_far(void) { insert(3600, 3600); }
static void insert_near(void) { insert(3, 0.001); }

static void cancel(void)
{
	for (long i = 0; i < MILLION; i++)
		ev_timer_stop(loop, &timers[i]);
}

static void fire_all(void)
{
	fired = 0;
	while (fired < MILLION)
		ev_run(loop, EVRUN_ONCE);
}

int main(void)
{
	loop = ev_default_loop(0);
	bench_check(loop != NULL, "a loop");
	timer_bench(insert_far, cancel, insert_near, fire_all);
	return 0;
}
