/* POSIX threads: condition, semaphore, barrier. */
#include "../../bench.h"
#include <pthread.h>
#include <semaphore.h>

enum { MOST = 8 };

struct party {
	long n;
	int odd;
};

static void play(void *(*fn)(void *), int threads, long n)
{
	struct party all[MOST];
	pthread_t t[MOST];

	for (int i = 0; i < threads; i++) {
		all[i] = (struct party){ n, i & 1 };
		bench_check(pthread_create(&t[i], NULL, fn, &all[i]) == 0, "pthread_create");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int odd;

static void *take_turns(void *arg)
{
	struct party *me = arg;

	for (long i = 0; i < me->n; i++) {
		pthread_mutex_lock(&lock);
		while (odd != me->odd)
			pthread_cond_wait(&changed, &lock);
		odd = !odd;
		pthread_cond_signal(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static sem_t one_unit, sides[2];

static void sem_alone(long n)
{
	while (n-- > 0)
		bench_check(sem_wait(&one_unit) == 0 && sem_post(&one_unit) == 0, "a semaphore");
}

static void *hand_over(void *arg)
{
	struct party *me = arg;

	for (long i = 0; i < me->n; i++) {
		sem_wait(&sides[me->odd]);
		sem_post(&sides[!me->odd]);
	}
	return NULL;
}

static pthread_barrier_t barrier;

static void *meet(void *arg)
{
	struct party *me = arg;

	for (long i = 0; i < me->n; i++)
		pthread_barrier_wait(&barrier);
	return NULL;
}

static void meeting(int parties, long n)
{
	pthread_barrier_init(&barrier, NULL, (unsigned)parties);
	play(meet, parties, n);
	pthread_barrier_destroy(&barrier);
}

static void cond_threads(long n) { play(take_turns, 2, n); }
static void sem_threads(long n) { play(hand_over, 2, n); }
static void two_threads(long n) { meeting(2, n); }
static void eight_threads(long n) { meeting(8, n); }

int main(void)
{
	sem_init(&one_unit, 0, 1);
	sem_init(&sides[0], 0, 1);
	sem_init(&sides[1], 0, 0);
	bench_per_op("condition ping-pong of two threads", "ns there and back", cond_threads);
	bench_per_op("semaphore acquire + release", "ns", sem_alone);
	bench_per_op("semaphore ping-pong of two threads", "ns there and back", sem_threads);
	bench_per_op("barrier of two threads", "ns per round", two_threads);
	bench_per_op("barrier of eight threads", "ns per round", eight_threads);
	return 0;
}
