/* Repeated tasks (.every): planned times, what becomes of missed ones, and how they end. */
#include "run/run.h"
#include "strands.h"

static struct ticks {
	int64_t first, period;
	int n, most;
} ticks;

/* Each call comes at or after a planned time, and no two in the same period. */
static int tick(void *arg)
{
	static int64_t last = -1;
	struct ticks *t = arg;
	int64_t since = tl_now().ns - t->first, planned = since / t->period;

	CHECK(since >= 0);
	CHECK(planned > last);
	last = planned;
	if (++t->n == t->most)
		tl_cancel(tl_self());
	return 0;
}

TEST(every_keeps_to_the_planned_times)
{
	tl_time first = tl_after(tl_ms(5));
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	ticks = (struct ticks){ .first = first.ns, .period = 1000000, .most = 30 };
	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(
			 &s, tick, &ticks, &(tl_opts){ .at = first, .every = tl_ms(1), .ret = &t }),
		0);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_CANCELLED);
	CHECK_EQ(ticks.n, 30);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int slow_tick(void *arg)
{
	CHECK_EQ(tl_sleep(tl_us(2500)), 0); /* misses two periods */
	return tick(arg);
}

TEST(every_skips_what_it_missed)
{
	tl_time before = tl_now();
	tl_scope s = { 0 };

	ticks = (struct ticks){ .first = before.ns, .period = 1000000, .most = 8 };
	tl_scope_open(&s);
	tl_task_start(&s, slow_tick, &ticks, &(tl_opts){ .every = tl_ms(1) });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(ticks.n, 8);
}

static int fail_third(void *arg) { return ++*(int *)arg == 3 ? -EIO : 0; }

TEST(every_ends_with_a_failure)
{
	tl_scope s = { 0 };
	int n = 0;

	tl_scope_open(&s);
	tl_task_start(&s, fail_third, &n, &(tl_opts){ .every = tl_us(10) });
	CHECK_EQ(tl_scope_close(&s), -EIO);
	CHECK_EQ(n, 3);
}

TEST(a_daemon_ticks_until_the_others_are_done)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .every = tl_us(100), .daemon = true });
	UNTIL(n >= 5);
	CHECK_EQ(tl_scope_close(&s), 0);
	int last = n;
	tl_sleep(tl_ms(2));
	CHECK_EQ(n, last);
}

static int stubborn_tick(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
	tl_sleep(tl_s(1000)); /* and does not look at the answer */
	return 0;
}

/* Asked to stop in the middle of a call, which says nothing about it: no further call. */
TEST(every_ends_when_cancelled_in_a_call)
{
	for (int how = 0; how < 3; how++) {
		_Atomic int n = 0;
		tl_scope s = { 0 };
		tl_end end;
		tl_strand t;

		tl_scope_open(&s);
		tl_task_start(&s, stubborn_tick, (void *)&n,
			&(tl_opts){ .every = tl_us(10), .ret = &t, .daemon = how == 2 });
		UNTIL(n == 1 && tl_state(t) == TL_BLOCKED);
		if (how == 0) {
			tl_cancel(t);
			CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
			CHECK_EQ(end.how, TL_CANCELLED);
		}
		if (how == 1)
			tl_scope_cancel(&s);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(n, 1);
	}
}

TEST(every_of_more_than_a_lifetime)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .every = tl_ns(INT64_MAX), .ret = &t });
	for (int i = 0; i < 10; i++)
		tl_yield();
	CHECK_EQ(n, 0); /* first after one period */
	tl_cancel(t);
	tl_task_start(&s, count_up, (void *)&n,
		&(tl_opts){ .at = tl_now(), .every = tl_ns(INT64_MAX), .ret = &t });
	UNTIL(n == 1 && tl_state(t) == TL_CREATED);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 1);
}

/* -- missed.  The planned time of a call is read from its record, so nothing hangs on speed. */

static int64_t my_planned(void) { return slot_find(tl_self())->planned; }

static struct late {
	int64_t period, held, planned[8];
	int n, at_once;
	tl_scope *scope;
} late;

