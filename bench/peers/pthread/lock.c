/* POSIX threads: a mutex alone, between two threads, among eight. */
#include "../../bench.h"
#include <pthread.h>

static struct {
	_Alignas(64) pthread_mutex_t lock;
	_Alignas(64) long counter;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *count(void *arg)
{
	for (long n = *(long *)arg; n; n--) {
		pthread_mutex_lock(&shared.lock);
		shared.counter++;
		pthread_mutex_unlock(&shared.lock);
	}
	return NULL;
}

static void contend(const char *claim, int threads, long pairs)
{
	pthread_t t[8];
	long each = pairs / threads;
	double began = bench_ns();

	shared.counter = 0;
	for (int i = 0; i < threads; i++)
		bench_check(pthread_create(&t[i], NULL, count, &each) == 0, "pthread_create");
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	bench_check(shared.counter == each * threads, claim);
	bench_line(claim, "ns per pair", (bench_ns() - began) / (double)(each * threads));
}

int main(void)
{
	contend("lock + unlock, uncontended", 1, 100000000);
	contend("two threads on one lock", 2, 20000000);
	contend("eight threads on one lock", 8, 20000000);
	return 0;
}
