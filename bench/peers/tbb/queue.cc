// oneTBB: concurrent_bounded_queue between threads.
#include "../../bench.h"
#include <tbb/concurrent_queue.h>
#include <thread>
#include <vector>

static void stream(long pairs, long n)
{
	tbb::concurrent_bounded_queue<long> q;
	std::vector<std::thread> threads;

	q.set_capacity(128);
	for (long k = 0; k < pairs; k++) {
		threads.emplace_back([&] {
			for (long i = 0; i < n / pairs; i++)
				q.push(i);
		});
		threads.emplace_back([&] {
			for (long i = 0, item; i < n / pairs; i++)
				q.pop(item);
		});
	}
	for (auto &t : threads)
		t.join();
}

static void one_to_one(long n) { stream(1, n); }
static void four_to_four(long n) { stream(4, n); }

int main()
{
	const char *unit = "M items/s";

	bench_line("bounded queue, 1 to 1, two threads", unit, 1e3 / bench_best(one_to_one));
	bench_line(
		"bounded queue, 4 to 4 tasks, two threads", unit, 1e3 / bench_best(four_to_four));
	return 0;
}
