/* litmus.c - the checker itself: the known small tests of memory models, each with the outcomes
 * that C allows.  An outcome's number is made of what the loads saw, the first load's value lowest.
 *
 * LB is here too, with its weak outcome missing: memory.h says why. */
#include <stdatomic.h>

static struct {
	_Atomic uint32_t x, y;
} v;
static uint32_t saw[6], data;
enum { RLX = memory_order_relaxed, ACQ = memory_order_acquire, REL = memory_order_release };
enum { ACQ_REL = memory_order_acq_rel, SC = memory_order_seq_cst };

#define LOAD(i, p, o)  (saw[i] = atomic_load_explicit(p, o))
#define STORE(p, n, o) atomic_store_explicit(p, n, o)
#define FENCE(o)       atomic_thread_fence(o)
#define THREAD(name, ...) \
	static void name(void *arg) \
	{ \
		(void)arg; \
		__VA_ARGS__ \
	}
#define SETUP(name, ...) \
	static void name(void) \
	{ \
		void (*const all[])(void *) = { __VA_ARGS__ }; \
		for (unsigned i = 0; i < sizeof all / sizeof *all; i++) \
			orders_thread(all[i], NULL); \
	}
#define AFTER(name, bits) \
	static void name(void) { orders_outcome(bits); }

AFTER(two, saw[0] | saw[1] << 1)
AFTER(four, saw[0] | saw[1] << 1 | saw[2] << 2 | saw[3] << 3)
AFTER(base_3, saw[0] + 3 * saw[1])
AFTER(memory, v.x + 3 * v.y)
AFTER(seen_once, saw[1] && !saw[0])

