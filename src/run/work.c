/* work.c - .anywhere: tasks that have not begun and may begin on any of a few loops.
 *
 * Each loop keeps those that were started on it in a deque.  The loop itself begins the oldest when
 * it has nothing else to run; a join takes its child back from the young end (place.c); a worker,
 * or any loop that starts such tasks, steals old ones from others when it is idle.  So work goes
 * where the queue delay is shortest, namely nil, and a task that has begun never moves.
 *
 * The deque: tail is its owner's, who puts in and takes back there without a lock; head is moved
 * under deque.lock.  Both ends meet at the last few: the owner lowers tail and then reads head, a
 * thief raises head and then reads tail, with the halves of the asymmetric barrier between.  An
 * owner that finds head beyond its claim looks again under the lock; a thief that finds tail below
 * its own gives back the excess (W26).  Source: Frigo, Leiserson, Randall, "The Implementation of
 * the Cilk-5 Multithreaded Language", 1998, section 5: the THE protocol.
 *
 * Workers are threads that only loop, made with the first .anywhere task: one less than the
 * processors it may use, as the starter is the first.  A push wakes one sleeper unless another is
 * already looking. */
#include "base/mem.h"
#include "run/bias.h"
#include <errno.h>

enum { FIRST_ROOM = 256, MOST_STOLEN = 64, SHARE = 16 };
enum { LOOK_NS = 20000, TINY_NS = 1000, SHY_FIRST = 50000, SHY_MOST = 400000, CROWD = 8 };

static struct crew {
	struct spin lock;
	bool begun;      /* shown */
	unsigned wanted; /* processors, tl_workers */
	_Atomic int idle, looking;
} crew;

/* -- the deque */

static struct strand *_Atomic *slot_in(struct deque *d, uint32_t i)
{
	return &d->at[i & (d->room - 1)];
}

static struct strand *entry(struct deque *d, uint32_t i)
{
	return atomic_load_explicit(slot_in(d, i), memory_order_relaxed);
}

static uint32_t head_of(const struct deque *d)
{
	return atomic_load_explicit(&d->head, memory_order_acquire);
}

static uint32_t tail_of(const struct deque *d)
{
	return atomic_load_explicit(&d->tail, memory_order_acquire);
}

static bool empty(const struct deque *d) { return head_of(d) == tail_of(d); }

/* Its owner, without the lock: thieves look at the old entries meanwhile. */
static bool grow(struct deque *d)
{
	uint32_t room = d->room ? d->room * 2 : FIRST_ROOM, tail = tail_of(d);
	struct strand *_Atomic *bigger = mem_alloc(room * sizeof *bigger), *_Atomic * old;

	if (!bigger)
		return false;
	spin_lock(&d->lock);
	for (uint32_t i = head_of(d); i != tail; i++)
		atomic_store_explicit(&bigger[i & (room - 1)], entry(d, i), memory_order_relaxed);
	old = d->at;
	d->at = bigger;
	d->room = room;
	spin_unlock(&d->lock);
	mem_free(old);
	return true;
}

/* A thief that has raised head still reads up to MOST_STOLEN entries below it. */
static bool push(struct deque *d, struct strand *s)
{
	uint32_t tail = atomic_load_explicit(&d->tail, memory_order_relaxed);

	if ((int32_t)(tail - head_of(d)) >= (int32_t)d->room - MOST_STOLEN && !grow(d))
		return false;
	atomic_store_explicit(slot_in(d, tail), s, memory_order_relaxed);
	atomic_store_explicit(&d->tail, tail + 1, memory_order_release);
	return true;
}

/* Its owner takes the youngest, if that is s. */
static bool pop_young(struct deque *d, const struct strand *s)
{
	uint32_t tail = atomic_load_explicit(&d->tail, memory_order_relaxed) - 1;
	bool ours;

	if (head_of(d) == tail + 1 || entry(d, tail) != s)
		return false;
	atomic_store_explicit(&d->tail, tail, memory_order_relaxed);
	plat_barrier_light();
	ours = (int32_t)(head_of(d) - tail) <= 0;
	if (!ours) {
		spin_lock(&d->lock);
		ours = (int32_t)(head_of(d) - tail) <= 0;
		if (!ours)
			atomic_store_explicit(&d->tail, tail + 1, memory_order_relaxed);
		spin_unlock(&d->lock);
	}
	return ours;
}

