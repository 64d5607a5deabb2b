/* One cache line between two threads that spin: there and back. */
#include "../../bench.h"
#include <pthread.h>
#include <stdatomic.h>

static _Atomic long turn;

static void *odd(void *n)
{
	for (long i = 1; i < 2 * (long)n; i += 2) {
		while (atomic_load_explicit(&turn, memory_order_acquire) != i)
			continue;
		atomic_store_explicit(&turn, i + 1, memory_order_release);
	}
	return NULL;
}

static void pingpong(long n)
{
	pthread_t t;

	turn = 0;
	bench_check(pthread_create(&t, NULL, odd, (void *)n) == 0, "pthread_create");
	for (long i = 0; i < 2 * n; i += 2) {
		while (atomic_load_explicit(&turn, memory_order_acquire) != i)
			continue;
		atomic_store_explicit(&turn, i + 1, memory_order_release);
	}
	pthread_join(t, NULL);
}

int main(void)
{
	bench_per_op("ping-pong of two tasks on two loops", "ns there and back", pingpong);
	return 0;
}
