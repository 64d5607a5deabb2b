/* Delegation: tl_gen_from stands for the whole of another generator. */
#include "generators.h"

static int three = 3;

/* Delegates to arg, then yields 1000 + the result, or minus the failure. */
static int delegates(void *inner)
{
	int result = 0, r = tl_gen_from(inner, &result);

	if (r == -ECANCELED)
		return r;
	r = tl_gen_yield(num(r < 0 ? r : 1000 + result), NULL);
	return r < 0 ? r : result;
}

/* D19: delegation gives the inner result */
TEST(it_yields_the_inner_values_and_has_its_result)
{
	tl_gen *inner = gen_new(counts, &three), *g = gen_new(delegates, inner);

	for (long i = 1; i <= 3; i++)
		CHECK_EQ(gen_next(g), i);
	CHECK_EQ(gen_next(g), 1003);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), 3);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

/* D19: delegation forwards send, throw and close */
TEST(sends_go_to_the_inner_one)
{
	tl_gen *inner = gen_new(doubles, NULL), *g = gen_new(delegates, inner);

	CHECK_EQ(gen_next(g), 0);
	for (long i = 1; i < 10; i++)
		CHECK_EQ(gen_send(g, i), 2 * i);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(gen_result(inner), -ECANCELED);
	CHECK_EQ(tl_gen_close(inner), 0);
}

static int catches_one(void *seen)
{
	int r = tl_gen_yield(num(1), NULL);

	if (r == -EIO) {
		*(int *)seen = r;
		r = tl_gen_yield(num(2), NULL);
	}
	return r;
}

/* D19: delegation forwards send, throw and close */
TEST(throws_go_to_the_inner_one)
{
	int seen = 0;
	tl_gen *inner = gen_new(catches_one, &seen), *g = gen_new(delegates, inner);
	void *out;

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_throw(g, -EIO, &out), 0);
	CHECK_EQ(val(out), 2);
	CHECK_EQ(seen, -EIO);
	CHECK_EQ(gen_next(g), 1000);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

/* What the inner one does not catch is raised at the yield from. */
TEST(an_uncaught_throw_comes_out_of_the_delegation)
{
	tl_gen *inner = gen_new(counts, &three), *g = gen_new(delegates, inner);
	void *out;

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_throw(g, -ENOENT, &out), 0);
	CHECK_EQ(val(out), -ENOENT);
	CHECK_EQ(gen_result(inner), -ENOENT);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

static int cleans(void *cleaned)
{
	int r;

	while ((r = tl_gen_yield(NULL, NULL)) == 0)
		;
	++*(int *)cleaned;
	return r;
}

/* D19: delegation forwards send, throw and close */
TEST(close_goes_to_the_inner_one)
{
	int cleaned = 0;
	tl_gen *inner = gen_new(cleans, &cleaned), *g = gen_new(delegates, inner);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(cleaned, 1);
	CHECK_EQ(gen_result(inner), -ECANCELED);
	CHECK_EQ(tl_gen_close(inner), 0);
}

static int fails_at_close(void *arg)
{
	(void)arg;
	return tl_gen_yield(NULL, NULL) == -ECANCELED ? -EIO : 0;
}

static int ignores(void *arg)
{
	(void)arg;
	tl_gen_yield(NULL, NULL);
	return tl_gen_yield(NULL, NULL);
}

static int only_delegates(void *inner) { return tl_gen_from(inner, NULL); }

/* What the inner one makes of a close is seen at the yield from. */
TEST(a_close_may_go_wrong_inside)
{
	tl_gen *inner = gen_new(fails_at_close, NULL), *g = gen_new(only_delegates, inner);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	CHECK_EQ(tl_gen_close(g), -EIO);
	CHECK_EQ(tl_gen_close(inner), 0);

	inner = gen_new(ignores, NULL);
	g = gen_new(only_delegates, inner);
	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	CHECK_EQ(tl_gen_throw(g, -ECANCELED, NULL), -EPROTO); /* the delegation answered -EBUSY */
	CHECK_EQ(gen_result(g), -EBUSY);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

/* Delegation to one that has ended yields nothing and has its result. */
TEST(to_an_ended_one_it_is_a_result)
{
	tl_gen *inner = gen_new(counts, &three), *g;

	for (long i = 1; i <= 3; i++)
		CHECK_EQ(gen_next(inner), i);
	GEN_ENDS(inner);
	g = gen_new(delegates, inner);
	CHECK_EQ(gen_next(g), 1003);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

/* Delegation goes on where the inner one stands. */
TEST(to_one_under_way_it_goes_on)
{
	tl_gen *inner = gen_new(counts, &three), *g = gen_new(delegates, inner);

	CHECK_EQ(gen_next(inner), 1);
	CHECK_EQ(gen_next(g), 2);
	CHECK_EQ(gen_next(g), 3);
	CHECK_EQ(gen_next(g), 1003);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}

static int to_itself(void *g) { return tl_gen_from(*(tl_gen **)g, NULL); }

/* Delegation to itself is re-entry. */
TEST(to_itself_it_is_refused)
{
	tl_gen *g = gen_new(to_itself, &g);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), -EPROTO);
	CHECK_EQ(gen_result(g), -EBUSY);
	CHECK_EQ(tl_gen_close(g), 0);
}

static int level(void *arg)
{
	long depth = *(long *)arg, below = depth - 1;
	tl_gen *inner;
	int r, result = 0, q;

	if (!depth)
		return counts(&three);
	inner = gen_new(level, &below);
	r = tl_gen_from(inner, &result);
	q = tl_gen_close(inner);
	CHECK_EQ(q, 0);
	return r < 0 ? r : result + 1;
}

/* Delegation through a hundred levels: values up, results added, close down. */
TEST(a_deep_chain)
{
	long depth = 100;
	tl_gen *g = gen_new(level, &depth);

	for (long i = 1; i <= 3; i++)
		CHECK_EQ(gen_next(g), i);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), 103);
	CHECK_EQ(tl_gen_close(g), 0);
	g = gen_new(level, &depth);
	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_close(g), 0);
	tl_on_report(remember, NULL);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(seen_reports[TL_R_LEAK], 0);
}
