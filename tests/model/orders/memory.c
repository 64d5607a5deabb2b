/* memory.c - the graph of events and its rules; memory.h says which.
 *
 * Happens-before is kept as a vector of counts per event, so "a happens before b" is one compare.
 * Modification orders are arrays of events.  Coherence needs no search: a new event is bound by
 * what happens before it alone, as nothing happens after it yet.  The seq_cst order is kept as its
 * transitive closure, one set of predecessors per member; a choice that would close a cycle is
 * none. */
#include "graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memory *m;

void memory_begin(void)
{
	if (!m && !(m = malloc(sizeof *m)))
		abort();
	memset(m, 0, sizeof *m);
}

void memory_reset(void)
{
	for (int i = 0; i < m->n_places; i++)
		m->places[i].n_writes = m->places[i].n_uses = 0, m->places[i].hash = 0,
		m->places[i].gone = false;
	memset(m->threads, 0, sizeof m->threads);
	m->n_events = m->n_plains = m->n_sc = m->n_fences = 0;
	m->hash = 0;
}

const char *memory_full(void) { return m->full; }

static bool full(bool is, const char *what)
{
	if (is)
		m->full = what;
	return is;
}

static void join(int16_t *to, const int16_t *from)
{
	for (int i = 0; i < THREADS; i++)
		to[i] = to[i] > from[i] ? to[i] : from[i];
}

/* -- locations */

static uint64_t content(const struct place *p)
{
	uint64_t x = 0;

	memcpy(&x, p->addr, p->size);
	return x;
}

/* Its first event: what it holds before anybody has written. */
static void touch(struct place *p)
{
	struct event *e = &m->events[m->n_events];

	memset(e, 0, sizeof *e);
	e->kind = WRITE;
	e->thread = THREADS;
	e->place = (int16_t)(p - m->places);
	e->seq_cst = -1;
	e->value = content(p);
	m->sources[m->n_events] = m->targets[m->n_events] = 0;
	p->writes[p->n_writes++] = (int16_t)m->n_events++;
}

int memory_place(void *addr, size_t size)
{
	struct place *p = m->places;

	for (; p < m->places + m->n_places; p++)
		if (p->addr == addr)
			break;
	if (p == m->places + m->n_places) {
		if (full(m->n_places == PLACES, "locations"))
			return 0;
		m->n_places++;
		p->addr = addr;
		p->size = size;
	}
	if (p->size != size)
		full(true, "sizes of one location");
	if (!p->n_writes)
		touch(p);
	return (int)(p - m->places);
}

int memory_newest(int place) { return m->places[place].n_writes - 1; }
int memory_writer(int place, int at) { return m->places[place].writes[at]; }
uint64_t memory_value(int place, int at)
{
	return m->events[memory_writer(place, at < 0 ? memory_newest(place) : at)].value;
}

static void rehash(struct place *p)
{
	uint64_t h = (uint64_t)(p - m->places) + 1;

	for (int i = 0; i < p->n_writes; i++) {
		const struct event *e = &m->events[p->writes[i]];

		h = mix(h, (uint64_t)e->thread << 16 | (uint64_t)e->index);
	}
	m->hash ^= p->hash ^ h;
	p->hash = h;
}

static void insert(struct place *p, int at, int event)
{
	if (full(p->n_writes == WRITES - 1, "stores to one location"))
		at = p->n_writes = WRITES - 2;
	memmove(&p->writes[at + 1], &p->writes[at], (size_t)(p->n_writes - at) * sizeof *p->writes);
	p->writes[at] = (int16_t)event;
	p->n_writes++;
	for (int i = at; i < p->n_writes; i++)
		m->events[p->writes[i]].at = (int16_t)i;
}

static void extract(struct place *p, int at)
{
	p->n_writes--;
	memmove(&p->writes[at], &p->writes[at + 1], (size_t)(p->n_writes - at) * sizeof *p->writes);
	for (int i = at; i < p->n_writes; i++)
		m->events[p->writes[i]].at = (int16_t)i;
}

/* -- what an event would be */

static struct event *draft(int t, int place, int order, enum kind kind)
{
	struct event *e = &m->events[m->n_events];

