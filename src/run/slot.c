/* slot.c - the records of strands: 16,384 to a slab, found by number, never given back to the
 * system.
 *
 * An id is 24 bits of slot and 40 bits of generation.  The generation begins at a random point in
 * each process, grows by one with each use, and a slot that has used all of them is never taken
 * again; so an id is never two strands, and slot 0 is never used, so { 0 } is none.  Free records
 * wait in the thread that gave them, at most CACHE; what is beyond goes to the common pool, under
 * its lock. */
#include "base/mem.h"
#include "run/run.h"

enum { SLAB = 16384, SLABS = 1024, CACHE = 256, HALF = CACHE / 2 };
enum { GENERATION_SHIFT = 24 };

static struct strand *_Atomic slabs[SLABS];
static _Atomic uint32_t n_slots = 1;

static struct pool {
	struct spin lock;
	struct strand *first;
	uint32_t n;
	uint64_t begin; /* the first generation, shifted; 0: not chosen yet */
} pool;

static _Thread_local struct cache {
	struct strand *first;
	uint32_t n;
} cache;

uint32_t slot_count(void) { return atomic_load_explicit(&n_slots, memory_order_acquire); }

struct strand *slot_at(uint32_t slot)
{
	struct strand *slab;

	if (slot == 0 || slot >= slot_count())
		return NULL;
	slab = atomic_load_explicit(&slabs[slot / SLAB], memory_order_acquire);
	return slab ? &slab[slot % SLAB] : NULL;
}

struct strand *slot_find(tl_strand t)
{
	struct strand *s = slot_at((uint32_t)t.id & ((1u << GENERATION_SHIFT) - 1));

	return s && atomic_load_explicit(&s->id, memory_order_acquire) == t.id ? s : NULL;
}

/* A record that was never used; with pool.lock held. */
static struct strand *fresh(void)
{
	uint32_t slot = atomic_load_explicit(&n_slots, memory_order_relaxed);
	struct strand *slab, *s;

	if (slot == SLAB * SLABS)
		return NULL;
	if (!pool.begin) {
		plat_random(&pool.begin, sizeof pool.begin);
		pool.begin = (pool.begin >> 28 | 1) << GENERATION_SHIFT; /* 36 bits: room to grow */
	}
	slab = atomic_load_explicit(&slabs[slot / SLAB], memory_order_relaxed);
	if (!slab) {
		slab = plat_slab(SLAB * sizeof *slab);
		if (!slab)
			return NULL;
		atomic_store_explicit(&slabs[slot / SLAB], slab, memory_order_release);
	}
	s = &slab[slot % SLAB];
	atomic_store_explicit(&s->id, pool.begin | slot, memory_order_relaxed);
	atomic_store_explicit(&s->life, LIFE_FREE, memory_order_relaxed);
	atomic_store_explicit(&n_slots, slot + 1, memory_order_release);
	return s;
}

/* Fill the thread's cache with up to HALF records, some used before, some new. */
static void refill(void)
{
	spin_lock(&pool.lock);
	while (cache.n < HALF) {
		struct strand *s = pool.first;

		if (s) {
			pool.first = s->next;
			pool.n--;
		} else if (!(s = fresh())) {
			break;
		}
		s->next = cache.first;
		cache.first = s;
		cache.n++;
	}
	spin_unlock(&pool.lock);
}

struct strand *slot_take(void)
{
	struct strand *s;

	if (!cache.first)
		refill();
	s = cache.first;
	if (!s)
		return NULL;
	cache.first = s->next;
	cache.n--;
	strand_near(cache.first); /* a burst of starts takes that one next */
	return s;
}

static void drain(uint32_t keep)
{
	spin_lock(&pool.lock);
	while (cache.n > keep) {
		struct strand *s = cache.first;

		cache.first = s->next;
		cache.n--;
		s->next = pool.first;
		pool.first = s;
		pool.n++;
	}
	spin_unlock(&pool.lock);
}

void slot_give(struct strand *s)
{
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed);

	atomic_store_explicit(&s->life, LIFE_FREE, memory_order_relaxed);
	if (id + (1ull << GENERATION_SHIFT) < id)
		return; /* its last generation */
	atomic_store_explicit(&s->id, id + (1ull << GENERATION_SHIFT), memory_order_release);
	s->next = cache.first;
	cache.first = s;
	if (++cache.n > CACHE)
		drain(HALF);
}

void slot_flush(void) { drain(0); }

void slot_forked(void) { pool.lock = (struct spin){ 0 }; }
