/* test_select_storm.c - selects and plain calls over the same locks, semaphores, queues and times,
 * from strands of every kind, with deadlines and cancels.  A ledger knows who holds what: a lock
 * one at most, a semaphore no more than its units, each item once; and in the end all is free, so
 * nobody swallowed a turn.  That nobody waits for ever beside something free, the time limit says.
 */
#include "talk.h"

enum { LOCKS = 2, UNITS = 2, ACTORS = 8, ROUNDS = 1500, ITEMS = 4000 };

static struct ledger {
	tl_lock lock[LOCKS];
	tl_sem sem;
	tl_queue *q;
	long inside[LOCKS]; /* not atomic: the lock guards it, and TSan looks */
	_Atomic int units;
	_Atomic long held, units_taken, items, times, cancelled;
	unsigned char got[ITEMS]; /* likewise: each item is one strand's */
} ledger;

static void in_lock(int k, uint32_t x)
{
	long was = ledger.inside[k]++;

	if (x % 4 == 0)
		tl_yield();
	CHECK_EQ(ledger.inside[k], was + 1);
	ledger.held++;
	tl_lock_release(&ledger.lock[k]);
}

static void with_unit(uint32_t x)
{
	int now = atomic_fetch_add(&ledger.units, 1) + 1;

	CHECK(now <= UNITS);
	if (x % 4 == 1)
		tl_yield();
	atomic_fetch_sub(&ledger.units, 1);
	ledger.units_taken++;
	CHECK_EQ(tl_sem_release(&ledger.sem, 1), 0);
}

static void with_item(int64_t v)
{
	CHECK(v >= 0 && v < ITEMS);
	CHECK_EQ(ledger.got[v]++, 0);
	ledger.items++;
}

/* By a select, of some of the cases in any order. */
static int choose_one(uint64_t *seed, tl_time until)
{
	uint32_t x = number(seed), first = x % 5;
	tl_case c[5];
	int64_t v = -1;
	size_t n = 1 + (x >> 8) % 5;
	int r;

	for (size_t i = 0; i < n; i++)
		switch ((first + i) % 5) {
		case 0: c[i] = TL_ACQUIRE(&ledger.lock[0]); break;
		case 1: c[i] = TL_ACQUIRE(&ledger.lock[1]); break;
		case 2: c[i] = TL_ACQUIRE(&ledger.sem); break;
		case 3: c[i] = TL_GET(ledger.q, &v, sizeof v); break;
		default: c[i] = TL_AT(tl_after(tl_us(x >> 16 & 63)));
		}
	r = tl_select(c, n, until);
	if (r < 0) {
		CHECK_EQ(v, -1);
		return r;
	}
	CHECK_EQ(v != -1, c[r].what == TL_W_GET && c[r].result == 8);
	switch ((first + (uint32_t)r) % 5) {
	case 0: CHECK_EQ(c[r].result, 0), in_lock(0, x >> 20); break;
	case 1: CHECK_EQ(c[r].result, 0), in_lock(1, x >> 20); break;
	case 2: CHECK_EQ(c[r].result, 0), with_unit(x >> 20); break;
	case 3:
		if (c[r].result == -EPIPE)
			tl_yield(); /* all have been taken */
		else
			with_item(v);
		break;
	default: ledger.times++;
	}
	return 0;
}

static int plainly(uint64_t *seed, tl_time until)
{
	uint32_t x = number(seed);
	int r = x & 2 ? tl_lock_acquire(&ledger.lock[x & 1], until)
		      : tl_sem_acquire(&ledger.sem, until);

	if (r == 0 && x & 2)
		in_lock(x & 1, x >> 20);
	else if (r == 0)
		with_unit(x >> 20);
	return r;
}

struct actor {
	uint64_t seed;
	int rounds;
};

static int act(void *arg)
{
	struct actor *a = arg;

	while (a->rounds < ROUNDS) {
		uint32_t x = number(&a->seed);
		/* A get alone may have to wait for ever once the producer is done, so it ends. */
		tl_time until = x % 3 == 0   ? TL_NEVER
				: x % 3 == 1 ? tl_after(tl_us((int)(x >> 8 & 31) - 4))
					     : TL_POLL;
		int r = x % 4 ? choose_one(&a->seed, until) : plainly(&a->seed, until);

		if (r == -ECANCELED)
			return r;
		CHECK(r == 0 || r == (until.ns == TL_POLL.ns ? -EAGAIN : -ETIMEDOUT));
		if (until.ns == TL_POLL.ns)
			tl_yield();
		a->rounds++;
	}
	return 0;
}

