/* OpenMP tasks (libgomp), two threads. */
#include "../../bench.h"

static long count;

static void tiny(long n)
{
	count = 0;
#pragma omp parallel num_threads(2)
#pragma omp single
	for (long i = 0; i < n; i++) {
#pragma omp task
#pragma omp atomic
		count++;
	}
	bench_check(count == n, "each job once");
}

static int fib(int n)
{
	int a, b;

	if (n < 2)
		return n;
#pragma omp task shared(a)
	a = fib(n - 1);
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

static void fib_32(long n)
{
	int r = (int)n;

#pragma omp parallel num_threads(2)
#pragma omp single
	r = fib(32);
	bench_check(r == 2178309, "fib");
}

int main(void)
{
	bench_per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", tiny);
	bench_line("fork-join fib(32), 2 workers", "ms", bench_once(fib_32, 0) / 1e6);
	return 0;
}
