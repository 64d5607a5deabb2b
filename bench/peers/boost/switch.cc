// boost.context's bare switch, and boost.fiber's yield.
#include "../../bench.h"
#include <boost/context/fiber.hpp>
#include <boost/fiber/all.hpp>

static boost::context::fiber other;

static void raw(long n)
{
	for (long i = 0; i < n; i += 2)
		other = std::move(other).resume();
}

static void yields(long n)
{
	auto body = [n] {
		for (long i = 0; i < n / 2; i++)
			boost::this_fiber::yield();
	};
	boost::fibers::fiber a(body), b(body);
	a.join();
	b.join();
}

int main()
{
	other = boost::context::fiber([](boost::context::fiber &&back) {
		for (;;)
			back = std::move(back).resume();
		return std::move(back);
	});
	bench_per_op("raw switch, one way", "ns", raw);
	bench_per_op("scheduled yield, two tasks", "ns per switch", yields);
	exit(0);
}
