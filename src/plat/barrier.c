/* barrier.c - the barrier in two halves.  Source: membarrier(2), private expedited. */
#include "plat/linux.h"
#include "plat/plat.h"
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <unistd.h>

bool plat_barrier_both;

static bool command(int which) { return syscall(SYS_membarrier, which, 0, 0) == 0; }

/* Before main and before any thread that could need it: nobody reads plat_barrier_both meanwhile.
 * */
__attribute__((constructor(101))) static void begin(void)
{
	plat_barrier_both = !command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

void plat_barrier_heavy(void)
{
	bool done = false;

	while (!plat_barrier_both && !(done = command(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) &&
		errno == ENOMEM)
		sched_yield(); /* a fence of our own is half a barrier: the last resort */
	if (!done)
		plat_fence();
}
