// boost.asio: a million steady_timers; one that is cancelled still calls its handler.
#include <utility> // boost 1.74 forgets it

#include "../timer.h"
#include <boost/asio.hpp>
#include <vector>

using boost::asio::steady_timer;

static boost::asio::io_context loop(1);
static std::vector<steady_timer> timers;
static long fired, cancelled;

static void insert(std::chrono::nanoseconds from, double within)
{
	auto now = steady_timer::clock_type::now();

	for (auto &t : timers) {
		t.expires_at(now + from + std::chrono::nanoseconds((long)(within * some_part())));
		t.async_wait([](auto error) { ++(error ? cancelled : fired); });
	}
}

static void insert_far() { insert(std::chrono::hours(1), 3600e9); }
static void insert_near() { insert(std::chrono::seconds(3), 1e6); }

static void run()
{
	loop.restart();
	loop.run();
}

static void cancel()
{
	cancelled = 0;
	for (auto &t : timers)
		t.cancel();
	run();
	bench_check(cancelled == MILLION, "cancelling");
}

static void fire_all()
{
	fired = 0;
	run();
	bench_check(fired == MILLION, "every timer fires");
}

int main()
{
	timers.reserve(MILLION);
	for (long i = 0; i < MILLION; i++)
		timers.emplace_back(loop);
	timer_bench(insert_far, cancel, insert_near, fire_all);
	return 0;
}
