/* lock.c - one lock: alone, between two threads, among eight. */
#include "bench.h"
#include "telar/scope.h"
#include "telar/sync.h"

static struct {
	_Alignas(64) tl_lock lock;
	_Alignas(64) long counter;
} shared;

static int count(void *arg)
{
	for (long n = *(long *)arg; n; n--) {
		if (tl_lock_acquire(&shared.lock, TL_NEVER) < 0)
			return -1;
		shared.counter++;
		tl_lock_release(&shared.lock);
	}
	return 0;
}

static void contend(const char *claim, int threads, long pairs)
{
	long each = pairs / threads;
	tl_scope s = { 0 };
	double began = bench_ns();

	shared.counter = 0;
	tl_scope_open(&s);
	for (int i = 0; i < threads; i++)
		tl_thread_start(&s, count, &each, NULL);
	bench_check(tl_scope_close(&s) == 0 && shared.counter == each * threads, claim);
	bench_line(claim, "ns per pair", (bench_ns() - began) / (double)(each * threads));
}

int main(void)
{
	contend("lock + unlock, uncontended", 1, 100000000);
	contend("two threads on one lock", 2, 20000000);
	contend("eight threads on one lock", 8, 20000000);
	return tl_finish();
}