/* The first call holds its thread until five and a half periods have passed. */
static int held_once(void *arg)
{
	struct late *c = arg;

	c->planned[c->n] = my_planned();
	CHECK(tl_now().ns >= c->planned[c->n]);
	while (c->n == 0 && (c->held = tl_now().ns) < c->planned[0] + 5 * c->period + c->period / 2)
		;
	return ++c->n == 8 ? -ECANCELED : 0;
}

static void be_late(enum tl_missed missed)
{
	tl_scope s = { .keep_going = true };
	int64_t first = tl_now().ns;

	late = (struct late){ .period = 200000 };
	tl_scope_open(&s);
	tl_task_start(&s, held_once, &late,
		&(tl_opts){ .at = { first }, .every = tl_ns(late.period), .missed = missed });
	CHECK_EQ(tl_scope_close(&s), -ECANCELED); /* nobody asked it to stop */
	CHECK_EQ(late.n, 8);
	if (missed != TL_DELAY)
		CHECK_EQ(late.planned[0], first);
}

/* D7: missed ticks are skipped, made up for or delayed, as asked */
TEST(missed_calls_are_skipped)
{
	do { /* until nothing held the thread between its last look at the clock and the next plan,
		for then it is the very next period */
		be_late(TL_SKIP);
		CHECK(late.planned[1] > late.held);
		for (int i = 1; i < 8; i++) {
			CHECK_EQ((late.planned[i] - late.planned[0]) % late.period, 0);
			CHECK(late.planned[i] > late.planned[i - 1]);
		}
	} while (late.planned[1] > late.held + late.period);
}

/* D7: missed ticks are skipped, made up for or delayed, as asked */
TEST(missed_calls_come_in_a_burst)
{
	be_late(TL_BURST);
	for (int i = 1; i < 8; i++)
		CHECK_EQ(late.planned[i], late.planned[0] + i * late.period);
}

/* D7: missed ticks are skipped, made up for or delayed, as asked */
TEST(missed_calls_shift_the_later_ones)
{
	be_late(TL_DELAY);
	CHECK(late.planned[1] >= late.held);
	for (int i = 1; i < 8; i++)
		CHECK(late.planned[i] >= late.planned[i - 1] + late.period);
}

/* Lets everybody else run once for each call that must come at once. */
static int counts_made_up(void *arg)
{
	const struct late *c = arg;

	for (int i = 0; i < c->at_once; i++)
		tl_yield();
	CHECK(c->n > c->at_once);
	return 0;
}

static int held_then_watched(void *arg)
{
	struct late *c = arg;
	int r = held_once(arg);

	if (c->n == 1)
		tl_task_start(c->scope, counts_made_up, arg, &(tl_opts){ .at = { c->held } });
	return r;
}

static void made_up_at_once(enum tl_missed missed, int at_once)
{
	tl_scope s = { .keep_going = true };

	late = (struct late){ .period = 2000000, .at_once = at_once, .scope = &s };
	tl_scope_open(&s);
	tl_task_start(&s, held_then_watched, &late,
		&(tl_opts){ .at = tl_now(), .every = tl_ns(late.period), .missed = missed });
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
}

/* One call in each round of the loop. */
TEST(a_burst_comes_at_once) { made_up_at_once(TL_BURST, 5); }

TEST(a_shifted_call_comes_at_once) { made_up_at_once(TL_DELAY, 1); }

/* -- drift */

enum { TEN = 10 };
static int64_t grid[TEN];
static int on_grid;

/* Later in each period than in the one before. */
static int note_planned(void *arg)
{
	(void)arg;
	grid[on_grid++] = my_planned();
	tl_sleep(tl_us(50 * on_grid));
	return on_grid == TEN ? -ECANCELED : 0;
}

/* D7: a repeated timer does not drift */
TEST(ten_periods_are_ten_periods)
{
	tl_time at = tl_after(tl_ms(1));
	tl_scope s = { .keep_going = true };

	tl_scope_open(&s);
	tl_task_start(&s, note_planned, NULL,
		&(tl_opts){ .at = at, .every = tl_ms(1), .missed = TL_BURST });
	CHECK_EQ(tl_scope_close(&s), -ECANCELED);
	for (int i = 0; i < TEN; i++)
		CHECK_EQ(grid[i], at.ns + i * 1000000);
}
