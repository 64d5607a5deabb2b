/* Park, wake, poke: the claims W1 to W8 of tests/model/CLAIMS.md with real threads.  Items are
 * handed
 * over through a list: each is consumed once, and only by a call that answers 0. */
#include "../run/strands.h"
#include "run/run.h"
#include "wait/wait.h"
#include <pthread.h>

enum { CONSUMERS = 4, ITEMS = 30000 };

static struct wait_list list;
static int stored; /* items without a taker, under list.lock */
static _Atomic uint8_t consumed[ITEMS];
static int store[ITEMS];
static _Atomic int timed_out, cancelled, made;
static _Atomic int running[CONSUMERS];

static int get(int *ret, tl_time deadline)
{
	struct waiter w = { .what = "item", .object = &list };
	int r;

	spin_lock(&list.lock);
	if (stored) {
		*ret = store[--stored];
		spin_unlock(&list.lock);
		return 0;
	}
	r = wait_park(&w, &list.head, &list.lock, deadline);
	if (r == 0)
		*ret = w.result;
	return r;
}

static void put(int item)
{
	spin_lock(&list.lock);
	if (!wait_wake(&list, item))
		store[stored++] = item;
	spin_unlock(&list.lock);
}

static void consume(int item)
{
	CHECK(item >= 0 && item < ITEMS);
	CHECK_EQ(atomic_fetch_add(&consumed[item], 1), 0);
}

struct player {
	int id;
	unsigned seed;
};

static unsigned roll(struct player *p) { return (p->seed = p->seed * 1103515245 + 12345) >> 16; }

/* Takes items until told to stop; its inner scopes are cancelled by the canceller all the time. */
static tl_scope *_Atomic target[CONSUMERS];
static struct spin target_lock[CONSUMERS];
static _Atomic int done;

static void expose(int id, tl_scope *s)
{
	spin_lock(&target_lock[id]);
	atomic_store(&target[id], s);
	spin_unlock(&target_lock[id]);
}

static int consumer(void *arg)
{
	struct player *p = arg;

	while (!atomic_load(&done)) {
		tl_scope s = { 0 };
		int item = -1, r;

		tl_scope_open(&s);
		expose(p->id, &s);
		for (int i = 0; i < 20; i++) {
			CHECK_EQ(atomic_fetch_add(&running[p->id], 1), 0); /* W1: never twice */
			atomic_fetch_sub(&running[p->id], 1);
			r = get(&item, tl_after(tl_us(roll(p) % 64)));
			if (r == 0)
				consume(item);
			else if (r == -ETIMEDOUT)
				atomic_fetch_add(&timed_out, 1);
			else
				break;
		}
		if (r == -ECANCELED)
			atomic_fetch_add(&cancelled, 1);
		CHECK(r == 0 || r == -ETIMEDOUT || (r == -ECANCELED && tl_cancelled()));
		expose(p->id, NULL);
		tl_scope_close(&s);
	}
	return 0;
}

static int canceller(void *arg)
{
	struct player *p = arg;

	while (!atomic_load(&done)) {
		int id = (int)(roll(p) % CONSUMERS);

		spin_lock(&target_lock[id]);
		tl_scope *s = atomic_load(&target[id]);
		if (s && roll(p) % 4 == 0)
			tl_scope_cancel(s);
		else if (s) /* without a cause: must change nothing (W8) */
			wait_poke(&scope_of(s)->owner->park);
		spin_unlock(&target_lock[id]);
		for (unsigned n = roll(p) % 64; n; n--)
			plat_relax();
	}
	return 0;
}

static int producer(void *arg)
{
	for (int i = *(int *)arg; i < ITEMS; i += 2) {
		put(i);
		atomic_fetch_add(&made, 1);
		if (i % 64 < 2)
			sched_yield();
	}
	return 0;
}

TEST_LIMIT(wakers_cancellers_and_timers_race, 60)
{
	static struct player p[CONSUMERS + 1];
	static int first[2] = { 0, 1 };
	tl_scope s = { 0 };
	int item, taken = 0;

	list_init(&list.head);
	tl_scope_open(&s);
	for (int i = 0; i < CONSUMERS; i++) {
		p[i] = (struct player){ i, (unsigned)i * 7919 };
		(i % 2 ? tl_thread_start : tl_task_start)(&s, consumer, &p[i], NULL);
	}
	p[CONSUMERS].seed = 4711;
	tl_thread_start(&s, canceller, &p[CONSUMERS], NULL);
	tl_thread_start(&s, producer, &first[0], NULL);
	tl_thread_start(&s, producer, &first[1], NULL);
	UNTIL(made == ITEMS);
	atomic_store(&done, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(list_empty(&list.head));
	while (get(&item, PAST) == 0)
		consume(item);
	for (int i = 0; i < ITEMS; i++)
		taken += consumed[i];
	CHECK_EQ(taken, ITEMS);
}

/* -- withdraw */

TEST(withdraw_takes_its_turn)
{
	tl_self();
	for (int i = 0; i < 1000; i++) {
		wait_begin();
		CHECK(!wait_withdraw());
		wait_begin();
		wait_poke(wait_me); /* a turn on the run queue, to be taken */
		CHECK(!wait_withdraw());
		CHECK_EQ(tl_yield(), 0);
	}
}

TEST(withdraw_tells_that_it_was_woken)
{
	struct waiter w = { 0 };

	tl_self();
	for (int poke = 0; poke < 2; poke++) {
		enum wait_claim c;

		w.who = wait_me;
		wait_begin();
		if (poke)
			wait_poke(wait_me);
		c = wait_claim(&w);
		CHECK_EQ(c, poke ? WAIT_UP : WAIT_READY);
		CHECK_EQ(wait_claim(&w), WAIT_LOST); /* one only */
		wait_finish(w.who, c);
		CHECK(wait_withdraw());
		CHECK_EQ(wait_claim(&w), WAIT_LOST); /* nobody waits */
		CHECK_EQ(tl_yield(), 0);
	}
}

TEST(completion_beats_cancel_and_deadline)
{
	struct waiter w = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	w.who = wait_me;
	wait_begin();
	tl_scope_cancel(&s);
	wait_finish(w.who, wait_claim(&w));
	CHECK_EQ(wait_block(&w, PAST), 0);
	wait_begin();
	CHECK_EQ(wait_block(&w, PAST), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
	wait_begin();
	CHECK_EQ(wait_block(&w, PAST), -ETIMEDOUT);
}

TEST(wake_takes_the_oldest_that_can_be_woken)
{
	list_init(&list.head);
	tl_self();
	spin_lock(&list.lock);
	CHECK(!wait_wake(&list, 1));
	struct waiter gone = { .who = wait_me }; /* linked, but its strand does not wait */
	list_append(&list.head, &gone.link);
	CHECK(!wait_wake(&list, 1));
	spin_unlock(&list.lock);
	CHECK(list_empty(&list.head));
	CHECK(!list_in(&gone.link));
}
