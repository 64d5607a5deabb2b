/* The floor of a lock that nobody else wants: one atomic instruction to take it, one to free it. */
#include "../../bench.h"
#include <stdatomic.h>

static atomic_uint word;
static volatile long counter;

static void pairs(long n)
{
	while (n-- > 0) {
		unsigned free = 0;

		bench_check(atomic_compare_exchange_strong_explicit(
				    &word, &free, 1, memory_order_acquire, memory_order_relaxed),
			"a free lock");
		counter++;
		atomic_exchange_explicit(&word, 0, memory_order_release);
	}
}

int main(void)
{
	bench_per_op("lock + unlock, uncontended", "ns per pair", pairs);
	return 0;
}
