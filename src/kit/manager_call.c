/* manager_call.c - what strands ask of objects: each a request of one call, or of several. */
#include "manager.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <telar/local.h>

/* The words of the last failure: one text per strand that ever had one. */
static tl_local last_words = { .drop = free };

void call_why(tl_value text)
{
	char *old = tl_local_get(&last_words), *words = NULL;

	if (text.type == TL_T_TEXT)
		words = strndup(text.text, text.n);
	if ((old || words) && tl_local_set(&last_words, words) == 0)
		free(old);
	else
		free(words);
}

int tl_object_why(char *buf, size_t cap)
{
	const char *words = tl_local_get(&last_words);

	return snprintf(buf, cap, "%s", words ? words : "");
}

static int request(int kind, tl_op *ops, size_t n, tl_time deadline)
{
	int r = n ? 0 : -EINVAL;

	for (size_t i = 0; i < n; i++) {
		ops[i].ret = TL_NIL;
		if (ops[i].object.manager != ops[0].object.manager || !ops[i].verb)
			r = -EINVAL;
	}
	call_why(TL_NIL);
	r = r < 0 ? r : door_call(ops[0].object.manager, kind, ops, n, deadline);
	for (size_t i = 0; r < 0 && i < n; i++)
		ops[i].r = r;
	return r;
}

int tl_object_many(tl_op *ops, size_t n, tl_time deadline)
{
	return request(REQUEST_CALLS, ops, n, deadline);
}

int tl_object_atomic(tl_op *ops, size_t n, tl_time deadline)
{
	int r = request(REQUEST_ATOMIC, ops, n, deadline);

	return r < 0 ? r : ops[0].r;
}

int tl_object_call(tl_object o, const char *verb, const tl_value *args, size_t n, tl_value *ret,
	tl_time deadline)
{
	tl_op op = { .object = o, .verb = verb, .args = args, .n = n };
	int r = request(REQUEST_CALLS, &op, 1, deadline);

	r = r < 0 ? r : op.r;
	if (r == 0 && ret)
		*ret = op.ret;
	else
		tl_value_free(&op.ret);
	return r;
}

/* The server is the object 0. */
static int of_server(tl_object o, const char *verb, tl_time deadline)
{
	tl_object server = { o.manager, 0 };
	tl_value v = TL_OBJECT(o);

	return o.id ? tl_object_call(server, verb, &v, 1, NULL, deadline) : -ESRCH;
}

int tl_object_keep(tl_object o, tl_time deadline) { return of_server(o, "keep", deadline); }

int tl_object_drop(tl_object o, tl_time deadline) { return of_server(o, "drop", deadline); }

int tl_object_in(tl_object o, tl_value v, tl_object *ret)
{
	if (v.type != TL_T_OBJECT || !v.object)
		return -EINVAL;
	*ret = (tl_object){ o.manager, v.object };
	return 0;
}

int tl_object_get(tl_object o, tl_value key, tl_value *ret, tl_time deadline)
{
	return tl_object_call(o, "get", &key, 1, ret, deadline);
}

int tl_object_set(tl_object o, tl_value key, tl_value v, tl_time deadline)
{
	tl_value args[] = { key, v };

	return tl_object_call(o, "set", args, 2, NULL, deadline);
}

int tl_object_swap(tl_object o, tl_value key, tl_value was, tl_value is, tl_time deadline)
{
	tl_value args[] = { key, was, is }, done = TL_NIL;
	int r = tl_object_call(o, "swap", args, 3, &done, deadline);

	if (r == 0)
		r = done.type != TL_T_BOOL ? -EPROTO : done.i != 0;
	tl_value_free(&done);
	return r;
}

/* What a sum is without its part behind the point; of what is beyond 64 bits, the last. */
static int64_t whole_of(tl_value sum)
{
	if (sum.type == TL_T_INT)
		return sum.i;
	if (sum.f >= 0x1p63)
		return INT64_MAX;
	return sum.f >= -0x1p63 ? (int64_t)sum.f : INT64_MIN;
}

int tl_object_add(tl_object o, tl_value key, int64_t by, int64_t *ret, tl_time deadline)
{
	tl_value args[] = { key, TL_INT(by) }, sum = TL_NIL;
	int r = tl_object_call(o, "add", args, 2, &sum, deadline);

	if (r == 0 && sum.type != TL_T_INT && sum.type != TL_T_FLOAT)
		r = -EPROTO;
	if (r == 0 && ret)
		*ret = whole_of(sum);
	tl_value_free(&sum);
	return r;
}

int tl_object_text(tl_object o, char *buf, size_t cap, tl_time deadline)
{
	tl_value text = TL_NIL;
	int r = tl_object_call(o, "text", NULL, 0, &text, deadline);

	if (r == 0)
		r = snprintf(buf, cap, "%s", text.type == TL_T_TEXT ? text.text : "");
	tl_value_free(&text);
	return r;
}
