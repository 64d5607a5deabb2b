/* test_biased.c - W28: a biased lock is a lock, whoever has the bias, gets it or loses it. */
#include "base/biased.h"
#include "check.h"
#include <pthread.h>
#include <sched.h>

static const char me, you;

static void row(struct biased *b, const void *who, int n)
{
	while (n--) {
		biased_lock(b, who);
		biased_unlock(b);
	}
}

static const void *owner(struct biased *b) { return atomic_load(&b->owner); }

/* How many acquisitions in a row it takes until `me` has the bias. */
static int until_mine(struct biased *b)
{
	int n = 0;

	while (owner(b) != &me) {
		row(b, &me, 1);
		CHECK(++n < 1000000);
	}
	return n;
}

TEST(bias_is_earned_and_lost)
{
	struct biased b = { .row = 0 };
	int first = until_mine(&b), again;

	row(&b, &me, 10);
	CHECK(owner(&b) == &me);
	row(&b, &you, 1);
	CHECK(owner(&b) == NULL);
	row(&b, &you, 100 * first); /* there is one that may have it, and this is another */
	CHECK(owner(&b) == NULL);
	again = until_mine(&b);
	CHECK(again > 2 * first); /* it must be worth its price */
	for (int i = 0; i < 20; i++) {
		row(&b, NULL, 1);
		until_mine(&b); /* there is an end to that */
	}
}

TEST(nobody_has_no_bias)
{
	struct biased b = { .row = 0 };

	row(&b, NULL, 100000);
	CHECK(owner(&b) == NULL);
}

/* Round after round with a fresh lock: one thread earns the bias, the others come in between. */
enum { THREADS = 3, ROUNDS = 500, ROW = 3000, VISITS = 5 };

static struct storm {
	struct biased lock;
	pthread_barrier_t gate;
	_Atomic int inside, at; /* at: how far the owner is */
	long entries;           /* no atomic: sanitizers watch it */
	int owned;              /* entries that found the bias in the owner's hands */
} storm;

static void idle(unsigned n)
{
	while (n--)
		plat_relax();
}

static void enter(int who)
{
	biased_lock(&storm.lock, &storm.lock.lock + who);
	CHECK_EQ(atomic_fetch_add_explicit(&storm.inside, 1, memory_order_relaxed), 0);
	storm.owned += storm.lock.by_owner;
	if (++storm.entries % 61 == 0)
		sched_yield(); /* others run while we are inside */
	CHECK_EQ(atomic_fetch_sub_explicit(&storm.inside, 1, memory_order_relaxed), 1);
	biased_unlock(&storm.lock);
}

static void *owner_of_row(void *arg)
{
	(void)arg;
	for (unsigned round = 0; round < ROUNDS; round++) {
		storm.lock = (struct biased){ .row = 0 };
		atomic_store(&storm.at, 0);
		pthread_barrier_wait(&storm.gate);
		for (int i = 0; i < ROW; i++) {
			atomic_store_explicit(&storm.at, i, memory_order_relaxed);
			enter(0);
		}
		pthread_barrier_wait(&storm.gate);
	}
	return NULL;
}

/* When the owner has earned the bias, and again when it may have earned it back. */
static void *visitor(void *arg)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&storm.gate);
		for (int i = 1; i <= VISITS; i++) {
			while (atomic_load_explicit(&storm.at, memory_order_relaxed) <
				i * ROW / (VISITS + 1))
				sched_yield();
			idle(round * 7919 % 31);
			enter((int)(long)arg);
		}
		pthread_barrier_wait(&storm.gate);
	}
	return NULL;
}

TEST_LIMIT(W28_one_at_a_time, 100)
{
	pthread_t t[THREADS];

	CHECK_EQ(pthread_barrier_init(&storm.gate, NULL, THREADS), 0);
	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, i ? visitor : owner_of_row, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
	CHECK_EQ(storm.entries, (long)ROUNDS * (ROW + (THREADS - 1) * VISITS));
	CHECK(storm.owned > 0);
}
