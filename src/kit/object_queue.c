/* object_queue.c - Queue and JoinableQueue: a row of values, first in, first out, with room for
 * state.limit of them (0: any number), of which state.units are not done yet. */
#include "object.h"
#include <errno.h>

static int queue_open(struct call *c)
{
	int r = want_int(c, 0, &c->object->state.limit);

	if (c->object->state.limit < 0) /* as in Python */
		c->object->state.limit = 0;
	return r;
}

static bool is_full(const struct object *o)
{
	return o->state.limit && (int64_t)o->row.n >= o->state.limit;
}

static int put(struct call *c)
{
	tl_value v = TL_NIL;
	int r = is_full(c->object) ? -EAGAIN : value_store(c, c->args[0], &v);

	if (r < 0)
		return r;
	r = row_insert(&c->object->row, c->object->row.n, v);
	if (r < 0)
		value_let(c->server, v);
	c->object->state.units += r == 0;
	return r;
}

static int get(struct call *c)
{
	int r = c->object->row.n ? turn_still(c) : -EAGAIN;

	if (r < 0)
		return r;
	return answer_taken(c, row_take(&c->object->row, 0));
}

static int done(struct call *c)
{
	if (!c->object->state.units)
		return say(c, -EINVAL, "done was called too often");
	c->object->state.units--;
	return 0;
}

static int join(struct call *c) { return c->object->state.units ? -EAGAIN : 0; }

static int count(struct call *c)
{
	c->ret = TL_INT((int64_t)c->object->row.n);
	return 0;
}

static int empty(struct call *c)
{
	c->ret = TL_BOOL(c->object->row.n == 0);
	return 0;
}

static int full(struct call *c)
{
	c->ret = TL_BOOL(is_full(c->object));
	return 0;
}

static int unfinished(struct call *c)
{
	c->ret = TL_INT(c->object->state.units);
	return 0;
}

static int text(struct call *c)
{
	return text_of(c, "Queue(", TL_LIST(c->object->row.at, c->object->row.n), ")");
}

static const struct verb queue_verbs[] = {
	{ "put", 1, 1, true, false, put },
	{ "get", 0, 0, true, false, get },
	{ "done", 0, 0, true, false, done },
	{ "join", 0, 0, false, false, join },
	{ "count", 0, 0, false, false, count },
	{ "empty", 0, 0, false, false, empty },
	{ "full", 0, 0, false, false, full },
	{ "unfinished", 0, 0, false, false, unfinished },
	{ "text", 0, 0, false, false, text },
	{ 0 },
};

const struct type type_queue = { "Queue", queue_open, NULL, queue_verbs, true, NULL };
const struct type type_joinable_queue = { "JoinableQueue", queue_open, NULL, queue_verbs, true,
	NULL };
