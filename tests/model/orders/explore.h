/* explore.h - the explorer's inside: steps.c says what a step does, explore.c which comes next,
 * main.c what the program is asked for. */
#ifndef ORDERS_EXPLORE_H
#define ORDERS_EXPLORE_H
#include "memory.h"

enum step_kind {
	NOTHING, /* the thread has ended */
	LOAD,
	STORE,
	RMW,
	CAS,
	RAISE, /* a fence */
	LOCK,
	UNLOCK,
	TRY,
	POST,
	TAKE,
	SLEEP,  /* futex: look at the word, and queue */
	ASLEEP, /* until woken */
	WAKE,
	HIT /* another thread is made to fence */
};

struct step {
	enum step_kind kind;
	void *p;
	size_t size;
	const struct orders_site *site;
	int order, failure;
	enum orders_rmw how;
	uint64_t x, expected, result;
	bool ok;
	int other; /* HIT: the thread.  HIT and RAISE: the fence before it, or -1 */
	int after;
};

/* What a step touches: two steps of different threads that touch nothing in common, or both only
 * read it, come to the same in either order. */
struct touch {
	uint64_t reads, writes;
	unsigned hits;
};

struct fibre {
	void *sp, *stack;
	void (*fn)(void *arg);
	void *arg;
	struct step step; /* what it is about to do */
	int steps;        /* done */
	void *locals[8];
	int last_read, awaits; /* events: the last load, and the one whose change it waits for */
	void *last_place;
	void *queued; /* asleep in this word's queue; NULL: woken */
	int turn;     /* in that queue */
};

struct touch step_touch(int t, const struct step *s);
bool step_can(int t, const struct step *s);
void step_do(int t, struct step *s); /* with the choices it has */

/* The explorer's, as steps see it. */
extern struct explorer {
	struct fibre strands[THREADS];
	int n_strands, self; /* who runs; -1: setup or after */
	int turn;
	void **locals[8];
	int n_locals;
	bool may_block;
	bool *touched; /* by site */
	uint64_t outcomes, states, runs;
} * explorer;

int explore_choose(const int *options, int n); /* one of them; all of them, in time */
/* NULL: all is well.  Explores the scenario whole, or only by so many runs of chance. */
const char *explore(const struct orders_scenario *s, int only_chance);
/* Does the calling code run in a virtual thread?  Then it gives way until the step is done. */
bool explore_step(struct step *s);

#endif
