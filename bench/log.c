/* log.c - a line of a log: not wanted, to nowhere, to a file, and through a queue. */
#include "telar/log.h"
#include "bench.h"
#include "telar/scope.h"
#include <fcntl.h>

static void info(long n)
{
	for (long i = 0; i < n; i++)
		tl_log(TL_INFO, "request %ld took %d us", i, 42);
}

static tl_handler *at_root(const tl_handler_opts *o)
{
	tl_handler *h = NULL;

	bench_check(tl_handler_open(&h, o) == 0 && tl_logger_add(tl_log_root, h) == 0, "a handler");
	return h;
}

static void closed(tl_handler *h)
{
	bench_check(tl_handler_close(h, TL_NEVER) == 0, "closing a handler");
}

static const char format[] = "%(asctime)s [%(levelname)s] %(threadName)s: %(message)s";

/* As many as the queue holds, then until all are written: what the caller pays, and the whole. */
static void through_queue(tl_handler *file)
{
	enum { BURST = 100000, TIMES = 5 };
	tl_handler *h = at_root(&(tl_handler_opts){ .to = &file, .n_to = 1, .capacity = BURST });
	double caller = 0, whole = 0;

	info(BURST);
	bench_check(tl_handler_start(h) == 0 && tl_handler_stop(h, TL_NEVER) == 0, "a listener");
	for (int i = 0; i < TIMES; i++) {
		double began = bench_ns(), said;

		info(BURST);
		said = bench_ns() - began;
		bench_check(tl_handler_start(h) == 0 && tl_handler_stop(h, TL_NEVER) == 0,
			"a listener");
		began = bench_ns() - began;
		caller = i && caller < said ? caller : said;
		whole = i && whole < began ? whole : began;
	}
	bench_check(tl_handler_dropped(h) == 0, "queueing all");
	closed(h);
	bench_line("log line to a queue, its caller", "ns", caller / BURST);
	bench_line("log line through a queue to a file", "ns", whole / BURST);
}

int main(void)
{
	char path[] = "/tmp/telar-bench-log-XXXXXX";
	int file = mkstemp(path);
	tl_handler *h;

	bench_check(file >= 0, "a file");
	h = at_root(&(tl_handler_opts){ .path = "/dev/null", .format = format });
	bench_per_op("log line that is not wanted", "ns", info);
	tl_logger_level(tl_log_root, TL_INFO);
	bench_per_op("log line to /dev/null", "ns", info);
	closed(h);
	h = at_root(&(tl_handler_opts){ .path = path, .format = format });
	bench_per_op("log line to a file", "ns", info);
	tl_logger_remove(tl_log_root, h);
	through_queue(h);
	closed(h);
	unlink(path);
	close(file);
	return tl_finish();
}
