/* spin.c - the lock inside, the real one: the other scenarios stand on what is shown here. */
#include "plat/plat.h"
#define plat_relax() orders_pause()
#include "base/spin.c"

static struct spin lock;
static unsigned n;

static void count(void *arg)
{
	(void)arg;
	spin_lock(&lock);
	orders_write(&n);
	n++;
	spin_unlock(&lock);
}

static void try(void *arg)
{
	(void)arg;
	if (!spin_try(&lock))
		return;
	orders_write(&n);
	n++;
	spin_unlock(&lock);
}

/* The last to count gives the lock back: nobody who has left may still be at it. */
static void count_and_free(void *arg)
{
	(void)arg;
	spin_lock(&lock);
	orders_write(&n);
	if (++n == 2)
		orders_free(&lock.held, sizeof lock.held);
	else
		spin_unlock(&lock);
}

static void two(void) { orders_thread(count, NULL), orders_thread(count, NULL); }
static void two_and_try(void) { two(), orders_thread(try, NULL); }
static void three(void) { two(), orders_thread(count, NULL); }
static void frees(void)
{
	orders_thread(count_and_free, NULL);
	orders_thread(count_and_free, NULL);
}
static void twice(void) { ORDERS_CHECK(n == 2); }
static void thrice(void) { ORDERS_CHECK(n == 3); }
static void twice_or_more(void) { ORDERS_CHECK(n == 2 || n == 3); }

const struct orders_scenario orders_scenarios[] = {
	{ "spin: two", two, twice, 0 },
	{ "spin: two and a try", two_and_try, twice_or_more, 0 },
	{ "spin: the last frees", frees, NULL, 0 },
	{ "spin: three", three, thrice, 0, ORDERS_LONG },
	{ 0 },
};
