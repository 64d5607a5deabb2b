/* object_list.c - objects that are rows of values: list, Array, and Value, which is a row of one.
 * Array and Value hold numbers of one type code, as those of Python's array module. */
#include "object.h"
#include <errno.h>
#include <stdlib.h>

/* The place that args[i] names; `most`: one beyond the last, too. */
static int place(struct call *c, size_t i, bool most, size_t *ret)
{
	int64_t n = (int64_t)c->object->row.n, at = 0;
	int r = 0;

	if (c->object->type == &type_value && c->args[i].type == TL_T_NIL)
		return *ret = 0, 0;
	r = want_int(c, i, &at);
	if (r < 0)
		return r;
	at += at < 0 ? n : 0;
	if (most)
		at = at < 0 ? 0 : at > n ? n : at;
	else if (at < 0 || at >= n)
		return say(c, -ENOENT, "index %lld of %lld", (long long)c->args[i].i, (long long)n);
	*ret = (size_t)at;
	return 0;
}

/* -- type codes */

static const struct code {
	char name;
	int64_t least, most; /* both 0: a number with a part */
} codes[] = {
	{ 'b', INT8_MIN, INT8_MAX },
	{ 'B', 0, UINT8_MAX },
	{ 'h', INT16_MIN, INT16_MAX },
	{ 'H', 0, UINT16_MAX },
	{ 'i', INT32_MIN, INT32_MAX },
	{ 'I', 0, UINT32_MAX },
	{ 'l', INT64_MIN, INT64_MAX },
	{ 'L', 0, INT64_MAX },
	{ 'q', INT64_MIN, INT64_MAX },
	{ 'Q', 0, INT64_MAX },
	{ 'f', 0, 0 },
	{ 'd', 0, 0 },
	{ 0, 0, 0 },
};

static const struct code *code_named(char name)
{
	const struct code *k = codes;

	while (k->name && k->name != name)
		k++;
	return k->name ? k : NULL;
}

/* v as the object can hold it. */
static int fit(struct call *c, tl_value *v)
{
	const struct code *k = code_named(c->object->state.code);

	if (!k)
		return 0;
	if (!k->most && v->type == TL_T_INT)
		*v = TL_NUM((double)v->i);
	if (!k->most && v->type == TL_T_FLOAT) {
		v->f = k->name == 'f' ? (double)(float)v->f : v->f;
		return 0;
	}
	if (v->type != TL_T_INT)
		return wanted(c, k->most ? "a whole number" : "a number", *v);
	if (v->i < k->least || v->i > k->most)
		return say(c, -EOVERFLOW, "%lld is beyond type '%c'", (long long)v->i, k->name);
	return 0;
}

static int put_copy(struct call *c, size_t i, tl_value v)
{
	tl_value copy = TL_NIL;
	int r = fit(c, &v);

	if (r == 0)
		r = value_store(c, v, &copy);
	if (r == 0)
		r = row_insert(&c->object->row, i, copy);
	if (r < 0)
		value_let(c->server, copy);
	return r;
}

static int put_all(struct call *c, tl_value list)
{
	size_t n = c->object->row.n;
	int r = list.type == TL_T_LIST ? 0 : wanted(c, "a list", list);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = put_copy(c, c->object->row.n, list.items[i]);
	while (r < 0 && c->object->row.n > n)
		value_let(c->server, row_take(&c->object->row, c->object->row.n - 1));
	return r;
}

/* -- verbs */

static int list_open(struct call *c) { return c->n ? put_all(c, c->args[0]) : 0; }

static int code_open(struct call *c)
{
	if (!c->n || c->args[0].type != TL_T_TEXT || c->args[0].n != 1 ||
		!code_named(c->args[0].text[0]))
		return wanted(c, "a type code as in Python's array", c->n ? c->args[0] : TL_NIL);
	c->object->state.code = c->args[0].text[0];
	return 0;
}

static int value_open(struct call *c)
{
	int r = code_open(c);

	return r < 0 ? r : put_copy(c, 0, c->n > 1 ? c->args[1] : TL_INT(0));
}

