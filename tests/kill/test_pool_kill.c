/* test_pool_kill.c - a pool's processes are killed at random, again and again, while it works:
 * nothing is lost, nothing runs twice but for a retry, nobody waits for ever, and none is left. */
#include "check.h"
#include "telar/pool.h"
#include "telar/process.h"
#include "telar/scope.h"
#include "telar/shared.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { JOBS = SANITIZED ? 300 : 3000, PIDS = 8 };

/* In shared memory: who works, and how often each job was begun and finished. */
static struct board {
	_Atomic pid_t pids[PIDS];
	_Atomic int begun[JOBS], finished[JOBS], kills;
	_Atomic int over;
} * board;

struct work {
	struct board *board;
	int i, value;
};

static int enters(void *arg)
{
	struct board *b = arg;
	pid_t none;

	for (int i = 0; i < PIDS; i++) {
		none = 0;
		if (atomic_compare_exchange_strong(&b->pids[i], &none, getpid()))
			return 0;
	}
	return 0; /* one that will not be killed */
}

static int works(void *arg)
{
	struct work *w = arg;
	volatile unsigned x = (unsigned)w->i;

	atomic_fetch_add(&w->board->begun[w->i], 1);
	for (int k = 0; k < 500; k++)
		x = x * 31 + 7;
	w->value += w->i;
	atomic_fetch_add(&w->board->finished[w->i], 1);
	return w->i;
}

static int kills(void *arg)
{
	struct board *b = arg;
	unsigned seed = 7;

	while (!atomic_load(&b->over)) {
		int i = (int)((seed = seed * 1664525 + 1013904223) >> 8) % PIDS;
		pid_t pid = atomic_exchange(&b->pids[i], 0);

		if (pid && kill(pid, SIGKILL) == 0)
			atomic_fetch_add(&b->kills, 1);
		tl_sleep(tl_us(500 + (seed >> 8) % 3000));
	}
	return 0;
}

static tl_pool *opened(void)
{
	tl_pool_opts o = { .kind = TL_PROCESS, .workers = 2, .init = enters, .init_arg = board };
	tl_pool *p = NULL;

	CHECK_EQ(tl_pool_open(&p, &o), 0);
	return p;
}

static int rounds(tl_pool *p)
{
	static struct work w[JOBS];
	static tl_job j[JOBS];
	int twice = 0, r;

	for (int i = 0; i < JOBS; i++) {
		tl_job_opts o = { .ret = &j[i], .retries = 1000 };

		w[i] = (struct work){ board, i, 0 };
		atomic_store(&board->begun[i], 0);
		atomic_store(&board->finished[i], 0);
		CHECK_EQ(tl_pool_submit(p, works, &w[i], sizeof w[i], &o, TL_NEVER), 0);
	}
	for (int i = 0; i < JOBS; i++) {
		tl_job_report end;

		while ((r = tl_job_end(j[i], &end)) == -EAGAIN)
			tl_yield();
		CHECK_EQ(r, 0);
		CHECK_EQ(end.result, i);
		CHECK(atomic_load(&board->begun[i]) <= 1 + (int)end.tries);
		CHECK(atomic_load(&board->finished[i]) >= 1);
		twice += atomic_load(&board->begun[i]) > 1;
		CHECK_EQ(tl_job_get(j[i], TL_NEVER), i);
		CHECK_EQ(w[i].value, i); /* a retry begins with what was submitted */
	}
	return twice;
}

/* D13: workers that are killed at any moment lose no job, and none runs twice but for its retry */
TEST_LIMIT(at_random, 120)
{
	tl_scope s = { 0 };
	tl_pool *p;

	board = tl_shared(sizeof *board);
	CHECK(board != NULL);
	p = opened();
	tl_scope_open(&s);
	tl_thread_start(&s, kills, board, NULL);
	for (int i = 0; i < 20 || !atomic_load(&board->kills); i++)
		rounds(p);
	atomic_store(&board->over, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_pool_close(p, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* And when the pool closes meanwhile it closes. */
TEST_LIMIT(while_it_closes, 120)
{
	tl_scope s = { 0 };

	board = tl_shared(sizeof *board);
	CHECK(board != NULL);
	tl_scope_open(&s);
	tl_thread_start(&s, kills, board, NULL);
	for (int i = 0; i < 30; i++) {
		tl_pool *p = opened();
		struct work w = { board, 0, 0 };
		int n;

		for (int k = 0; k < 300; k++)
			CHECK_EQ(tl_pool_submit(p, works, &w, sizeof w, NULL, TL_NEVER), 0);
		n = tl_pool_close(p, i % 2 ? TL_NEVER : tl_after(tl_us(300 * (i % 7))));
		CHECK(n >= 0 && n <= 300);
		for (int k = 0; k < PIDS; k++)
			atomic_store(&board->pids[k], 0);
	}
	atomic_store(&board->over, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}
