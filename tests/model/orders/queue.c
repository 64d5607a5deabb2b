/* queue.c - what a queue stands on: the biased lock (W28) and the two ends of the ring (W29). */
#include "talk/ring.h"

bool plat_barrier_both; /* the light half is light */

static struct biased lock;
static unsigned n;
static const char keys[3];

static void change(int who)
{
	biased_lock(&lock, &keys[who]);
	orders_write(&n);
	n++;
	biased_unlock(&lock);
}

static void once(void *arg) { change((int)(intptr_t)arg); }
static void twice(void *arg) { once(arg), once(arg); }

/* The last to count gives it back: nobody who has left may still be at it. */
static void count_and_free(void *arg)
{
	int who = (int)(intptr_t)arg;

	biased_lock(&lock, &keys[who]);
	orders_write(&n);
	if (++n == 2) {
		orders_free(&lock.owner, sizeof lock.owner);
		orders_free(&lock.busy, sizeof lock.busy);
	} else {
		biased_unlock(&lock);
	}
}

static void begin(int who, void (*fn)(void *)) { orders_thread(fn, (void *)(intptr_t)who); }
static void mine(void) { lock.owner = lock.only = &keys[0]; }
/* The next row is already long enough. */
static void soon(void) { lock.only = lock.last = &keys[0], lock.row = 1 << 20; }

static void taken_away(void) { mine(), begin(0, twice), begin(1, once); }
static void given(void) { soon(), begin(0, twice), begin(1, once); }
static void given_again(void) { soon(), mine(), begin(0, twice), begin(1, twice); }
static void two_others(void) { mine(), begin(0, once), begin(1, once), begin(2, once); }
static void frees(void) { mine(), begin(0, count_and_free), begin(1, count_and_free); }
static void three(void) { ORDERS_CHECK(n == 3); }
static void four(void) { ORDERS_CHECK(n == 4); }

/* -- the ring: a buffer for one record, or two, so that places are used again */

static struct ring ring;
static uint64_t buffer[4];
static unsigned taken;

static uint64_t *place(const struct ring_end *e) { return ring_header(&ring, e->at); }

/* Watch what the other end tells until n records are through: as the queue lingers. */
static void await(_Atomic size_t *told, size_t n)
{
	while (atomic_load_explicit(told, memory_order_relaxed) < n)
		orders_pause();
}

static void await_room(size_t records)
{
	if (ring.in.n >= records)
		await(&ring.out.told_n, ring.in.n - records + 1);
}

/* Of one word only: the bytes may be told before the place. */
static void await_bytes(void)
{
	if (ring.in.at >= ring.size)
		await(&ring.out.told_at, ring.in.at - ring.size + 16);
}

static void put(long item, bool by_bytes)
{
	biased_lock(&ring.in.lock, NULL);
	if (by_bytes)
		await_bytes();
	else
		await_room(ring.size / 16);
	ORDERS_CHECK(ring_fits(&ring, SIZE_MAX, sizeof item));
	orders_write(place(&ring.in));
	ring_put(&ring, &item, sizeof item);
	biased_unlock(&ring.in.lock);
}

static void take(long expected)
{
	long item = 0;

	biased_lock(&ring.out.lock, NULL);
	await(&ring.in.told_n, ring.out.n + 1);
	ORDERS_CHECK(ring_any(&ring));
	orders_read(place(&ring.out));
	ring_take(&ring, &item);
	ORDERS_CHECK(!expected || item == expected);
	biased_unlock(&ring.out.lock);
	__atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
}

static void put_all(void *arg) { (void)arg, put(1, false), put(2, false), put(3, false); }
static void put_bytes(void *arg) { (void)arg, put(1, true), put(2, true), put(3, true); }
static void take_all(void *arg) { (void)arg, take(1), take(2), take(3); }
static void put_two(void *arg) { (void)arg, put(7, false), put(7, false); }
static void take_one(void *arg) { (void)arg, take(0); }
static void take_two(void *arg) { (void)arg, take(0), take(0); }

/* Never more than went in, less what came out. */
static void count(void *arg)
{
	(void)arg;
	ORDERS_CHECK(ring_count(&ring) <= ring.size / 16);
}

static void room(size_t records) { ring.buf = (char *)buffer, ring.size = records * 16; }
static void narrow(void) { room(1), orders_thread(put_all, NULL), orders_thread(take_all, NULL); }
static void bytes(void) { room(1), orders_thread(put_bytes, NULL), orders_thread(take_all, NULL); }
static void wide(void) { room(2), orders_thread(put_all, NULL), orders_thread(take_all, NULL); }
static void many(void)
{
	room(1), orders_thread(put_two, NULL), orders_thread(take_one, NULL);
	orders_thread(take_one, NULL);
}
static void counted(void)
{
	room(1), orders_thread(put_two, NULL), orders_thread(take_two, NULL);
	orders_thread(count, NULL);
}
/* Who puts where another has taken sees what that one did before. */
static void do_and_take(void *arg) { (void)arg, orders_write(&n), n = 1, take(1); }
static void put_and_see(void *arg)
{
	long item = 1;

	(void)arg;
	for (int i = 0; i < 2; i++) {
		biased_lock(&ring.in.lock, NULL);
		await_room(1);
		ORDERS_CHECK(ring_fits(&ring, 1, sizeof item));
		ring_put(&ring, &item, sizeof item);
		biased_unlock(&ring.in.lock);
	}
	orders_read(&n);
	ORDERS_CHECK(n == 1);
	taken++;
}
static void place_passed_on(void)
{
	room(2), orders_thread(put_and_see, NULL), orders_thread(do_and_take, NULL);
}
static void took_three(void) { ORDERS_CHECK(taken == 3); }
static void took_two(void) { ORDERS_CHECK(taken == 2); }

const struct orders_scenario orders_scenarios[] = {
	{ "biased: taken away", taken_away, three, 0, 0 },
	{ "biased: given", given, three, 0, 0 },
	{ "biased: the last frees", frees, NULL, 0, 0 },
	{ "biased: two others", two_others, three, 0, 0 },
	{ "biased: given again", given_again, four, 0, 1 },
	{ "ring: one place", narrow, took_three, 0, 0 },
	{ "ring: by bytes", bytes, took_three, 0, 0 },
	{ "ring: two places", wide, took_three, 0, 0 },
	{ "ring: a place is passed on", place_passed_on, took_two, 0, 0 },
	{ "ring: two take", many, took_two, 0, 0 },
	{ "ring: counted", counted, took_two, 0, 0 },
	{ 0 },
};
