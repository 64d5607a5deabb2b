/* test_shared_processes.c - processes on both sides of shared queues: order, wake-ups, the end,
 * joins and selects across them. */
#include "talk.h"

static tl_queue *make_shared(size_t capacity, size_t max_item)
{
	shared_queues = true;
	return make_queue(capacity, max_item);
}

static void went_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

enum { SIDE = 3, EACH = 3000, LARGEST = 700 };

static struct trade {
	tl_queue *q;
	_Atomic unsigned char got[SIDE][EACH];
	_Atomic int producers, done;
} * trade;

struct item {
	int32_t from, number;
	unsigned char rest[LARGEST];
};

static int produce(void *arg)
{
	int me = *(int *)arg;
	uint64_t seed = 7 + (uint64_t)me;

	for (int i = 0; i < EACH; i++) {
		uint32_t chance = number(&seed);
		size_t rest = chance % 3 ? 0 : chance / 4 % LARGEST, size = 8 + rest;
		struct item it = { me, i, { 0 } }, *lent;

		memset(it.rest, i & 255, rest);
		if (chance % 16 == 1) {
			CHECK_EQ(tl_queue_loan(trade->q, (void **)&lent, size, TL_NEVER), 0);
			memcpy(lent, &it, size);
			CHECK_EQ(tl_queue_commit(trade->q, lent, size), 0);
		} else {
			CHECK_EQ(tl_queue_put(trade->q, &it, size, TL_NEVER), 0);
		}
	}
	if (atomic_fetch_sub(&trade->producers, 1) == 1)
		tl_queue_end(trade->q);
	return 0;
}

static void note(const struct item *it, int size, int *last)
{
	CHECK(it->from >= 0 && it->from < SIDE && it->number >= 0 && it->number < EACH);
	CHECK(last[it->from] < it->number);
	last[it->from] = it->number;
	for (int k = 0; k < size - 8; k++)
		CHECK_EQ(it->rest[k], it->number & 255);
	CHECK_EQ(atomic_fetch_add(&trade->got[it->from][it->number], 1), 0);
	CHECK_EQ(tl_queue_done(trade->q), 0);
}

static int consume(void *arg)
{
	int last[SIDE], r;
	struct item it, *lent;

	memset(last, -1, sizeof last);
	for (int i = *(int *)arg;; i++) {
		if (i % 16) {
			r = tl_queue_get(trade->q, &it, sizeof it, TL_NEVER);
			if (r >= 0)
				note(&it, r, last);
		} else {
			r = tl_queue_borrow(trade->q, (void **)&lent, TL_NEVER);
			if (r >= 0) {
				note(lent, r, last);
				CHECK_EQ(tl_queue_return(trade->q, lent), 0);
			}
		}
		if (r < 0)
			return r == -EPIPE ? 0 : r;
	}
}

/* Two tasks beside each other, which wait by the loop. */
static int both(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, produce, arg, NULL);
	tl_task_start(&s, consume, arg, NULL);
	return tl_scope_close(&s);
}

static void trade_in(size_t capacity)
{
	int args[SIDE];
	pid_t pid[2 * SIDE];
	int n = 0;

	trade = tl_shared(sizeof *trade);
	CHECK(trade != NULL);
	trade->q = make_shared(capacity, sizeof(struct item));
	trade->producers = SIDE;
	for (int i = 0; i < SIDE; i++) {
		args[i] = i;
		if (i == 0) {
			pid[n++] = process(both, &args[i]);
		} else {
			pid[n++] = process(produce, &args[i]);
			pid[n++] = process(consume, &args[i]);
		}
	}
	for (int i = 0; i < n; i++)
		went_well(pid[i]);
	for (int i = 0; i < SIDE; i++)
		for (int k = 0; k < EACH; k++)
			CHECK_EQ(trade->got[i][k], 1);
	CHECK_EQ(tl_queue_unfinished(trade->q), 0);
	CHECK_EQ(tl_queue_join(trade->q, TL_NEVER), 0);
	CHECK_EQ(tl_queue_count(trade->q), 0);
	tl_queue_close(trade->q);
}

/* D9: items of one producer keep their order */
TEST_LIMIT(processes_of_both_sides, 100) { trade_in(100); }
TEST_LIMIT(processes_and_little_room, 100) { trade_in(2); }
TEST_LIMIT(processes_and_room_for_one, 100) { trade_in(1); }

static int see_it(void *arg)
{
	tl_queue *q = *(tl_queue **)arg;
	int64_t v;

	CHECK_EQ(tl_queue_count(q), 1);
	CHECK_EQ(get(q, &v, TL_POLL), 8);
	CHECK_EQ(v, 5);
	CHECK_EQ(tl_queue_count(q), 0);
	CHECK_EQ(tl_queue_done(q), 0);
	CHECK_EQ(put(q, 6, TL_POLL), 0);
	return 0; /* and ends, without a close */
}

