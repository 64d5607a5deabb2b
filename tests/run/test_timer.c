/* The alarms of a loop against a plain table: set, moved, switched off, rung in the order of time;
 * and with slack, by counted wake-ups. */
#include "run/run.h"
#include "strands.h"

enum { N = 500, STEPS = 60000 };
static struct strand *strands[N];
static int64_t when[N]; /* the model: 0 is none */
static struct loop loop;

static int64_t least(void)
{
	int64_t t = 0;

	for (int i = 0; i < N; i++)
		if (when[i] && (!t || when[i] < t))
			t = when[i];
	return t;
}

static void consistent(void)
{
	uint32_t n = 0;

	for (int i = 0; i < N; i++) {
		CHECK_EQ(strands[i]->alarm != 0, when[i] != 0);
		if (when[i])
			CHECK_EQ(strands[i]->rings, when[i]);
		n += when[i] != 0;
	}
	CHECK_EQ(loop.alarms, n);
	CHECK(loop.timers.n >= n);
	CHECK_EQ(timer_next(&loop), least());
}

/* Records of nobody's, on a loop of nobody's: time is what we say. */
static void begin(void)
{
	tl_self(); /* ringing pokes: nobody waits here, but the floor below must be ready */
	for (int i = 0; i < N; i++) {
		CHECK((strands[i] = slot_take()) != NULL);
		SHOW(strands[i]->alarm, 0);
		SHOW(strands[i]->loop, &loop);
		CHECK_EQ(timer_room(&loop), 0);
	}
}

static void set(int i, int64_t at)
{
	timer_at(strands[i], at);
	if (when[i] && at >= when[i])
		return; /* at the latest: an earlier one stays */
	when[i] = at;
	CHECK(loop.timers.n <= 2 * loop.alarms + 64); /* what is stale does not dominate */
}

/* All that are due ring, no other does. */
static void ring_until(int64_t now)
{
	loop.now = now;
	do
		timer_fire(&loop, now);
	while (timer_due(&loop)); /* a crowd at a time */
	for (int i = 0; i < N; i++)
		if (when[i] <= now)
			when[i] = 0;
}

TEST_LIMIT(random_timers, 60)
{
	unsigned seed = 12345;

	begin();
	for (int step = 0; step < STEPS; step++) {
		seed = seed * 1103515245 + 12345;
		int i = (int)(seed >> 8 & 0xffff) % N;

		switch (seed >> 24 & 7) {
		case 0:
		case 1:
			timer_off(strands[i]);
			when[i] = 0;
			break;
		case 2:
			if (seed >> 28 == 0) /* the first tenth */
				ring_until(least() + 100);
			break;
		case 3:
			when[i] = 1 + (seed >> 4 & 1023); /* whatever was there */
			timer_between(strands[i], when[i], 0);
			break;
		default: set(i, 1 + (seed >> 4 & 1023)); break; /* many of the same time */
		}
		if (step % 16 == 0)
			consistent();
	}
	ring_until(INT64_MAX);
	consistent();
	CHECK_EQ(loop.timers.n, 0);
}

TEST(alarms_switched_off_and_moved)
{
	begin();
	for (int i = 0; i < N; i++)
		set(i, 1 + i);
	for (int i = 0; i < N; i += 3) {
		timer_off(strands[i]);
		timer_off(strands[i]);
		when[i] = 0;
	}
	consistent();
	for (int i = 1; i < N; i += 3)
		set(i, N + 1 - i); /* only the earlier counts */
	consistent();
}

/* A stale entry's record may be another strand's, on another loop: it is left alone. */
TEST(a_record_that_has_moved_on_is_left_alone)
{
	static struct loop other;

	begin();
	CHECK_EQ(timer_room(&other), 0);
	set(0, 10);
	set(1, 20);
	timer_off(strands[0]);
	SHOW(strands[0]->loop, &other);
	timer_at(strands[0], 30); /* the first turn there, as here */
	CHECK_EQ(strands[0]->alarm, 1);
	timer_fire(&loop, 15);
	CHECK_EQ(strands[0]->alarm, 1);
	CHECK_EQ(timer_next(&other), 30);
	CHECK_EQ(timer_next(&loop), 20);
}

TEST(the_last_alarm_takes_all_that_is_stale_along)
{
	begin();
	for (int i = 0; i < N; i++)
		timer_between(strands[i], 10 + i, 1000);
	CHECK_EQ(loop.timers.n, N);
	CHECK_EQ(loop.windows.n, N);
	for (int i = 0; i < N; i++)
		timer_off(strands[i]);
	CHECK_EQ(loop.timers.n, 0);
	CHECK_EQ(loop.windows.n, 0);
}

/* -- slack */

static struct window {
	int64_t from, slack;
} windows[N];

static unsigned chance(unsigned n)
{
	static unsigned seed = 4711;

	seed = seed * 1103515245 + 12345;
	return (seed >> 8 & 0xffff) % n;
}

/* The fewest moments of which one lies in each window: again and again the earliest end. */
static int fewest(void)
{
	static bool met[N];
	int n = 0;

	memset(met, 0, sizeof met);
	for (;; n++) {
		int64_t end = INT64_MAX;

		for (int i = 0; i < N; i++)
			if (!met[i] && windows[i].from + windows[i].slack < end)
				end = windows[i].from + windows[i].slack;
		if (end == INT64_MAX)
			return n;
		for (int i = 0; i < N; i++)
			if (windows[i].from <= end)
				met[i] = true;
	}
}

/* D7: timers with slack come together */
TEST(slack_makes_for_the_fewest_wake_ups)
{
	int64_t now;

	begin();
	for (int round = 0; round < 20; round++) {
		int wakes = 0;

		for (int i = 0; i < N; i++) {
			int64_t slack = chance(3) ? chance(1000) : 0;

			windows[i] = (struct window){ 1 + chance(60000), slack };
			timer_between(strands[i], windows[i].from, slack);
		}
		for (; (now = timer_next(&loop)); wakes++) {
			loop.now = now;
			do
				timer_fire(&loop, now);
			while (timer_due(&loop));
			for (int i = 0; i < N; i++) {
				if (now < windows[i].from)
					CHECK(strands[i]->alarm); /* never early */
				else
					CHECK(!strands[i]->alarm); /* nor left behind */
			}
		}
		CHECK_EQ(wakes, fewest());
	}
}

/* Without memory for the windows each rings by itself, in time. */
TEST(a_moved_window_is_the_only_one)
{
	begin();
	timer_between(strands[0], 10, 5);
	timer_between(strands[0], 20, 5);
	timer_fire(&loop, 19);
	CHECK(strands[0]->alarm);
	CHECK_EQ(timer_next(&loop), 25);
	timer_fire(&loop, 20);
	CHECK(!strands[0]->alarm);
	timer_between(strands[0], INT64_MAX - 1, INT64_MAX);
	CHECK_EQ(timer_next(&loop), INT64_MAX);
}

static int note_time(void *arg)
{
	*(tl_time *)arg = tl_now();
	return 0;
}

/* D7: timers with slack come together */
TEST(slack_waits_for_whoever_comes_next)
{
	tl_time at = tl_after(tl_ms(5)), then = { 0 }, last = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, note_time, &then, &(tl_opts){ .at = at, .slack = tl_s(1000000) });
	tl_task_start(&s, note_time, &last, &(tl_opts){ .at = tl_after(tl_ms(10)) });
	CHECK_EQ(tl_scope_close(&s), 0); /* and does not take a million seconds */
	CHECK(then.ns >= at.ns);
}