/* -- SB: each stores, then reads the other's */
#define SB(name, so, f, lo) \
	THREAD(name##_a, STORE(&v.x, 1, so); f; LOAD(0, &v.y, lo);) \
	THREAD(name##_b, STORE(&v.y, 1, so); f; LOAD(1, &v.x, lo);) \
	SETUP(name, name##_a, name##_b)
SB(sb_relaxed, RLX, , RLX)
SB(sb_ra, REL, , ACQ)
SB(sb_sc, SC, , SC)
SB(sb_fences, RLX, FENCE(SC), RLX)
SB(sb_weak_fences, RLX, FENCE(ACQ_REL), RLX)
SB(sb_sc_stores, SC, , ACQ)
/* One side fences only when the other's membarrier comes along. */
THREAD(sb_light, STORE(&v.x, 1, RLX); LOAD(0, &v.y, RLX);)
THREAD(sb_heavy, STORE(&v.y, 1, RLX); orders_barrier(ORDERS_SITE("barrier", SC, 0));
	LOAD(1, &v.x, RLX);)
SETUP(sb_barrier, sb_light, sb_heavy)
SETUP(sb_two_light, sb_light, sb_relaxed_b)

THREAD(sb_mixed, STORE(&v.x, 1, SC); LOAD(0, &v.y, SC);)
SETUP(sb_sc_and_fence, sb_mixed, sb_fences_b)
SETUP(sb_sc_and_nothing, sb_mixed, sb_relaxed_b)

/* -- MP: data, then a flag; the flag, then the data */
#define MP(name, so, wf, rf, lo) \
	THREAD(name##_a, STORE(&v.x, 1, RLX); wf; STORE(&v.y, 1, so);) \
	THREAD(name##_b, LOAD(1, &v.y, lo); rf; LOAD(0, &v.x, RLX);) \
	SETUP(name, name##_a, name##_b)
MP(mp_relaxed, RLX, , , RLX)
MP(mp_release_only, REL, , , RLX)
MP(mp_acquire_only, RLX, , , ACQ)
MP(mp_ra, REL, , , ACQ)
MP(mp_fences, RLX, FENCE(REL), FENCE(ACQ), RLX)
MP(mp_release_fence, RLX, FENCE(REL), , ACQ)
MP(mp_acquire_fence, REL, , FENCE(ACQ), RLX)
MP(mp_fence_too_few, RLX, FENCE(REL), , RLX)
/* seq_cst stores and loads of x alone do not keep relaxed ones of y in their places */
THREAD(mp_sc_x_a, STORE(&v.x, 1, SC); STORE(&v.y, 1, RLX);)
THREAD(mp_sc_x_b, LOAD(1, &v.y, RLX); LOAD(0, &v.x, SC);)
SETUP(mp_sc_x, mp_sc_x_a, mp_sc_x_b)

/* -- LB */
THREAD(lb_a, LOAD(0, &v.x, RLX); STORE(&v.y, 1, RLX);)
THREAD(lb_b, LOAD(1, &v.y, RLX); STORE(&v.x, 1, RLX);)
SETUP(lb, lb_a, lb_b)

/* -- IRIW: two readers and the order of two writers */
#define IRIW(name, so, lo) \
	THREAD(name##_w, STORE(&v.x, 1, so);) \
	THREAD(name##_v, STORE(&v.y, 1, so);) \
	THREAD(name##_r, LOAD(0, &v.x, lo); LOAD(1, &v.y, lo);) \
	THREAD(name##_s, LOAD(2, &v.y, lo); LOAD(3, &v.x, lo);) \
	SETUP(name, name##_w, name##_v, name##_r, name##_s)
IRIW(iriw_ra, REL, ACQ)
IRIW(iriw_sc, SC, SC)
THREAD(iriw_fr, LOAD(0, &v.x, RLX); FENCE(SC); LOAD(1, &v.y, RLX);)
THREAD(iriw_fs, LOAD(2, &v.y, RLX); FENCE(SC); LOAD(3, &v.x, RLX);)
SETUP(iriw_fences, iriw_ra_w, iriw_ra_v, iriw_fr, iriw_fs)

/* -- WRC: what was seen before a release is seen after the acquire, too */
THREAD(wrc_middle, if (LOAD(2, &v.x, RLX)) STORE(&v.y, 1, REL);)
THREAD(wrc_store, STORE(&v.x, 1, RLX);)
SETUP(wrc, wrc_store, wrc_middle, mp_ra_b)
SETUP(wrc_relaxed, wrc_store, wrc_middle, mp_relaxed_b)

/* -- coherence: one location never goes back */
THREAD(coherent_w, STORE(&v.x, 1, RLX); STORE(&v.x, 2, RLX);)
THREAD(coherent_r, LOAD(0, &v.x, RLX); LOAD(1, &v.x, RLX);)
SETUP(corr, coherent_w, coherent_r)

/* -- 2+2W: both locations end with the first store of the other thread */
#define W22(name, o) \
	THREAD(name##_a, STORE(&v.x, 1, o); STORE(&v.y, 2, o);) \
	THREAD(name##_b, STORE(&v.y, 1, o); STORE(&v.x, 2, o);) \
	SETUP(name, name##_a, name##_b)
W22(w22_release, REL)
W22(w22_sc, SC)

/* -- release sequences: through another's read-modify-write, not through its plain store */
THREAD(rs_rmw, atomic_fetch_add_explicit(&v.y, 1, RLX);)
THREAD(
	rs_reader, if (LOAD(2, &v.y, ACQ) == 2) {
		saw[1] = 1;
		LOAD(0, &v.x, RLX);
	})
SETUP(rs_sequence, mp_ra_a, rs_rmw, rs_reader)
THREAD(rs_again, STORE(&v.x, 1, RLX); STORE(&v.y, 1, REL); STORE(&v.y, 2, RLX);)
SETUP(rs_own_store, rs_again, rs_reader)

/* -- read-modify-writes: none is lost, one of two wins */
THREAD(add_a, saw[0] = atomic_fetch_add_explicit(&v.x, 1, RLX);)
THREAD(add_b, saw[1] = atomic_fetch_add_explicit(&v.x, 1, RLX);)
SETUP(adds, add_a, add_b)
THREAD(cas_a, uint32_t o = 0;
	saw[0] = atomic_compare_exchange_strong_explicit(&v.x, &o, 1, RLX, RLX);)
THREAD(cas_b, uint32_t o = 0;
	saw[1] = atomic_compare_exchange_strong_explicit(&v.x, &o, 1, RLX, RLX);)
SETUP(cas, cas_a, cas_b)

/* -- the rest of the world: each must be enough for plain data */
THREAD(lock_a, orders_lock(&v.x); orders_write(&data); saw[0] = data++; orders_unlock(&v.x);)
THREAD(lock_b, orders_lock(&v.x); orders_write(&data); saw[1] = data++; orders_unlock(&v.x);)
SETUP(lock, lock_a, lock_b)
THREAD(token_a, orders_write(&data); data = 1; orders_post(&v.x);)
THREAD(token_b, orders_take(&v.x); orders_read(&data); saw[0] = data;)
SETUP(token, token_a, token_b)
THREAD(futex_a, STORE(&v.x, 1, RLX); orders_futex_wake(&v.x, 1);)
THREAD(futex_b, while (!LOAD(0, &v.x, RLX)) orders_futex_wait(&v.x, 0);)
SETUP(futex, futex_a, futex_b)
THREAD(pause_a, STORE(&v.x, 1, REL);)
THREAD(pause_b, while (!LOAD(0, &v.x, ACQ)) orders_pause();)
SETUP(pause, pause_a, pause_b)

#define ALL(n)    ((1ull << (n)) - 1)
#define BUT(n, b) (ALL(n) & ~(1ull << (b)))
enum { NEITHER = 0, FLAG_ONLY = 2, CROSSED = 1 | 1 << 2 };

const struct orders_scenario orders_scenarios[] = {
	{ "SB relaxed", sb_relaxed, two, ALL(4) },
	{ "SB release-acquire", sb_ra, two, ALL(4) },
	{ "SB seq_cst stores only", sb_sc_stores, two, ALL(4) },
	{ "SB acq_rel fences", sb_weak_fences, two, ALL(4) },
	{ "SB seq_cst", sb_sc, two, BUT(4, NEITHER) },
	{ "SB seq_cst fences", sb_fences, two, BUT(4, NEITHER) },
	{ "SB membarrier", sb_barrier, two, BUT(4, NEITHER) },
	{ "SB no membarrier", sb_two_light, two, ALL(4) },
	{ "SB seq_cst, seq_cst fence", sb_sc_and_fence, two, BUT(4, NEITHER) },
	{ "SB seq_cst, nothing", sb_sc_and_nothing, two, ALL(4) },
	{ "MP relaxed", mp_relaxed, two, ALL(4) },
	{ "MP release only", mp_release_only, two, ALL(4) },
	{ "MP acquire only", mp_acquire_only, two, ALL(4) },
	{ "MP one fence", mp_fence_too_few, two, ALL(4) },
	{ "MP seq_cst data, relaxed flag", mp_sc_x, two, ALL(4) },
	{ "MP release-acquire", mp_ra, two, BUT(4, FLAG_ONLY) },
	{ "MP fences", mp_fences, two, BUT(4, FLAG_ONLY) },
	{ "MP release fence", mp_release_fence, two, BUT(4, FLAG_ONLY) },
	{ "MP acquire fence", mp_acquire_fence, two, BUT(4, FLAG_ONLY) },
	{ "LB relaxed, without load buffering", lb, two, BUT(4, 3) },
	{ "IRIW release-acquire", iriw_ra, four, ALL(16) },
	{ "IRIW seq_cst", iriw_sc, four, BUT(16, CROSSED) },
	{ "IRIW seq_cst fences", iriw_fences, four, BUT(16, CROSSED) },
	{ "WRC", wrc, two, BUT(4, FLAG_ONLY) },
	{ "WRC relaxed", wrc_relaxed, two, ALL(4) },
	/* (first, second) = 00 01 02 11 12 22 in base 3, the first lowest */
	{ "CoRR", corr, base_3, 1 | 1 << 3 | 1 << 6 | 1 << 4 | 1 << 7 | 1 << 8 },
	/* x, y end as 1 or 2: 11 only if stores of different locations may pass each other */
	{ "2+2W release", w22_release, memory, 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 },
	{ "2+2W seq_cst", w22_sc, memory, 1 << 5 | 1 << 7 | 1 << 8 },
	{ "release sequence by rmw", rs_sequence, seen_once, 1 },
	{ "no release sequence by store", rs_own_store, seen_once, 3 },
	{ "fetch_add", adds, two, 1 << 1 | 1 << 2 },
	{ "compare_exchange", cas, two, 1 << 1 | 1 << 2 },
	{ "lock", lock, two, 1 << 1 | 1 << 2 },
	{ "token", token, two, 1 << 1 },
	{ "futex", futex, two, 1 << 1 },
	{ "pause", pause, two, 1 << 1 },
	{ 0 },
};
