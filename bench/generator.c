/* generator.c - one step of a generator: send, and the yield that answers it. */
#include "telar/generator.h"
#include "bench.h"
#include "telar/scope.h"

static int count(void *arg)
{
	long n = 0, *step = arg;
	void *in;

	while (tl_gen_yield((void *)n, &in) == 0)
		n += *step;
	return 0;
}

static void steps(long n)
{
	long one = 1, last = n - 1;
	tl_gen *g;
	void *out;

	bench_check(tl_gen_open(&g, count, &one, NULL) == 0, "open");
	for (long i = 0; i < n; i++)
		bench_check(tl_gen_send(g, NULL, &out) == 0, "send");
	bench_check((long)out == last, "the values");
	bench_check(tl_gen_close(g) == 0, "close");
}

/* Open, run to the first yield, close. */
static void lives(long n)
{
	long one = 1;
	tl_gen *g;

	while (n-- > 0) {
		bench_check(tl_gen_open(&g, count, &one, NULL) == 0, "open");
		bench_check(tl_gen_send(g, NULL, NULL) == 0, "send");
		bench_check(tl_gen_close(g) == 0, "close");
	}
}

int main(void)
{
	bench_per_op("generator step (send + yield)", "ns", steps);
	bench_per_op("generator opened, begun and closed", "ns", lives);
	return tl_finish();
}
