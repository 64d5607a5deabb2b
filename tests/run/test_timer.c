/* The timer heap against a plain table: random inserts and removals, fired in the order of time. */
#include "run/run.h"
#include "strands.h"

enum { N = 500, STEPS = 60000 };
static struct strand strands[N];
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
		CHECK_EQ(strands[i].timer != 0, when[i] != 0);
		if (!when[i])
			continue;
		n++;
		CHECK(loop.timers[strands[i].timer - 1].strand == &strands[i]);
		CHECK_EQ(loop.timers[strands[i].timer - 1].at, when[i]);
	}
	CHECK_EQ(loop.n_timers, n);
	CHECK_EQ(timer_next(&loop), least());
}

static void set(int i, int64_t at)
{
	timer_at(&strands[i], at);
	if (!when[i] || at < when[i]) /* at the latest: an earlier one stays */
		when[i] = at;
}

TEST_LIMIT(random_timers, 60)
{
	unsigned seed = 12345;

	tl_self(); /* timer_fire pokes: nobody waits here, but the floor below must be ready */
	for (int i = 0; i < N; i++) {
		strands[i].loop = &loop;
		CHECK_EQ(timer_room(&loop), 0);
	}
	for (int step = 0; step < STEPS; step++) {
		seed = seed * 1103515245 + 12345;
		int i = (int)(seed >> 8 & 0xffff) % N;

		switch (seed >> 24 & 7) {
		case 0:
		case 1:
			timer_off(&strands[i]);
			when[i] = 0;
			break;
		case 2:
			if (seed >> 28 == 0) { /* fire the first tenth */
				int64_t now = least() + 100;
				timer_fire(&loop, now);
				for (int k = 0; k < N; k++)
					if (when[k] <= now)
						when[k] = 0;
			}
			break;
		default: set(i, 1 + (seed >> 4 & 1023)); break; /* many of the same time */
		}
		if (step % 16 == 0)
			consistent();
	}
	timer_fire(&loop, INT64_MAX);
	CHECK_EQ(loop.n_timers, 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(strands[i].timer, 0);
}

TEST(removal_in_the_middle)
{
	for (int i = 0; i < N; i++) {
		strands[i].loop = &loop;
		CHECK_EQ(timer_room(&loop), 0);
		set(i, 1 + i);
	}
	for (int i = 0; i < N; i += 3) {
		timer_off(&strands[i]);
		timer_off(&strands[i]);
		when[i] = 0;
	}
	consistent();
	for (int i = 1; i < N; i += 3)
		set(i, N + 1 - i); /* only the earlier counts */
	consistent();
}
