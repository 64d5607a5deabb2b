/* test_queue_work.c - a storm on queues of each kind: many put, get, tell done and join, with every
 * kind of deadline, and are cancelled at any moment; then the queue is ended and drained, or
 * dropped.  Each item that was put is got once or counted as lost; what is drained alone comes in
 * the kind's order; and join returns when all is done, never before the last that was. */
#include "kinds.h"

enum { ACTORS = 4, ITEMS = 1500, MANY = ACTORS * ITEMS };

static struct storm {
	tl_queue *q;
	_Atomic unsigned char got[MANY];
	unsigned char sent[MANY];
	_Atomic int putters, gets, dones, cancelled, joined;
	_Atomic bool over;
} storm;

struct actor {
	int me, at;
	uint64_t seed;
	bool over;
};

static tl_time patience(uint32_t chance)
{
	switch (chance % 8) {
	case 0: return TL_POLL;
	case 1: return tl_after(tl_us(chance / 8 % 64));
	case 2: return tl_after(tl_us(-1));
	default: return TL_NEVER;
	}
}

static int put_all(struct actor *a)
{
	int r = 0;

	while (a->at < ITEMS && r != -ECANCELED) {
		int64_t v = (int64_t)a->at++ * ACTORS + a->me;

		r = put(storm.q, v, patience(number(&a->seed)));
		storm.sent[v] = r == 0;
		CHECK(r == 0 || r == -EAGAIN || r == -ETIMEDOUT || r == -ECANCELED);
	}
	a->over = a->at == ITEMS;
	return r;
}

static int get_all(struct actor *a)
{
	int64_t v;
	int r = 0;

	while (r != -ECANCELED && r != -EPIPE) {
		r = get(storm.q, &v, patience(number(&a->seed)));
		if (r == 8) {
			CHECK_EQ(atomic_fetch_add(&storm.got[v], 1), 0);
			atomic_fetch_add(&storm.gets, 1);
			if (number(&a->seed) % 3 == 0)
				tl_yield();
			atomic_fetch_add(&storm.dones, 1);
			CHECK_EQ(tl_queue_done(storm.q), 0);
		}
	}
	a->over = r == -EPIPE;
	return r;
}

/* When join answers 0, as many were told done as had been got before it began, at least. */
static int join_all(struct actor *a)
{
	int r = 0;

	while (r != -ECANCELED && !storm.over) {
		int before = storm.gets;

		r = tl_queue_join(storm.q, patience(number(&a->seed)));
		if (r == 0) {
			CHECK(storm.dones >= before);
			atomic_fetch_add(&storm.joined, 1);
			tl_yield();
		}
	}
	a->over = storm.over;
	return r;
}

static int play(void *arg)
{
	struct actor *a = arg;
	int r = (a->me < ACTORS ? put_all : a->me < 2 * ACTORS ? get_all : join_all)(a);

	return r == -ECANCELED ? r : 0;
}

/* Its work is done by one strand after the other, each of which is cancelled after a while. */
static int act(void *arg)
{
	int n = *(int *)arg;
	struct actor a = { .me = n, .seed = 31 + (uint64_t)n * 7919 };

	while (!a.over) {
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		t = (number(&a.seed) % 4 ? start_task : start_thread)(&s, play, &a);
		for (uint32_t i = 20 + (uint32_t)n * 37 % 200; i; i--)
			tl_yield();
		tl_cancel(t);
		if (ending(t) == -ECANCELED)
			atomic_fetch_add(&storm.cancelled, 1);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	if (n < ACTORS && atomic_fetch_sub(&storm.putters, 1) == 1) {
		tl_queue_end(storm.q);
		storm.over = true;
	}
	return 0;
}

/* Alone: the rest in its order. */
static void drain_in_order(tl_queue *q, int n)
{
	int64_t v, last = now.kind == SMALLEST ? -1 : n;

	for (int i = 0; i < n; i++)
		CHECK_EQ(put(q, i * 7919 % n, TL_POLL), 0);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(get(q, &v, TL_POLL), 8);
		if (now.kind == SMALLEST)
			CHECK_EQ(v, last + 1);
		else
			CHECK_EQ(v, (now.kind == LIFO ? n - 1 - i : i) * 7919 % n);
		last = v;
		CHECK_EQ(tl_queue_done(q), 0);
	}
}

static void rage(enum mix how, size_t capacity)
{
	for (int kind = 0; kind < KINDS; kind++) {
		int args[2 * ACTORS + 2];
		int lost = 0;

		memset(&storm, 0, sizeof storm);
		now.kind = (enum kind)kind;
		storm.q = make_kind(capacity);
		storm.putters = ACTORS;
		drain_in_order(storm.q, capacity < 100 ? (int)capacity : 100);
		for (int i = 0; i < 2 * ACTORS + 2; i++)
			args[i] = i;
		crowd(how, 2 * ACTORS + 2, act, args, sizeof *args);
		CHECK_EQ(tl_queue_drop(storm.q), 0);
		for (int i = 0; i < MANY; i++)
			lost += storm.sent[i] != storm.got[i];
		CHECK_EQ(lost, 0);
		CHECK_EQ(storm.gets, storm.dones);
		CHECK_EQ(tl_queue_unfinished(storm.q), 0);
		CHECK_EQ(tl_queue_join(storm.q, TL_POLL), 0);
		CHECK(storm.cancelled > 0);
		tl_queue_close(storm.q);
	}
}

TEST_LIMIT(work_one_loop, 100) { rage(ONE_LOOP, 20); }
TEST_LIMIT(work_loops, 100) { rage(LOOPS, 20); }
TEST_LIMIT(work_threads, 100) { rage(THREADS, 3); }
TEST_LIMIT(work_mixed, 100) { rage(MIXED, 5000); }
TEST_LIMIT(work_capacity_one, 100) { rage(MIXED, 1); }

/* Dropped in the midst: what was put is what was got and what was lost. */
static int put_until_dropped(void *arg)
{
	_Atomic int *n = arg;
	int r;

	while ((r = put(storm.q, 1, TL_NEVER)) == 0)
		atomic_fetch_add(n, 1);
	return r == -EPIPE ? 0 : r;
}

static int get_until_dropped(void *arg)
{
	int64_t v;
	int r;

	while ((r = get(storm.q, &v, TL_NEVER)) == 8) {
		atomic_fetch_add((_Atomic int *)arg, 1);
		CHECK_EQ(tl_queue_done(storm.q), 0);
	}
	return r == -EPIPE ? 0 : r;
}

static int join_until_dropped(void *arg)
{
	(void)arg;
	return tl_queue_join(storm.q, TL_NEVER);
}

TEST_LIMIT(dropped_in_the_midst, 60)
{
	for (int i = 0; i < 300; i++) {
		_Atomic int put_n = 0, got_n = 0;
		tl_scope s = { 0 };
		int lost;

		now.kind = (enum kind)(i % KINDS);
		storm.q = make_kind(i % 2 ? 4 : 100);
		tl_scope_open(&s);
		for (int k = 0; k < 3; k++) {
			(k ? start_task : start_thread)(&s, put_until_dropped, (void *)&put_n);
			(k ? start_thread : start_task)(&s, get_until_dropped, (void *)&got_n);
			start_task(&s, join_until_dropped, NULL);
		}
		for (int k = 0; k < i % 50; k++)
			tl_yield();
		lost = tl_queue_drop(storm.q);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(put_n, got_n + lost);
		CHECK_EQ(tl_queue_unfinished(storm.q), 0);
		tl_queue_close(storm.q);
	}
}