/* Some of the oldest, with the lock held: one of a few, for that may be half of all the work there
 * is, and many of many.  mine: the caller is the owner. */
static uint32_t pop_old(struct deque *d, struct strand **loot, bool mine)
{
	uint32_t head = head_of(d), n = tail_of(d) - head, left;

	if ((int32_t)n <= 0)
		return 0;
	n = n / SHARE + 1 < MOST_STOLEN ? n / SHARE + 1 : MOST_STOLEN;
	if (!mine) {
		atomic_store_explicit(&d->head, head + n, memory_order_release);
		plat_barrier_heavy();
		left = tail_of(d) - head;
		n = (int32_t)left <= 0 ? 0 : left < n ? left : n;
	}
	for (uint32_t i = 0; i < n; i++)
		loot[i] = entry(d, head + i);
	atomic_store_explicit(&d->head, head + n, memory_order_release);
	return n;
}

/* -- waking */

/* It is idle no more, by its own doing or a rouser's: whoever comes first. */
static bool stir(struct loop *l)
{
	if (!atomic_exchange_explicit(&l->idle, false, memory_order_seq_cst))
		return false;
	atomic_fetch_sub_explicit(&crew.idle, 1, memory_order_seq_cst);
	return true;
}

static bool rouse(struct loop *l, void *arg)
{
	(void)arg;
	if (!LOOK(l->takes) || !stir(l))
		return true;
	loop_wake(l);
	return false;
}

/* Something was put into a deque: one sleeper, unless another is already looking. The barrier pairs
 * with the heavy one in work_rest. */
static void rouse_one(void)
{
	plat_barrier_light();
	if (atomic_load_explicit(&crew.idle, memory_order_relaxed) > 0 &&
		atomic_load_explicit(&crew.looking, memory_order_relaxed) == 0)
		loop_each(rouse, NULL);
}

/* -- taking */

/* It will begin on l, or not at all. */
static struct strand *adopt(struct loop *l, struct strand *s)
{
	SHOW(s->loop, l);
	if (timer_room(l) == 0)
		return s;
	strand_end(s, -ENOMEM);
	return NULL;
}

bool work_claim(struct strand *me, struct strand *s,
	bool (*fits)(const struct strand *me, const struct strand *s))
{
	struct loop *l = me->loop;
	struct deque *d = &l->deque;

	if (empty(d) || hostile_odd() || !pop_young(d, s))
		return false;
	if (fits(me, s))
		return adopt(l, s);
	push(d, s); /* its place is still free */
	return false;
}

/* They begin here, in the order in which they came. */
static void keep(struct loop *l, struct strand **loot, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (adopt(l, loot[i]))
			loop_ready(&loot[i]->park);
}

struct search {
	struct loop *l;
	struct strand **loot;
	uint32_t n;
	bool sure; /* wait for a victim's lock */
	bool more; /* the victim has others yet */
};

static bool rob(struct loop *victim, void *arg)
{
	struct search *s = arg;
	struct deque *d = &victim->deque;

	if (victim == s->l || empty(d))
		return true;
	if (s->sure)
		spin_lock(&d->lock);
	else if (!spin_try(&d->lock))
		return true;
	s->n = pop_old(d, s->loot, false);
	s->more = !empty(d);
	spin_unlock(&d->lock);
	return s->n == 0;
}

/* The loot is done.  Tasks that run shorter than their records and their scope need to travel from
 * one processor to the other and back are better left to their owner, if there are crowds of them:
 * the thief keeps away for a while, longer each time.  (A single short one is what remains of a
 * tree, and the next may be a large branch.) */
static void reckon(struct loop *l, int64_t now)
{
	if (!l->stolen)
		return;
	if (now - l->stolen_at > l->stolen * TINY_NS)
		l->shy = 0;
	else if (l->stolen >= CROWD)
		l->shy = l->shy ? (l->shy * 2 < SHY_MOST ? l->shy * 2 : SHY_MOST) : SHY_FIRST;
	l->shy_until = l->shy ? now + l->shy : 0;
	l->stolen = 0;
}

