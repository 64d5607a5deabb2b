// boost.context: one step of a callcc pair, and of a coroutine2 pull.
#include "../../bench.h"
#include <boost/context/fiber.hpp>
#include <boost/coroutine2/all.hpp>

namespace ctx = boost::context;
using pull = boost::coroutines2::coroutine<long>::pull_type;
using push = boost::coroutines2::coroutine<long>::push_type;

static void steps(long n)
{
	long value = -1, last = n - 1;
	ctx::fiber f([&value](ctx::fiber &&below) {
		for (;;) {
			value++;
			below = std::move(below).resume();
		}
		return std::move(below);
	});

	for (long i = 0; i < n; i++)
		f = std::move(f).resume();
	bench_check(value == last, "the values");
}

static void pulls(long n)
{
	pull g([](push &yield) {
		for (long i = 0;; i++)
			yield(i);
	});
	long last = n - 1;

	for (long i = 0; i < last; i++)
		g();
	bench_check(g.get() == last, "the values");
}

static void lives(long n)
{
	while (n-- > 0)
		pull g([](push &yield) { yield(1); });
}

int main()
{
	bench_per_op("generator step (send + yield)", "ns", steps);
	bench_per_op("generator step by coroutine2 pull", "ns", pulls);
	bench_per_op("generator opened, begun and closed", "ns", lives);
	return 0;
}
