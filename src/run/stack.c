/* stack.c - the stacks of tasks: slots in large reservations, touched lazily, recycled, guarded.
 *
 * A slot is 64 usable pages below a top that also holds the task's body, and one guard page at the
 * bottom: 65 pages, and a top that moves by two cache lines from slot to slot, so that parked
 * stacks do not all fall into the same cache sets.  Other sizes are mapped one by one and given
 * back. Free stacks wait in the thread that freed them; what is beyond CACHE goes to the common
 * pool, under its lock, without the pages below the top one. */
#include "run/stack.h"
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>

enum { PAGES = 65, COLOURS = 24, COLOUR = 128, CACHE = 64, ARENA = 256 };

static struct pool {
	struct spin lock;
	struct stack *first;
	char *arena; /* where the next slot is cut */
	uint32_t left, cut;
} pool;

static _Thread_local struct cache {
	struct stack *first;
	uint32_t n;
} cache;

/* Dress the mapping low..high as a stack, with its header at the top. */
static struct stack *dress(char *low, char *high, size_t size, bool own, uint32_t colour)
{
	struct stack *k;

	if (plat_guard(low, plat_page()) < 0)
		return NULL;
	k = (struct stack *)(high - sizeof *k - colour * COLOUR);
	k = (struct stack *)((uintptr_t)k & ~(uintptr_t)(PLAT_LINE - 1));
	k->low = low;
	k->size = size;
	k->own = own;
	return k;
}

/* Cut a slot off the arena, with pool.lock held. */
static char *cut(size_t size, uint32_t *colour)
{
	char *low;

	if (!pool.left) {
		char *arena = plat_reserve(ARENA * size);

		if (!arena)
			return NULL;
		if (plat_open(arena, ARENA * size) < 0) {
			plat_release(arena, ARENA * size);
			return NULL;
		}
		pool.arena = arena;
		pool.left = ARENA;
	}
	low = pool.arena;
	pool.arena += size;
	pool.left--;
	*colour = pool.cut++ % COLOURS;
	return low;
}

static struct stack *take_slot(void)
{
	size_t size = PAGES * plat_page();
	struct stack *k = cache.first;
	uint32_t colour;
	char *low;

	if (k) {
		cache.first = k->next;
		cache.n--;
		return k;
	}
	spin_lock(&pool.lock);
	k = pool.first;
	if (k)
		pool.first = k->next;
	low = k ? NULL : cut(size, &colour);
	spin_unlock(&pool.lock);
	return k ? k : low ? dress(low, low + size, size, false, colour) : NULL;
}

static struct stack *take_own(size_t size)
{
	size_t page = plat_page(),
	       whole = (size + sizeof(struct stack) + 2 * page - 1) / page * page + page;
	char *low = plat_reserve(whole);
	struct stack *k = NULL;

	if (low && plat_open(low, whole) == 0)
		k = dress(low, low + whole, whole, true, 0);
	if (low && !k)
		plat_release(low, whole);
	return k;
}

struct stack *stack_take(size_t size) { return size ? take_own(size) : take_slot(); }

void stack_give(struct stack *k)
{
	char *top_page = (char *)((uintptr_t)k & ~(plat_page() - 1));

	switch_bury(&k->body.note);
	switch_forget(k->low, k->size);
	if (k->own) {
		plat_release(k->low, k->size);
		return;
	}
	if (cache.n < CACHE) {
		k->next = cache.first;
		cache.first = k;
		cache.n++;
		return;
	}
	plat_forget(k->low + plat_page(), (size_t)(top_page - k->low) - plat_page());
	spin_lock(&pool.lock);
	k->next = pool.first;
	pool.first = k;
	spin_unlock(&pool.lock);
}

void stack_flush(void)
{
	spin_lock(&pool.lock);
	while (cache.first) {
		struct stack *k = cache.first;

		cache.first = k->next;
		k->next = pool.first;
		pool.first = k;
	}
	cache.n = 0;
	spin_unlock(&pool.lock);
}

void stack_forked(void) { pool.lock = (struct spin){ 0 }; }
