/* seq_cst.c - the one order of all seq_cst accesses and fences.
 *
 * Where a comes before b in the order of their location, every source of a precedes every target of
 * b: those are a and b themselves if they are seq_cst, and the seq_cst fences that happen before a,
 * or after b. */
#include "graph.h"

static set closure(const set *before, set a)
{
	set all = a;

	for (int i = 0; i <= m->n_sc && i < SEQ_CSTS; i++)
		if (a & BIT(i))
			all |= before[i];
	return all;
}

/* False: a cycle. */
static bool precede(set *before, set a, set b)
{
	set all = a && b ? closure(before, a) : 0;

	if (all & b)
		return false;
	for (int i = 0; all && i <= m->n_sc && i < SEQ_CSTS; i++)
		if (b & BIT(i) || before[i] & b)
			before[i] |= all;
	return true;
}

static bool comes_before(const struct event *a, const struct event *b)
{
	return rank(a) < rank(b) || (rank(a) == rank(b) && a->kind != READ && b->kind == READ);
}

/* The members that happen before e. */
static set earlier(const struct event *e)
{
	set s = 0;

	for (int i = 0; i < m->n_events; i++)
		if (m->events[i].seq_cst >= 0 && &m->events[i] != e &&
			happens_before(&m->events[i], e))
			s |= BIT(m->events[i].seq_cst);
	return s;
}

bool seq_cst_fits(int n, set *before)
{
	const struct event *e = &m->events[n];
	const struct place *p = &m->places[e->place];
	bool ok = true;

	if (e->seq_cst >= 0)
		ok = precede(before, earlier(e), BIT(e->seq_cst));
	for (int i = 0; i < p->n_uses && ok; i++) {
		const struct event *x = &m->events[p->uses[i]];

		if (comes_before(e, x))
			ok = precede(before, m->sources[n], m->targets[p->uses[i]]);
		else if (comes_before(x, e))
			ok = precede(before, m->sources[p->uses[i]], m->targets[n]);
	}
	return ok;
}

void seq_cst_fence(int n)
{
	const struct event *e = &m->events[n];

	precede(m->before, earlier(e), BIT(e->seq_cst));
	for (int i = 0; i < n; i++) {
		const struct event *x = &m->events[i];
		const struct place *p = &m->places[x->place];

		if (x->kind == FENCE || x->thread == THREADS || !happens_before(x, e))
			continue;
		m->targets[i] |= BIT(e->seq_cst);
		for (int k = 0; k < p->n_uses; k++)
			if (comes_before(&m->events[p->uses[k]], x))
				precede(m->before, m->sources[p->uses[k]], BIT(e->seq_cst));
	}
	m->fences[m->n_fences++] = (int16_t)n;
}

void memory_sc_before(int a, int b)
{
	struct event *x = &m->events[a], *y = &m->events[b];

	precede(m->before, BIT(x->seq_cst), BIT(y->seq_cst));
	m->threads[y->thread].hash =
		mix(m->threads[y->thread].hash, (uint64_t)x->thread << 16 | (uint64_t)x->index);
}
