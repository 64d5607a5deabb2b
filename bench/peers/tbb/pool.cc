// oneTBB: two workers, many jobs, and one at a time from a thread that is none.
#include "../../bench.h"
#include <atomic>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

static int record;
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

static void submit_and_wait(long n)
{
	for (long i = 0; i < n; i++) {
		std::atomic<bool> done{ false };
		arena.enqueue([&] {
			record *= 2;
			done = true;
			done.notify_one();
		});
		done.wait(false);
	}
}

int main()
{
	bench_per_op("thread pool, tiny jobs", "ns per job", tiny);
	bench_per_op("thread pool, submit one, wait", "ns", submit_and_wait);
}
