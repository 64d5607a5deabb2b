/* A ring between two threads that spin: what the cache lines cost. */
#include "../../bench.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum { ROOM = 128 };
static struct {
	_Alignas(128) _Atomic uint64_t tail;
	uint64_t seen_head;
	_Alignas(128) _Atomic uint64_t head;
	uint64_t seen_tail;
	_Alignas(128) uint64_t items[ROOM];
} ring;

static void *produce(void *n)
{
	for (uint64_t i = 0; i < (uint64_t)n; i++) {
		while (i - ring.seen_head == ROOM)
			ring.seen_head = atomic_load_explicit(&ring.head, memory_order_acquire);
		ring.items[i % ROOM] = i;
		atomic_store_explicit(&ring.tail, i + 1, memory_order_release);
	}
	return NULL;
}

static void stream(long n)
{
	uint64_t sum = 0;
	pthread_t t;

	memset(&ring, 0, sizeof ring);
	bench_check(pthread_create(&t, NULL, produce, (void *)n) == 0, "pthread_create");
	for (uint64_t i = 0; i < (uint64_t)n; i++) {
		while (i == ring.seen_tail)
			ring.seen_tail = atomic_load_explicit(&ring.tail, memory_order_acquire);
		sum += ring.items[i % ROOM] == i;
		atomic_store_explicit(&ring.head, i + 1, memory_order_release);
	}
	pthread_join(t, NULL);
	bench_check(sum == (uint64_t)n, "each item once");
}

int main(void)
{
	bench_line("bounded queue, 1 to 1, two threads", "M items/s", 1e3 / bench_best(stream));
	return 0;
}