/* What is stolen can be stolen again, but for the first, which begins now. */
static bool steal(struct loop *l, bool sure)
{
	struct strand *loot[MOST_STOLEN];
	struct search s = { .l = l, .loot = loot, .sure = sure };
	int64_t now = l->stolen || l->shy ? plat_now() : 0;

	reckon(l, now);
	if (now < l->shy_until || loop_each(rob, &s))
		return false;
	l->stolen_at = plat_now();
	l->stolen = s.n;
	keep(l, loot, 1);
	for (uint32_t i = 1; i < s.n; i++)
		if (!push(&l->deque, loot[i]))
			keep(l, &loot[i], 1);
	if (s.more || s.n > 1)
		rouse_one();
	return true;
}

bool work_waits(const struct loop *l) { return l->deque.room && !empty(&l->deque); }

/* Only the lock tells for sure: a thief that took too much may be about to give some back. */
bool work_own(struct loop *l)
{
	struct strand *loot[MOST_STOLEN];
	struct deque *d = &l->deque;
	uint32_t n;

	if (!d->room)
		return false;
	do {
		spin_lock(&d->lock);
		n = pop_old(d, loot, true);
		spin_unlock(&d->lock);
		keep(l, loot, n);
	} while (n && !l->first); /* no memory for these: who sleeps now leaves the others */
	return n > 0;
}

void work_take(struct loop *l)
{
	while (!work_own(l) && l->takes && !l->first && steal(l, false) && !l->first)
		; /* no memory for the first of them: see to the others */
}

/* -- workers */

static int work(void *arg)
{
	(void)arg;
	SHOW(loop_here->takes, true);
	return tl_sleep_until(TL_NEVER);
}

static void hire(unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		thread_hire(work, i);
}

static void begin(void)
{
	unsigned n;

	spin_lock(&crew.lock);
	n = crew.begun ? 0 : crew.wanted ? crew.wanted : (unsigned)plat_cpu_count();
	SHOW(crew.begun, true);
	spin_unlock(&crew.lock);
	hire(n);
}

int tl_workers(unsigned n)
{
	int r = 0;

	spin_lock(&crew.lock);
	if (crew.begun)
		r = -EBUSY;
	else
		crew.wanted = n;
	spin_unlock(&crew.lock);
	return r;
}

/* Nothing to do: look around for a while, one worker at a time.  True: there may be something. */
bool work_look(struct loop *l)
{
	int64_t until;
	bool found = false;

	if (!l->takes || l->shy)
		return false;
	if (atomic_fetch_add_explicit(&crew.looking, 1, memory_order_seq_cst) == 0) {
		until = plat_now() + LOOK_NS;
		while (!found && plat_now() < until) {
			for (unsigned i = 0; i < 50; i++)
				plat_relax();
			found = !loop_quiet(l) || steal(l, false);
		}
	}
	atomic_fetch_sub_explicit(&crew.looking, 1, memory_order_seq_cst);
	if (found) /* meanwhile others were not woken because of us */
		rouse_one();
	return found;
}

/* About to sleep, until *until: say so, then look once more.  A thief that keeps away sleeps for no
 * longer than that, and is not to be roused.  The heavy barrier pairs with the light one in
 * rouse_one: either its task is seen here, or our idleness there.  True: there is work. */
bool work_rest(struct loop *l, int64_t *until)
{
	l->rests = false;
	if (!l->takes)
		return false;
	if (l->shy && plat_now() < l->shy_until) {
		*until = *until && *until < l->shy_until ? *until : l->shy_until;
		return false;
	}
	l->rests = true;
	atomic_fetch_add_explicit(&crew.idle, 1, memory_order_seq_cst);
	atomic_store_explicit(&l->idle, true, memory_order_seq_cst);
	plat_barrier_heavy();
	if (!steal(l, true))
		return false;
	stir(l);
	return true;
}

/* Has somebody taken back our idleness since?  If that was before `sleeping` was set there is no
 * kick to come (a Dekker pair: idle and sleeping, both seq_cst). */
bool work_roused(const struct loop *l)
{
	return l->rests && !atomic_load_explicit(&l->idle, memory_order_seq_cst);
}

void work_up(struct loop *l)
{
	if (l->takes)
		stir(l);
}

void work_push(struct loop *l, struct strand *s)
{
	if (!LOOK(crew.begun))
		begin();
	SHOW(l->takes, true);
	loop_touch(l);
	if (!push(&l->deque, s)) {
		keep(l, &s, 1); /* no memory: here, then */
		return;
	}
	rouse_one();
}

void work_forked(void) { crew = (struct crew){ .wanted = crew.wanted }; }
