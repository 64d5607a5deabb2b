/* explore.c - every run of a scenario, one after the other, depth first.
 *
 * A run is fixed by its choices: who takes the next step, and what a load reads or where a store
 * goes.  They are kept on a stack; the next run repeats all but the last that has an option left.
 * Two things keep their number down.  Two runs with the same graph have the same future, so a graph
 * that was seen before is not gone on from.  And a thread whose next step nobody else will ever
 * touch goes first, with no choice (a persistent set): what the others may touch from their n-th
 * step on is learned, by chance runs first, and all is done again until nothing was added, when it
 * is true of all runs. */
#include "explore.h"
#include "plat/plat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { STACK = 128 << 10, CHOICES = 4000, STEPS = 250, CHANCE_RUNS = 1000 };
static const size_t TABLE = 1 << 24;
static const uint64_t MOST_STATES = 12u << 20;

struct choice {
	int16_t options[2 * WRITES];
	int16_t n, i;
};

struct explorer *explorer;
static struct engine {
	struct choice choices[CHOICES];
	int depth, kept; /* of this run; how many of them repeat the last one */
	struct touch future[THREADS][STEPS + 1]; /* what a thread may touch from its n-th step on */
	struct touch learned[THREADS][STEPS + 1]; /* the same, for the next time round */
	bool chance, grew, cut;
	uint64_t dice, *table;
	size_t in_table;
	void *sp;        /* the engine's own stack, while a thread runs */
	char *variables; /* the program's, as they were */
} * engine;

/* -- choices */

int explore_choose(const int *options, int n)
{
	struct choice *c = &engine->choices[engine->depth];

	if (engine->chance) {
		engine->dice ^= engine->dice << 13;
		engine->dice ^= engine->dice >> 7;
		engine->dice ^= engine->dice << 17;
		return options[engine->dice % (uint64_t)n];
	}
	if (n == 1)
		return options[0];
	if (engine->depth == CHOICES - 1)
		orders_failed("too many choices", __FILE__, __LINE__);
	if (engine->depth++ >= engine->kept) {
		c->n = (int16_t)n;
		c->i = 0;
		for (int i = 0; i < n; i++)
			c->options[i] = (int16_t)options[i];
	}
	return c->options[c->i];
}

/* To the next run; false: that was the last. */
static bool next_run(void)
{
	struct choice *c;

	while (engine->depth) {
		c = &engine->choices[engine->depth - 1];
		if (++c->i < c->n)
			break;
		engine->depth--;
	}
	engine->kept = engine->depth;
	return engine->depth > 0;
}

/* -- states */

static bool is_new(uint64_t h)
{
	size_t i;

	h += !h;
	for (i = h % TABLE; engine->table[i]; i = (i + 1) % TABLE)
		if (engine->table[i] == h)
			return false;
	engine->table[i] = h;
	engine->in_table++;
	return true;
}

static void forget(void)
{
	madvise(engine->table, TABLE * sizeof *engine->table, MADV_DONTNEED);
	engine->in_table = 0;
	engine->depth = engine->kept = 0;
}

/* -- virtual threads */

static void go(int t)
{
	struct fibre *s = &explorer->strands[t];

	explorer->self = t;
	for (int i = 0; i < explorer->n_locals; i++)
		*explorer->locals[i] = s->locals[i];
	plat_switch(&engine->sp, s->sp);
	for (int i = 0; i < explorer->n_locals; i++)
		s->locals[i] = *explorer->locals[i];
	explorer->self = -1;
}

static void entry(void *arg)
{
	struct fibre *s = arg;

	s->fn(s->arg);
	s->step.kind = NOTHING;
	plat_switch(&s->sp, engine->sp);
	abort();
}

bool explore_step(struct step *step)
{
	struct fibre *s;

	if (explorer->self < 0)
		return false;
	s = &explorer->strands[explorer->self];
	s->step = *step;
	plat_switch(&s->sp, engine->sp);
	*step = s->step;
	return true;
}

