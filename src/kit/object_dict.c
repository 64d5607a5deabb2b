/* object_dict.c - objects that are maps: dict, Namespace, whose keys are names, and set, which has
 * keys alone. */
#include "object.h"
#include <errno.h>
#include <stdlib.h>

static int want_key(struct call *c, size_t i)
{
	tl_value key = c->args[i];
	bool name = key.type == TL_T_TEXT && key.n && key.text[0] != '_';

	if (c->object->type == &type_namespace && !name)
		return wanted(c, "a name that does not begin with _", key);
	return value_is_key(key) ? 0 : wanted(c, "a key", key);
}

static int no_key(struct call *c, tl_value key)
{
	char text[100];

	tl_value_text(key, text, sizeof text);
	return say(c, -ENOENT, "no such key: %s", text);
}

/* All or nothing, and nothing if there is no memory for it. */
static int put_pair(struct call *c, tl_value key, tl_value v)
{
	tl_value *old = map_find(&c->object->map, key), k = TL_NIL, copy = TL_NIL;
	int r = value_store(c, v, &copy);

	if (r < 0)
		return r;
	if (old) {
		value_let(c->server, *old);
		*old = copy;
		return 0;
	}
	r = value_store(c, key, &k);
	if (r == 0)
		r = map_put(&c->object->map, k, copy);
	if (r < 0) {
		value_let(c->server, k);
		value_let(c->server, copy);
	}
	return r;
}

static bool drop_key(struct call *c, tl_value key)
{
	tl_value k, v;

	if (!map_take(&c->object->map, key, &k, &v))
		return false;
	value_let(c->server, k);
	value_let(c->server, v);
	return true;
}

/* What the map holds, as a row of n per entry: keys, values, or both. */
static int row_of(struct call *c, bool keys, bool values, tl_value **ret)
{
	struct map *m = &c->object->map;
	tl_value *to = malloc((2 * m->count + 1) * sizeof *to);

	if (!to)
		return -ENOMEM;
	c->scratch = *ret = to;
	for (struct entry *e = map_next(m, NULL); e; e = map_next(m, e)) {
		if (keys)
			*to++ = e->key;
		if (values)
			*to++ = e->value;
	}
	return 0;
}

/* -- dict */

/* Which keys and values it cannot take is known before the first is put. */
static int update(struct call *c)
{
	tl_value from = c->args[0];
	int r = from.type == TL_T_MAP ? 0 : wanted(c, "a map", from);

	if (r == 0 && c->object->type == &type_namespace)
		for (size_t i = 0; r == 0 && i < from.n; i++) {
			struct call key = { .object = c->object, .args = &from.items[2 * i] };

			if (want_key(&key, 0) < 0)
				r = say(c, -EINVAL, "%s", key.why);
		}
	r = r < 0 ? r : value_known(c, from);
	for (size_t i = 0; r == 0 && i < from.n; i++)
		r = put_pair(c, from.items[2 * i], from.items[2 * i + 1]);
	return r;
}

static int dict_open(struct call *c) { return c->n ? update(c) : 0; }

static int get(struct call *c)
{
	tl_value *v = map_find(&c->object->map, c->args[0]);

	if (!v && c->n < 2)
		return no_key(c, c->args[0]);
	c->ret = v ? *v : c->args[1];
	return 0;
}

static int set(struct call *c)
{
	int r = want_key(c, 0);

	return r < 0 ? r : put_pair(c, c->args[0], c->args[1]);
}

static int setdefault(struct call *c)
{
	tl_value *v = map_find(&c->object->map, c->args[0]);
	int r = v ? 0 : set(c);

	if (r == 0)
		c->ret = v ? *v : c->args[1];
	return r;
}

static int del(struct call *c) { return drop_key(c, c->args[0]) ? 0 : no_key(c, c->args[0]); }

static int pop(struct call *c)
{
	tl_value k, v;

	if (turn_still(c) < 0)
		return -EPIPE;
	if (map_take(&c->object->map, c->args[0], &k, &v)) {
		value_let(c->server, k);
		return answer_taken(c, v);
	}
	if (c->n < 2)
		return no_key(c, c->args[0]);
	c->ret = c->args[1];
	return 0;
}

static int popitem(struct call *c)
{
	struct entry *e = map_last(&c->object->map);
	tl_value pair[2], both = TL_NIL;
	int r = e ? turn_still(c) : say(c, -ENOENT, "popitem of an empty dict");

	if (r == 0) {
		pair[0] = e->key;
		pair[1] = e->value;
		r = tl_value_copy(TL_LIST(pair, 2), &both);
	}
	if (r < 0)
		return r;
	value_hold(c->server, both, 1);
	drop_key(c, pair[0]);
	return answer_taken(c, both);
}

static int swap(struct call *c)
{
	tl_value *v = map_find(&c->object->map, c->args[0]);
	bool same = tl_value_equal(v ? *v : TL_NIL, c->args[1]);
	int r = want_key(c, 0);

	if (r == 0 && same)
		r = put_pair(c, c->args[0], c->args[2]);
	c->ret = TL_BOOL(same);
	return r;
}

static int add(struct call *c)
{
	tl_value *v = map_find(&c->object->map, c->args[0]), sum = v ? *v : TL_INT(0);
	int r = want_key(c, 0);

	r = r < 0 ? r : add_to(c, &sum);
	r = r < 0 ? r : put_pair(c, c->args[0], sum);
	c->ret = sum;
	return r;
}

static int contains(struct call *c)
{
	c->ret = TL_BOOL(map_find(&c->object->map, c->args[0]) != NULL);
	return 0;
}

static int len(struct call *c)
{
	c->ret = TL_INT((int64_t)c->object->map.count);
	return 0;
}

