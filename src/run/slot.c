/* slot.c - the records of strands: 16,384 to a slab, found by number, never given back to the
 * system.
 *
 * An id is 24 bits of slot and 40 bits of generation.  The generation begins at a random point in
 * each process, grows by one with each use, and a slot that has used all of them is never taken
 * again; so an id is never two strands, and slot 0 is never used, so { 0 } is none.
 *
 * Free records wait in the thread that gave them, at most CACHE, the last given first: it is the
 * warmest.  What is beyond goes to the common pool, under its lock: a bit for each.  From there
 * the lowest come first, in the order of their addresses.  A crowd that ended in disorder, as
 * timers do, would otherwise leave the next crowd a walk all over memory. */
#include "run/run.h"

enum { SLAB = 16384, SLABS = 1024, CACHE = 256, HALF = CACHE / 2 };
enum { GENERATION_SHIFT = 24 };

static struct strand *_Atomic slabs[SLABS];
static _Atomic uint32_t n_slots = 1;

enum { WORD = 64, FIELD = WORD * WORD, FIELDS = SLAB * SLABS / FIELD };

static struct pool {
	struct spin lock;
	uint32_t from;  /* no field before this has spare ones */
	uint64_t begin; /* the first generation, shifted; 0: not chosen yet */
	struct {
		uint64_t some; /* which words are not 0 */
		uint64_t spare[WORD];
	} field[FIELDS];
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

static uint32_t number(const struct strand *s)
{
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed);

	return (uint32_t)id & ((1u << GENERATION_SHIFT) - 1);
}

static uint64_t first_generation(void)
{
	uint64_t some;

	plat_random(&some, sizeof some);
	return (some >> 28 | 1) << GENERATION_SHIFT; /* 36 bits: room to grow */
}

/* A record that was never used; with pool.lock held. */
static struct strand *fresh(void)
{
	uint32_t slot = atomic_load_explicit(&n_slots, memory_order_relaxed);
	struct strand *slab, *s;

	if (slot == SLAB * SLABS)
		return NULL;
	if (!pool.begin)
		pool.begin = first_generation();
	slab = atomic_load_explicit(&slabs[slot / SLAB], memory_order_relaxed);
	if (!slab) {
		slab = plat_slab(SLAB * sizeof *slab, slot >= SLAB);
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

/* With pool.lock held. */
static void put_back(uint32_t slot)
{
	uint32_t f = slot / FIELD, w = slot / WORD % WORD;

	pool.field[f].spare[w] |= 1ull << slot % WORD;
	pool.field[f].some |= 1ull << w;
	if (f < pool.from)
		pool.from = f;
}

/* The lowest of them; 0: none. */
static uint32_t take_back(void)
{
	uint32_t fields = atomic_load_explicit(&n_slots, memory_order_relaxed) / FIELD + 1;

	for (; pool.from < fields && pool.from < FIELDS; pool.from++) {
		uint64_t *some = &pool.field[pool.from].some;
		uint32_t w, slot;

		if (!*some)
			continue;
		w = (uint32_t)__builtin_ctzll(*some);
		slot = pool.from * FIELD + w * WORD +
		       (uint32_t)__builtin_ctzll(pool.field[pool.from].spare[w]);
		pool.field[pool.from].spare[w] &= ~(1ull << slot % WORD);
		if (!pool.field[pool.from].spare[w])
			*some &= ~(1ull << w);
		return slot;
	}
	return 0;
}

/* Fill the thread's empty cache with up to HALF records, some used before, some new. */
static void refill(void)
{
	struct strand **last = &cache.first;

	spin_lock(&pool.lock);
	for (; cache.n < HALF; cache.n++) {
		struct strand *s = slot_at(take_back());

		if (!s && !(s = fresh()))
			break;
		*last = s;
		last = &s->next;
	}
	*last = NULL;
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
		put_back(number(s));
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

/* Another thread may have been between two words. */
void slot_forked(void)
{
	pool.lock = (struct spin){ 0 };
	for (uint32_t slot = 0; slot < slot_count(); slot += WORD) {
		uint64_t *some = &pool.field[slot / FIELD].some, bit = 1ull << slot / WORD % WORD;
		bool any = pool.field[slot / FIELD].spare[slot / WORD % WORD] != 0;

		*some = any ? *some | bit : *some & ~bit;
	}
	pool.from = 0;
}

/* The low half of a generation stays, since the word that joiners wait on repeats it. */
void slot_anew(struct strand *s)
{
	const uint64_t low = (1ull << (GENERATION_SHIFT + 16)) - 1;
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed);

	pool.begin = first_generation();
	cache = (struct cache){ 0 }; /* they have ids of the zygote's */
	atomic_store_explicit(&s->id, (pool.begin & ~low) | (id & low), memory_order_release);
}
