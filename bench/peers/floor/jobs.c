/* The work of fork-join fib itself, on one processor: half of it is the floor for two. */
#include "../../bench.h"

__attribute__((noipa)) static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static void fib_32(long n) { bench_check((n = fib(32)) == 2178309, "fib"); }

int main(void)
{
	bench_line("fork-join fib(32), 2 workers", "ms", bench_shortest(fib_32) / 1e6 / 2);
	return 0;
}
