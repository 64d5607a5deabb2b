// boost.fiber: two fibers and two buffered channels.
#include "../../bench.h"
#include <boost/fiber/all.hpp>

static void pingpong(long n)
{
	boost::fibers::buffered_channel<long> there(1024), back(1024);
	boost::fibers::fiber odd([&] {
		for (long i : there)
			back.push(i);
	});
	for (long i = 0; i < n; i++) {
		there.push(i);
		bench_check(back.value_pop() == i, "ping-pong");
	}
	there.close();
	odd.join();
}

int main()
{
	bench_per_op("queue ping-pong in one loop", "ns there and back", pingpong);
	return 0;
}
