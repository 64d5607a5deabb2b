/* spin.c - the slow half of the lock inside. */
#include "base/spin.h"
#include <sched.h>
#include <time.h>

enum { SPINS = 100, YIELDS = 110, NAP = 50000 /* ns */, DOUBLINGS = 11 /* to 0.1 s */ };

/* Each nap is twice as long as the one before, so nobody waits much longer than he must, and a
 * crowd of thousands leaves the processor to the one that holds the lock. */
static void nap(unsigned n)
{
	nanosleep(&(struct timespec){ .tv_nsec = NAP << (n < DOUBLINGS ? n : DOUBLINGS) }, NULL);
}

void spin_pause(unsigned *turn)
{
	unsigned n = (*turn)++;

	if (n < SPINS)
		plat_relax();
	else if (n < YIELDS)
		sched_yield();
	else
		nap(n - YIELDS);
}

void spin_wait(struct spin *s)
{
	unsigned turn = 0;

	do
		while (atomic_load_explicit(&s->held, memory_order_relaxed))
			spin_pause(&turn);
	while (!spin_try(s));
}
