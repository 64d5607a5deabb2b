/* rwlock.c - one read-write lock: read alone, and among eight threads of whose turns one in ten
 * writes. */
#include "bench.h"
#include "telar/scope.h"
#include "telar/sync.h"

enum { THREADS = 8, WRITES = 10 };

static struct {
	_Alignas(64) tl_rwlock lock;
	_Alignas(64) long counter;
} shared;

static void read_alone(long n)
{
	while (n-- > 0) {
		bench_check(tl_rwlock_read(&shared.lock, TL_NEVER) == 0, "a read lock");
		tl_rwlock_release(&shared.lock);
	}
}

static int work(void *arg)
{
	long last = 0;

	for (long n = *(long *)arg; n; n--) {
		bool writes = n % WRITES == 0;
		int r = writes ? tl_rwlock_write(&shared.lock, TL_NEVER)
			       : tl_rwlock_read(&shared.lock, TL_NEVER);

		if (r < 0 || shared.counter < last)
			return -1;
		if (writes)
			shared.counter++;
		last = shared.counter;
		tl_rwlock_release(&shared.lock);
	}
	return 0;
}

static void contend(const char *claim, long pairs)
{
	long each = pairs / THREADS;
	tl_scope s = { 0 };
	double began = bench_ns();

	tl_scope_open(&s);
	for (int i = 0; i < THREADS; i++)
		tl_thread_start(&s, work, &each, NULL);
	bench_check(tl_scope_close(&s) == 0 && shared.counter == pairs / WRITES, claim);
	bench_line(claim, "ns per pair", (bench_ns() - began) / (double)pairs);
}

int main(void)
{
	bench_per_op("read lock + unlock, uncontended", "ns per pair", read_alone);
	contend("eight threads on one rwlock, 90 % read", 4000000);
	return tl_finish();
}