/* D9: what was put is there at once, for others too */
/* D9: what was put stays when its process ends */
TEST_LIMIT(there_at_once, 60)
{
	tl_queue *q = make_shared(4, 8);
	int64_t v;

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(put(q, 5, TL_POLL), 0);
		went_well(process(see_it, &q));
		CHECK_EQ(get(q, &v, TL_POLL), 8);
		CHECK_EQ(v, 6);
		CHECK_EQ(tl_queue_unfinished(q), 1);
		CHECK_EQ(tl_queue_done(q), 0);
	}
	tl_queue_close(q);
}

/* A task that waits for another process leaves its thread to the other tasks; a cancel and a
 * deadline reach it. */
static int wait_for_it(void *arg)
{
	int64_t v;

	return get(*(tl_queue **)arg, &v, TL_NEVER);
}

TEST_LIMIT(waits_can_be_left, 60)
{
	for (int thread = 0; thread < 2; thread++) {
		tl_queue *q = make_shared(4, 8);
		tl_scope s = { 0 };
		tl_strand t;
		int64_t v;

		tl_scope_open(&s);
		t = (thread ? start_thread : start_task)(&s, wait_for_it, &q);
		await_state(t, TL_BLOCKED);
		CHECK_EQ(get(q, &v, tl_after(tl_ms(5))), -ETIMEDOUT);
		tl_cancel(t);
		CHECK_EQ(ending(t), -ECANCELED);
		CHECK_EQ(put(q, 1, TL_POLL), 0);
		CHECK_EQ(get(q, &v, TL_POLL), 8);
		CHECK_EQ(tl_scope_close(&s), 0);
		tl_queue_close(q);
	}
}

static int until_the_end(void *arg)
{
	int64_t v;
	int r;

	while ((r = get(*(tl_queue **)arg, &v, TL_NEVER)) >= 0)
		CHECK_EQ(tl_queue_done(*(tl_queue **)arg), 0);
	return r == -EPIPE ? 0 : r;
}

static int put_until_the_end(void *arg)
{
	int r;

	while ((r = put(*(tl_queue **)arg, 1, TL_NEVER)) >= 0)
		;
	return r == -EPIPE ? 0 : r;
}

/* D9: the end is told in every process */
/* D9: a process has no side of its own to close: the end is everybody's */
/* D9: done and join count what all processes put and got */
TEST_LIMIT(the_end_is_told, 60)
{
	for (int drop = 0; drop < 2; drop++) {
		tl_queue *q = make_shared(4, 8), *full = make_shared(4, 8);
		pid_t pid[4];

		for (int i = 0; i < 4; i++)
			pid[i] = process(
				i % 2 ? until_the_end : put_until_the_end, i % 2 ? &q : &full);
		for (int i = 0; i < 100; i++)
			CHECK_EQ(put(q, i, TL_NEVER), 0);
		CHECK_EQ(tl_queue_join(q, TL_NEVER), 0);
		tl_queue_end(q);
		if (drop) {
			CHECK(tl_queue_drop(full) <= 4);
			CHECK_EQ(tl_queue_unfinished(full), 0);
		} else {
			tl_queue_end(full);
		}
		for (int i = 0; i < 4; i++)
			went_well(pid[i]);
		tl_queue_close(q);
		tl_queue_close(full);
	}
}

/* A select over queues that another process fills. */
static int fill_both(void *arg)
{
	tl_queue **q = arg;

	for (int i = 0; i < 300; i++)
		CHECK_EQ(put(q[i % 2], i, TL_NEVER), 0);
	return 0;
}

static int choose_between(void *arg)
{
	tl_queue **q = arg;
	int64_t v[2], last[2] = { -1, -1 };

	for (int i = 0; i < 300; i++) {
		tl_case c[] = { TL_GET(q[0], &v[0], 8), TL_GET(q[1], &v[1], 8) };
		int k = tl_select(c, 2, TL_NEVER);

		CHECK(k >= 0);
		CHECK_EQ(c[k].result, 8);
		CHECK_EQ(v[k] % 2, k);
		CHECK(v[k] > last[k]);
		last[k] = v[k];
	}
	return 0;
}

TEST_LIMIT(select_over_processes, 60)
{
	tl_queue *q[2] = { make_shared(3, 8), make_shared(1, 8) };

	for (int i = 0; i < 4; i++) {
		pid_t pid = process(fill_both, q);
		tl_scope s = { 0 };

		tl_scope_open(&s);
		(i % 2 ? start_thread : start_task)(&s, choose_between, q);
		CHECK_EQ(tl_scope_close(&s), 0);
		went_well(pid);
	}
	tl_queue_close(q[0]);
	tl_queue_close(q[1]);
}
