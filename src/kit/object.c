/* object.c - a server's objects: their ids, who holds them, what they store, and who waits.
 *
 * An id is a slot and the round of its use, which begins at a random point: it is not given twice,
 * and one of another server is hardly ever good here.  refs counts clients that keep an object and
 * values stored in others that name it.  One that nobody holds any more is freed at the end of the
 * request (object_sweep), not in the middle of a verb. */
#include "object.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOT_BITS = 24 };

/* What is too long is cut between two characters: half of one is no text that could be sent. */
int say(struct call *c, int r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->why, sizeof c->why, fmt, args);
	va_end(args);
	for (size_t n = strlen(c->why); !value_is_utf8(c->why, n);)
		c->why[--n] = 0;
	return r;
}

int wanted(struct call *c, const char *what, tl_value v)
{
	char text[100] = "";

	tl_value_text(v, text, sizeof text);
	return say(c, -EINVAL, "%s is wanted, not %s", what, text);
}

int want_int(struct call *c, size_t i, int64_t *ret)
{
	if (i >= c->n)
		return 0;
	if (c->args[i].type != TL_T_INT)
		return wanted(c, "a whole number", c->args[i]);
	*ret = c->args[i].i;
	return 0;
}

int add_to(struct call *c, tl_value *sum)
{
	int64_t by = 0;
	int r = want_int(c, 1, &by);

	if (r < 0)
		return r;
	if (sum->type == TL_T_FLOAT)
		sum->f += (double)by;
	else if (sum->type != TL_T_INT)
		return say(c, -EINVAL, "there is no number to add to");
	else if (__builtin_add_overflow(sum->i, by, &sum->i))
		return say(c, -EOVERFLOW, "the sum is beyond 64 bits");
	return 0;
}

/* -- ids */

static int slot_new(struct server *s, uint32_t *ret)
{
	if (!s->free_slot) {
		uint32_t cap = s->cap_slots ? 2 * s->cap_slots : 64;
		struct slot *more = NULL;

		if (s->n_slots < s->cap_slots) {
			*ret = s->n_slots++;
			return 0;
		}
		if (cap <= 1u << SLOT_BITS)
			more = realloc(s->slots, cap * sizeof *more);
		if (!more)
			return -ENOMEM;
		for (uint32_t i = s->cap_slots; i < cap; i++)
			more[i] = (struct slot){ .round = s->round };
		s->slots = more;
		s->cap_slots = cap;
		*ret = s->n_slots = s->n_slots ? s->n_slots : 1;
		s->n_slots++;
		return 0;
	}
	*ret = s->free_slot;
	s->free_slot = s->slots[*ret].next;
	return 0;
}

static uint64_t id_of(const struct server *s, uint32_t slot)
{
	return s->slots[slot].round << SLOT_BITS | slot;
}

struct object *object_at(const struct server *s, uint64_t id)
{
	uint32_t slot = id & ((1u << SLOT_BITS) - 1);

	return slot < s->n_slots && id_of(s, slot) == id ? s->slots[slot].object : NULL;
}

int object_new(struct call *c, const struct type *t, const tl_class *class, struct object **ret)
{
	struct object *o = calloc(1, sizeof *o);
	uint32_t slot;
	int r = o ? slot_new(c->server, &slot) : -ENOMEM;

	if (r < 0) {
		free(o);
		return r;
	}
	o->type = t;
	o->class = class;
	o->id = id_of(c->server, slot);
	c->server->slots[slot].object = o;
	c->object = o;
	r = t->open ? t->open(c) : 0;
	if (r == 0)
		*ret = o;
	return r;
}

/* -- references */

void object_touch(struct server *s, struct object *o)
{
	if (!o || o->refs || o->listed)
		return;
	o->listed = true;
	o->next = s->unheld;
	s->unheld = o;
}

static void hold(struct server *s, struct object *o, int64_t by)
{
	o->refs += (uint64_t)by;
	object_touch(s, o);
}

static size_t items_of(tl_value v)
{
	return v.type == TL_T_MAP ? 2 * (size_t)v.n : v.type == TL_T_LIST ? v.n : 0;
}

void value_hold(struct server *s, tl_value v, int by)
{
	struct object *o = v.type == TL_T_OBJECT ? object_at(s, v.object) : NULL;

	if (o)
		hold(s, o, by);
	for (size_t i = 0; i < items_of(v); i++)
		value_hold(s, v.items[i], by);
}

void value_let(struct server *s, tl_value v)
{
	value_hold(s, v, -1);
	tl_value_free(&v);
}

static bool known(const struct server *s, tl_value v)
{
	if (v.type == TL_T_OBJECT && !object_at(s, v.object))
		return false;
	for (size_t i = 0; i < items_of(v); i++)
		if (!known(s, v.items[i]))
			return false;
	return true;
}

int value_known(struct call *c, tl_value v)
{
	return known(c->server, v) ? 0
				   : say(c, -ESRCH, "the value names an object that is not there");
}

int value_store(struct call *c, tl_value v, tl_value *ret)
{
	int r = value_known(c, v);

	r = r < 0 ? r : tl_value_copy(v, ret);
	if (r == 0)
		value_hold(c->server, v, 1);
	return r;
}

