/* local.c - variables of which every strand has its own value.
 *
 * A strand's values are a hash table, made with the first one that it sets: in its body while it
 * has one, else (copies that wait for it to begin; a task between two calls of .every) in its
 * extra.  Only the strand itself touches it, but for its starter, before anybody else can find it.
 * So nothing here takes a lock, and a strand without values pays one look at a pointer when it
 * begins, starts another, and ends.
 *
 * Keys get numbers as they are first set, and entries go by number: a key may lie where an earlier
 * one did.  A value that is taken away leaves its entry, with NULL, so that nothing ever moves but
 * when the table grows, at half full. */
#include "telar/local.h"
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>

enum { LEAST = 4, ROUNDS = 4 };

struct holding {
	uint64_t number; /* of the key; 0: free */
	const tl_local *key;
	void *value;
};

struct locals {
	uint32_t size, used; /* a power of two; entries that are not free */
	bool heirs;          /* children get copies of some */
	bool read;           /* by copy_all, which then frees it if it is replaced */
	struct holding at[];
};

static uint64_t number_of(const tl_local *k) { return __atomic_load_n(&k->_, __ATOMIC_RELAXED); }

/* Two may set it first at once: a number is lost then. */
static uint64_t number_for(tl_local *k)
{
	static _Atomic uint64_t last;
	uint64_t mine, none = 0;

	if (number_of(k))
		return number_of(k);
	mine = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
	__atomic_compare_exchange_n(&k->_, &none, mine, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return number_of(k);
}

/* Its entry, or the free one where it would be. */
static struct holding *find(struct locals *t, uint64_t number)
{
	uint64_t i = number;

	while (t->at[i & (t->size - 1)].number && t->at[i & (t->size - 1)].number != number)
		i++;
	return &t->at[i & (t->size - 1)];
}

static struct locals *table(uint32_t size)
{
	struct locals *t = mem_zalloc(sizeof *t + size * sizeof t->at[0]);

	if (t)
		t->size = size;
	return t;
}

/* A place for one more. */
static int make_room(struct locals **t)
{
	struct locals *old = *t, *grown;

	if (old && old->used < old->size / 2)
		return 0;
	grown = table(old ? old->size * 2 : LEAST);
	if (!grown)
		return -ENOMEM;
	for (uint32_t i = 0; old && i < old->size; i++) {
		struct holding *e = &old->at[i];

		if (!e->value)
			continue;
		*find(grown, e->number) = *e;
		grown->used++;
		grown->heirs |= e->key->copy != NULL;
	}
	if (old && !old->read)
		mem_free(old);
	*t = grown;
	return 0;
}

static int set(struct locals **t, tl_local *k, void *value)
{
	uint64_t number = number_for(k);
	struct holding *e = *t ? find(*t, number) : NULL;
	int r;

	if (!e || !e->number) {
		if (!value)
			return 0;
		r = make_room(t);
		if (r < 0)
			return r;
		e = find(*t, number);
		e->number = number;
		e->key = k;
		(*t)->used++;
	}
	e->value = value;
	(*t)->heirs |= k->copy != NULL;
	return 0;
}

void *tl_local_get(const tl_local *k)
{
	struct locals *t = wait_me ? strand_of(wait_me)->body->locals : NULL;
	uint64_t number = number_of(k);

	return t && number ? find(t, number)->value : NULL;
}

int tl_local_set(tl_local *k, void *value) { return set(&strand_self()->body->locals, k, value); }

/* -- children */

/* copy is the program's: it may set values of the starter, whose table then is another, where each
 * lies elsewhere; or start strands. */
static int copy_all(struct strand *me, struct locals **to)
{
	struct locals *from = me->body->locals;
	bool was = from->read;
	int r = 0;

	from->read = true;
	for (uint32_t i = 0; i < from->size && r == 0; i++) {
		struct holding e = *find(me->body->locals, from->at[i].number);
		void *copy = e.value && e.key->copy ? e.key->copy(e.value) : NULL;

		if (copy && (r = set(to, (tl_local *)e.key, copy)) < 0 && e.key->drop)
			e.key->drop(copy);
	}
	from->read = was;
	if (!was && me->body->locals != from)
		mem_free(from);
	return r;
}

int local_inherit(struct strand *me, struct strand *s)
{
	struct extra *x = s->extra;
	struct locals *t = NULL;
	int r;

	if (!me->body->locals->heirs)
		return 0;
	r = copy_all(me, &t);
	if (r == 0 && t && !x) {
		x = mem_zalloc(sizeof *x);
		r = x ? 0 : -ENOMEM;
		SHOW(s->extra, x);
	}
	if (r < 0)
		local_free(t);
	else if (t)
		x->locals = t;
	return r;
}

/* -- the end */

/* One round.  drop may set others, and make the table grow: then they are met now or next time. */
static bool drop_round(struct locals **t)
{
	bool any = false;

	for (uint32_t i = 0; i < (*t)->size; i++) {
		struct holding e = (*t)->at[i];

		(*t)->at[i].value = NULL;
		any |= e.value != NULL;
		if (e.value && e.key->drop)
			e.key->drop(e.value);
	}
	return any;
}

void local_free(struct locals *t)
{
	if (t)
		drop_round(&t);
	mem_free(t);
}

void local_drop(struct strand *s)
{
	struct body *b = s->body;
	unsigned left = 0;

	for (int round = 0; round < ROUNDS && drop_round(&b->locals); round++)
		;
	for (uint32_t i = 0; i < b->locals->size; i++)
		left += b->locals->at[i].value && b->locals->at[i].key->drop;
	if (left)
		report(TL_R_LEAK, s, 0, "ended with %u local values that were set by drops", left);
	mem_free(b->locals);
	b->locals = NULL;
}

/* Cancelled before it began, but it holds copies: so it does begin, to drop them. */
int local_unborn(void *arg)
{
	struct extra *x = strand_self()->extra;

	if (x->unborn)
		x->unborn(arg);
	return -ECANCELED;
}