/* An actor that is cancelled and begun again until it has done its rounds. */
static int again(intptr_t me)
{
	struct actor a = { .seed = 500 + (uint64_t)me };
	uint64_t seed = 900 + (uint64_t)me;

	while (a.rounds < ROUNDS) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = (number(&seed) % 8 ? start_task : start_thread)(&s, act, &a);
		for (uint32_t i = number(&seed) % 64; i; i--)
			tl_yield();
		tl_cancel(t);
		if (ending(t) == -ECANCELED)
			atomic_fetch_add(&ledger.cancelled, 1);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

static int produce(void)
{
	for (int i = 0; i < ITEMS; i++)
		CHECK_EQ(put(ledger.q, i, TL_NEVER), 0);
	tl_queue_end(ledger.q);
	return 0;
}

/* What is left when the actors have done their rounds. */
static int drain(void)
{
	int64_t v;
	int r;

	while ((r = get(ledger.q, &v, TL_NEVER)) == 8) {
		with_item(v);
		tl_sleep(tl_us(20));
	}
	CHECK_EQ(r, -EPIPE);
	return 0;
}

static int either(void *arg)
{
	intptr_t i = *(intptr_t *)arg;

	return i == ACTORS ? produce() : i == ACTORS + 1 ? drain() : again(i);
}

static void storm(enum mix how)
{
	intptr_t args[ACTORS + 2];

	memset(&ledger, 0, sizeof ledger);
	ledger.sem.value = ledger.sem.limit = UNITS;
	ledger.q = make_queue(2, 8);
	for (int i = 0; i < ACTORS + 2; i++)
		args[i] = i;
	crowd(how, ACTORS + 2, either, args, sizeof *args);
	CHECK_EQ(ledger.items, ITEMS);
	CHECK_EQ(ledger.inside[0] + ledger.inside[1], ledger.held);
	CHECK(ledger.held > 0 && ledger.units_taken > 0 && ledger.cancelled > 0);
	CHECK_EQ(tl_sem_count(&ledger.sem), UNITS);
	CHECK_EQ(tl_sem_release(&ledger.sem, 1), -EOVERFLOW);
	for (int k = 0; k < LOCKS; k++) {
		CHECK_EQ(tl_lock_acquire(&ledger.lock[k], TL_POLL), 0);
		tl_lock_release(&ledger.lock[k]);
	}
	tl_queue_close(ledger.q);
}

TEST_LIMIT(storm_one_loop, 60) { storm(ONE_LOOP); }
TEST_LIMIT(storm_loops, 60) { storm(LOOPS); }
TEST_LIMIT(storm_threads, 60) { storm(THREADS); }
TEST_LIMIT(storm_mixed, 60) { storm(MIXED); }

static void storm_shared(enum mix how)
{
	shared_queues = true;
	storm(how);
}

TEST_LIMIT(storm_shared_one_loop, 100) { storm_shared(ONE_LOOP); }
TEST_LIMIT(storm_shared_loops, 100) { storm_shared(LOOPS); }
TEST_LIMIT(storm_shared_mixed, 100) { storm_shared(MIXED); }

/* -- the classical ones */

/* Each of n that are always ready has its share: with 8,000 rounds the expected 2,000 have a
 * standard deviation of 39, and half of that share is 25 of them away. */
TEST(fair_shares)
{
	tl_lock l = { 0 };
	tl_sem m = { .value = 1 };
	tl_event e = { 0 };
	int count[4] = { 0 };

	tl_event_set(&e);
	tl_case c[] = { TL_ACQUIRE(&l), TL_ACQUIRE(&m), TL_SET(&e), TL_AT(tl_now()) };
	for (int i = 0; i < 8000; i++) {
		int r = tl_select(c, 4, i & 1 ? TL_NEVER : TL_POLL);

		CHECK(r >= 0);
		CHECK_EQ(c[r].result, 0);
		count[r]++;
		if (r == 0)
			tl_lock_release(&l);
		if (r == 1)
			CHECK_EQ(tl_sem_release(&m, 1), 0);
	}
	for (int k = 0; k < 4; k++)
		CHECK(count[k] > 1000);
}

/* Two selects against each other, each sends on one queue and receives on the other, as in Go's
 * doubleselect: what the one put the other gets, in order, and neither waits for ever. */
struct side {
	tl_queue *from, *to;
	int64_t sent, got, n;
};

static int both_ways(void *arg)
{
	struct side *h = arg;

	while (h->sent < h->n || h->got < h->n) {
		int64_t v;
		tl_case c[] = { TL_PUT(h->to, &h->sent, 8), TL_GET(h->from, &v, 8) };
		int r;

		if (h->sent == h->n)
			c[0] = TL_AT(TL_NEVER);
		r = tl_select(c, 2, TL_NEVER);
		if (r == 0) {
			CHECK_EQ(c[0].result, 0);
			h->sent++;
		} else {
			CHECK_EQ(r, 1);
			CHECK_EQ(c[1].result, 8);
			CHECK_EQ(v, h->got++);
		}
	}
	return 0;
}

TEST_LIMIT(double_select, 60)
{
	for (int i = 0; i < 4; i++) {
		tl_queue *a = make_queue(1, 8), *b = make_queue(1, 8);
		struct side one = { a, b, 0, 0, 20000 }, other = { b, a, 0, 0, 20000 };
		tl_scope s = { 0 };

		tl_scope_open(&s);
		(i & 1 ? start_thread : start_task)(&s, both_ways, &one);
		(i & 2 ? start_thread : start_task)(&s, both_ways, &other);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_queue_count(a) + tl_queue_count(b), 0);
		tl_queue_close(a);
		tl_queue_close(b);
	}
}

/* Many selects on one queue: each item wakes one, and all have gone home in the end. */
enum { CROWD = 500 };

static int take_one(void *arg)
{
	static tl_event never;
	int64_t v;
	tl_case c[] = { TL_SET(&never), TL_GET(arg, &v, 8) };

	CHECK_EQ(tl_select(c, 2, TL_NEVER), 1);
	CHECK_EQ(c[1].result, 8);
	return 0;
}

TEST_LIMIT(many_on_one_queue, 60)
{
	tl_queue *q = make_queue(CROWD, 8);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < CROWD; i++)
		(i % 50 ? start_task : start_thread)(&s, take_one, q);
	for (int i = 0; i < CROWD; i++) {
		CHECK_EQ(put(q, i, TL_NEVER), 0);
		if (i % 7 == 0)
			tl_yield();
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_queue_count(q), 0);
	tl_queue_close(q);
}
