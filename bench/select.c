/* select.c - an item that comes by one of several queues: there already, or waited for by a task of
 * the same loop.  An operation is one put and the select that gets it. */
#include "telar/select.h"
#include "bench.h"
#include "telar/scope.h"

enum { MOST = 8, CAPACITY = 128 };

static tl_queue *queues[MOST];
static size_t n_queues;
static int64_t item;

static void cases(tl_case *c)
{
	for (size_t i = 0; i < n_queues; i++)
		c[i] = TL_GET(queues[i], &item, sizeof item);
}

static void put(long i)
{
	int64_t v = i;

	bench_check(tl_queue_put(queues[(size_t)i % n_queues], &v, sizeof v, TL_NEVER) == 0, "put");
}

static void get(tl_case *c, long i)
{
	int r = tl_select(c, n_queues, TL_NEVER);

	bench_check(r >= 0 && c[r].result == sizeof item && item == i, "select");
}

static void ready(long n)
{
	tl_case c[MOST];

	cases(c);
	for (long i = 0; i < n; i++) {
		put(i);
		get(c, i);
	}
}

static int getter(void *arg)
{
	tl_case c[MOST];

	cases(c);
	for (long i = 0, n = *(long *)arg; i < n; i++)
		get(c, i);
	return 0;
}

/* The getter waits in all of them before each put. */
static int putter(void *arg)
{
	for (long i = 0, n = *(long *)arg; i < n; i++) {
		put(i);
		tl_yield();
	}
	return 0;
}

static void waited(long n)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, getter, &n, NULL);
	tl_task_start(&s, putter, &n, NULL);
	bench_check(tl_scope_close(&s) == 0, "strands");
}

int main(void)
{
	tl_queue_opts o = { .capacity = CAPACITY, .max_item = sizeof(int64_t) };

	for (int i = 0; i < MOST; i++)
		bench_check(tl_queue_open(&queues[i], &o) == 0, "queue");
	n_queues = 2;
	bench_per_op("select of 2 queues, one ready", "ns", ready);
	bench_per_op("select of 2 queues, waited for", "ns", waited);
	n_queues = MOST;
	bench_per_op("select of 8 queues, one ready", "ns", ready);
	bench_per_op("select of 8 queues, waited for", "ns", waited);
	for (int i = 0; i < MOST; i++)
		queues[i] = tl_queue_close(queues[i]);
	return tl_finish();
}
