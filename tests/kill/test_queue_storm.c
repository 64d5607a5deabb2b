/* test_queue_storm.c - processes that put into one shared queue and get from it are killed at
 * random and replaced.  What a put answered for is got once; only what a getter had in hand when
 * it was killed is missing; and nobody hangs. */
#include "kill.h"

enum { SIDE = 3, KILLS = 150, ROUND = 7000, MOST = (KILLS + 1) * ROUND, LARGEST = 300 };

static struct ledger {
	tl_queue *q;
	_Atomic int next[SIDE]; /* what each putter puts next */
	_Atomic int most;       /* numbers there are so far: a killer who is late has some left */
	_Atomic unsigned char sent[SIDE][MOST]; /* its put answered 0 */
	_Atomic unsigned char got[SIDE][MOST];
	_Atomic long gets;
} * ledger;

struct item {
	int32_t from, number;
	unsigned char rest[LARGEST];
};

/* By a copy, or lent: a successor goes on where its predecessor was killed, with a new number. */
static _Noreturn void put_for_ever(int me)
{
	for (;;) {
		int n = atomic_fetch_add(&ledger->next[me], 1);
		size_t rest = (size_t)n * 7 % LARGEST;
		struct item it = { me, n, { 0 } }, *lent;

		while (n >= atomic_load(&ledger->most))
			sched_yield();
		memset(it.rest, n & 255, rest);
		if (n % 5) {
			CHECK_EQ(tl_queue_put(ledger->q, &it, 8 + rest, TL_NEVER), 0);
		} else {
			CHECK_EQ(tl_queue_loan(ledger->q, (void **)&lent, 8 + rest, TL_NEVER), 0);
			memcpy(lent, &it, 8 + rest);
			CHECK_EQ(tl_queue_commit(ledger->q, lent, 8 + rest), 0);
		}
		atomic_store(&ledger->sent[me][n], 1);
	}
}

static void note(const struct item *it, int size)
{
	CHECK(it->from >= 0 && it->from < SIDE && it->number >= 0 && it->number < MOST);
	CHECK_EQ(size, 8 + it->number * 7 % LARGEST);
	for (int i = 0; i < size - 8; i++)
		CHECK_EQ(it->rest[i], it->number & 255);
	CHECK_EQ(atomic_fetch_add(&ledger->got[it->from][it->number], 1), 0);
	atomic_fetch_add(&ledger->gets, 1);
}

/* Until the end. */
static int get_all(int me)
{
	struct item it, *lent;
	int r;

	for (int i = me;; i++) {
		if (i % 4) {
			r = tl_queue_get(ledger->q, &it, sizeof it, TL_NEVER);
			if (r >= 0)
				note(&it, r);
		} else {
			r = tl_queue_borrow(ledger->q, (void **)&lent, TL_NEVER);
			if (r >= 0) {
				note(lent, r);
				CHECK_EQ(tl_queue_return(ledger->q, lent), 0);
			}
		}
		if (r < 0)
			return r == -EPIPE ? 0 : r;
	}
}

static int put_task(void *arg) { put_for_ever(*(int *)arg); }
static int get_task(void *arg) { return get_all(*(int *)arg); }

/* Odd ones do it in a task beside another that waits, too. */
static int wait_too(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}

static int role(int i)
{
	int me = i % SIDE, r;
	tl_scope s = { .keep_going = true };

	if (i % 2 == 0 && i < SIDE)
		put_for_ever(me);
	if (i % 2 == 0)
		return get_all(me);
	tl_scope_open(&s);
	tl_task_start(&s, wait_too, NULL, &(tl_opts){ .daemon = true });
	tl_task_start(&s, i < SIDE ? put_task : get_task, &me, NULL);
	r = tl_scope_close(&s);
	return r;
}

static void torn_only(const tl_report *r, void *arg)
{
	(void)arg;
	CHECK(r->kind == TL_R_TORN || r->kind == TL_R_DEGRADED /* no io_uring here */);
}

static pid_t start(int i)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(role(i) < 0 ? 1 : 0);
	}
	return pid;
}

static void storm(size_t capacity)
{
	tl_queue_opts o = { .shared = true, .capacity = capacity, .max_item = 8 + LARGEST };
	pid_t cast[2 * SIDE];
	uint64_t seed = 20260303;
	int killed_getters = 0, missing = 0, sure = 0;
	long seen = 0;

	tl_on_report(torn_only, NULL);
	ledger = tl_shared(sizeof *ledger);
	CHECK(ledger != NULL);
	CHECK_EQ(tl_queue_open(&ledger->q, &o), 0);
	atomic_store(&ledger->most, ROUND);
	for (int i = 0; i < 2 * SIDE; i++)
		cast[i] = start(i);
	for (int k = 0; k < KILLS; k++) {
		int i = (int)(number(&seed) % (2 * SIDE));
		struct timespec nap = { 0, (long)(number(&seed) % 900000) };

		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL); /* where it strikes is chance */
		kill_now(cast[i]);
		killed_getters += i >= SIDE;
		cast[i] = start(i);
		atomic_fetch_add(&ledger->most, ROUND);
		while (atomic_load(&ledger->gets) == seen) /* the others go on */
			sched_yield();
		seen = atomic_load(&ledger->gets);
	}
	for (int i = 0; i < SIDE; i++)
		kill_now(cast[i]);
	tl_queue_end(ledger->q);
	for (int i = SIDE; i < 2 * SIDE; i++)
		went_well(cast[i]);
	CHECK_EQ(tl_queue_count(ledger->q), 0);
	for (int p = 0; p < SIDE; p++)
		for (int n = 0; n < atomic_load(&ledger->next[p]) && n < MOST; n++) {
			sure += ledger->got[p][n];
			missing += ledger->sent[p][n] && !ledger->got[p][n];
		}
	CHECK(sure >= ledger->gets && sure <= ledger->gets + killed_getters); /* killed in note */
	CHECK(missing <= killed_getters); /* what they had in hand */
	printf("%d got, %d missing after %d killed getters\n", sure, missing, killed_getters);
	tl_queue_close(ledger->q);
}

TEST_LIMIT(room_for_many, 240) { storm(64); }
TEST_LIMIT(room_for_two, 240) { storm(2); }
