/* hostile.c - chance for hostile builds; an ordinary build calls nothing here. */
#include "plat/hostile.h"
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static _Thread_local uint32_t state; /* 0: this thread has not asked yet */

static uint32_t begin(void)
{
	static _Atomic uint32_t threads;
	const char *seed = getenv("TELAR_SEED");
	uint32_t nth = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1;

	return ((seed ? (uint32_t)strtoul(seed, NULL, 10) : 1) + nth * 0x9e3779b9u) | 1;
}

/* Marsaglia's xorshift: never 0. */
static uint32_t draw(void)
{
	uint32_t x = state ? state : begin();

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return state = x;
}

bool hostile_chance(void) { return draw() >> 30 == 0; }

/* On idle processors giving one up means nothing, so now and then it is a sleep. */
void hostile_stall(void)
{
	uint32_t x = draw() >> 22;

	if (x == 0)
		nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
	else if (x < 256)
		sched_yield();
}