	*e = (struct event){ .kind = (uint8_t)kind,
		.thread = (uint8_t)t,
		.index = (int16_t)(m->threads[t].n + 1),
		.place = (int16_t)place,
		.seq_cst = order == ORDERS_SEQ_CST ? (int16_t)m->n_sc : (int16_t)-1 };
	memcpy(e->seen, m->threads[t].seen, sizeof e->seen);
	e->seen[t] = e->index;
	if (order == ORDERS_SEQ_CST)
		m->before[m->n_sc] = 0;
	return e;
}

/* What happens before it is known: so are its sources and targets. */
static void settle(const struct event *e)
{
	int n = (int)(e - m->events);

	m->targets[n] = e->seq_cst >= 0 ? BIT(e->seq_cst) : 0;
	m->sources[n] = m->targets[n];
	for (int i = 0; i < m->n_fences; i++)
		if (happens_before(&m->events[m->fences[i]], e))
			m->sources[n] |= BIT(m->events[m->fences[i]].seq_cst);
}

/* It reads the store at this place. */
static void take(struct event *e, int order, int at)
{
	e->from = m->places[e->place].writes[at];
	if (order & ORDERS_ACQUIRE)
		join(e->seen, m->events[e->from].gives);
}

/* It reads or, if at does not say so, writes behind so many: is that consistent? */
static bool fits(const struct event *would, int how, int at, int behind)
{
	int n = m->n_events;
	struct event *e = &m->events[n], as_it_was = *would;
	struct place *p = &m->places[e->place];
	bool ok;

	if (at >= 0)
		take(e, how, at);
	settle(e);
	ok = !m->sources[n];
	if (!ok) {
		if (behind >= 0)
			insert(p, behind, n);
		memcpy(m->trial, m->before, (size_t)(m->n_sc + 1) * sizeof *m->trial);
		ok = seq_cst_fits(n, m->trial);
		if (behind >= 0)
			extract(p, behind);
	}
	*e = as_it_was;
	return ok;
}

/* The oldest store that happens-before leaves to t. */
static int oldest(int t, const struct place *p)
{
	int least = 0;

	for (int i = 0; i < p->n_uses; i++) {
		const struct event *x = &m->events[p->uses[i]];

		if (m->threads[t].seen[x->thread] >= x->index && rank(x) > least)
			least = rank(x);
	}
	return least;
}

/* Is the store at this place tied to the one before it? */
static bool tied(const struct place *p, int at)
{
	return at < p->n_writes && m->events[p->writes[at]].kind == UPDATE;
}

int memory_readable(int t, int place, int order, bool update, int after, int *ret)
{
	const struct place *p = &m->places[place];
	struct event *e = draft(t, place, order, update ? UPDATE : READ);
	int least = oldest(t, p), n = 0;

	if (after >= 0 && m->events[after].at + 1 > least)
		least = m->events[after].at + 1;
	for (int at = p->n_writes - 1; at >= least; at--)
		if (!(update && tied(p, at + 1)) && fits(e, order, at, update ? at + 1 : -1))
			ret[n++] = at;
	return n;
}

int memory_writable(int t, int place, int order, int *ret)
{
	const struct place *p = &m->places[place];
	struct event *e = draft(t, place, order, WRITE);
	int n = 0;

	for (int at = p->n_writes, least = oldest(t, p) + 1; at >= least; at--)
		if (!tied(p, at) && fits(e, order, -1, at))
			ret[n++] = at;
	return n;
}

/* -- events */

static void add(struct event *e, const struct orders_site *site)
{
	struct thread *th = &m->threads[e->thread];
	const struct event *from = &m->events[e->from];

	e->site = site;
	if (e->kind == READ || e->kind == UPDATE)
		join(th->acquired, from->gives);
	if (e->seq_cst >= 0) {
		full(m->n_sc >= SEQ_CSTS - 2, "seq_cst operations");
		m->n_sc += m->n_sc < SEQ_CSTS - 2;
	}
	th->n++;
	memcpy(th->seen, e->seen, sizeof th->seen);
	th->hash = mix(th->hash, (uint64_t)e->kind << 32 | (uint64_t)(e->place + 1));
	if (e->kind == READ || e->kind == UPDATE)
		th->hash = mix(th->hash, (uint64_t)from->thread << 16 | (uint64_t)from->index);
	full(m->n_events >= EVENTS - PLACES, "events");
	m->n_events += m->n_events < EVENTS - PLACES;
}

