/* State Threads: st_thread_yield. */
#include "../../bench.h"
#include <st.h>

static void *yield_n(void *n)
{
	for (long i = 0; i < (long)n; i++)
		st_sleep(0); /* 1.9 has no st_thread_yield: this is its way */
	return NULL;
}

static void yields(long n)
{
	st_thread_t a = st_thread_create(yield_n, (void *)(n / 2), 1, 0);
	st_thread_t b = st_thread_create(yield_n, (void *)(n / 2), 1, 0);

	st_thread_join(a, NULL);
	st_thread_join(b, NULL);
}

int main(void)
{
	bench_check(st_init() == 0, "st_init");
	bench_per_op("scheduled yield, two tasks", "ns per switch", yields);
	return 0;
}
