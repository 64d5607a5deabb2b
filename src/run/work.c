/* work.c - .anywhere: tasks that have not begun and may begin on any of a few loops.
 *
 * Each loop keeps those that were started on it in a deque.  The loop itself begins the oldest when
 * it has nothing else to run; a join takes its child back from the young end (place.c); a worker,
 * or
 * any loop that starts such tasks, steals old ones from others when it is idle.  So work goes where
 * the queue delay is shortest, namely nil, and a task that has begun never moves.
 *
 * deque.lock guards the deque; deque.n may be read without it.  Workers are threads that only loop,
 * made with the first .anywhere task: one less than the processors it may use, as the starter is
 * the first.  A push wakes one sleeper unless another is already looking. */
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>

enum { FIRST_ROOM = 64, MOST_STOLEN = 64, SHARE = 16, LOOK_NS = 20000 };

static struct crew {
	struct spin lock;
	bool begun;
	unsigned wanted; /* processors, tl_workers */
	_Atomic int idle, looking;
} crew;

/* -- the deque, with its lock held */

static struct strand **slot_in(struct deque *d, uint32_t i) { return &d->at[i & (d->room - 1)]; }

static bool grow(struct deque *d)
{
	uint32_t room = d->room ? d->room * 2 : FIRST_ROOM;
	struct strand **bigger = mem_alloc(room * sizeof *bigger);

	if (!bigger)
		return false;
	for (uint32_t i = d->head; i != d->tail; i++)
		bigger[i & (room - 1)] = *slot_in(d, i);
	mem_free(d->at);
	d->at = bigger;
	d->room = room;
	return true;
}

static void count(struct deque *d)
{
	atomic_store_explicit(&d->n, d->tail - d->head, memory_order_relaxed);
}

static bool push(struct deque *d, struct strand *s)
{
	if (d->tail - d->head == d->room && !grow(d))
		return false;
	*slot_in(d, d->tail++) = s;
	count(d);
	return true;
}

static struct strand *pop_old(struct deque *d)
{
	struct strand *s = d->head != d->tail ? *slot_in(d, d->head++) : NULL;

	count(d);
	return s;
}

/* -- taking */

/* It will begin on l, or not at all. */
static struct strand *adopt(struct loop *l, struct strand *s)
{
	s->loop = l;
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
	bool ours;

	if (!atomic_load_explicit(&d->n, memory_order_relaxed))
		return false;
	spin_lock(&d->lock);
	ours = d->head != d->tail && *slot_in(d, d->tail - 1) == s && fits(me, s);
	if (ours) {
		d->tail--;
		count(d);
	}
	spin_unlock(&d->lock);
	return ours && adopt(l, s);
}

static struct strand *take_own(struct loop *l)
{
	struct deque *d = &l->deque;
	struct strand *s;

	if (!atomic_load_explicit(&d->n, memory_order_relaxed))
		return NULL;
	spin_lock(&d->lock);
	s = pop_old(d);
	spin_unlock(&d->lock);
	return s ? adopt(l, s) : NULL;
}

/* Some of the oldest of one deque move to ours: one of a few, for that may be half of all the work
 * there is, and many of many. */
static bool rob(struct loop *victim, void *arg)
{
	struct loop *l = arg;
	struct deque *d = &victim->deque;
	struct strand *loot[MOST_STOLEN];
	uint32_t n = 0, share;

	if (victim == l || !atomic_load_explicit(&d->n, memory_order_relaxed) ||
		!spin_try(&d->lock))
		return true;
	share = (d->tail - d->head) / SHARE + 1;
	while (n < share && n < MOST_STOLEN && d->head != d->tail)
		loot[n++] = pop_old(d);
	spin_unlock(&d->lock);
	spin_lock(&l->deque.lock);
	for (uint32_t i = 0; i < n; i++)
		if (!push(&l->deque, loot[i])) {
			loot[i]->anywhere = false; /* no memory: pinned, then */
			if (adopt(l, loot[i]))
				loop_ready(&loot[i]->park);
		}
	spin_unlock(&l->deque.lock);
	return n == 0;
}

struct strand *work_take(struct loop *l)
{
	struct strand *s = take_own(l);

	if (!s && l->takes && !loop_each(rob, l))
		s = take_own(l);
	return s;
}

/* -- workers */

static int work(void *arg)
{
	(void)arg;
	loop_here->takes = true;
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
	crew.begun = true;
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

	if (!l->takes)
		return false;
	if (atomic_fetch_add_explicit(&crew.looking, 1, memory_order_seq_cst) == 0) {
		until = plat_now() + LOOK_NS;
		while (!found && plat_now() < until) {
			for (unsigned i = 0; i < 50; i++)
				plat_relax();
			found = !loop_quiet(l) || !loop_each(rob, l);
		}
	}
	atomic_fetch_sub_explicit(&crew.looking, 1, memory_order_seq_cst);
	return found;
}

/* It is idle no more, by its own doing or a rouser's: whoever comes first. */
static bool stir(struct loop *l)
{
	if (!atomic_exchange_explicit(&l->idle, false, memory_order_seq_cst))
		return false;
	atomic_fetch_sub_explicit(&crew.idle, 1, memory_order_seq_cst);
	return true;
}

/* About to sleep: say so, then look once more.  The heavy barrier pairs with the light one in
 * work_push: either its task is seen here, or our idleness there.  True: there is work. */
bool work_rest(struct loop *l)
{
	if (!l->takes)
		return false;
	atomic_fetch_add_explicit(&crew.idle, 1, memory_order_seq_cst);
	atomic_store_explicit(&l->idle, true, memory_order_seq_cst);
	plat_barrier_heavy();
	if (loop_each(rob, l))
		return false;
	stir(l);
	return true;
}

void work_up(struct loop *l)
{
	if (l->takes)
		stir(l);
}

static bool rouse(struct loop *l, void *arg)
{
	(void)arg;
	if (!l->takes || !stir(l))
		return true;
	loop_wake(l);
	return false;
}

void work_push(struct loop *l, struct strand *s)
{
	bool in;

	if (!crew.begun)
		begin();
	s->anywhere = true;
	l->takes = true;
	spin_lock(&l->deque.lock);
	in = push(&l->deque, s);
	spin_unlock(&l->deque.lock);
	if (!in) {
		s->anywhere = false;
		if (adopt(l, s))
			loop_ready(&s->park);
		return;
	}
	plat_barrier_light();
	if (atomic_load_explicit(&crew.idle, memory_order_relaxed) > 0 &&
		atomic_load_explicit(&crew.looking, memory_order_relaxed) == 0)
		loop_each(rouse, NULL);
}

void work_forked(void) { crew = (struct crew){ .wanted = crew.wanted }; }
