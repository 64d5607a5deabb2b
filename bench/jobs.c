/* jobs.c - work for two processors: .anywhere tasks, one or many, waited for together, one by one,
 * or
 * as the halves of a sum. */
#include "bench.h"
#include "telar/scope.h"
#include <stdatomic.h>

static const tl_opts anywhere = { .anywhere = true };
static _Atomic long count;

static int job(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	return 0;
}

static void tiny(long n)
{
	tl_scope s = { 0 };

	atomic_store(&count, 0);
	tl_scope_open(&s);
	for (long i = 0; i < n; i++)
		tl_task_start(&s, job, NULL, &anywhere);
	bench_check(tl_scope_close(&s) == 0 && count == n, "each job once");
}

static void submit_and_wait(long n)
{
	enum { BATCH = 1000 };

	for (long i = 0; i < n; i += BATCH) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int k = 0; k < BATCH; k++) {
			tl_strand t;

			tl_task_start(&s, job, NULL, &(tl_opts){ .anywhere = true, .ret = &t });
			bench_check(tl_join(t, NULL, TL_NEVER) == 0, "join");
		}
		tl_scope_close(&s);
	}
}

enum { WAYS = 10 };
struct leaf {
	long first, size, sum;
};

static int skynet(void *arg)
{
	struct leaf *me = arg, parts[WAYS];
	tl_strand strands[WAYS];
	tl_scope s = { 0 };
	long part = me->size / WAYS;

	me->sum = me->first;
	if (me->size == 1)
		return 0;
	tl_scope_open(&s);
	for (int i = 0; i < WAYS; i++) {
		parts[i] = (struct leaf){ me->first + i * part, part, 0 };
		tl_task_start(
			&s, skynet, &parts[i], &(tl_opts){ .anywhere = true, .ret = &strands[i] });
	}
	for (int i = WAYS; i-- > 0;)
		tl_join(strands[i], NULL, TL_NEVER);
	me->sum = 0;
	for (int i = 0; i < WAYS; i++)
		me->sum += parts[i].sum;
	return tl_scope_close(&s);
}

struct half {
	int n, value;
};

/* A task for one half, the caller for the other. */
static int fib(void *arg)
{
	struct half *me = arg, a = { me->n - 1, 0 }, b = { me->n - 2, 0 };
	tl_scope s = { 0 };
	tl_strand t;

	me->value = me->n;
	if (me->n < 2)
		return 0;
	tl_scope_open(&s);
	tl_task_start(&s, fib, &a, &(tl_opts){ .anywhere = true, .ret = &t });
	fib(&b);
	tl_join(t, NULL, TL_NEVER);
	me->value = a.value + b.value;
	return tl_scope_close(&s);
}

/* In a task, where a child can be run in place. */
static void in_a_task(tl_fn *fn, void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, fn, arg, NULL);
	bench_check(tl_scope_close(&s) == 0, "a task");
}

static int submit_n(void *arg) { return submit_and_wait(*(long *)arg), 0; }
static void submit_from_a_task(long n) { in_a_task(submit_n, &n); }

static void all_leaves(long n)
{
	struct leaf top = { n, 1000000, 0 };

	in_a_task(skynet, &top);
	bench_check(top.sum == 499999500000, "skynet");
}

static void fib_32(long n)
{
	struct half top = { 32, (int)n };

	in_a_task(fib, &top);
	bench_check(top.value == 2178309, "fib");
}

int main(void)
{
	bench_check(tl_workers(2) == 0, "two workers");
	bench_per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", tiny);
	bench_per_op("submit one, wait for it", "ns", submit_from_a_task);
	bench_per_op("submit one from a thread, wait for it", "ns", submit_and_wait);
	bench_line("skynet, 1,000,000 leaves, 2 workers", "ms", bench_shortest(all_leaves) / 1e6);
	bench_line("fork-join fib(32), 2 workers", "ms", bench_shortest(fib_32) / 1e6);
	return tl_finish();
}
