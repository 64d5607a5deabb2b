// oneTBB: two threads and two concurrent_bounded_queues.
#include "../../bench.h"
#include <tbb/concurrent_queue.h>
#include <thread>

static void pingpong(long n)
{
	tbb::concurrent_bounded_queue<long> there, back;
	std::thread odd([&] {
		for (long i = 0, item; i < n; i++) {
			there.pop(item);
			back.push(item);
		}
	});
	for (long i = 0, item; i < n; i++) {
		there.push(i);
		back.pop(item);
		bench_check(item == i, "ping-pong");
	}
	odd.join();
}

int main()
{
	bench_per_op("ping-pong of two tasks on two loops", "ns there and back", pingpong);
	return 0;
}
