/* Values: built, shown as Python shows them, compared, copied; and what comes back from CBOR. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <telar/value.h>

#include "check.h"

static const char *shown(tl_value v)
{
	static char text[4000];

	CHECK(tl_value_text(v, text, sizeof text) >= 0);
	return text;
}

/* D14: a dict shows itself as Python prints it */
TEST(text_of_all)
{
	tl_value pairs[] = { TL_INT(1), TL_STR("1"), TL_STR("2"), TL_INT(2), TL_NUM(0.25), TL_NIL };
	tl_value items[] = { TL_BOOL(true), TL_BOOL(0), TL_BYTES("\0a'\xff", 4), TL_LIST(NULL, 0),
		TL_MAP(NULL, 0), TL_MAP(pairs, 3) };

	CHECK_STR(shown(TL_MAP(pairs, 3)), "{1: '1', '2': 2, 0.25: None}");
	CHECK_STR(shown(TL_LIST(items, 6)), "[True, False, b\"\\x00a'\\xff\", [], {}, "
					    "{1: '1', '2': 2, 0.25: None}]");
}

TEST(text_of_numbers)
{
	static const struct {
		double f;
		const char *text;
	} all[] = { { 0.0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" }, { 100, "100.0" }, { 123456.789, "123456.789" },
		{ 1e15, "1000000000000000.0" }, { 1e16, "1e+16" }, { 1.5e300, "1.5e+300" },
		{ 0.0001, "0.0001" }, { 0.00001, "1e-05" }, { 5e-324, "5e-324" }, { 2.5, "2.5" },
		{ -1e-7, "-1e-07" }, { 9007199254740993.0, "9007199254740992.0" } };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		CHECK_STR(shown(TL_NUM(all[i].f)), all[i].text);
	CHECK_STR(shown(TL_NUM(INFINITY)), "inf");
	CHECK_STR(shown(TL_NUM(NAN)), "nan");
	CHECK_STR(shown(TL_INT(INT64_MIN)), "-9223372036854775808");
}

TEST(text_of_strings)
{
	CHECK_STR(shown(TL_STR("it's")), "\"it's\"");
	CHECK_STR(shown(TL_STR("it's \"so\"")), "'it\\'s \"so\"'");
	CHECK_STR(shown(TL_STR("a\n\t\r\\\x01\x7f")), "'a\\n\\t\\r\\\\\\x01\\x7f'");
	CHECK_STR(shown(TL_STR("\xc3\xa1\xc2\xa0\xc2\x85")), "'\xc3\xa1\\xa0\\x85'");
	CHECK_STR(shown(TL_TEXT("a\0b", 3)), "'a\\x00b'");
}

TEST(text_is_cut)
{
	char buf[6];

	CHECK_EQ(tl_value_text(TL_STR("abcdef"), buf, sizeof buf), 8);
	CHECK_STR(buf, "'abcd");
	CHECK_EQ(tl_value_text(TL_INT(12345), NULL, 0), 5);
}

TEST(equal_by_value)
{
	tl_value ab[] = { TL_STR("a"), TL_INT(1), TL_STR("b"), TL_INT(2) };
	tl_value ba[] = { TL_STR("b"), TL_NUM(2), TL_STR("a"), TL_BOOL(true) };

	CHECK(tl_value_equal(TL_INT(1), TL_NUM(1.0)));
	CHECK(tl_value_equal(TL_INT(1), TL_BOOL(true)));
	CHECK(!tl_value_equal(TL_INT(1), TL_STR("1")));
	CHECK(!tl_value_equal(TL_STR("a"), TL_BYTES("a", 1)));
	CHECK(!tl_value_equal(TL_NUM(NAN), TL_NUM(NAN)));
	CHECK(tl_value_equal(TL_MAP(ab, 2), TL_MAP(ba, 2)));
	CHECK(!tl_value_equal(TL_LIST(ab, 4), TL_LIST(ba, 4)));
	CHECK(!tl_value_equal(TL_INT(9007199254740993), TL_NUM(9007199254740992.0)));
	CHECK(!tl_value_equal(TL_INT(INT64_MAX), TL_NUM(0x1p63)));
}

TEST(order_of_likes)
{
	tl_value small[] = { TL_INT(1), TL_STR("a") }, large[] = { TL_NUM(1), TL_STR("b") };
	int r = 7;

	CHECK_EQ(tl_value_order(TL_INT(2), TL_NUM(2.5), &r), 0);
	CHECK(r < 0);
	CHECK_EQ(tl_value_order(TL_NUM(-2.5), TL_INT(-2), &r), 0);
	CHECK(r < 0);
	CHECK_EQ(tl_value_order(TL_STR("b"), TL_STR("ab"), &r), 0);
	CHECK(r > 0);
	CHECK_EQ(tl_value_order(TL_STR("a"), TL_STR("ab"), &r), 0);
	CHECK(r < 0);
	CHECK_EQ(tl_value_order(TL_LIST(small, 2), TL_LIST(large, 2), &r), 0);
	CHECK(r < 0);
	CHECK_EQ(tl_value_order(TL_LIST(small, 1), TL_LIST(large, 1), &r), 0);
	CHECK_EQ(r, 0);
	r = 7;
	CHECK_EQ(tl_value_order(TL_INT(1), TL_STR("1"), &r), -EINVAL);
	CHECK_EQ(tl_value_order(TL_NUM(NAN), TL_INT(1), &r), -EINVAL);
	CHECK_EQ(tl_value_order(TL_MAP(NULL, 0), TL_MAP(NULL, 0), &r), -EINVAL);
	CHECK_EQ(r, 7);
}

/* Everything that a value can be, some of it twice. */
static tl_value all_of_it(void)
{
	static tl_value inner[2], pairs[4], items[12];

	inner[0] = TL_STR("deep");
	inner[1] = TL_LIST(NULL, 0);
	pairs[0] = TL_STR("k");
	pairs[1] = TL_LIST(inner, 2);
	pairs[2] = TL_INT(-1);
	pairs[3] = TL_MAP(NULL, 0);
	items[0] = TL_NIL;
	items[1] = TL_BOOL(true);
	items[2] = TL_INT(INT64_MIN);
	items[3] = TL_INT(INT64_MAX);
	items[4] = TL_NUM(0.1);
	items[5] = TL_STR("\xc3\xa9");
	items[6] = TL_STR("");
	items[7] = TL_BYTES("\xff\x00", 2);
	items[8] = TL_MAP(pairs, 2);
	items[9] = (tl_value){ .type = TL_T_OBJECT, .object = UINT64_MAX };
	items[10] = TL_INT(1000000);
	items[11] = TL_LIST(inner, 2);
	return TL_LIST(items, 12);
}

TEST(copy_is_whole)
{
	tl_value from = all_of_it(), to = TL_NIL;

	CHECK_EQ(tl_value_copy(from, &to), 0);
	CHECK(tl_value_equal(from, to));
	CHECK(to.items != from.items && to.items[5].text != from.items[5].text);
	CHECK_EQ(to.items[5].text[2], 0);
	tl_value_free(&to);
	CHECK_EQ(to.type, TL_T_NIL);
	tl_value_free(&to);
	tl_value_free(NULL);
}

TEST(copy_refuses)
{
	tl_value list = TL_NIL, pair[2] = { TL_NUM(NAN), TL_NIL }, to = TL_INT(7), deep[65];

	CHECK_EQ(tl_value_copy(TL_STR("\xc3("), &to), -EINVAL);
	CHECK_EQ(tl_value_copy(TL_MAP(pair, 1), &to), -EINVAL);
	pair[0] = TL_LIST(&list, 1);
	CHECK_EQ(tl_value_copy(TL_MAP(pair, 1), &to), -EINVAL);
	CHECK_EQ(tl_value_copy(TL_LIST(NULL, 1), &to), -EINVAL);
	CHECK_EQ(tl_value_copy((tl_value){ .type = TL_T_TYPES }, &to), -EINVAL);
	deep[0] = TL_LIST(NULL, 0);
	for (int i = 1; i < 65; i++)
		deep[i] = TL_LIST(&deep[i - 1], 1);
	CHECK_EQ(tl_value_copy(deep[64], &to), -EINVAL);
	CHECK_EQ(tl_value_text(deep[64], NULL, 0), -EINVAL);
	CHECK_EQ(to.i, 7);
	CHECK_EQ(tl_value_copy(deep[63], &to), 0);
	CHECK(tl_value_equal(to, deep[63]));
	tl_value_free(&to);
}

TEST(find_in_a_map)
{
	tl_value pairs[] = { TL_INT(1), TL_STR("one"), TL_STR("k"), TL_INT(2) };

	CHECK_STR(tl_value_find(TL_MAP(pairs, 2), TL_NUM(1))->text, "one");
	CHECK_EQ(tl_value_find(TL_MAP(pairs, 2), TL_STR("k"))->i, 2);
	CHECK(!tl_value_find(TL_MAP(pairs, 2), TL_STR("one")));
	CHECK(!tl_value_find(TL_LIST(pairs, 4), TL_STR("k")));
}

/* As many as a stranger may send: were each compared with each, this would take minutes. */
TEST(equal_maps_of_many)
{
	enum { N = 200000 };
	tl_value *a = calloc(2 * N, sizeof *a), *b = calloc(2 * N, sizeof *b);

	for (int i = 0; i < N; i++) {
		a[2 * i] = TL_INT(i);
		a[2 * i + 1] = TL_INT(-i);
		b[2 * (N - 1 - i)] = i % 2 ? TL_NUM(i) : TL_INT(i);
		b[2 * (N - 1 - i) + 1] = TL_INT(-i);
	}
	CHECK(tl_value_equal(TL_MAP(a, N), TL_MAP(b, N)));
	b[1].i++;
	CHECK(!tl_value_equal(TL_MAP(a, N), TL_MAP(b, N)));
	b[1].i--;
	b[0] = TL_STR("another");
	CHECK(!tl_value_equal(TL_MAP(a, N), TL_MAP(b, N)));
	free(a);
	free(b);
}
