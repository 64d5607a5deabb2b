// spdlog: a line formatted as telar's, to a file and through its queue, whose thread runs along.
#include "../../bench.h"
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

enum { BURST = 100000, TIMES = 5 };

static const char pattern[] = "%Y-%m-%d %H:%M:%S,%e [%l] %t: %v";
static std::shared_ptr<spdlog::logger> to;

static void info(long n)
{
	for (long i = 0; i < n; i++)
		to->info("request {} took {} us", i, 42);
}

// Each line is written at once, as telar and Python do.
static void to_file(const char *claim, const char *path)
{
	to = spdlog::basic_logger_mt(claim, path);
	to->set_pattern(pattern);
	to->flush_on(spdlog::level::info);
	bench_per_op(claim, "ns", info);
}

static void through_queue(const char *path)
{
	double caller = 0, whole = 0;

	for (int i = 0; i < TIMES; i++) {
		spdlog::init_thread_pool(BURST, 1);
		to = spdlog::basic_logger_mt<spdlog::async_factory>("queue", path);
		to->set_pattern(pattern);
		to->flush_on(spdlog::level::info);

		double began = bench_ns(), said;

		info(BURST);
		said = bench_ns() - began;
		to.reset();
		spdlog::shutdown(); // writes what is queued
		began = bench_ns() - began;
		caller = i && caller < said ? caller : said;
		whole = i && whole < began ? whole : began;
	}
	bench_line("log line to a queue, its caller", "ns", caller / (double)BURST);
	bench_line("log line through a queue to a file", "ns", whole / (double)BURST);
}

int main()
{
	char path[] = "/tmp/spdlog-bench-XXXXXX";

	bench_check(mkstemp(path) >= 0, "a file");
	to = spdlog::basic_logger_mt("unwanted", "/dev/null");
	to->set_level(spdlog::level::warn);
	bench_per_op("log line that is not wanted", "ns", info);
	to_file("log line to /dev/null", "/dev/null");
	to_file("log line to a file", path);
	through_queue(path);
	unlink(path);
	return 0;
}
