/* Generators: values in and out, the end, failures thrown in and coming out. */
#include "generators.h"

static int three = 3;

static int raises_flag(void *flag)
{
	*(int *)flag = 1;
	return 7;
}

/* -- values */

/* D19: made suspended: nothing runs before the first send */
TEST(nothing_runs_before_the_first_send)
{
	int flag = 0;
	tl_gen *g = gen_new(raises_flag, &flag);

	CHECK_EQ(flag, 0);
	GEN_ENDS(g);
	CHECK_EQ(flag, 1);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* Next yields one value after the other, then ends. */
TEST(next_answers_each_value_then_the_end)
{
	tl_gen *g = gen_new(counts, &three);

	for (long i = 1; i <= 3; i++)
		CHECK_EQ(gen_next(g), i);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* D19: send is what the yield answers, and gives the next value */
TEST(send_gives_the_pending_yield_its_value)
{
	tl_gen *g = gen_new(doubles, NULL);

	CHECK_EQ(gen_next(g), 0);
	CHECK_EQ(gen_send(g, 21), 42);
	CHECK_EQ(gen_send(g, 1000), 2000);
	CHECK_EQ(gen_next(g), 0);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* D19: the first value sent must be none */
TEST(the_first_send_has_nobody_to_take_it)
{
	tl_gen *g = gen_new(doubles, NULL);
	void *out = num(99);

	CHECK_EQ(tl_gen_send(g, num(1), &out), -EINVAL);
	CHECK_EQ(val(out), 99);
	CHECK_EQ(gen_next(g), 0);
	CHECK_EQ(gen_send(g, 4), 8);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* D19: the end tells the result */
/* D19: exhausted stays exhausted */
TEST(the_end_is_for_good_and_keeps_the_result)
{
	tl_gen *g = gen_new(counts, &three);
	void *out = num(99);
	int r = 99;

	CHECK_EQ(tl_gen_result(g, &r), -EBUSY);
	for (int i = 0; i < 3; i++)
		gen_next(g);
	CHECK_EQ(tl_gen_result(g, &r), -EBUSY);
	CHECK_EQ(r, 99);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_gen_send(g, num(i), &out), -EPIPE);
		CHECK_EQ(gen_result(g), 3);
	}
	CHECK_EQ(val(out), 99);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* Two generators of one function are independent. */
TEST(each_has_a_stack_of_its_own)
{
	tl_gen *a = gen_new(counts, &three), *b = gen_new(counts, &three);

	CHECK_EQ(gen_next(a), 1);
	CHECK_EQ(gen_next(a), 2);
	CHECK_EQ(gen_next(b), 1);
	CHECK_EQ(gen_next(a), 3);
	CHECK_EQ(gen_next(b), 2);
	CHECK_EQ(tl_gen_close(a), -0);
	CHECK_EQ(gen_next(b), 3);
	GEN_ENDS(b);
	CHECK_EQ(tl_gen_close(b), 0);
}

/* Neither a value nor a place for it is needed. */
TEST(both_sides_may_ignore_the_values)
{
	tl_gen *g = gen_new(counts, &three);

	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0);
	CHECK_EQ(tl_gen_send(g, num(5), NULL), 0);
	CHECK_EQ(gen_next(g), 3);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* -- failures */

static int catches(void *seen)
{
	int *r = seen;

	*r = tl_gen_yield(num(1), NULL);
	*r = tl_gen_yield(num(2), NULL);
	return 5;
}

/* D19: throw is what the yield answers */
/* D19: throw may be caught and another value yielded */
TEST(throw_is_caught_at_the_yield)
{
	int seen = 0;
	tl_gen *g = gen_new(catches, &seen);
	void *out;

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_throw(g, -EIO, &out), 0);
	CHECK_EQ(val(out), 2);
	CHECK_EQ(seen, -EIO);
	CHECK_EQ(tl_gen_throw(g, -ENOENT, &out), -EPIPE);
	CHECK_EQ(seen, -ENOENT);
	CHECK_EQ(gen_result(g), 5);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* What is thrown and not caught comes back, and it is finished. */
TEST(throw_comes_back_when_not_caught)
{
	tl_gen *g = gen_new(counts, &three);

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_throw(g, -EIO, NULL), -EIO);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), -EIO);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* D19: throw before the start finishes it */
TEST(throw_before_the_start_ends_it)
{
	int flag = 0;
	tl_gen *g = gen_new(raises_flag, &flag);

	CHECK_EQ(tl_gen_throw(g, -EIO, NULL), -EIO);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), -EIO);
	CHECK_EQ(flag, 0);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* D19: throw into one that is finished answers the same error */
TEST(throw_after_the_end_is_answered)
{
	int flag = 0;
	tl_gen *g = gen_new(raises_flag, &flag);

	GEN_ENDS(g);
	CHECK_EQ(tl_gen_throw(g, -EIO, NULL), -EIO);
	CHECK_EQ(gen_result(g), 7);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* Throwing what is no exception is an error (test_except_throw_bad_exception). */
TEST(only_a_failure_can_be_thrown)
{
	tl_gen *g = gen_new(counts, &three);

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_throw(g, 0, NULL), -EINVAL);
	CHECK_EQ(tl_gen_throw(g, 7, NULL), -EINVAL);
	CHECK_EQ(gen_next(g), 2);
	CHECK_EQ(tl_gen_close(g), 0);
}

static int fails_after_one(void *failure)
{
	tl_gen_yield(num(1), NULL);
	return *(int *)failure;
}

/* D19: a failure comes out of send once */
TEST(a_failure_comes_out_once)
{
	int failure = -EIO;
	tl_gen *g = gen_new(fails_after_one, &failure);
	void *out = num(99);

	CHECK_EQ(gen_next(g), 1);
	CHECK_EQ(tl_gen_send(g, NULL, &out), -EIO);
	CHECK_EQ(val(out), 99);
	GEN_ENDS(g);
	CHECK_EQ(gen_result(g), -EIO);
	CHECK_EQ(tl_gen_close(g), 0);
}

/* A stop signal that leaks from inside is converted into an error (PEP 479). */
TEST(the_end_of_another_does_not_pass_for_ones_own)
{
	int failures[] = { -EPIPE, -EBUSY };

	for (int i = 0; i < 2; i++) {
		tl_gen *g = gen_new(fails_after_one, &failures[i]);

		CHECK_EQ(gen_next(g), 1);
		CHECK_EQ(tl_gen_send(g, NULL, NULL), -EPROTO);
		CHECK_EQ(gen_result(g), failures[i]);
		GEN_ENDS(g);
		CHECK_EQ(tl_gen_close(g), 0);
	}
}

static int forgets_to_look(void *inner)
{
	void *out;
	int r;

	while ((r = tl_gen_send(inner, NULL, &out)) == 0)
		tl_gen_yield(out, NULL);
	return r;
}

/* Next() that raises inside a generator (test_tutorial_stopiteration). */
TEST(an_inner_end_that_is_passed_on_is_an_error)
{
	tl_gen *inner = gen_new(counts, &three), *g = gen_new(forgets_to_look, inner);

	for (long i = 1; i <= 3; i++)
		CHECK_EQ(gen_next(g), i);
	CHECK_EQ(tl_gen_send(g, NULL, NULL), -EPROTO);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(inner), 0);
}
