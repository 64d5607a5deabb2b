// oneTBB: two workers.
#include "../../bench.h"
#include <atomic>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

static tbb::task_arena arena(2);

static void tiny(long n)
{
	std::atomic<long> count{ 0 };

	arena.execute([&] {
		tbb::task_group group;
		for (long i = 0; i < n; i++)
			group.run([&] { count.fetch_add(1, std::memory_order_relaxed); });
		group.wait();
	});
	bench_check(count == n, "each job once");
}

// To a worker, from a thread that is none.
static void submit_and_wait(long n)
{
	for (long i = 0; i < n; i++) {
		std::atomic<bool> done{ false };
		arena.enqueue([&] {
			done = true;
			done.notify_one();
		});
		done.wait(false);
	}
}

static long skynet(long first, long size)
{
	long sums[10], sum = 0, part = size / 10;

	if (size == 1)
		return first;
	tbb::task_group group;
	for (long i = 0; i < 10; i++)
		group.run([=, &sums] { sums[i] = skynet(first + i * part, part); });
	group.wait();
	for (long s : sums)
		sum += s;
	return sum;
}

static int fib(int n)
{
	int a, b;

	if (n < 2)
		return n;
	tbb::task_group group;
	group.run([&] { a = fib(n - 1); });
	b = fib(n - 2);
	group.wait();
	return a + b;
}

static void all_leaves(long)
{
	arena.execute([] { bench_check(skynet(0, 1000000) == 499999500000, "skynet"); });
}

static void fib_32(long)
{
	arena.execute([] { bench_check(fib(32) == 2178309, "fib"); });
}

int main()
{
	tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);

	bench_per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", tiny);
	double one = bench_best(submit_and_wait);
	bench_line("submit one, wait for it", "ns", one);
	bench_line("submit one from a thread, wait for it", "ns", one);
	bench_line("skynet, 1,000,000 leaves, 2 workers", "ms", bench_shortest(all_leaves) / 1e6);
	bench_line("fork-join fib(32), 2 workers", "ms", bench_shortest(fib_32) / 1e6);
	return 0;
}