static int array_open(struct call *c)
{
	int64_t n = 0;
	int r = code_open(c);

	if (r == 0 && c->n > 1 && c->args[1].type == TL_T_LIST)
		return put_all(c, c->args[1]);
	r = r < 0 ? r : want_int(c, 1, &n);
	if (r == 0 && (n < 0 || n > 1 << 28))
		r = say(c, -EINVAL, "an array of %lld", (long long)n);
	for (int64_t i = 0; r == 0 && i < n; i++)
		r = put_copy(c, (size_t)i, TL_INT(0));
	return r;
}

static int append(struct call *c) { return put_copy(c, c->object->row.n, c->args[0]); }
static int extend(struct call *c) { return put_all(c, c->args[0]); }

static int insert(struct call *c)
{
	size_t i = 0;
	int r = place(c, 0, true, &i);

	return r < 0 ? r : put_copy(c, i, c->args[1]);
}

static int get(struct call *c)
{
	size_t i = 0;
	int r = place(c, 0, false, &i);

	if (r == 0)
		c->ret = c->object->row.at[i];
	return r;
}

static int replace(struct call *c, size_t i, tl_value v)
{
	tl_value copy = TL_NIL;
	int r = fit(c, &v);

	r = r < 0 ? r : value_store(c, v, &copy);
	if (r < 0)
		return r;
	value_let(c->server, c->object->row.at[i]);
	c->object->row.at[i] = copy;
	return 0;
}

static int set(struct call *c)
{
	size_t i = 0;
	int r = place(c, 0, false, &i);

	return r < 0 ? r : replace(c, i, c->args[1]);
}

static int swap(struct call *c)
{
	size_t i = 0;
	int r = place(c, 0, false, &i);
	bool same = r == 0 && tl_value_equal(c->object->row.at[i], c->args[1]);

	if (r == 0)
		c->ret = TL_BOOL(same);
	return same ? replace(c, i, c->args[2]) : r;
}

static int add(struct call *c)
{
	size_t i = 0;
	int r = place(c, 0, false, &i);
	tl_value sum = r < 0 ? TL_NIL : c->object->row.at[i];

	r = r < 0 ? r : add_to(c, &sum);
	r = r < 0 ? r : replace(c, i, sum);
	c->ret = r == 0 ? sum : TL_NIL;
	return r;
}

static int pop(struct call *c)
{
	size_t i = c->object->row.n - 1;
	int r = c->object->row.n ? 0 : say(c, -ENOENT, "pop from an empty list");

	if (r == 0 && c->n)
		r = place(c, 0, false, &i);
	r = r < 0 ? r : turn_still(c);
	return r < 0 ? r : answer_taken(c, row_take(&c->object->row, i));
}

static int del(struct call *c)
{
	size_t i = 0;
	int r = place(c, 0, false, &i);

	if (r == 0)
		value_let(c->server, row_take(&c->object->row, i));
	return r;
}

static bool look_for(struct call *c, size_t *ret)
{
	for (*ret = 0; *ret < c->object->row.n; ++*ret)
		if (tl_value_equal(c->object->row.at[*ret], c->args[0]))
			return true;
	return false;
}

static int where(struct call *c)
{
	size_t i;

	if (!look_for(c, &i))
		return say(c, -ENOENT, "it is not in the list");
	c->ret = TL_INT((int64_t)i);
	return 0;
}

static int take_out(struct call *c)
{
	size_t i;

	if (!look_for(c, &i))
		return say(c, -ENOENT, "it is not in the list");
	value_let(c->server, row_take(&c->object->row, i));
	return 0;
}

static int contains(struct call *c)
{
	size_t i;

	c->ret = TL_BOOL(look_for(c, &i));
	return 0;
}

static int count(struct call *c)
{
	int64_t n = 0;

	for (size_t i = 0; i < c->object->row.n; i++)
		n += tl_value_equal(c->object->row.at[i], c->args[0]);
	c->ret = TL_INT(n);
	return 0;
}

static int len(struct call *c)
{
	c->ret = TL_INT((int64_t)c->object->row.n);
	return 0;
}

