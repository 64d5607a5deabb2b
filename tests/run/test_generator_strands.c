/* Generators as second stacks of their strand: it parks, sleeps, is cancelled and waits inside. */
#include "generators.h"
#include "telar/queue.h"
#include <stdlib.h>

static start_fn *const hows[] = { tl_task_start, tl_thread_start };

/* fn as a task, as a thread, and in main itself; each answers 0. */
static void everywhere(tl_fn *fn, void *arg)
{
	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		hows[i](&s, fn, arg, NULL);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(fn(arg), 0);
}

/* -- blocking inside */

static int sleeps(void *arg)
{
	int r = 0;

	(void)arg;
	for (long i = 1; r == 0 && i <= 3; i++)
		if ((r = tl_sleep(tl_ms(1))) == 0)
			r = tl_gen_yield(num(i), NULL);
	return r;
}

static int sleeps_on_both(void *arg)
{
	tl_gen *g = gen_new(sleeps, arg);
	tl_strand me = tl_self();

	for (long i = 1; i <= 3; i++) {
		CHECK_EQ(gen_next(g), i);
		CHECK_EQ(tl_sleep(tl_ms(1)), 0);
		CHECK_EQ(tl_self().id, me.id);
	}
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
	return 0;
}

/* A generator that sleeps parks its strand. */
TEST(it_sleeps_inside) { everywhere(sleeps_on_both, NULL); }

/* Strands that sleep in their generators do so at once. */
TEST(many_strands_sleep_in_theirs)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 200; i++)
		tl_task_start(&s, sleeps_on_both, NULL, NULL);
	for (int i = 0; i < 8; i++)
		tl_thread_start(&s, sleeps_on_both, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int takes(void *queue)
{
	long v;
	int r;

	while ((r = tl_queue_get(queue, &v, sizeof v, TL_NEVER)) >= 0)
		if ((r = tl_gen_yield(num(v), NULL)) < 0)
			return r;
	return r == -EPIPE ? 0 : r;
}

static int puts_ten(void *queue)
{
	for (long i = 1; i <= 10; i++)
		CHECK_EQ(tl_queue_put(queue, &i, sizeof i, TL_NEVER), 0);
	tl_queue_end(queue);
	return 0;
}

static int reads_a_queue(void *arg)
{
	tl_queue *q;
	tl_scope s = { 0 };
	tl_gen *g;

	(void)arg;
	CHECK_EQ(tl_queue_open(&q, &(tl_queue_opts){ .capacity = 1 }), 0);
	tl_scope_open(&s);
	tl_task_start(&s, puts_ten, q, NULL);
	g = gen_new(takes, q);
	for (long i = 1; i <= 10; i++)
		CHECK_EQ(gen_next(g), i);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
	return 0;
}

/* A generator that reads a queue waits for the writer. */
TEST(it_waits_for_a_queue_inside) { everywhere(reads_a_queue, NULL); }

static int gathers(void *arg)
{
	int x[4] = { 1, 2, 3, 4 };
	tl_scope s = { 0 };
	int r;

	(void)arg;
	tl_scope_open(&s);
	for (int i = 0; i < 4; i++)
		tl_task_start(&s, sleeps_on_both, &x[i], NULL);
	r = tl_scope_close(&s);
	return r == 0 ? tl_gen_yield(num(4), NULL) : r;
}

static int starts_inside(void *arg)
{
	tl_gen *g = gen_new(gathers, arg);

	CHECK_EQ(gen_next(g), 4);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
	return 0;
}

/* Children started and waited for inside, which have generators themselves. */
TEST(it_has_children_inside) { everywhere(starts_inside, NULL); }

static int down(void *n)
{
	tl_scope s = { 0 };
	int one = *(int *)n - 1;

	if (!*(int *)n)
		return sleeps_on_both(NULL);
	tl_scope_open(&s);
	CHECK_EQ(tl_join(start(tl_task_start, &s, down, &one), NULL, TL_NEVER), 0);
	return tl_scope_close(&s);
}

static int joins_deep(void *arg)
{
	int n = 1000;

	(void)arg;
	return down(&n);
}

static int joins_inside(void *arg)
{
	tl_gen *g = gen_new(joins_deep, arg);

	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), 0);
	return tl_gen_close(g);
}

/* Children run in place on a generator's stack no deeper than it is. */
TEST(joins_in_place_leave_its_stack_room) { everywhere(joins_inside, NULL); }

/* -- cancel and deadline */

static int waits(void *arg)
{
	int r;

	(void)arg;
	tl_gen_yield(num(1), NULL);
	r = tl_sleep_until(TL_NEVER);
	CHECK_EQ(r, -ECANCELED);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	return r;
}

static int waits_inside(void *stage)
{
	tl_gen *g = gen_new(waits, NULL);
	int r;

	CHECK_EQ(gen_next(g), 1);
	atomic_store((_Atomic int *)stage, 1);
	r = tl_gen_send(g, NULL, NULL);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(tl_gen_close(g), 0);
	return r;
}

