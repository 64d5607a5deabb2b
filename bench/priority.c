/* priority.c - a queue that gives the smallest first, with 1,000 items pending: one put and one
 * get, by one strand and by two threads. */
#include "bench.h"
#include "telar/queue.h"
#include "telar/scope.h"

enum { PENDING = 1000 };

static tl_queue *queue;

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int turn(void *arg)
{
	uint64_t seed = 88172645463325252u + (uintptr_t)arg;

	for (long n = *(long *)arg; n > 0; n--) {
		int64_t item;

		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		item = (int64_t)(seed >> 1);
		if (tl_queue_put(queue, &item, sizeof item, TL_NEVER) < 0 ||
			tl_queue_get(queue, &item, sizeof item, TL_NEVER) < 0)
			return -1;
	}
	return 0;
}

static void one(long n) { bench_check(turn(&n) == 0, "turn"); }

static void two(long n)
{
	long half[2] = { n / 2, n - n / 2 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, turn, &half[0], NULL);
	tl_thread_start(&s, turn, &half[1], NULL);
	bench_check(tl_scope_close(&s) == 0, "two threads");
}

int main(void)
{
	tl_queue_opts o = { .capacity = SIZE_MAX, .max_item = 8, .order = by_number };

	bench_check(tl_queue_open(&queue, &o) == 0, "queue");
	for (int64_t i = 0; i < PENDING; i++)
		bench_check(tl_queue_put(queue, &(int64_t){ i << 53 }, 8, TL_POLL) == 0, "put");
	bench_per_op("priority queue, 1,000 pending, put + get", "ns", one);
	bench_per_op("priority queue, 1,000 pending, two threads", "ns", two);
	tl_queue_close(queue);
	return tl_finish();
}