static int reverse(struct call *c)
{
	struct row *w = &c->object->row;

	for (size_t i = 0; i < w->n / 2; i++) {
		tl_value v = w->at[i];

		w->at[i] = w->at[w->n - 1 - i];
		w->at[w->n - 1 - i] = v;
	}
	return 0;
}

struct placed {
	tl_value v;
	size_t at;
};
struct order {
	bool down;
	bool none; /* there were two that have none */
};

/* Equal values keep their order, also when it goes down. */
static int by_order(const void *a, const void *b, void *arg)
{
	const struct placed *x = a, *y = b;
	struct order *o = arg;
	int which = 0;

	if (tl_value_order(x->v, y->v, &which) < 0)
		o->none = true;
	if (which)
		return o->down ? -which : which;
	return (x->at > y->at) - (x->at < y->at);
}

static int sort(struct call *c)
{
	struct row *w = &c->object->row;
	struct order o = { .down = c->n && c->args[0].type == TL_T_BOOL && c->args[0].i };
	struct placed *all = malloc((w->n + 1) * sizeof *all);

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++)
		all[i] = (struct placed){ w->at[i], i };
	qsort_r(all, w->n, sizeof *all, by_order, &o);
	for (size_t i = 0; !o.none && i < w->n; i++)
		w->at[i] = all[i].v;
	free(all);
	return o.none ? say(c, -EINVAL, "values that have no order") : 0;
}

static int clear(struct call *c)
{
	while (c->object->row.n)
		value_let(c->server, row_take(&c->object->row, c->object->row.n - 1));
	return 0;
}

/* What is encoded at once need not be copied. */
static int slice(struct call *c)
{
	struct row *w = &c->object->row;
	size_t from = 0, to = w->n;
	int r = c->n > 0 ? place(c, 0, true, &from) : 0;

	if (r == 0 && c->n > 1)
		r = place(c, 1, true, &to);
	if (r == 0)
		c->ret = TL_LIST(from < to ? w->at + from : NULL, from < to ? to - from : 0);
	return r;
}

static int list_text(struct call *c)
{
	return text_of(c, "", TL_LIST(c->object->row.at, c->object->row.n), "");
}

static int array_text(struct call *c)
{
	char before[] = "array('?', ";

	before[7] = c->object->state.code;
	return text_of(c, before, TL_LIST(c->object->row.at, c->object->row.n), ")");
}

static int value_text(struct call *c)
{
	char before[] = "Value('?', ";

	before[7] = c->object->state.code;
	return text_of(c, before, c->object->row.at[0], ")");
}

/* Of all three. */
static const struct verb place_verbs[] = {
	{ "get", 1, 1, false, false, get },
	{ "set", 2, 2, true, false, set },
	{ "swap", 3, 3, true, false, swap },
	{ "add", 2, 2, true, false, add },
	{ 0 },
};

static const struct verb list_verbs[] = {
	{ "append", 1, 1, true, false, append },
	{ "extend", 1, 1, true, false, extend },
	{ "insert", 2, 2, true, false, insert },
	{ "pop", 0, 1, true, false, pop },
	{ "del", 1, 1, true, false, del },
	{ "remove", 1, 1, true, false, take_out },
	{ "index", 1, 1, false, false, where },
	{ "count", 1, 1, false, false, count },
	{ "contains", 1, 1, false, false, contains },
	{ "len", 0, 0, false, false, len },
	{ "slice", 0, 2, false, false, slice },
	{ "reverse", 0, 0, true, false, reverse },
	{ "sort", 0, 1, true, false, sort },
	{ "clear", 0, 0, true, false, clear },
	{ "text", 0, 0, false, false, list_text },
	{ 0 },
};

static const struct verb array_verbs[] = {
	{ "len", 0, 0, false, false, len },
	{ "slice", 0, 2, false, false, slice },
	{ "text", 0, 0, false, false, array_text },
	{ 0 },
};

static const struct verb value_verbs[] = {
	{ "text", 0, 0, false, false, value_text },
	{ 0 },
};

const struct type type_list = { "list", list_open, NULL, list_verbs, true, place_verbs };
const struct type type_array = { "Array", array_open, NULL, array_verbs, true, place_verbs };
const struct type type_value = { "Value", value_open, NULL, value_verbs, true, place_verbs };
