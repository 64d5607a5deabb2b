/* pingpong.c - two strands wake each other in turn: on bare words, and through queues; on one loop,
 * as two threads, as tasks of two loops. */
#include "bench.h"
#include "telar/queue.h"
#include "telar/scope.h"
#include "wait/wait.h"

static _Atomic uint32_t word;
static tl_queue *there, *back;

struct side {
	long n;
	uint32_t odd;
};

/* The word counts the turns; mine are the odd or the even ones. */
static int on_word(void *arg)
{
	struct side *me = arg;

	for (long i = 0; i < me->n; i++) {
		uint32_t now;

		while (((now = atomic_load_explicit(&word, memory_order_acquire)) & 1) != me->odd)
			if (word_wait(&word, now, "ping", &word, TL_NEVER) < 0)
				return -1;
		atomic_store_explicit(&word, now + 1, memory_order_seq_cst);
		word_wake(&word, &word, 1);
	}
	return 0;
}

static int on_queue(void *arg)
{
	struct side *me = arg;
	tl_queue *in = me->odd ? there : back, *out = me->odd ? back : there;
	long item = 0;

	for (long i = 0; i < me->n; i++) {
		if (!me->odd && tl_queue_put(out, &i, sizeof i, TL_NEVER) < 0)
			return -1;
		if (tl_queue_get(in, &item, sizeof item, TL_NEVER) < 0 || item != i)
			return -1;
		if (me->odd && tl_queue_put(out, &i, sizeof i, TL_NEVER) < 0)
			return -1;
	}
	return 0;
}

struct lodger {
	tl_fn *fn;
	struct side *side;
};

/* A thread that is only the loop of one task. */
static int house(void *arg)
{
	struct lodger *l = arg;

	return tl_task_start(NULL, l->fn, l->side, NULL);
}

typedef int start_fn(tl_scope *, tl_fn *, void *, const tl_opts *);

static void play(tl_fn *fn, start_fn *how, int second_loop, long n)
{
	struct side even = { n, 0 }, odd = { n, 1 };
	struct lodger a = { fn, &even }, b = { fn, &odd };
	tl_scope s = { 0 };

	word = 0;
	bench_check(tl_queue_open(&there, NULL) == 0 && tl_queue_open(&back, NULL) == 0, "queues");
	tl_scope_open(&s);
	if (second_loop) {
		tl_thread_start(&s, house, &a, NULL);
		tl_thread_start(&s, house, &b, NULL);
	} else {
		how(&s, fn, &even, NULL);
		how(&s, fn, &odd, NULL);
	}
	bench_check(tl_scope_close(&s) == 0, "ping-pong");
	tl_queue_close(there);
	tl_queue_close(back);
}

static void word_one_loop(long n) { play(on_word, tl_task_start, 0, n); }
static void word_threads(long n) { play(on_word, tl_thread_start, 0, n); }
static void word_two_loops(long n) { play(on_word, tl_task_start, 1, n); }
static void queue_one_loop(long n) { play(on_queue, tl_task_start, 0, n); }
static void queue_threads(long n) { play(on_queue, tl_thread_start, 0, n); }
static void queue_two_loops(long n) { play(on_queue, tl_task_start, 1, n); }

int main(void)
{
	const char *unit = "ns there and back";

	bench_per_op("word ping-pong in one loop", unit, word_one_loop);
	bench_per_op("queue ping-pong in one loop", unit, queue_one_loop);
	bench_per_op("word ping-pong of two threads", unit, word_threads);
	bench_per_op("queue ping-pong of two threads", unit, queue_threads);
	bench_per_op("word ping-pong of two tasks on two loops", unit, word_two_loops);
	bench_per_op("ping-pong of two tasks on two loops", unit, queue_two_loops);
	return tl_finish();
}
