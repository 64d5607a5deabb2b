/* stack.c - the stacks of tasks: slots in large reservations, touched lazily, recycled, guarded.
 *
 * A slot is 64 usable pages below a top that also holds the task's body, and one guard page at the
 * bottom: 65 pages, and a top that moves by two cache lines from slot to slot, so that parked
 * stacks do not all fall into the same cache sets.  Other sizes are mapped one by one and given
 * back.
 *
 * A free stack is warm or cold.  Warm ones hold memory and are linked through it: at most CACHE in
 * the thread that freed them, complete; at most WARM in the common pool, with their top page alone.
 * Cold ones hold none: their slots are numbers in their arena, and cost a page fault to use again.
 * An arena that has slots to give is in pool.open, the one used last first; it is never unmapped.
 * The pool is under its lock; no system call is made with it held. */
#include "run/stack.h"
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>

enum { USABLE = 256 << 10, LEAST_PAGES = 4 };
enum { COLOURS = 12, COLOUR = 128, CACHE = 64, WARM = 1024, ARENA = 256 };

struct arena {
	struct arena *next;  /* in pool.open */
	struct arena *older; /* in pool.all */
	char *low;
	uint16_t cut, n;     /* slots that were taken at least once; of cold */
	uint8_t cold[ARENA]; /* slots */
	bool guarded[ARENA]; /* written by who has the slot */
};
_Static_assert(ARENA <= UINT8_MAX + 1, "a slot fits its type");

static struct pool {
	struct spin lock;
	struct arena *open, *all; /* all: so that leak checkers find them */
	struct stack *warm;
	uint32_t n_warm;
} pool;

static _Thread_local struct cache {
	struct stack *first;
	uint32_t n;
} cache;

static size_t slot_size(void)
{
	size_t page = plat_page(), pages = USABLE / page;

	return ((pages < LEAST_PAGES ? LEAST_PAGES : pages) + 1) * page;
}

/* Dress the mapping low..high, whose guard is there, as a stack with its header at the top. */
static struct stack *dress(char *low, size_t size, uint32_t colour)
{
	struct stack *k = (struct stack *)(low + size - sizeof *k - colour * COLOUR);

	k = (struct stack *)((uintptr_t)k & ~(uintptr_t)(PLAT_LINE - 1));
	k->low = low;
	k->size = size;
	return k;
}

/* Out of memory, or of mappings, for a guard is out of memory for a stack.  A system that gives
 * none at all is reported, once: no overflow is noticed there. */
static int guard(char *at)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	int r = plat_guard(at, plat_page());

	if (r == 0 || r == -ENOMEM)
		return r;
	if (!atomic_flag_test_and_set_explicit(&told, memory_order_relaxed))
		report(TL_R_DEGRADED, NULL, r, "the system refuses guard pages: stacks have none");
	return 0;
}

/* -- slots */

static struct arena *arena_open(void)
{
	size_t whole = ARENA * slot_size();
	struct arena *a = mem_zalloc(sizeof *a);

	if (!a)
		return NULL;
	a->low = plat_reserve(whole);
	if (a->low && plat_open(a->low, whole) == 0)
		return a;
	if (a->low)
		plat_release(a->low, whole);
	mem_free(a);
	return NULL;
}

/* With pool.lock held. */
static struct stack *take_warm(void)
{
	struct stack *k = pool.warm;

	if (k) {
		pool.warm = k->next;
		pool.n_warm--;
	}
	return k;
}

static struct arena *take_slot(uint32_t *slot)
{
	struct arena *a = pool.open;

	if (!a)
		return NULL;
	*slot = a->n ? a->cold[--a->n] : a->cut++;
	if (a->n == 0 && a->cut == ARENA)
		pool.open = a->next;
	return a;
}

static void give_slot(struct arena *a, uint32_t slot)
{
	spin_lock(&pool.lock);
	if (a->n == 0 && a->cut == ARENA) {
		a->next = pool.open;
		pool.open = a;
	}
	a->cold[a->n++] = (uint8_t)slot;
	spin_unlock(&pool.lock);
}

/* A warm stack, or else a slot of an arena; neither: no memory.  more: a new arena, or NULL. */
static struct stack *take_either(struct arena *more, struct arena **arena, uint32_t *slot)
{
	struct stack *k;

	spin_lock(&pool.lock);
	if (more) {
		more->older = pool.all;
		pool.all = more;
		more->next = pool.open;
		pool.open = more;
	}
	k = take_warm();
	*arena = k ? NULL : take_slot(slot);
	spin_unlock(&pool.lock);
	return k;
}

static struct stack *take_pooled(void)
{
	size_t size = slot_size();
	struct arena *a, *more;
	uint32_t slot = 0;
	struct stack *k = take_either(NULL, &a, &slot);

	while (!k && !a && (more = arena_open()))
		k = take_either(more, &a, &slot);
	if (k || !a)
		return k;
	if (!a->guarded[slot] && guard(a->low + slot * size) < 0) {
		give_slot(a, slot);
		return NULL;
	}
	a->guarded[slot] = true;
	k = dress(a->low + slot * size, size, slot % COLOURS);
	k->arena = a;
	k->own = false;
	return k;
}

/* -- taking and giving */

static struct stack *take_own(size_t size)
{
	size_t page = plat_page(),
	       whole = (size + sizeof(struct stack) + 2 * page - 1) / page * page + page;
	char *low = plat_reserve(whole);
	struct stack *k;

	if (!low)
		return NULL;
	if (plat_open(low, whole) < 0 || guard(low) < 0) {
		plat_release(low, whole);
		return NULL;
	}
	k = dress(low, whole, 0);
	k->arena = NULL;
	k->own = true;
	return k;
}

struct stack *stack_take(size_t size)
{
	struct stack *k = cache.first;

	if (size)
		return take_own(size);
	if (!k)
		return take_pooled();
	cache.first = k->next;
	cache.n--;
	return k;
}

/* Out of the thread's cache: the first WARM keep their top page, the others nothing. */
static void give_pooled(struct stack *k)
{
	char *usable = k->low + plat_page(), *end = k->low + k->size,
	     *top_page = (char *)((uintptr_t)k & ~(plat_page() - 1));
	struct arena *a = k->arena;
	uint32_t slot = (uint32_t)((size_t)(k->low - a->low) / k->size);
	bool warm;

	spin_lock(&pool.lock);
	warm = pool.n_warm < WARM;
	pool.n_warm += warm; /* the place is ours; system calls come without the lock */
	spin_unlock(&pool.lock);
	plat_forget(usable, (size_t)((warm ? top_page : end) - usable));
	if (!warm) {
		give_slot(a, slot);
		return;
	}
	spin_lock(&pool.lock);
	k->next = pool.warm;
	pool.warm = k;
	spin_unlock(&pool.lock);
}

void stack_give(struct stack *k)
{
	switch_bury(&k->body.own.note);
	switch_forget(k->low, k->size);
	if (k->own) {
		plat_release(k->low, k->size);
		return;
	}
	if (cache.n == CACHE) {
		give_pooled(k);
		return;
	}
	k->next = cache.first;
	cache.first = k;
	cache.n++;
}

void stack_flush(void)
{
	while (cache.first) {
		struct stack *k = cache.first;

		cache.first = k->next;
		give_pooled(k);
	}
	cache.n = 0;
}

void stack_forked(void) { pool.lock = (struct spin){ 0 }; }
