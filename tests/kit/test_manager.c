/* The manager: its types and their verbs, one by one. */
#include "managed.h"

/* D14: dict: set, get, pop, popitem, setdefault, update, keys, values, len, contains, clear */
TEST(dict)
{
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL);
	tl_value pair[] = { TL_STR("a"), TL_INT(1) }, more[] = { TL_STR("z"), TL_INT(26) }, v;

	CHECK_EQ(tl_object_set(d, TL_INT(1), TL_STR("1"), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(d, TL_STR("2"), TL_INT(2), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(d, TL_NUM(0.25), TL_NIL, TL_NEVER), 0);
	CHECK_STR(shows(d), "{1: '1', '2': 2, 0.25: None}");
	CHECK_EQ(tl_object_get(d, TL_NUM(1), &v, TL_NEVER), 0);
	CHECK_STR(v.text, "1");
	tl_value_free(&v);
	CHECK_EQ(tl_object_get(d, TL_STR("x"), &v, TL_NEVER), -ENOENT);
	CHECK_STR(why(), "no such key: 'x'");
	CHECK_STR(says(d, "pop", TL_STR("2")), "2");
	CHECK_EQ(does_with(d, "pop", TL_STR("2")), -ENOENT);
	CHECK_EQ(tl_object_call(d, "setdefault", pair, 2, &v, TL_NEVER), 0);
	CHECK_EQ(v.i, 1);
	CHECK_EQ(does_with(d, "update", TL_MAP(more, 1)), 0);
	CHECK_STR(says(d, "keys", TL_NIL), "[1, 0.25, 'a', 'z']");
	CHECK_STR(says(d, "values", TL_NIL), "['1', None, 1, 26]");
	CHECK_STR(says(d, "len", TL_NIL), "4");
	CHECK_STR(says(d, "contains", TL_STR("a")), "True");
	CHECK_STR(says(d, "popitem", TL_NIL), "['z', 26]");
	CHECK_EQ(does_with(d, "del", TL_INT(1)), 0);
	CHECK_EQ(does_with(d, "del", TL_INT(1)), -ENOENT);
	CHECK_STR(says(d, "copy", TL_NIL), "{0.25: None, 'a': 1}");
	CHECK_EQ(tl_object_set(d, TL_LIST(NULL, 0), TL_NIL, TL_NEVER), -EINVAL);
	CHECK_EQ(does(d, "clear"), 0);
	CHECK_STR(shows(d), "{}");
	unmanaged(m);
}

TEST(dict_of_many)
{
	enum { N = 3000 };
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL);
	tl_value v;

	for (int i = 0; i < N; i++)
		CHECK_EQ(tl_object_set(d, TL_INT(i), TL_INT(-i), TL_NEVER), 0);
	for (int i = 0; i < N; i += 2)
		CHECK_EQ(does_with(d, "del", TL_INT(i)), 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(tl_object_get(d, TL_INT(i), &v, TL_NEVER), i % 2 ? 0 : -ENOENT);
	for (int i = N; i < 2 * N; i++)
		CHECK_EQ(tl_object_set(d, TL_INT(i), TL_NIL, TL_NEVER), 0);
	CHECK_STR(says(d, "len", TL_NIL), "4500");
	CHECK_STR(says(d, "popitem", TL_NIL), "[5999, None]");
	unmanaged(m);
}

/* D14: list: append, extend, insert, pop, remove, index, count, reverse, sort, slice, clear */
TEST(list)
{
	tl_manager *m = managed();
	tl_object l = made(m, "list", TL_NIL);
	tl_value three[] = { TL_INT(30), TL_NUM(0.5), TL_INT(-3) }, v;
	tl_value at[] = { TL_INT(1), TL_STR("x") }, cut[] = { TL_INT(1), TL_INT(-1) };

	for (int i = 0; i < 10; i++)
		CHECK_EQ(does_with(l, "append", TL_INT(i)), 0);
	CHECK_EQ(does(l, "reverse"), 0);
	CHECK_STR(shows(l), "[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]");
	CHECK_STR(says(l, "pop", TL_NIL), "0");
	CHECK_STR(says(l, "pop", TL_INT(0)), "9");
	CHECK_STR(says(l, "pop", TL_INT(-2)), "2");
	CHECK_EQ(does_with(l, "remove", TL_INT(5)), 0);
	CHECK_EQ(does_with(l, "remove", TL_INT(5)), -ENOENT);
	CHECK_STR(says(l, "index", TL_INT(6)), "2");
	CHECK_EQ(does_with(l, "extend", TL_LIST(three, 3)), 0);
	CHECK_EQ(does(l, "sort"), 0);
	CHECK_STR(shows(l), "[-3, 0.5, 1, 3, 4, 6, 7, 8, 30]");
	CHECK_EQ(does_with(l, "sort", TL_BOOL(true)), 0);
	CHECK_STR(shows(l), "[30, 8, 7, 6, 4, 3, 1, 0.5, -3]");
	CHECK_EQ(tl_object_call(l, "insert", at, 2, NULL, TL_NEVER), 0);
	CHECK_EQ(does(l, "sort"), -EINVAL);
	CHECK_EQ(tl_object_get(l, TL_INT(1), &v, TL_NEVER), 0);
	CHECK_STR(v.text, "x");
	tl_value_free(&v);
	CHECK_EQ(tl_object_set(l, TL_INT(-1), TL_NIL, TL_NEVER), 0);
	CHECK_EQ(tl_object_call(l, "slice", cut, 2, &v, TL_NEVER), 0);
	CHECK_EQ(v.n, 8);
	tl_value_free(&v);
	CHECK_EQ(tl_object_get(l, TL_INT(10), &v, TL_NEVER), -ENOENT);
	CHECK_STR(why(), "index 10 of 10");
	CHECK_STR(says(l, "contains", TL_STR("x")), "True");
	CHECK_STR(says(l, "count", TL_INT(8)), "1");
	CHECK_EQ(does(l, "clear"), 0);
	CHECK_STR(shows(l), "[]");
	CHECK_EQ(does(l, "pop"), -ENOENT);
	unmanaged(m);
}

/* D14: Namespace: attributes by name; one that begins with _ is not the server's */
TEST(namespace)
{
	tl_manager *m = managed();
	tl_object n = made(m, "Namespace", TL_NIL);
	tl_value v;

	CHECK_EQ(tl_object_set(n, TL_STR("x"), TL_INT(10), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(n, TL_STR("y"), TL_STR("hello"), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(n, TL_STR("_z"), TL_NUM(12.3), TL_NEVER), -EINVAL);
	CHECK_STR(shows(n), "Namespace(x=10, y='hello')");
	CHECK_EQ(does_with(n, "del", TL_STR("x")), 0);
	CHECK_EQ(tl_object_get(n, TL_STR("x"), &v, TL_NEVER), -ENOENT);
	unmanaged(m);
}

/* D14: set: add, discard, remove, contains, pop, and each once */
TEST(set)
{
	tl_manager *m = managed();
	tl_value two[] = { TL_INT(1), TL_NUM(1) };
	tl_object s = made(m, "set", TL_LIST(two, 2));

	CHECK_STR(shows(s), "{1}");
	CHECK_EQ(does_with(s, "add", TL_STR("a")), 0);
	CHECK_EQ(does_with(s, "add", TL_STR("a")), 0);
	CHECK_STR(shows(s), "{1, 'a'}");
	CHECK_STR(says(s, "discard", TL_INT(7)), "False");
	CHECK_EQ(does_with(s, "remove", TL_INT(7)), -ENOENT);
	CHECK_STR(says(s, "contains", TL_BOOL(true)), "True");
	CHECK_STR(says(s, "pop", TL_NIL), "'a'");
	CHECK_EQ(does_with(s, "remove", TL_INT(1)), 0);
	CHECK_STR(shows(s), "set()");
	unmanaged(m);
}

/* D14: Value and Array have a type code, and refuse what does not fit it */
TEST(value_and_array)
{
	tl_manager *m = managed();
	tl_value args[] = { TL_STR("i"), TL_INT(7) }, none[] = { TL_STR("B"), TL_INT(3) }, v;
	tl_object one, many;

	CHECK_EQ(tl_manager_new(m, "Value", args, 2, &one, TL_NEVER), 0);
	CHECK_EQ(tl_manager_new(m, "Array", none, 2, &many, TL_NEVER), 0);
	CHECK_STR(shows(one), "Value('i', 7)");
	CHECK_EQ(tl_object_set(one, TL_NIL, TL_INT(-8), TL_NEVER), 0);
	CHECK_EQ(tl_object_get(one, TL_NIL, &v, TL_NEVER), 0);
	CHECK_EQ(v.i, -8);
	CHECK_EQ(tl_object_set(one, TL_NIL, TL_INT(1LL << 31), TL_NEVER), -EOVERFLOW);
	CHECK_EQ(tl_object_set(one, TL_NIL, TL_STR("x"), TL_NEVER), -EINVAL);
	CHECK_EQ(tl_object_set(many, TL_INT(2), TL_INT(255), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(many, TL_INT(2), TL_INT(256), TL_NEVER), -EOVERFLOW);
	CHECK_EQ(tl_object_set(many, TL_INT(3), TL_INT(1), TL_NEVER), -ENOENT);
	CHECK_STR(shows(many), "array('B', [0, 0, 255])");
	args[0] = TL_STR("?");
	CHECK_EQ(tl_manager_new(m, "Value", args, 2, &one, TL_NEVER), -EINVAL);
	unmanaged(m);
}

/* D14: counting and replacing what is there are one call each, and atomic */
TEST(add_and_swap)
{
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL);
	int64_t sum = 0;

	CHECK_EQ(tl_object_add(d, TL_STR("n"), 5, &sum, TL_NEVER), 0);
	CHECK_EQ(tl_object_add(d, TL_STR("n"), -2, &sum, TL_NEVER), 0);
	CHECK_EQ(sum, 3);
	CHECK_EQ(tl_object_swap(d, TL_STR("n"), TL_INT(4), TL_INT(9), TL_NEVER), 0);
	CHECK_EQ(tl_object_swap(d, TL_STR("n"), TL_INT(3), TL_STR("x"), TL_NEVER), 1);
	CHECK_EQ(tl_object_swap(d, TL_STR("new"), TL_NIL, TL_INT(1), TL_NEVER), 1);
	CHECK_EQ(tl_object_add(d, TL_STR("n"), 1, &sum, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_object_add(d, TL_STR("new"), INT64_MAX, &sum, TL_NEVER), -EOVERFLOW);
	CHECK_EQ(sum, 3);
	CHECK_STR(shows(d), "{'n': 'x', 'new': 1}");
	unmanaged(m);
}

/* D14: Queue: put, get, empty, full, done and join */
TEST(queue)
{
	tl_manager *m = managed();
	tl_object q = made(m, "Queue", TL_INT(2));
	tl_value v = TL_NIL, one = TL_INT(1);

	CHECK_EQ(tl_object_call(q, "get", NULL, 0, &v, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_object_call(q, "get", NULL, 0, &v, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK_EQ(tl_object_call(q, "get", NULL, 0, &v, tl_after(tl_ms(-5))), -ETIMEDOUT);
	CHECK_EQ(does_with(q, "put", TL_INT(1)), 0);
	CHECK_EQ(does_with(q, "put", TL_STR("two")), 0);
	CHECK_STR(says(q, "full", TL_NIL), "True");
	CHECK_EQ(tl_object_call(q, "put", &one, 1, NULL, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK_STR(says(q, "count", TL_NIL), "2");
	CHECK_STR(says(q, "get", TL_NIL), "1");
	CHECK_STR(says(q, "get", TL_NIL), "'two'");
	CHECK_STR(says(q, "empty", TL_NIL), "True");
	CHECK_EQ(tl_object_call(q, "join", NULL, 0, NULL, TL_POLL), -EAGAIN);
	CHECK_EQ(does(q, "done"), 0);
	CHECK_EQ(does(q, "done"), 0);
	CHECK_EQ(does(q, "join"), 0);
	CHECK_EQ(does(q, "done"), -EINVAL);
	unmanaged(m);
}

/* D14: an unknown verb, type, object or argument is told with words */
TEST(errors_with_words)
{
	tl_manager *m = managed();
	tl_object l = made(m, "list", TL_NIL), none = { 0 };

	CHECK_EQ(does(l, "fly"), -EINVAL);
	CHECK_STR(why(), "list has no verb fly");
	CHECK_EQ(does(l, "append"), -EINVAL);
	CHECK_STR(why(), "append takes 1 to 1 arguments, not 0");
	CHECK_EQ(does_with(l, "del", TL_STR("x")), -EINVAL);
	CHECK_STR(why(), "a whole number is wanted, not 'x'");
	CHECK_EQ(tl_manager_new(m, "frob", NULL, 0, &none, TL_NEVER), -EINVAL);
	CHECK_STR(why(), "the name of a type is wanted, not 'frob'");
	CHECK_EQ(tl_manager_new(m, "Barrier", &(tl_value){ .type = TL_T_INT }, 1, &none, TL_NEVER),
		-EINVAL);
	CHECK_STR(why(), "a whole number from 1 is wanted, not 0");
	CHECK_EQ(does_with(l, "extend", TL_INT(5)), -EINVAL);
	CHECK_STR(why(), "a list is wanted, not 5");
	CHECK_EQ(none.id, 0);
	CHECK_EQ(does(none, "len"), -ESRCH);
	CHECK_EQ(does(l, "len"), 0);
	CHECK_STR(why(), "");
	unmanaged(m);
}

/* D14: list: append, extend, insert, pop, remove, index, count, reverse, sort, slice, clear */
TEST(sort_keeps_equals_in_order)
{
	tl_manager *m = managed();
	tl_value all[] = { TL_NUM(1), TL_INT(1), TL_BOOL(true), TL_INT(0) };
	tl_object l = made(m, "list", TL_LIST(all, 4));

	CHECK_EQ(does_with(l, "sort", TL_BOOL(true)), 0);
	CHECK_STR(shows(l), "[1.0, 1, True, 0]");
	CHECK_EQ(does(l, "sort"), 0);
	CHECK_STR(shows(l), "[0, 1.0, 1, True]");
	unmanaged(m);
}

/* An update that cannot take one of the values takes none. */
TEST(update_all_or_nothing)
{
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL), gone = made(m, "dict", TL_NIL);
	tl_value pairs[] = { TL_STR("a"), TL_INT(1), TL_STR("b"), TL_OBJECT(gone) };

	CHECK_EQ(tl_object_drop(gone, TL_NEVER), 0);
	CHECK_EQ(does_with(d, "update", TL_MAP(pairs, 2)), -ESRCH);
	CHECK_STR(why(), "the value names an object that is not there");
	CHECK_STR(shows(d), "{}");
	unmanaged(m);
}

/* Words that are too long are cut, but not in the middle of a character: they could not be sent. */
TEST(words_are_cut_between_characters)
{
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL);

	for (size_t i = 0; i < 3; i++) {
		char name[400] = "aa";

		name[i] = 0;
		for (int k = 0; k < 100; k++)
			strcat(name, "\u20ac");
		CHECK_EQ(does_with(d, "del", TL_STR(name)), -ENOENT);
		CHECK(strncmp(why(), "no such key: '", 14) == 0);
		CHECK_EQ(does(d, name), -EINVAL);
		CHECK(strncmp(why(), "dict has no verb ", 17) == 0);
	}
	unmanaged(m);
}

/* D14: an unknown verb, type, object or argument is told with words */
TEST(what_cannot_be_read_is_not_sent)
{
	tl_manager *m = managed();
	tl_object l = made(m, "list", TL_NIL), d = made(m, "dict", TL_NIL);
	tl_value twice[] = { TL_INT(1), TL_NIL, TL_NUM(1), TL_NIL }, deep[TL_VALUE_DEPTH], v;
	const tl_value *most = &deep[TL_VALUE_DEPTH - 3]; /* two lists are around it when it goes */

	CHECK_EQ(does_with(d, "update", TL_MAP(twice, 2)), -EINVAL);
	CHECK(*why());
	deep[0] = TL_LIST(NULL, 0);
	for (int i = 1; i < TL_VALUE_DEPTH; i++)
		deep[i] = TL_LIST(&deep[i - 1], 1);
	CHECK_EQ(does_with(l, "append", most[1]), -EINVAL);
	CHECK_EQ(does_with(l, "append", most[2]), -EINVAL);
	CHECK_EQ(does_with(l, "append", *most), 0);
	CHECK_EQ(tl_object_get(l, TL_INT(0), &v, TL_NEVER), 0);
	CHECK(tl_value_equal(v, *most));
	tl_value_free(&v);
	CHECK_EQ(tl_object_set(d, TL_INT(1), *most, TL_NEVER), 0);
	CHECK_EQ(does(d, "copy"), 0);
	CHECK_EQ(does(d, "popitem"), 0);
	CHECK_STR(shows(d), "{}");
	unmanaged(m);
}
