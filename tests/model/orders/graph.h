/* graph.h - the graph as memory.c and seq_cst.c share it. */
#ifndef ORDERS_GRAPH_H
#define ORDERS_GRAPH_H
#include "memory.h"

typedef unsigned __int128 set;
#define BIT(i) ((set)1 << (i))

struct place {
	void *addr;
	size_t size;
	int16_t writes[WRITES], uses[EVENTS]; /* in modification order; as they came */
	int n_writes, n_uses;
	bool gone; /* given back */
	uint64_t hash;
};

struct thread {
	int n;
	int16_t seen[THREADS], acquired[THREADS], released[THREADS]; /* with the next acquire fence;
									by the last release fence */
	uint64_t hash;
};

struct plain {
	void *addr;
	int16_t read[THREADS], written[THREADS];
};

/* Out of the reach of the checker's snapshots: those are of the program's variables. */
extern struct memory {
	struct event events[EVENTS];
	set sources[EVENTS], targets[EVENTS]; /* seq_cst members that stand in for it, see order */
	struct place places[PLACES];
	struct thread threads[THREADS];
	struct plain plains[PLACES];
	set before[SEQ_CSTS], trial[SEQ_CSTS];
	int16_t fences[SEQ_CSTS]; /* the seq_cst ones */
	int n_events, n_places, n_plains, n_sc, n_fences;
	uint64_t hash; /* of all modification orders */
	const char *full;
} * m;

static inline uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static inline bool happens_before(const struct event *a, const struct event *b)
{
	return a->thread == THREADS || b->seen[a->thread] >= a->index;
}

/* Where it stands in the modification order: by its own store, or by the one it has read. */
static inline int rank(const struct event *e)
{
	return e->kind == READ ? m->events[e->from].at : e->at;
}

/* seq_cst.c: the order of all that is seq_cst, as its transitive closure. */

/* Does the access, with number n in the events, fit into before? */
bool seq_cst_fits(int n, set *before);
/* A new seq_cst fence is one more target of all that happens before it. */
void seq_cst_fence(int n);

#endif
