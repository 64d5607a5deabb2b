// boost.fiber: a buffered channel of 128 between two fibers of one thread.
#include "../../bench.h"
#include <boost/fiber/all.hpp>

static void stream(long n)
{
	boost::fibers::buffered_channel<long> q(128);
	long got = 0;
	boost::fibers::fiber reader([&] {
		for (long i : q)
			got += i >= 0;
	});
	for (long i = 0; i < n; i++)
		q.push(i);
	q.close();
	reader.join();
	bench_check(got == n, "each item once");
}

int main()
{
	bench_line("bounded queue (128), one loop", "M items/s", 1e3 / bench_best(stream));
	return 0;
}
