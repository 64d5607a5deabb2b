/* gather.c - one function over many records, each in a strand, in a scope of its own. */
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>

struct gather {
	char *base;
	size_t n, size;
	_Atomic size_t next; /* with a limit: the record that the next free strand takes */
	bool limited, keep_going;
	tl_fn *fn;
	int *status;
};

struct runner {
	struct gather *g;
	size_t i;
};

static int one(struct gather *g, size_t i)
{
	int r = g->fn(g->base + i * g->size);

	if (g->status)
		g->status[i] = r;
	return r;
}

static int run(void *arg)
{
	struct runner *me = arg;
	struct gather *g = me->g;
	int first = 0, r;

	if (!g->limited)
		return one(g, me->i);
	for (;;) {
		size_t i = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed);

		if (i >= g->n || tl_cancelled())
			return first;
		r = one(g, i);
		if (r < 0 && !first)
			first = r;
		if (r < 0 && !g->keep_going)
			return first;
	}
}

int tl_gather(
	void *base, size_t n, size_t size, tl_fn *fn, const tl_gather_opts *o, tl_time deadline)
{
	static const tl_gather_opts none;
	tl_scope s = { .name = "gather", .deadline = deadline };
	struct gather g = { .base = base, .n = n, .size = size, .fn = fn };
	struct runner *runners;
	size_t strands;
	int r = strand_checkpoint(strand_self());

	o = o ? o : &none;
	if (r < 0)
		return r;
	if (!fn || deadline.ns == TL_POLL.ns || !RESERVED_ZERO(o) ||
		(o->kind && o->kind != TL_TASK && o->kind != TL_THREAD))
		return -EINVAL;
	if (!n)
		return 0;
	g.limited = o->limit && o->limit < n;
	g.keep_going = o->keep_going;
	g.status = o->status;
	strands = g.limited ? o->limit : n;
	runners =
		strands <= SIZE_MAX / sizeof *runners ? mem_alloc(strands * sizeof *runners) : NULL;
	if (!runners)
		return -ENOMEM;
	for (size_t i = 0; g.status && i < n; i++)
		g.status[i] = -ECANCELED;
	s.keep_going = o->keep_going;
	tl_scope_open(&s);
	for (size_t i = 0; i < strands; i++) {
		runners[i] = (struct runner){ &g, i };
		strand_start(o->kind ? o->kind : TL_TASK, &s, run, &runners[i], NULL, NULL,
			__builtin_return_address(0));
	}
	r = tl_scope_close(&s);
	mem_free(runners);
	return r;
}