int answer_taken(struct call *c, tl_value v)
{
	value_hold(c->server, v, -1);
	c->ret = v;
	c->owned = c->took = true;
	return 0;
}

/* -- clients: what they keep */

static tl_value key_of(uint64_t id)
{
	tl_value v = TL_INT((int64_t)id);

	return v;
}

int client_keep(struct server *s, struct client *c, uint64_t id, int64_t by)
{
	struct object *o = object_at(s, id);
	tl_value *kept = map_find(&c->refs, key_of(id)), key, count;
	int r = 0;

	if (!o)
		return -ESRCH;
	if (!kept && by < 0)
		return -EPERM;
	if (kept)
		kept->i += by;
	else
		r = map_put(&c->refs, key_of(id), TL_INT(by));
	if (r < 0)
		return r;
	if (kept && kept->i == 0)
		map_take(&c->refs, key_of(id), &key, &count);
	hold(s, o, by);
	return 0;
}

int client_keep_all(struct server *s, struct client *c, tl_value v)
{
	int r = v.type == TL_T_OBJECT ? client_keep(s, c, v.object, 1) : 0;

	for (size_t i = 0; r == 0 && i < items_of(v); i++)
		r = client_keep_all(s, c, v.items[i]);
	return r;
}

void client_gone(struct server *s, struct client *c)
{
	for (struct entry *e = map_next(&c->refs, NULL); e; e = map_next(&c->refs, e)) {
		struct object *o = object_at(s, (uint64_t)e->key.i);

		if (o)
			hold(s, o, -e->value.i);
	}
	map_free(&c->refs);
	for (uint32_t i = 1; i < s->n_slots; i++) {
		struct object *o = s->slots[i].object;

		if (o && o->state.holder.client == c)
			lock_owner_gone(o, c);
	}
	object_sweep(s);
}

/* -- the end */

static void end_waiters(struct object *o, int why)
{
	while (o->first)
		object_leave(o, o->first, why);
}

static void object_free(struct server *s, struct object *o)
{
	struct slot *slot = &s->slots[o->id & ((1u << SLOT_BITS) - 1)];

	for (struct waiter *w = o->first; w; w = w->next)
		say(w->call, -ESRCH, "the object has gone meanwhile");
	end_waiters(o, -ESRCH);
	if (o->type->close)
		o->type->close(o);
	for (struct entry *e = map_next(&o->map, NULL); e; e = map_next(&o->map, e)) {
		value_let(s, e->key);
		value_let(s, e->value);
	}
	for (size_t i = 0; i < o->row.n; i++)
		value_let(s, o->row.at[i]);
	map_free(&o->map);
	row_free(&o->row);
	slot->object = NULL;
	slot->round = (slot->round + 1) & ((1ull << (64 - SLOT_BITS)) - 1);
	slot->next = s->free_slot;
	s->free_slot = (uint32_t)(slot - s->slots);
	free(o);
}

void object_sweep(struct server *s)
{
	while (s->unheld) {
		struct object *o = s->unheld;

		s->unheld = o->next;
		o->listed = false;
		if (o->refs == 0)
			object_free(s, o);
	}
}

void object_end(struct server *s)
{
	for (uint32_t i = 1; i < s->n_slots; i++) {
		struct object *o = s->slots[i].object;

		if (o && !o->listed) {
			o->listed = true;
			o->next = s->unheld;
			s->unheld = o;
		}
	}
	while (s->unheld) {
		struct object *o = s->unheld;

		s->unheld = o->next;
		object_free(s, o);
	}
	free(s->slots);
	s->slots = NULL;
}

/* -- waiting: first come, first served, as far as they wait for the same */

void object_wait(struct object *o, struct waiter *w)
{
	w->prev = o->last;
	w->next = NULL;
	*(o->last ? &o->last->next : &o->first) = w;
	o->last = w;
}

/* What it took is kept for its client at once: before its own turn comes, whoever else held that
 * may have let it go. */
static void done(struct object *o, struct waiter *w, int r)
{
	struct call *c = w->call;

	if (r == 0 && c->took)
		r = client_keep_all(c->server, c->client, c->ret);
	*(w->prev ? &w->prev->next : &o->first) = w->next;
	*(w->next ? &w->next->prev : &o->last) = w->prev;
	w->r = r;
	w->done = true;
	tl_event_set(&w->ready);
}

/* One that goes on may let others go on that came before it: so again, until nothing moves. */
void object_settle(struct object *o)
{
	bool moved;

	do {
		moved = false;
		for (struct waiter *w = o->first, *next; w; w = next) {
			int r = w->call->verb->fn(w->call);

			next = w->next;
			if (r == -EAGAIN)
				continue;
			done(o, w, r);
			moved = true;
		}
	} while (moved && o->first);
}

void object_leave(struct object *o, struct waiter *w, int why)
{
	int r = why;

	w->call->leaving = why;
	if (why == -ETIMEDOUT || why == -ECANCELED || why == -EPIPE)
		r = w->call->verb->fn(w->call);
	if (r == -EAGAIN && w->call->verb->stays && why != -EPIPE)
		return;
	done(o, w, r == -EAGAIN ? why : r);
}
