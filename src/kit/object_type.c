/* object_type.c - the list of types, the server's own verbs (new, keep, drop), types that a program
 * brings itself, and texts. */
#include "object.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct type *const types[] = {
	&type_list,
	&type_dict,
	&type_set,
	&type_namespace,
	&type_value,
	&type_array,
	&type_lock,
	&type_rlock,
	&type_condition,
	&type_event,
	&type_semaphore,
	&type_bounded_semaphore,
	&type_barrier,
	&type_queue,
	&type_joinable_queue,
};

static bool is_named(tl_value name, const char *text)
{
	return name.n == strlen(text) && memcmp(name.text, text, name.n) == 0;
}

static const struct type *type_named(tl_value name)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (is_named(name, types[i]->name))
			return types[i];
	return NULL;
}

int text_of(struct call *c, const char *before, tl_value v, const char *after)
{
	int n = after ? tl_value_text(v, NULL, 0) : 0;
	size_t cap = strlen(before) + (size_t)(n < 0 ? 0 : n) + (after ? strlen(after) : 0) + 1;
	char *text = n < 0 ? NULL : malloc(cap), *p;

	if (!text)
		return n < 0 ? n : -ENOMEM;
	p = stpcpy(text, before);
	if (after)
		p += tl_value_text(v, p, cap - (size_t)(p - text));
	stpcpy(p, after ? after : "");
	c->ret = TL_STR(text);
	c->owned = true;
	return 0;
}

/* -- classes: a list that only grows, so that who reads needs no lock beyond the first */

struct class_node {
	const char *name;
	const tl_class *class;
	struct class_node *next;
};
static struct class_node *classes;
static tl_lock classes_lock;

static const tl_class *class_named(tl_value name)
{
	struct class_node *k;

	tl_lock_hold(&classes_lock);
	for (k = classes; k && !is_named(name, k->name); k = k->next)
		;
	tl_lock_release(&classes_lock);
	return k ? k->class : NULL;
}

static bool sane(const char *type, const tl_class *c)
{
	bool good = type && *type && c && c->open && c->call;

	for (size_t i = 0; good && i < sizeof c->reserved / sizeof *c->reserved; i++)
		good = !c->reserved[i];
	return good;
}

int tl_class_add(const char *type, const tl_class *c)
{
	const tl_class *known;
	struct class_node *k;

	if (!sane(type, c))
		return -EINVAL;
	known = class_named(TL_STR(type));
	if (known || type_named(TL_STR(type)))
		return known == c ? 0 : -EBUSY;
	k = malloc(sizeof *k + strlen(type) + 1);
	if (!k)
		return -ENOMEM;
	k->name = strcpy((char *)(k + 1), type);
	k->class = c;
	tl_lock_hold(&classes_lock);
	k->next = classes;
	classes = k;
	tl_lock_release(&classes_lock);
	return 0;
}

/* What its functions answer: 0 or more is success, and waiting is not for them. */
static int own_status(int r) { return r == -EAGAIN ? -EBUSY : r < 0 ? r : 0; }

static int class_open(struct call *c)
{
	return own_status(c->object->class->open(&c->object->self, c->args, c->n));
}

static void class_close(struct object *o)
{
	if (o->self && o->class->close)
		o->class->close(o->self);
}

/* Any verb: what it is called stands in the request. */
int class_call(struct call *c, const char *verb)
{
	tl_value v = TL_NIL;
	int r = turn_still(c); /* what it would take nobody knows */

	if (r < 0)
		return r;
	r = own_status(c->object->class->call(c->object->self, verb, c->args, c->n, &v));

	if (r == 0 && value_sound(v, 1) < 0) /* in the list of answers */
		r = say(c, -EINVAL, "what %s answers cannot be sent", verb);
	if (r < 0) {
		tl_value_free(&v);
		return r;
	}
	c->ret = v;
	c->owned = true;
	return 0;
}

static const struct verb no_verbs[] = { { 0 } };
const struct type type_class = { "class", class_open, class_close, no_verbs, false, NULL };

/* -- the server as an object */

static int server_new(struct call *c)
{
	const struct type *t = NULL;
	struct call inner = { .server = c->server, .client = c->client };
	const tl_class *k = NULL;
	struct object *o = NULL;
	int r;

	if (c->args[0].type == TL_T_TEXT) {
		t = type_named(c->args[0]);
		k = t ? NULL : class_named(c->args[0]);
	}
	if (!t && !k)
		return wanted(c, "the name of a type", c->args[0]);
	inner.args = c->args + 1;
	inner.n = c->n - 1;
	r = object_new(&inner, k ? &type_class : t, k, &o);
	if (r == 0)
		r = client_keep(c->server, c->client, o->id, 1);
	object_touch(c->server, inner.object);
	if (r < 0) {
		memcpy(c->why, inner.why, sizeof c->why);
		return r;
	}
	c->ret.type = TL_T_OBJECT;
	c->ret.object = o->id;
	return 0;
}

static int server_keep(struct call *c)
{
	int r = c->args[0].type == TL_T_OBJECT
			? client_keep(c->server, c->client, c->args[0].object, 1)
			: -EINVAL;

	return r == -ESRCH ? say(c, r, "there is no such object") : r;
}

static int server_drop(struct call *c)
{
	int r = c->args[0].type == TL_T_OBJECT
			? client_keep(c->server, c->client, c->args[0].object, -1)
			: -EINVAL;

	return r == -ESRCH   ? say(c, r, "there is no such object")
	       : r == -EPERM ? say(c, r, "this process does not keep it")
			     : r;
}

static int server_root(struct call *c)
{
	c->ret.type = TL_T_OBJECT;
	c->ret.object = c->server->manager->root;
	return 0;
}

static int server_max_message(struct call *c)
{
	c->ret = TL_INT((int64_t)c->server->manager->max_message);
	return 0;
}

/* For tests and for those who look: how many objects, the root among them, and how many clients. */
static int server_objects(struct call *c)
{
	int64_t n = 0;

	for (uint32_t i = 1; i < c->server->n_slots; i++)
		n += c->server->slots[i].object != NULL;
	c->ret = TL_INT(n);
	return 0;
}

static int server_clients(struct call *c)
{
	int64_t n = 0;

	for (struct client *k = c->server->clients; k; k = k->next)
		n++;
	c->ret = TL_INT(n);
	return 0;
}

static const struct verb server_verbs[] = {
	{ "new", 1, UINT8_MAX, false, false, server_new },
	{ "keep", 1, 1, false, false, server_keep },
	{ "drop", 1, 1, false, false, server_drop },
	{ "root", 0, 0, false, false, server_root },
	{ "max_message", 0, 0, false, false, server_max_message },
	{ "objects", 0, 0, false, false, server_objects },
	{ "clients", 0, 0, false, false, server_clients },
	{ 0 },
};

const struct type type_server = { "manager", NULL, NULL, server_verbs, false, NULL };

/* -- verbs of every object */

static int waiting(struct call *c)
{
	int64_t n = 0;

	for (struct waiter *w = c->object->first; w; w = w->next)
		n++;
	c->ret = TL_INT(n);
	return 0;
}

static const struct verb common_verbs[] = {
	{ "waiting", 0, 0, false, false, waiting },
	{ 0 },
};

static const struct verb *find(const struct verb *v, tl_value name)
{
	while (v->name && !is_named(name, v->name))
		v++;
	return v->name ? v : NULL;
}

const struct verb *verb_named(const struct type *t, tl_value name)
{
	const struct verb *v = find(t->verbs, name);

	if (!v && t->alike)
		v = find(t->alike, name);
	return v ? v : find(common_verbs, name);
}
