// boost.fiber: condition and barrier; it has no semaphore.
#include "../../bench.h"
#include <boost/fiber/all.hpp>
#include <vector>

static boost::fibers::mutex lock;
static boost::fibers::condition_variable changed;
static int odd;

static void take_turns(int mine, long n)
{
	for (long i = 0; i < n; i++) {
		std::unique_lock<boost::fibers::mutex> held(lock);

		while (odd != mine)
			changed.wait(held);
		odd = !odd;
		changed.notify_one();
	}
}

static void cond(long n)
{
	boost::fibers::fiber a(take_turns, 0, n), b(take_turns, 1, n);

	a.join();
	b.join();
}

static void meeting(unsigned parties, long n)
{
	boost::fibers::barrier barrier(parties);
	std::vector<boost::fibers::fiber> all;

	for (unsigned i = 0; i < parties; i++)
		all.emplace_back([&] {
			for (long k = 0; k < n; k++)
				barrier.wait();
		});
	for (auto &fiber : all)
		fiber.join();
}

static void two(long n) { meeting(2, n); }
static void eight(long n) { meeting(8, n); }

int main()
{
	bench_per_op("condition ping-pong in one loop", "ns there and back", cond);
	bench_per_op("barrier of two tasks in one loop", "ns per round", two);
	bench_per_op("barrier of eight tasks in one loop", "ns per round", eight);
	return 0;
}
