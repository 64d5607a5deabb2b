/* POSIX threads: a read-write lock, read alone, and among eight; one turn in ten writes. */
#include "../../bench.h"
#include <pthread.h>

enum { THREADS = 8, WRITES = 10 };

static struct {
	_Alignas(64) pthread_rwlock_t lock;
	_Alignas(64) long counter;
} shared = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static void read_alone(long n)
{
	while (n-- > 0) {
		bench_check(pthread_rwlock_rdlock(&shared.lock) == 0, "a read lock");
		pthread_rwlock_unlock(&shared.lock);
	}
}

static void *work(void *arg)
{
	long last = 0;

	for (long n = *(long *)arg; n; n--) {
		int writes = n % WRITES == 0;

		if (writes)
			pthread_rwlock_wrlock(&shared.lock);
		else
			pthread_rwlock_rdlock(&shared.lock);
		bench_check(shared.counter >= last, "a counter");
		if (writes)
			shared.counter++;
		last = shared.counter;
		pthread_rwlock_unlock(&shared.lock);
	}
	return NULL;
}

static void contend(const char *claim, long pairs)
{
	pthread_t t[THREADS];
	long each = pairs / THREADS;
	double began = bench_ns();

	for (int i = 0; i < THREADS; i++)
		bench_check(pthread_create(&t[i], NULL, work, &each) == 0, "pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	bench_check(shared.counter == pairs / WRITES, claim);
	bench_line(claim, "ns per pair", (bench_ns() - began) / (double)pairs);
}

int main(void)
{
	bench_per_op("read lock + unlock, uncontended", "ns per pair", read_alone);
	contend("eight threads on one rwlock, 90 % read", 4000000);
	return 0;
}
