/* object_map.c - the two containers of a manager's objects: a map that keeps the order in which its
 * keys came, as Python's dict, and a row that is quick at both ends.
 *
 * map: entries in order, with holes where one was taken; index is open addressing with linear
 * probing over entries, rebuilt when entries are full or more than half of them are holes.  A hole
 * stays in the index until then: its entry is no longer `used`, so a search goes on past it. */
#include "object.h"
#include <errno.h>
#include <stdlib.h>

static bool grow_entries(struct map *m, size_t cap)
{
	struct entry *to = malloc(cap * sizeof *to);
	uint32_t *index = calloc(2 * cap, sizeof *index);
	size_t n = 0;

	if (!to || !index || cap > UINT32_MAX / 2) {
		free(to);
		free(index);
		return false;
	}
	for (struct entry *e = map_next(m, NULL); e; e = map_next(m, e))
		to[n++] = *e;
	map_free(m);
	*m = (struct map){ to, index, n, n, cap, n, 2 * cap - 1 };
	for (size_t i = 0; i < n; i++) {
		size_t at = to[i].hash & m->mask;

		while (index[at])
			at = (at + 1) & m->mask;
		index[at] = (uint32_t)i + 1;
	}
	return true;
}

static struct entry *find(const struct map *m, tl_value key)
{
	uint64_t hash = value_hash(key);

	if (!m->cap)
		return NULL;
	for (size_t at = hash & m->mask; m->index[at]; at = (at + 1) & m->mask) {
		struct entry *e = &m->entries[m->index[at] - 1];

		if (e->used && e->hash == hash && tl_value_equal(e->key, key))
			return e;
	}
	return NULL;
}

tl_value *map_find(const struct map *m, tl_value key)
{
	struct entry *e = find(m, key);

	return e ? &e->value : NULL;
}

/* A power of two, and room for as many again. */
static size_t cap_for(size_t count)
{
	size_t cap = 16;

	while (cap < 2 * count)
		cap *= 2;
	return cap;
}

int map_put(struct map *m, tl_value key, tl_value value)
{
	size_t at;

	if (m->n == m->cap && !grow_entries(m, cap_for(m->count)))
		return -ENOMEM;
	m->entries[m->n] = (struct entry){ key, value, value_hash(key), true };
	at = m->entries[m->n].hash & m->mask;
	while (m->index[at])
		at = (at + 1) & m->mask;
	m->index[at] = (uint32_t)++m->n;
	m->count++;
	m->end = m->n;
	return 0;
}

bool map_take(struct map *m, tl_value key, tl_value *ret_key, tl_value *ret_value)
{
	struct entry *e = find(m, key);

	if (!e)
		return false;
	*ret_key = e->key;
	*ret_value = e->value;
	e->used = false;
	e->key = e->value = TL_NIL;
	m->count--;
	while (m->end && !m->entries[m->end - 1].used)
		m->end--;
	return true;
}

struct entry *map_next(const struct map *m, const struct entry *e)
{
	size_t i = e ? (size_t)(e - m->entries) + 1 : 0;

	while (i < m->n && !m->entries[i].used)
		i++;
	return i < m->n ? &m->entries[i] : NULL;
}

struct entry *map_last(const struct map *m) { return m->end ? &m->entries[m->end - 1] : NULL; }

void map_free(struct map *m)
{
	free(m->entries);
	free(m->index);
	*m = (struct map){ 0 };
}

/* -- rows: [from, from + n) of cap */

static int make_room(struct row *r)
{
	size_t cap = r->n < 8 ? 16 : 2 * r->n;
	tl_value *to;

	if (r->from + r->n < r->cap)
		return 0;
	to = malloc(cap * sizeof *to);
	if (!to)
		return -ENOMEM;
	if (r->n)
		memcpy(to, r->at, r->n * sizeof *to);
	free(r->room);
	*r = (struct row){ to, to, r->n, 0, cap };
	return 0;
}

int row_insert(struct row *r, size_t i, tl_value v)
{
	int e = make_room(r);

	if (e < 0)
		return e;
	if (i < r->n)
		memmove(r->at + i + 1, r->at + i, (r->n - i) * sizeof v);
	r->at[i] = v;
	r->n++;
	return 0;
}

tl_value row_take(struct row *r, size_t i)
{
	tl_value v = r->at[i];

	r->n--;
	if (i == 0) {
		r->at++;
		r->from++;
	} else {
		memmove(r->at + i, r->at + i + 1, (r->n - i) * sizeof v);
	}
	return v;
}

void row_free(struct row *r)
{
	free(r->room);
	*r = (struct row){ 0 };
}