static int clear(struct call *c)
{
	struct map old = c->object->map;

	c->object->map = (struct map){ 0 };
	for (struct entry *e = map_next(&old, NULL); e; e = map_next(&old, e)) {
		value_let(c->server, e->key);
		value_let(c->server, e->value);
	}
	map_free(&old);
	return 0;
}

static int keys(struct call *c)
{
	tl_value *row;
	int r = row_of(c, true, false, &row);

	if (r == 0)
		c->ret = TL_LIST(row, c->object->map.count);
	return r;
}

static int values(struct call *c)
{
	tl_value *row;
	int r = row_of(c, false, true, &row);

	if (r == 0)
		c->ret = TL_LIST(row, c->object->map.count);
	return r;
}

static int copy(struct call *c)
{
	tl_value *row;
	int r = row_of(c, true, true, &row);

	if (r == 0)
		c->ret = TL_MAP(row, c->object->map.count);
	return r;
}

static int dict_text(struct call *c)
{
	int r = copy(c);

	return r < 0 ? r : text_of(c, "", c->ret, "");
}

/* Namespace(a=1, b='x') */
static int namespace_text(struct call *c)
{
	struct map *m = &c->object->map;
	size_t n = sizeof "Namespace()";
	char *text, *p;

	for (struct entry *e = map_next(m, NULL); e; e = map_next(m, e))
		n += e->key.n + 3 + (size_t)tl_value_text(e->value, NULL, 0);
	text = malloc(n);
	if (!text)
		return -ENOMEM;
	p = stpcpy(text, "Namespace(");
	for (struct entry *e = map_next(m, NULL); e; e = map_next(m, e)) {
		p = stpcpy(p, p[-1] == '(' ? "" : ", ");
		p = mempcpy(p, e->key.text, e->key.n);
		*p++ = '=';
		p += tl_value_text(e->value, p, n - (size_t)(p - text));
	}
	stpcpy(p, ")");
	c->ret = TL_STR(text);
	c->owned = true;
	return 0;
}

/* -- set */

static int set_add(struct call *c)
{
	int r = want_key(c, 0);

	if (r < 0 || map_find(&c->object->map, c->args[0]))
		return r;
	return put_pair(c, c->args[0], TL_NIL);
}

static int set_update(struct call *c)
{
	tl_value list = c->args[0];
	int r = list.type == TL_T_LIST ? 0 : wanted(c, "a list", list);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = value_is_key(list.items[i]) ? 0 : wanted(c, "a key", list.items[i]);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		if (!map_find(&c->object->map, list.items[i]))
			r = put_pair(c, list.items[i], TL_NIL);
	return r;
}

static int set_open(struct call *c) { return c->n ? set_update(c) : 0; }

static int set_discard(struct call *c)
{
	c->ret = TL_BOOL(drop_key(c, c->args[0]));
	return 0;
}

static int set_pop(struct call *c)
{
	struct entry *e = map_last(&c->object->map);
	tl_value k, v;

	if (!e)
		return say(c, -ENOENT, "pop from an empty set");
	if (turn_still(c) < 0)
		return -EPIPE;
	map_take(&c->object->map, e->key, &k, &v);
	return answer_taken(c, k);
}

static int set_text(struct call *c)
{
	int r = keys(c);

	if (r < 0 || !c->ret.n)
		return r < 0 ? r : text_of(c, "set()", TL_NIL, NULL);
	r = text_of(c, "", c->ret, "");
	if (r == 0) {
		char *text = (char *)(uintptr_t)c->ret.text;

		text[0] = '{';
		text[c->ret.n - 1] = '}';
	}
	return r;
}

/* Of dict and Namespace. */
static const struct verb named_verbs[] = {
	{ "set", 2, 2, true, false, set },
	{ "del", 1, 1, true, false, del },
	{ "copy", 0, 0, false, false, copy },
	{ "swap", 3, 3, true, false, swap },
	{ "add", 2, 2, true, false, add },
	{ 0 },
};

static const struct verb dict_verbs[] = {
	{ "get", 1, 2, false, false, get },
	{ "pop", 1, 2, true, false, pop },
	{ "popitem", 0, 0, true, false, popitem },
	{ "setdefault", 2, 2, true, false, setdefault },
	{ "update", 1, 1, true, false, update },
	{ "contains", 1, 1, false, false, contains },
	{ "len", 0, 0, false, false, len },
	{ "keys", 0, 0, false, false, keys },
	{ "values", 0, 0, false, false, values },
	{ "clear", 0, 0, true, false, clear },
	{ "text", 0, 0, false, false, dict_text },
	{ 0 },
};

static const struct verb namespace_verbs[] = {
	{ "get", 1, 1, false, false, get },
	{ "text", 0, 0, false, false, namespace_text },
	{ 0 },
};

static const struct verb set_verbs[] = {
	{ "add", 1, 1, true, false, set_add },
	{ "discard", 1, 1, true, false, set_discard },
	{ "remove", 1, 1, true, false, del },
	{ "update", 1, 1, true, false, set_update },
	{ "pop", 0, 0, true, false, set_pop },
	{ "contains", 1, 1, false, false, contains },
	{ "len", 0, 0, false, false, len },
	{ "copy", 0, 0, false, false, keys },
	{ "clear", 0, 0, true, false, clear },
	{ "text", 0, 0, false, false, set_text },
	{ 0 },
};

const struct type type_dict = { "dict", dict_open, NULL, dict_verbs, true, named_verbs };
const struct type type_namespace = { "Namespace", dict_open, NULL, namespace_verbs, true,
	named_verbs };
const struct type type_set = { "set", set_open, NULL, set_verbs, true, NULL };
