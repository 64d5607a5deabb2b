/* Who may do what with a generator, and where: re-entry, strangers, scopes and locks. */
#include "generators.h"
#include "telar/sync.h"

static int three = 3;

struct self {
	tl_gen *g;
	int send, throw, close, result;
};

static int tries_itself(void *arg)
{
	struct self *s = arg;
	int r;

	s->send = tl_gen_send(s->g, NULL, NULL);
	s->throw = tl_gen_throw(s->g, -EIO, NULL);
	s->close = tl_gen_close(s->g);
	s->result = tl_gen_result(s->g, &r);
	tl_gen_yield(num(1), NULL);
	return 0;
}

/* D19: re-entry while it runs is an error */
TEST(it_cannot_advance_itself)
{
	struct self s = { 0 };

	s.g = gen_new(tries_itself, &s);
	CHECK_EQ(gen_next(s.g), 1);
	CHECK_EQ(s.send, -EBUSY);
	CHECK_EQ(s.throw, -EBUSY);
	CHECK_EQ(s.close, -EBUSY);
	CHECK_EQ(s.result, -EBUSY);
	GEN_ENDS(s.g);
	CHECK_EQ(tl_gen_close(s.g), 0);
}

static int advances_the_outer(void *outer)
{
	int r = tl_gen_send(*(tl_gen **)outer, NULL, NULL);

	tl_gen_yield(num(r), NULL);
	return 0;
}

static int advances_the_inner(void *inner)
{
	void *out;
	int r = tl_gen_send(inner, NULL, &out);

	tl_gen_yield(out, NULL);
	return r;
}

/* D19: re-entry while it runs is an error */
TEST(a_circle_of_generators_is_refused)
{
	tl_gen *outer, *inner = gen_new(advances_the_outer, &outer);

	outer = gen_new(advances_the_inner, inner);
	CHECK_EQ(gen_next(outer), -EBUSY);
	GEN_ENDS(outer);
	CHECK_EQ(tl_gen_close(outer), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

/* Yield stands only in a generator. */
TEST(a_yield_outside_is_refused)
{
	tl_gen *g = gen_new(counts, &three);
	void *in = num(99);
	int r = 99;

	CHECK_EQ(tl_gen_yield(num(1), &in), -EPERM);
	CHECK_EQ(val(in), 99);
	CHECK_EQ(tl_gen_from(g, &r), -EPERM);
	CHECK_EQ(r, 99);
	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_yield(NULL, NULL), -EPERM);
	CHECK_EQ(tl_gen_close(g), 0);
}

static int a_stranger(void *g)
{
	int r;

	CHECK_EQ(tl_gen_send(g, NULL, NULL), -EPERM);
	CHECK_EQ(tl_gen_throw(g, -EIO, NULL), -EPERM);
	CHECK_EQ(tl_gen_result(g, &r), -EPERM);
	CHECK_EQ(tl_gen_close(g), -EPERM);
	return 0;
}

/* D19: only its own thread may advance it */
TEST(others_may_not_advance_it)
{
	start_fn *hows[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		tl_gen *g = gen_new(counts, &three);
		tl_scope s = { 0 };

		CHECK_EQ(gen_next(g), 1);
		tl_scope_open(&s);
		hows[i](&s, a_stranger, g, NULL);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(gen_next(g), 2);
		CHECK_EQ(tl_gen_close(g), 0);
	}
}

static int starts_a_stranger(void *g)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, a_stranger, *(tl_gen **)g, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	return tl_gen_yield(num(1), NULL);
}

static int yields_elsewhere(void *arg)
{
	(void)arg;
	CHECK_EQ(tl_gen_yield(NULL, NULL), -EPERM);
	return 0;
}

static int joins_a_yielder(void *arg)
{
	tl_scope s = { 0 };
	tl_strand t;

	(void)arg;
	tl_scope_open(&s);
	t = start(tl_task_start, &s, yields_elsewhere, NULL);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0); /* runs it in place, on this very stack */
	CHECK_EQ(tl_scope_close(&s), 0);
	return tl_gen_yield(num(1), NULL);
}

