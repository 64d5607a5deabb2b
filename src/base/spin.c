/* spin.c - the slow half of the lock inside. */
#include "base/spin.h"
#include <sched.h>
#include <time.h>

enum { SPINS = 100, YIELDS = 110 };

void spin_pause(unsigned *turn)
{
	unsigned n = (*turn)++;

	if (n < SPINS)
		plat_relax();
	else if (n < YIELDS)
		sched_yield();
	else
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
}

void spin_wait(struct spin *s)
{
	unsigned turn = 0;

	do
		while (atomic_load_explicit(&s->held, memory_order_relaxed))
			spin_pause(&turn);
	while (!spin_try(s));
}
