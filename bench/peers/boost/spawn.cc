// boost.fiber: starting fibers, and a million of them asleep on stacks of 16 KiB from malloc.
#include "../../bench.h"
#include <boost/fiber/all.hpp>
#include <vector>

using namespace boost::fibers;
static constexpr long MILLION = 1000000;

static void one_at_a_time(long n)
{
	for (long i = 0; i < n; i++)
		fiber([] {}).join();
}

static void parked()
{
	double rss = bench_proc("/proc/self/status", "VmRSS:"),
	       tables = bench_proc("/proc/self/status", "VmPTE:"), began = bench_ns();
	long asleep = 0;

	for (long i = 0; i < MILLION; i++)
		fiber(std::allocator_arg, fixedsize_stack(16384), [&asleep] {
			asleep++;
			boost::this_fiber::sleep_for(std::chrono::hours(1));
		}).detach();
	while (asleep < MILLION)
		boost::this_fiber::yield();
	bench_line("1,000,000 parked, time to park all", "s", (bench_ns() - began) / 1e9);
	rss = bench_proc("/proc/self/status", "VmRSS:") - rss;
	tables = bench_proc("/proc/self/status", "VmPTE:") - tables;
	bench_line("1,000,000 parked, resident", "bytes each", rss / MILLION);
	bench_line("1,000,000 parked, with page tables", "bytes each", (rss + tables) / MILLION);
}

int main()
{
	bench_per_op("spawn + join, one at a time", "ns", one_at_a_time);
	parked();
	_exit(0);
}
