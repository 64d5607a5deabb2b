/* libuv: a million timers in its heap; it counts in ms. */
#include "../timer.h"
#include <uv.h>

static uv_timer_t timers[MILLION];
static long fired;

static void fire(uv_timer_t *t)
{
	fired++;
	(void)t;
}

static void insert(double from, double within)
{
	uv_update_time(uv_default_loop());
	for (long i = 0; i < MILLION; i++)
		uv_timer_start(&timers[i], fire, (uint64_t)(from + within * some_part()), 0);
}

static void insert_far(void) { insert(3600e3, 3600e3); }
static void insert_near(void) { insert(3e3, 1); }

static void cancel(void)
{
	for (long i = 0; i < MILLION; i++)
		uv_timer_stop(&timers[i]);
}

static void fire_all(void)
{
	fired = 0;
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_check(fired == MILLION, "every timer fires");
}

int main(void)
{
	for (long i = 0; i < MILLION; i++)
		uv_timer_init(uv_default_loop(), &timers[i]);
	timer_bench(insert_far, cancel, insert_near, fire_all);
	return 0;
}
