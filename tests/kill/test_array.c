/* test_array.c - numbers in shared memory: their types, their lock, and what processes do to them.
 * */
#include "cast.h"
#include "telar/array.h"

TEST(items_are_zero_and_of_their_type)
{
	static const char codes[] = "bB?chHiIlLqQfd";
	static const size_t widths[] = { 1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8 };

	for (int i = 0; codes[i]; i++) {
		tl_array *a;
		char *items;

		CHECK_EQ(tl_array_open(&a, codes[i], 37, NULL), 0);
		CHECK_EQ(tl_array_count(a), 37);
		CHECK_EQ(tl_array_width(a), widths[i]);
		CHECK_EQ(tl_array_typecode(a), codes[i]);
		CHECK(tl_array_lock(a) != NULL);
		items = tl_array_items(a);
		CHECK_EQ((uintptr_t)items % 64, 0);
		for (size_t j = 0; j < 37 * widths[i]; j++)
			CHECK_EQ(items[j], 0);
		memset(items, 0xff, 37 * widths[i]);
		CHECK_EQ(tl_array_count(a), 37);
		CHECK(tl_array_close(a) == NULL); /* and the next is zero all the same */
	}
}

TEST(what_makes_no_sense_is_refused)
{
	tl_array *a = (tl_array *)&a, *was = a;
	tl_array_opts o = { .reserved = { 0, 1 } };

	CHECK_EQ(tl_array_open(&a, 'x', 1, NULL), -EINVAL);
	CHECK_EQ(tl_array_open(&a, 0, 1, NULL), -EINVAL);
	CHECK_EQ(tl_array_open(&a, 'i', 0, NULL), -EINVAL);
	CHECK_EQ(tl_array_open(&a, 'i', SIZE_MAX / 4 + 2, NULL), -EINVAL);
	CHECK_EQ(tl_array_open(&a, 'b', SIZE_MAX - 8, NULL), -EINVAL);
	CHECK_EQ(tl_array_open(&a, 'b', (size_t)1 << 45, NULL), -ENOSPC);
	CHECK_EQ(tl_array_open(&a, 'i', 1, &o), -EINVAL);
	CHECK(a == was);
	CHECK(tl_array_close(NULL) == NULL);
}

TEST(raw_has_no_lock)
{
	tl_array *a;

	CHECK_EQ(tl_array_open(&a, 'd', 3, &(tl_array_opts){ .raw = true }), 0);
	CHECK(tl_array_lock(a) == NULL);
	tl_array_close(a);
}

enum { CAST = 3, ROUNDS = 2000 };

static int add(void *arg)
{
	long *items = tl_array_items(arg);

	for (int i = 0; i < ROUNDS; i++) {
		int r = tl_lock_acquire(tl_array_lock(arg), TL_NEVER);

		if (r < 0)
			return r;
		items[0] += 1;
		items[1] -= 1;
		tl_lock_release(tl_array_lock(arg));
	}
	return 0;
}

TEST_LIMIT(adding_needs_the_lock_and_has_it, 60)
{
	pid_t p[CAST];
	tl_array *a;
	long *items;

	CHECK_EQ(tl_array_open(&a, 'l', 2, NULL), 0);
	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, add, a);
	CHECK_EQ(add(a), 0);
	for (int i = 0; i < CAST; i++)
		went_well(p[i]);
	items = tl_array_items(a);
	CHECK_EQ(items[0], (CAST + 1) * ROUNDS);
	CHECK_EQ(items[1], -(CAST + 1) * ROUNDS);
	tl_array_close(a);
}
