/* queue.c - items through bounded queues of 128: between the tasks of one loop, between two
 * threads,
 * and four to four tasks on two threads. */
#include "telar/queue.h"
#include "bench.h"
#include "telar/scope.h"

enum { CAPACITY = 128 };

static tl_queue *queue;

struct part {
	int64_t items;
	int64_t sum; /* of what it got */
};

static int produce(void *arg)
{
	struct part *p = arg;

	for (int64_t i = 1; i <= p->items; i++)
		if (tl_queue_put(queue, &i, sizeof i, TL_NEVER) < 0)
			return -1;
	return 0;
}

static int consume(void *arg)
{
	struct part *p = arg;
	int64_t item, sum = 0;

	for (int64_t i = 0; i < p->items; i++) {
		if (tl_queue_get(queue, &item, sizeof item, TL_NEVER) != sizeof item)
			return -1;
		sum += item;
	}
	p->sum = sum;
	return 0;
}

typedef int start_fn(tl_scope *, tl_fn *, void *, const tl_opts *);

enum { SIDE = 4 };

struct house {
	struct part *putters, *getters;
	int n_putters, n_getters;
};

/* A thread that is only the loop of some tasks. */
static int house(void *arg)
{
	struct house *h = arg;

	for (int i = 0; i < h->n_putters; i++)
		tl_task_start(NULL, produce, &h->putters[i], NULL);
	for (int i = 0; i < h->n_getters; i++)
		tl_task_start(NULL, consume, &h->getters[i], NULL);
	return 0;
}

static void begin(void)
{
	bench_check(tl_queue_open(&queue, &(tl_queue_opts){ .capacity = CAPACITY,
						  .max_item = sizeof(int64_t) }) == 0,
		"queue");
}

static void check(const struct part *got, int n)
{
	int64_t sum = 0, expected = 0;

	for (int i = 0; i < n; i++) {
		sum += got[i].sum;
		expected += got[i].items * (got[i].items + 1) / 2;
	}
	bench_check(sum == expected, "each item once");
	tl_queue_close(queue);
}

static void one_to_one(const char *claim, start_fn *start, int64_t items)
{
	struct part from = { items, 0 }, to = { items, 0 };
	tl_scope s = { 0 };
	double began;

	begin();
	began = bench_ns();
	tl_scope_open(&s);
	start(&s, produce, &from, NULL);
	start(&s, consume, &to, NULL);
	bench_check(tl_scope_close(&s) == 0, claim);
	bench_line(claim, "M items/s", (double)items / (bench_ns() - began) * 1e3);
	check(&to, 1);
}

static void four_to_four(const char *claim, bool apart, int64_t items)
{
	struct part from[SIDE], to[SIDE];
	struct house a = { from, to, SIDE / 2, SIDE / 2 },
		     b = { from + SIDE / 2, to + SIDE / 2, SIDE / 2, SIDE / 2 };
	tl_scope s = { 0 };
	double began;

	if (apart) {
		a = (struct house){ from, NULL, SIDE, 0 };
		b = (struct house){ NULL, to, 0, SIDE };
	}
	for (int i = 0; i < SIDE; i++)
		from[i] = to[i] = (struct part){ items / SIDE, 0 };
	begin();
	began = bench_ns();
	tl_scope_open(&s);
	tl_thread_start(&s, house, &a, NULL);
	tl_thread_start(&s, house, &b, NULL);
	bench_check(tl_scope_close(&s) == 0, claim);
	bench_line(claim, "M items/s", (double)items / (bench_ns() - began) * 1e3);
	check(to, SIDE);
}

int main(void)
{
	one_to_one("bounded queue (128), one loop", tl_task_start, 20000000);
	one_to_one("bounded queue, 1 to 1, two threads", tl_thread_start, 4000000);
	four_to_four("bounded queue, 4 to 4 tasks, two threads", false, 4000000);
	four_to_four("bounded queue, 4 to 4 tasks, putters and getters apart", true, 4000000);
	return tl_finish();
}
