// oneTBB: concurrent_priority_queue with 1,000 items pending.
#include "../../bench.h"
#include <cstdint>
#include <functional>
#include <tbb/concurrent_priority_queue.h>
#include <thread>

static tbb::concurrent_priority_queue<int64_t, std::greater<int64_t>> queue;

static void turn(long n, uint64_t seed)
{
	for (; n > 0; n--) {
		int64_t item;

		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		queue.push((int64_t)(seed >> 1));
		bench_check(queue.try_pop(item), "pop");
	}
}

static void one(long n) { turn(n, 88172645463325252u); }

static void two(long n)
{
	std::thread a(turn, n / 2, 88172645463325252u), b(turn, n - n / 2, 1234567);

	a.join();
	b.join();
}

int main()
{
	for (int64_t i = 0; i < 1000; i++)
		queue.push(i << 53);
	bench_per_op("priority queue, 1,000 pending, put + get", "ns", one);
	bench_per_op("priority queue, 1,000 pending, two threads", "ns", two);
	return 0;
}