/* Cancelling the strand cancels what it waits for inside. */
TEST(it_is_cancelled_inside)
{
	for (int i = 0; i < 2; i++) {
		static _Atomic int stage;
		tl_scope s = { 0 };
		tl_strand t;
		tl_end end;

		stage = 0;
		tl_scope_open(&s);
		t = start(hows[i], &s, waits_inside, (void *)&stage);
		UNTIL(stage == 1 && tl_state(t) == TL_BLOCKED);
		tl_cancel(t);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(end.how, TL_CANCELLED);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

static int waits_under_a_deadline(void *arg)
{
	tl_gen *g = gen_new(waits, arg);
	tl_scope s = { .deadline = tl_after(tl_ms(5)) };

	CHECK_EQ(gen_next(g), 1);
	tl_scope_open(&s);
	CHECK_EQ(tl_gen_send(g, NULL, NULL), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	CHECK_EQ(tl_gen_close(g), 0);
	return 0;
}

/* The deadline of the caller's scope counts inside. */
TEST(a_deadline_outside_counts_inside) { everywhere(waits_under_a_deadline, NULL); }

static int times_out(void *arg)
{
	tl_scope s = { .deadline = tl_after(tl_ms(1)) };
	int r;

	(void)arg;
	tl_scope_open(&s);
	r = tl_sleep_until(TL_NEVER);
	CHECK_EQ(r, -ECANCELED);
	r = tl_scope_close(&s);
	return tl_gen_yield(num(r), NULL);
}

static int has_a_deadline_inside(void *arg)
{
	tl_gen *g = gen_new(times_out, arg);

	CHECK_EQ(gen_next(g), -ETIMEDOUT);
	return tl_gen_close(g);
}

/* A scope may be opened and closed between two yields. */
TEST(a_deadline_inside_ends_inside) { everywhere(has_a_deadline_inside, NULL); }

/* One waiting at a yield is not woken by a cancel: close asks it. */
TEST(a_cancelled_strand_still_closes_its_own)
{
	static int three = 3;
	tl_scope s = { 0 };
	tl_gen *g = gen_new(counts, &three);

	CHECK_EQ(gen_next(g), 1);
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	CHECK_EQ(gen_next(g), 2);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* -- the child of a fork */

/* A forked child goes on with the generators of its strand. */
TEST(a_fork_has_them_too)
{
	static int three = 3;
	tl_gen *g = gen_new(counts, &three);
	int status;
	pid_t pid;

	if (TSAN)
		SKIP("TSan takes the fibers of a forked program for dead");
	CHECK_EQ(gen_next(g), 1);
	pid = fork();
	CHECK(pid >= 0);
	if (pid) {
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
	CHECK_EQ(gen_next(g), 2);
	CHECK_EQ(gen_next(g), 3);
	CHECK_EQ(tl_gen_close(g), 0);
	if (!pid)
		_exit(0);
}

/* -- a storm */

enum { GENS = 6, STEPS = 400 };

struct storm {
	unsigned seed;
	int live[GENS]; /* frames inside fn */
	tl_gen *g[GENS];
	int i;
};

/* Yields how often it has; sleeps, gives way or fails now and then. */
static int gusts(void *arg)
{
	struct storm *s = arg;
	int i = s->i, r = 0;
	void *in = NULL;

	s->live[i]++;
	for (long n = 0; r == 0; n++) {
		unsigned chance = (unsigned)rand_r(&s->seed) % 32;

		if (chance == 0)
			(void)!tl_sleep(tl_us(rand_r(&s->seed) % 50));
		else if (chance < 4)
			(void)!tl_yield();
		else if (chance == 4)
			r = -EIO;
		if (r == 0)
			r = tl_gen_yield(num(n * 1000 + val(in) % 1000), &in);
	}
	s->live[i]--;
	return r;
}

static int storm(void *arg)
{
	struct storm s = { .seed = (unsigned)(size_t)arg };
	long n[GENS] = { 0 };

	for (int step = 0; step < STEPS; step++) {
		int i = rand_r(&s.seed) % GENS, sent = rand_r(&s.seed) % 1000, r;
		void *out;

		s.i = i;
		if (!s.g[i]) {
			s.g[i] = gen_new(gusts, &s);
			n[i] = sent = 0;
		}
		r = rand_r(&s.seed) % 16 ? tl_gen_send(s.g[i], num(sent), &out)
					 : tl_gen_throw(s.g[i], -ENOENT, &out);
		if (r == 0) {
			CHECK_EQ(val(out), n[i] * 1000 + sent);
			CHECK_EQ(s.live[i], 1);
			n[i]++;
			continue;
		}
		CHECK(r == -EIO || r == -ENOENT);
		CHECK_EQ(s.live[i], 0);
		CHECK_EQ(tl_gen_close(s.g[i]), 0);
		s.g[i] = NULL;
	}
	for (int i = 0; i < GENS; i++) {
		CHECK_EQ(tl_gen_close(s.g[i]), 0);
		CHECK_EQ(s.live[i], 0);
	}
	return 0;
}

static void storms(int tasks, int threads)
{
	const char *text = getenv("TELAR_SEED");
	size_t seed = text ? strtoul(text, NULL, 10) : 1;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < tasks; i++)
		tl_task_start(
			&s, storm, (void *)(seed + (size_t)i), &(tl_opts){ .anywhere = i % 2 });
	for (int i = 0; i < threads; i++)
		tl_thread_start(&s, storm, (void *)(seed + 1000 + (size_t)i), NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* Many strands of all kinds send, throw, sleep, fail and close by chance. */
TEST_LIMIT(a_storm, 60) { storms(40, 4); }
TEST_LONG(a_long_storm, 600) { storms(1000, 16); }