void orders_thread(void (*fn)(void *arg), void *arg)
{
	struct fibre *s = &explorer->strands[explorer->n_strands++];
	void *stack = s->stack;

	if (!stack)
		stack = mmap(
			NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		abort();
	*s = (struct fibre){ .stack = stack,
		.sp = plat_stack_begin((char *)stack + STACK, entry, s),
		.fn = fn,
		.arg = arg,
		.last_read = -1,
		.awaits = -1 };
}

void orders_local(void *p) { explorer->locals[explorer->n_locals++] = p; }

void orders_read(void *p)
{
	if (explorer->self >= 0 && !memory_plain(explorer->self, p, false))
		orders_failed("a plain read races", __FILE__, __LINE__);
}

void orders_write(void *p)
{
	if (explorer->self >= 0 && !memory_plain(explorer->self, p, true))
		orders_failed("a plain write races", __FILE__, __LINE__);
}

void orders_free(void *p, size_t size)
{
	if (explorer->self >= 0 && !memory_free(explorer->self, memory_place(p, size)))
		orders_failed("given back while another is at it", __FILE__, __LINE__);
}

void orders_may_block(void) { explorer->may_block = true; }
void orders_outcome(unsigned bit) { explorer->outcomes |= 1ull << bit; }

void orders_failed(const char *what, const char *file, int line)
{
	printf("FAIL %s (%s:%d); the run:\n", what, file, line);
	memory_print();
	fflush(stdout);
	_Exit(1);
}

/* -- one run */

/* A thread has come to a step: is what it touches known? */
static void learn(int t)
{
	const struct fibre *s = &explorer->strands[t];
	struct touch touch = step_touch(t, &s->step);

	if (s->steps >= STEPS)
		orders_failed("too many steps", __FILE__, __LINE__);
	for (int i = s->steps; i >= 0; i--) {
		struct touch *f = &engine->learned[t][i];

		if (!(touch.reads & ~f->reads) && !(touch.writes & ~f->writes) &&
			!(touch.hits & ~f->hits))
			return;
		f->reads |= touch.reads;
		f->writes |= touch.writes;
		f->hits |= touch.hits;
		engine->grew = true;
	}
}

static bool meets(const struct touch *a, const struct touch *b)
{
	return (a->writes & (b->reads | b->writes)) || (a->reads & b->writes);
}

/* Nobody else will touch what its next step does. */
static bool alone(int t)
{
	struct touch mine = step_touch(t, &explorer->strands[t].step);

	for (int u = 0; u < explorer->n_strands; u++) {
		const struct fibre *other = &explorer->strands[u];
		const struct touch *f = &engine->future[u][other->steps];

		if (u == t || other->step.kind == NOTHING)
			continue;
		if (meets(&mine, f) || f->hits & 1u << t || mine.hits & 1u << u)
			return false;
	}
	return true;
}

/* Who is next; -1: nobody can, -2: this state has been seen. */
static int next_thread(void)
{
	int can[THREADS], n = 0;

	if (!engine->chance && engine->depth >= engine->kept && !is_new(memory_hash()))
		return -2;
	for (int t = 0; t < explorer->n_strands; t++) {
		if (!step_can(t, &explorer->strands[t].step))
			continue;
		if (!engine->chance && alone(t))
			return t;
		can[n++] = t;
	}
	if (n == 0)
		return -1;
	return explore_choose(can, n);
}

static void advance(int t)
{
	struct fibre *s = &explorer->strands[t];

	step_do(t, &s->step);
	s->steps++;
	go(t);
	learn(t);
}

static void check_end(const struct orders_scenario *s)
{
	for (int t = 0; t < explorer->n_strands && !explorer->may_block; t++)
		if (explorer->strands[t].step.kind != NOTHING) {
			printf("thread %d is blocked for ever\n", t);
			orders_failed("no lost wake-up", s->name, 0);
		}
	if (s->after)
		s->after();
}

extern char __data_start[], _end[];

static void run(const struct orders_scenario *s)
{
	int t;

	memcpy(__data_start, engine->variables, (size_t)(_end - __data_start));
	memory_reset();
	explorer->n_strands = explorer->n_locals = explorer->turn = 0;
	explorer->self = -1;
	explorer->may_block = false;
	explorer->runs++;
	engine->depth = 0;
	s->setup();
	for (t = 0; t < explorer->n_strands; t++) {
		go(t);
		learn(t);
	}
	while ((t = next_thread()) >= 0)
		advance(t);
	if (memory_full())
		orders_failed(memory_full(), "too many", 0);
	if (t == -1)
		check_end(s);
}

/* -- all runs */

static void begin(void)
{
	size_t size = (size_t)(_end - __data_start);

	if (!engine) {
		engine = calloc(1, sizeof *engine);
		engine->table = mmap(NULL, TABLE * sizeof *engine->table, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		engine->variables = malloc(size);
		if (engine->table == MAP_FAILED || !engine->variables)
			abort();
		memory_begin();
		memcpy(engine->variables, __data_start, size);
	}
	memory_begin();
	forget();
	memset(engine->learned, 0, sizeof engine->learned);
	engine->dice = 88172645463325252u;
	explorer->states = explorer->runs = explorer->outcomes = 0;
}

const char *explore(const struct orders_scenario *s, int only_chance)
{
	begin();
	engine->chance = true;
	for (int i = 0; i < (only_chance ? only_chance : CHANCE_RUNS); i++)
		run(s);
	if (only_chance)
		return NULL;
	engine->chance = engine->grew = false;
	explorer->outcomes = explorer->runs = 0;
	do {
		engine->grew = false;
		memcpy(engine->future, engine->learned, sizeof engine->future);
		forget();
		do {
			run(s);
			if (engine->in_table > MOST_STATES)
				return "too many states";
		} while (next_run());
	} while (engine->grew);
	explorer->states = engine->in_table;
	if (s->outcomes && explorer->outcomes != s->outcomes) {
		printf("outcomes seen %#llx, allowed %#llx\n",
			(unsigned long long)explorer->outcomes, (unsigned long long)s->outcomes);
		return "other outcomes than the memory model allows";
	}
	return NULL;
}
