/* test_process_kill.c - a program, its zygote and its processes, killed at random points: whoever
 * is left goes on or ends, nobody waits for ever, and nothing is left behind.
 *
 * A program here is a fork of the test, so that it may be killed; all that it starts notes its pid
 * in shared memory, and after the kill every one of them must go away. */
#include "kill.h"
#include "run/gone.h"

enum { MOST = 4096, ROUNDS = 40 };

struct census {
	_Atomic int n;
	_Atomic int pids[MOST];
	_Atomic int zygote, done;
};

static struct census *census;

static void note(struct census *c)
{
	int i = c->n++;

	c->zygote = getppid();
	if (i < MOST)
		c->pids[i] = getpid();
}

static void all_gone(struct census *c)
{
	for (int i = 0; i < c->n && i < MOST; i++)
		if (c->pids[i])
			gone(c->pids[i]);
	if (c->zygote)
		gone(c->zygote);
}

static int short_life(void *arg)
{
	note(arg);
	return 0;
}

static int long_life(void *arg)
{
	note(arg);
	return tl_sleep(tl_s(1000));
}

static int deaf_life(void *arg)
{
	note(arg);
	signal(SIGTERM, SIG_IGN);
	while (getppid() > 0)
		pause();
	return 0;
}

static int nested_life(void *arg)
{
	note(arg);
	tl_process_start(NULL, long_life, arg, NULL);
	return tl_sleep(tl_s(1000));
}

static tl_fn *const lives[] = { short_life, long_life, deaf_life, nested_life };

static void start_all(tl_scope *s)
{
	for (int i = 0; i < 8; i++)
		tl_process_start(s, lives[i % 4], census, NULL);
}

static struct census *fresh(void)
{
	struct census *c = tl_shared(sizeof *c);

	CHECK(c != NULL);
	return census = c;
}

static void pause_ns(uint32_t ns) { nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL); }

/* The program dies at any moment of starting, running and ending processes. */
TEST_LIMIT(program_is_killed, 300)
{
	uint64_t seed = 88172645463325252u ^ (uint64_t)getpid();

	for (int round = 0; round < ROUNDS; round++) {
		struct census *c = fresh();
		pid_t program = fork();

		if (program == 0)
			for (;;) {
				tl_scope s = { .keep_going = true, .grace = tl_ms(50) };

				tl_scope_open(&s);
				start_all(&s);
				tl_scope_cancel(&s);
				tl_scope_close(&s);
			}
		pause_ns(number(&seed) % 30000000);
		CHECK_EQ(kill(program, SIGKILL), 0);
		CHECK_EQ(waitpid(program, NULL, 0), program);
		all_gone(c);
		tl_shared_free(c);
	}
}

static int until_it_lasts(void *arg)
{
	struct census *c = arg;
	int done = 0;

	while (done < 20 || !c->done) {
		tl_scope s = { .keep_going = true };
		tl_strand t;
		tl_end e = { 0 };

		tl_scope_open(&s);
		if (tl_process_start(&s, short_life, c, &(tl_opts){ .ret = &t }) < 0)
			return -EPROTO;
		CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
		tl_scope_close(&s);
		CHECK(e.how == TL_UNKNOWN || (e.how == TL_RETURNED && e.value == 0));
		done += e.how == TL_RETURNED;
	}
	return 0;
}

static int kills_zygotes(void *arg)
{
	struct census *c = arg;
	uint64_t seed = 1442695040888963407u ^ (uint64_t)getpid();

	for (int i = 0; i < ROUNDS; i++) {
		int z = c->zygote;

		tl_sleep(tl_us(number(&seed) % 5000));
		/* A zygote of ours: its pid is its own as long as its processes know it. */
		if (z && z == c->zygote)
			kill(z, SIGKILL);
	}
	c->done = 1;
	return 0;
}

/* The zygote dies again and again: each process ends one way or the other, and starts go on. */
TEST_LIMIT(zygote_is_killed, 120)
{
	tl_scope s = { .keep_going = true };
	struct census *c = fresh();

	tl_scope_open(&s);
	tl_thread_start(&s, kills_zygotes, c, NULL);
	tl_thread_start(&s, until_it_lasts, c, NULL);
	tl_thread_start(&s, until_it_lasts, c, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	c->zygote = 0;
	all_gone(c);
}

/* Processes die by themselves or by others while their scope is told to stop. */
TEST_LIMIT(processes_are_killed, 120)
{
	uint64_t seed = 2862933555777941757u ^ (uint64_t)getpid();

	for (int round = 0; round < ROUNDS / 2; round++) {
		tl_scope s = { .keep_going = true, .grace = tl_ms(100) };
		struct census *c = fresh();
		tl_strand t[8];

		tl_scope_open(&s);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(tl_process_start(&s, lives[i % 3], c, &(tl_opts){ .ret = &t[i] }),
				0);
		for (int i = 0; i < 8; i++) {
			tl_sleep(tl_us(number(&seed) % 500));
			if (number(&seed) % 2)
				tl_signal(t[i], SIGKILL);
		}
		tl_scope_cancel(&s);
		tl_scope_close(&s);
		for (int i = 0; i < 8; i++)
			CHECK(!tl_alive(t[i]));
		c->zygote = 0;
		all_gone(c);
		tl_shared_free(c);
	}
}
