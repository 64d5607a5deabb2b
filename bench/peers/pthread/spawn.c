/* POSIX threads: what a thread costs. */
#include "../../bench.h"
#include <pthread.h>

static void *nothing(void *arg) { return arg; }

static void one_at_a_time(long n)
{
	for (long i = 0; i < n; i++) {
		pthread_t t;

		bench_check(pthread_create(&t, NULL, nothing, NULL) == 0, "pthread_create");
		pthread_join(t, NULL);
	}
}

int main(void)
{
	bench_per_op("spawn + join, one at a time", "ns", one_at_a_time);
	return 0;
}
