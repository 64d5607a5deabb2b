/* object_save.c - transactions undone: what an object was before its first change is copied, and
 * put back if a later call fails.  The copy counts no references; putting it back does. */
#include "object.h"
#include <errno.h>
#include <stdlib.h>

struct saved {
	struct object *object;
	struct saved *next;
	struct state state;
	struct map map;
	struct row row;
};

static int copy_map(const struct map *from, struct map *to)
{
	for (struct entry *e = map_next(from, NULL); e; e = map_next(from, e)) {
		tl_value k = TL_NIL, v = TL_NIL;
		int r = tl_value_copy(e->key, &k);

		r = r < 0 ? r : tl_value_copy(e->value, &v);
		r = r < 0 ? r : map_put(to, k, v);
		if (r < 0) {
			tl_value_free(&k);
			tl_value_free(&v);
			return r;
		}
	}
	return 0;
}

static int copy_row(const struct row *from, struct row *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++) {
		tl_value v = TL_NIL;

		r = tl_value_copy(from->at[i], &v);
		r = r < 0 ? r : row_insert(to, i, v);
		if (r < 0)
			tl_value_free(&v);
	}
	return r;
}

/* Each value of both, held as often as `by` says, and freed if asked. */
static void each(struct server *s, struct map *m, struct row *w, int by, bool gone)
{
	for (struct entry *e = map_next(m, NULL); e; e = map_next(m, e)) {
		value_hold(s, e->key, by);
		value_hold(s, e->value, by);
		if (gone) {
			tl_value_free(&e->key);
			tl_value_free(&e->value);
		}
	}
	for (size_t i = 0; i < w->n; i++) {
		value_hold(s, w->at[i], by);
		if (gone)
			tl_value_free(&w->at[i]);
	}
	if (gone) {
		map_free(m);
		row_free(w);
	}
}

int object_save(struct server *s, struct object *o)
{
	struct saved *v;
	int r;

	for (v = s->saved; v; v = v->next)
		if (v->object == o)
			return 0;
	v = calloc(1, sizeof *v);
	if (!v)
		return -ENOMEM;
	v->object = o;
	v->state = o->state;
	r = copy_map(&o->map, &v->map);
	r = r < 0 ? r : copy_row(&o->row, &v->row);
	if (r < 0) {
		each(s, &v->map, &v->row, 0, true);
		free(v);
		return r;
	}
	v->next = s->saved;
	s->saved = v;
	return 0;
}

void object_saved(struct server *s, bool undo)
{
	while (s->saved) {
		struct saved *v = s->saved;
		struct object *o = v->object;

		s->saved = v->next;
		if (undo) {
			each(s, &v->map, &v->row, 1, false);
			each(s, &o->map, &o->row, -1, true);
			o->state = v->state;
			o->map = v->map;
			o->row = v->row;
		} else {
			each(s, &v->map, &v->row, 0, true);
			object_settle(o);
		}
		free(v);
	}
}