static void release(struct event *e, int order)
{
	join(e->gives, order & ORDERS_RELEASE ? e->seen : m->threads[e->thread].released);
}

static void use(struct event *e, const struct orders_site *site)
{
	struct place *p = &m->places[e->place];
	int n = (int)(e - m->events);

	settle(e);
	if (m->sources[n])
		seq_cst_fits(n, m->before);
	p->uses[p->n_uses++] = (int16_t)n;
	if (e->kind != READ) {
		rehash(p);
		memcpy(p->addr, &m->events[p->writes[p->n_writes - 1]].value, p->size);
	}
	add(e, site);
}

void memory_read(int t, int place, int order, int at, const struct orders_site *site)
{
	struct event *e = draft(t, place, order, READ);

	take(e, order, at);
	e->value = m->events[e->from].value;
	use(e, site);
}

void memory_write(
	int t, int place, int order, int at, uint64_t value, const struct orders_site *site)
{
	struct event *e = draft(t, place, order, WRITE);

	e->value = value;
	insert(&m->places[place], at, (int)(e - m->events));
	release(e, order);
	use(e, site);
}

void memory_update(
	int t, int place, int order, int at, uint64_t value, const struct orders_site *site)
{
	struct event *e = draft(t, place, order, UPDATE);

	take(e, order, at);
	e->value = value;
	insert(&m->places[place], at + 1, (int)(e - m->events));
	memcpy(e->gives, m->events[e->from].gives, sizeof e->gives); /* the release sequence */
	release(e, order);
	use(e, site);
}

int memory_fence(int t, int order, const struct orders_site *site)
{
	struct thread *th = &m->threads[t];
	struct event *e = draft(t, 0, order, FENCE);
	int n = m->n_events;

	if (order & ORDERS_ACQUIRE)
		join(e->seen, th->acquired);
	if (order & ORDERS_RELEASE)
		memcpy(th->released, e->seen, sizeof th->released);
	settle(e);
	if (order == ORDERS_SEQ_CST)
		seq_cst_fence(n);
	add(e, site);
	return n;
}

/* -- plain accesses: one after n events of its thread is seen by who has seen its event n + 1 */

bool memory_plain(int t, void *addr, bool write)
{
	struct plain *p = m->plains;
	bool ok = true;

	while (p < m->plains + m->n_plains && p->addr != addr)
		p++;
	if (p == m->plains + m->n_plains) {
		if (full(m->n_plains == PLACES, "plain locations"))
			return true;
		m->n_plains++;
		*p = (struct plain){ .addr = addr };
	}
	for (int u = 0; u < THREADS; u++)
		if (u != t && (p->written[u] > m->threads[t].seen[u] ||
				      (write && p->read[u] > m->threads[t].seen[u])))
			ok = false;
	*(write ? &p->written[t] : &p->read[t]) = (int16_t)(m->threads[t].n + 1);
	return ok;
}

bool memory_free(int t, int place)
{
	struct place *p = &m->places[place];
	bool ok = !p->gone;

	for (int i = 0; i < p->n_uses; i++) {
		const struct event *x = &m->events[p->uses[i]];

		ok &= m->threads[t].seen[x->thread] >= x->index;
	}
	p->gone = true;
	return ok;
}

bool memory_gone(int place) { return m->places[place].gone; }

uint64_t memory_hash(void)
{
	uint64_t h = m->hash;

	for (int t = 0; t < THREADS; t++)
		h = mix(h, m->threads[t].hash + (uint64_t)m->threads[t].n);
	return h;
}

void memory_print(void)
{
	static const char *const kinds[] = { "", "read", "write", "update", "fence" };

	for (int i = 0; i < m->n_events; i++) {
		const struct event *e = &m->events[i];
		const struct place *p = &m->places[e->place];

		if (e->thread == THREADS)
			continue;
		printf("  %3d  thread %d  %-6s", i, e->thread, kinds[e->kind]);
		if (e->kind != FENCE)
			printf(" [%p] %#llx", p->addr, (unsigned long long)e->value);
		if (e->kind == READ || e->kind == UPDATE)
			printf(" reads %d", e->from);
		if (e->site)
			printf("  (%s:%d %s)", e->site->file, e->site->line, e->site->function);
		printf("\n");
	}
}