/* A child of the strand is not inside its generator, even on its stack. */
TEST(a_child_started_inside_is_another_strand)
{
	tl_gen *g = gen_new(joins_a_yielder, NULL), *h;

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_close(g), 0);
	h = gen_new(starts_a_stranger, &h);
	CHECK_EQ(gen_next(h), 1);
	CHECK_EQ(tl_gen_close(h), 0);
}

/* Bad arguments make none. */
TEST(what_makes_no_sense_is_refused)
{
	tl_gen_opts odd = { .reserved = { 1 } }, huge = { .stack = SIZE_MAX };
	tl_gen *g = NULL;

	CHECK_EQ(tl_gen_open(&g, NULL, NULL, NULL), -EINVAL);
	CHECK_EQ(tl_gen_open(&g, counts, &three, &odd), -EINVAL);
	CHECK_EQ(tl_gen_open(&g, counts, &three, &huge), -EINVAL);
	CHECK(g == NULL);
	CHECK_EQ(tl_gen_close(NULL), 0);
}

static int yields_in_a_scope(void *arg)
{
	tl_scope s = { .name = "mine" };
	int r;

	(void)arg;
	tl_scope_open(&s);
	r = tl_gen_yield(num(1), NULL);
	CHECK_EQ(tl_gen_from(gen_new(counts, &three), NULL), -EBUSY);
	CHECK_EQ(tl_scope_close(&s), 0);
	return tl_gen_yield(num(r), NULL);
}

/* D19: no scope may be open across a yield */
TEST(a_yield_with_a_scope_open_is_misuse)
{
	tl_gen *g = gen_new(yields_in_a_scope, NULL);

	tl_on_report(remember, NULL);
	CHECK_EQ(gen_next(g), -EBUSY);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 2);
	CHECK_EQ(tl_gen_close(g), 0);
}

static int closes_the_callers(void *scope)
{
	CHECK_EQ(tl_scope_close(scope), -EINVAL);
	return tl_gen_yield(num(1), NULL);
}

static int leaves_one_open(void *scope)
{
	tl_scope_open(scope);
	return 4;
}

/* Scopes of the caller and of the generator stay apart. */
TEST(scopes_end_where_they_began)
{
	tl_scope outside = { 0 }, inside = { 0 };
	tl_gen *g = gen_new(closes_the_callers, &outside), *h = gen_new(leaves_one_open, &inside);

	tl_on_report(remember, NULL);
	tl_scope_open(&outside);
	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_scope_close(&outside), 0);
	GEN_ENDS(h);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 2);
	CHECK_EQ(gen_result(h), 4);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(h), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* From step to step it may be advanced under other scopes. */
TEST(each_step_is_under_the_callers_scope)
{
	tl_scope s = { 0 };
	tl_gen *g = gen_new(counts, &three);

	tl_scope_open(&s);
	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(gen_next(g), 2);
	CHECK_EQ(tl_gen_close(g), 0);
}

static int finishes(void *arg)
{
	(void)arg;
	return tl_finish();
}

/* Main is not finished from inside a generator. */
TEST(finish_inside_is_misuse)
{
	tl_gen *g = gen_new(finishes, NULL);

	tl_on_report(remember, NULL);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), 1);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_finish(), 0);
}

static int holds(void *lock)
{
	int r;

	CHECK_EQ(tl_lock_acquire(lock, TL_NEVER), 0);
	r = tl_gen_yield(NULL, NULL);
	tl_lock_release(lock);
	return r;
}

/* Inside it the caller is still the strand that advances it. */
TEST(a_lock_taken_inside_is_the_strands)
{
	tl_lock lock = { 0 };
	tl_gen *g = gen_new(holds, &lock);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	CHECK_EQ(tl_lock_acquire(&lock, TL_POLL), -EDEADLK);
	GEN_ENDS(g);
	CHECK_EQ(tl_lock_acquire(&lock, TL_POLL), 0);
	tl_lock_release(&lock);
	CHECK_EQ(tl_gen_close(g), 0);
}
