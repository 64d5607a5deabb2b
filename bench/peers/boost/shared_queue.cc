// boost.interprocess: message_queue, a ring under one lock in a shared memory object.
#include "../../bench.h"
#include <boost/interprocess/ipc/message_queue.hpp>
#include <memory>
#include <string>

using boost::interprocess::create_only;
using boost::interprocess::message_queue;

static const size_t SMALL = 64, LARGE = 65536;
static const long TRIPS = 20000;
static char bytes[LARGE];

static std::unique_ptr<message_queue> made(const char *name, size_t capacity, size_t size)
{
	std::string own = "telar-bench-" + std::to_string(getpid()) + name;
	auto q = std::make_unique<message_queue>(create_only, own.c_str(), capacity, size);

	message_queue::remove(own.c_str()); // it lives on, without a name
	return q;
}

static void get(message_queue &q, size_t cap)
{
	message_queue::size_type size;
	unsigned priority;

	q.receive(bytes, cap, size, priority);
}

template <class Fn> static pid_t apart(Fn fn)
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	return pid;
}

static double stream(int side, size_t capacity, size_t size, long n)
{
	auto q = made("a", capacity, size);
	double began = bench_ns();
	pid_t pids[8];
	int k = 0;

	for (int i = 0; i < side; i++) {
		pids[k++] = apart([&] {
			for (long m = 0; m < n / side; m++)
				q->send(bytes, size, 0);
		});
		pids[k++] = apart([&] {
			for (long m = 0; m < n / side; m++)
				get(*q, size);
		});
	}
	while (k)
		waitpid(pids[--k], nullptr, 0);
	return (double)n / (bench_ns() - began) * 1e3;
}

static double ping_pong()
{
	auto there = made("a", 8, sizeof(long)), back = made("b", 8, sizeof(long));
	double began = bench_ns();
	pid_t pid = apart([&] {
		for (long i = 0; i < TRIPS; i++) {
			get(*there, sizeof(long));
			back->send(bytes, sizeof(long), 0);
		}
	});

	for (long i = 0; i < TRIPS; i++) {
		there->send(bytes, sizeof(long), 0);
		get(*back, sizeof(long));
	}
	waitpid(pid, nullptr, 0);
	return (bench_ns() - began) / TRIPS / 1e3;
}

int main()
{
	double one = 0, four = 0, large = 0, pong = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		one = std::max(one, stream(1, 1024, SMALL, 500000));
		four = std::max(four, stream(4, 1024, SMALL, 500000));
		large = std::max(large, stream(1, 16, LARGE, 20000));
		pong = std::min(pong, ping_pong());
	}
	bench_line("shared queue 64 B, 1 to 1", "M msg/s", one);
	bench_line("shared queue 64 B, 4 to 4", "M msg/s", four);
	bench_line("shared queue ping-pong", "us", pong);
	bench_line("64 KiB messages", "GB/s", large * (double)LARGE * 1e6 / 1e9);
	return 0;
}
