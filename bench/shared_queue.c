/* shared_queue.c - messages between processes through shared queues: 64 bytes from one to one and
 * from four to four, there and back, and 64 KiB with and without a copy. */
#include "bench.h"
#include "telar/process.h"
#include "telar/queue.h"
#include "telar/scope.h"
#include "telar/shared.h"
#include "telar/strand.h"

enum { SIDE = 4, SMALL = 64, LARGE = 65536, ROUND_TRIPS = 100000, IDLE_TRIPS = 300 };

struct part {
	tl_queue *q, *back;
	long messages;
	size_t size;
	bool lent;
};

static char bytes[LARGE];

static int produce(void *arg)
{
	struct part *p = arg;
	void *at;
	int r = 0;

	for (long i = 0; r >= 0 && i < p->messages; i++) {
		if (!p->lent) {
			memcpy(bytes, &i, sizeof i);
			r = tl_queue_put(p->q, bytes, p->size, TL_NEVER);
			continue;
		}
		r = tl_queue_loan(p->q, &at, p->size, TL_NEVER);
		if (r < 0)
			return r;
		memcpy(at, &i, sizeof i);
		r = tl_queue_commit(p->q, at, p->size);
	}
	return r;
}

/* Takes its messages, and sends back the sum of their numbers. */
static int consume(void *arg)
{
	struct part *p = arg;
	long sum = 0, number;
	void *at;
	int r = 0;

	for (long i = 0; r >= 0 && i < p->messages; i++) {
		if (!p->lent) {
			r = tl_queue_get(p->q, bytes, sizeof bytes, TL_NEVER);
			memcpy(&number, bytes, sizeof number);
		} else {
			r = tl_queue_borrow(p->q, &at, TL_NEVER);
			if (r < 0)
				return r;
			memcpy(&number, at, sizeof number);
			r = tl_queue_return(p->q, at);
		}
		sum += number;
	}
	return r < 0 ? r : tl_queue_put(p->back, &sum, sizeof sum, TL_NEVER);
}

static tl_queue *open_queue(size_t capacity, size_t size)
{
	tl_queue_opts o = { .capacity = capacity, .max_item = size, .shared = true };
	tl_queue *q;

	bench_check(tl_queue_open(&q, &o) == 0, "queue");
	return q;
}

/* Messages per second, in millions, of so many processes on each side. */
static double stream(int side, size_t capacity, size_t size, long messages, bool lent)
{
	struct part p = { open_queue(capacity, size), open_queue(SIDE, sizeof(long)),
		messages / side, size, lent };
	tl_scope s = { 0 };
	double began = bench_ns(), took;
	long sum = 0, one;

	tl_scope_open(&s);
	for (int i = 0; i < side; i++) {
		tl_process_start(&s, consume, &p, &(tl_opts){ .copy = sizeof p });
		tl_process_start(&s, produce, &p, &(tl_opts){ .copy = sizeof p });
	}
	for (int i = 0; i < side; i++, sum += one)
		bench_check(tl_queue_get(p.back, &one, sizeof one, TL_NEVER) > 0, "sum");
	took = bench_ns() - began;
	bench_check(tl_scope_close(&s) == 0, "processes");
	bench_check(sum == side * (p.messages * (p.messages - 1) / 2), "each message once");
	tl_queue_close(p.q);
	tl_queue_close(p.back);
	return (double)messages / took * 1e3;
}

static double best_stream(int side, size_t capacity, size_t size, long messages, bool lent)
{
	double best = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double one = stream(side, capacity, size, messages, lent);

		best = one > best ? one : best;
	}
	return best;
}

static int echo(void *arg)
{
	struct part *p = arg;
	long v;
	int r;

	while ((r = tl_queue_get(p->q, &v, sizeof v, TL_NEVER)) > 0)
		if (tl_queue_put(p->back, &v, sizeof v, TL_NEVER) < 0)
			return -1;
	return 0;
}

static void trip(struct part *p, long v)
{
	bench_check(tl_queue_put(p->q, &v, sizeof v, TL_NEVER) == 0, "there");
	bench_check(tl_queue_get(p->back, &v, sizeof v, TL_NEVER) > 0, "and back");
}

/* Microseconds; each trip after a rest of so many. */
static double ping_pong(int trips, int64_t rest)
{
	struct part p = { open_queue(8, sizeof(long)), open_queue(8, sizeof(long)), 0, 0, false };
	double took = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_process_start(&s, echo, &p, &(tl_opts){ .copy = sizeof p });
	trip(&p, 0);
	for (int i = 0; i < trips; i++) {
		double began;

		if (rest)
			bench_check(tl_sleep(tl_us(rest)) == 0, "rest");
		began = bench_ns();
		trip(&p, i);
		took += bench_ns() - began;
	}
	tl_queue_end(p.q);
	bench_check(tl_scope_close(&s) == 0, "echo");
	tl_queue_close(p.q);
	tl_queue_close(p.back);
	return took / trips / 1e3;
}

static double best_ping_pong(int trips, int64_t rest)
{
	double best = ping_pong(trips, rest);

	for (int i = 1; i < ROUNDS; i++) {
		double one = ping_pong(trips, rest);

		best = one < best ? one : best;
	}
	return best;
}

int main(void)
{
	const double GB = LARGE * 1e6 / 1e9;

	bench_line("shared queue 64 B, 1 to 1", "M msg/s",
		best_stream(1, 1024, SMALL, 4000000, false));
	bench_line("shared queue 64 B, 4 to 4", "M msg/s",
		best_stream(SIDE, 1024, SMALL, 4000000, false));
	bench_line("shared queue ping-pong", "us", best_ping_pong(ROUND_TRIPS, 0));
	bench_line("shared queue ping-pong, after idling", "us", best_ping_pong(IDLE_TRIPS, 2000));
	bench_line("64 KiB messages", "GB/s", GB * best_stream(1, 16, LARGE, 100000, false));
	bench_line(
		"64 KiB messages, by loan", "GB/s", GB * best_stream(1, 16, LARGE, 2000000, true));
	return tl_finish();
}
