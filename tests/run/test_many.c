/* Fairness, great numbers, and a seeded churn with an invariant at the end. */
#include "strands.h"

enum { N_FAIR = 50, ROUNDS = 200 };
static int turns[N_FAIR];

static int take_turns(void *arg)
{
	int me = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		turns[me]++;
		for (int k = 0; k < N_FAIR; k++)
			CHECK(turns[k] >= turns[me] - 1 && turns[k] <= turns[me] + 1);
		CHECK_EQ(tl_yield(), 0);
	}
	return 0;
}

TEST(yield_lets_everybody_have_a_turn)
{
	static int ids[N_FAIR];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < N_FAIR; i++) {
		ids[i] = i;
		tl_task_start(&s, take_turns, &ids[i], NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int resume_it(void *arg) { return tl_resume(*(tl_strand *)arg); }

/* Tasks that only ever yield do not keep out timers or wake-ups from other threads. */
TEST(yielders_do_not_starve_the_outside)
{
	_Atomic int n = 0, go = 0;
	tl_scope s = { 0 };
	tl_strand paused;

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		tl_task_start(&s, until_flag, (void *)&go, NULL);
	tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .at = tl_after(tl_ms(2)) });
	tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .paused = true, .ret = &paused });
	tl_thread_start(&s, resume_it, &paused, NULL);
	UNTIL(n == 2);
	go = 1;
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST_LIMIT(a_hundred_thousand_tasks_in_one_scope, 60)
{
	enum { N = 100000 };
	_Atomic int n = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < N; i++)
		CHECK_EQ(tl_task_start(&s, count_up, (void *)&n, NULL), 0);
	CHECK_EQ(tl_list(NULL, 0), N + 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, N);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

TEST_LIMIT(twenty_thousand_parked_tasks_are_cancelled, 60)
{
	enum { N = AT_ONCE(20000) };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < N; i++)
		CHECK_EQ(tl_task_start(&s, forever, NULL, NULL), 0);
	tl_yield();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

TEST_LIMIT(threads_by_the_hundred, 60)
{
	_Atomic int n = 0;

	for (int round = 0; round < 10; round++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < 100; i++)
			CHECK_EQ(tl_thread_start(&s, count_up, (void *)&n, NULL), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(n, 1000);
}

/* -- churn */

struct churn {
	uint32_t seed;
	int depth, ops;
	_Atomic int *started, *begun, *ended, *never;
};

static uint32_t next(struct churn *c)
{
	c->seed ^= c->seed << 13;
	c->seed ^= c->seed >> 17;
	c->seed ^= c->seed << 5;
	return c->seed;
}

static int churn(void *arg);

/* Start a child; its begin and end are counted by itself, or we find that it never began. */
static tl_strand spawn(struct churn *c, tl_scope *s)
{
	struct churn child = *c;
	tl_strand t = { 0 };
	tl_opts o = { .copy = sizeof child, .ret = &t };
	uint32_t r = next(c);

	child.seed = next(c) | 1;
	child.depth--;
	child.ops = (int)(r % 7);
	o.daemon = r % 11 == 0;
	if (r % 13 == 0)
		o.at = tl_after(tl_us(r % 300));
	o.paused = r % 17 == 0;
	if ((r % 19 ? tl_task_start : tl_thread_start)(s, churn, &child, &o) == 0)
		atomic_fetch_add(c->started, 1);
	if (o.paused && r % 2)
		tl_resume(t);
	return t;
}

static void step(struct churn *c, tl_scope *s, tl_strand *kids, int *n)
{
	uint32_t r = next(c);
	tl_strand *some = *n ? &kids[r / 16 % (uint32_t)*n] : NULL;

	switch (r % 12) {
	case 0:
	case 1:
	case 2:
	case 3:
		if (c->depth > 0 && *n < 8)
			kids[(*n)++] = spawn(c, s);
		break;
	case 4: tl_yield(); break;
	case 5: tl_sleep(tl_us(r / 16 % 50)); break;
	case 6:
		if (some)
			tl_cancel(*some);
		break;
	case 7:
		if (some)
			tl_join(*some, NULL, tl_after(tl_us(r / 16 % 400)));
		break;
	case 8:
		if (some)
			tl_wait(kids, (size_t)*n, 1 + r / 16 % 3, tl_after(tl_us(r / 64 % 400)));
		break;
	case 9: tl_scope_join(s, tl_after(tl_us(r / 16 % 200))); break;
	case 10: tl_scope_move(s, tl_after(tl_us(500 + r / 16 % 5000))); break;
	case 11:
		if (r / 16 % 8 == 0)
			tl_scope_cancel(s);
		break;
	}
}

static int churn(void *arg)
{
	struct churn *c = arg;
	tl_strand kids[8];
	tl_scope s = { .keep_going = next(c) % 2, .shield = next(c) % 9 == 0, .grace = tl_ms(2) };
	int n = 0, r;

	atomic_fetch_add(c->begun, 1);
	if (next(c) % 3 == 0)
		s.deadline = tl_after(tl_us(next(c) % 3000));
	tl_scope_open(&s);
	for (int i = 0; i < c->ops; i++)
		step(c, &s, kids, &n);
	for (int i = 0; i < n; i++)
		tl_resume(kids[i]);
	r = tl_scope_close(&s);
	CHECK(r == 0 || r == -ETIMEDOUT || r == -ECANCELED || r == -ENODATA);
	atomic_fetch_add(c->ended, 1);
	return next(c) % 29 == 0 ? -ENODATA : r == -ECANCELED && tl_cancelled() ? r : 0;
}

static void churns(uint32_t seed, int ops)
{
	_Atomic int started = 0, begun = 0, ended = 0;
	struct churn c = { seed, 6, ops, &started, &begun, &ended, NULL };
	tl_scope s = { .keep_going = true };
	tl_strand kids[8];

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	for (int i = 0; i < ops; i++) {
		int n = 0;

		kids[n++] = spawn(&c, &s);
		kids[n++] = spawn(&c, &s);
		if (i % 8 == 0)
			tl_thread_start(&s, churn,
				&(struct churn){
					seed + (uint32_t)i, 3, 20, &started, &begun, &ended, NULL },
				&(tl_opts){ .copy = sizeof c }),
				started++;
		tl_yield();
		tl_cancel(kids[next(&c) % 2]);
		tl_join(kids[0], NULL, tl_after(tl_us(next(&c) % 300)));
		tl_resume(kids[0]);
		tl_resume(kids[1]);
	}
	tl_scope_close(&s);
	CHECK_EQ(begun, ended);
	CHECK(begun <= started);
	CHECK_EQ(tl_list(NULL, 0), 1);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
}

TEST_LIMIT(churn, 60)
{
	for (uint32_t seed = 1; seed <= 4; seed++)
		churns(seed * 2654435761u, 100);
}

TEST_LONG(churn_long, 600)
{
	for (uint32_t seed = 1; seed <= 60; seed++)
		churns(seed * 2246822519u, 300);
}
