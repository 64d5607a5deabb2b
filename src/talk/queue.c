/* queue.c - records of bytes, bounded, with an end, handed over exactly once.  Its last part, the
 * end and the counting of what is done, is in queue_end.c.
 *
 * First in, first out lies in a ring, which has two ends, each with its lock.  A put or get that
 * need not wait, and wakes nobody, goes the short way, with the lock of its end alone.  All else
 * holds both locks, and is as if there were one: the lists of those who wait, and `state`, which
 * tells the short ways of them, change only then.  Any other order lies in a pile, which has no
 * short ways and one lock: "both locks" is then this one, and "the ring" the pile.
 *
 * Invariants, whenever nobody holds both: where a getter waits the ring is empty and the queue is
 * not ended; where a putter waits the ring holds `capacity` records.  A put gives its item to a
 * waiting getter directly; a get moves the oldest waiting putter's item into the place that it
 * freed.  The hand-over happens between claim and finish, so an item goes to a strand that will
 * return with it, also when its deadline or a cancel strikes at the same time (W2), and a select
 * commits one branch only.
 *
 * Who may close the queue after an end or a last item does so with both locks held, the lock of the
 * taking end first; so whoever is still inside lets go of that one last (W6). */
#include "talk/queue.h"
#include "base/mem.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CAPACITY = 1024, MAX_ITEM = 4096, HOPE = 16, MOST_HOPE = 64 * HOPE };

static uint32_t state(struct tl_queue *q)
{
	return atomic_load_explicit(&q->state, memory_order_relaxed);
}

static bool has_ended(struct tl_queue *q) { return state(q) & QUEUE_ENDED; }

void queue_lock(struct tl_queue *q)
{
	if (queue_piled(q))
		biased_lock(&q->ring.out.lock, loop_here);
	else
		ring_lock(&q->ring, loop_here);
}

void queue_unlock(struct tl_queue *q)
{
	uint32_t now = (state(q) & (QUEUE_ENDED | QUEUE_PILED)) |
		       (list_empty(&q->getters) ? 0 : QUEUE_GETTERS) |
		       (list_empty(&q->putters) ? 0 : QUEUE_PUTTERS);

	if (now != state(q))
		atomic_store_explicit(&q->state, now, memory_order_relaxed);
	if (now & QUEUE_PILED)
		biased_unlock(&q->ring.out.lock);
	else
		ring_unlock(&q->ring);
}

int tl_queue_open(tl_queue **ret, const tl_queue_opts *o)
{
	static const tl_queue_opts none;
	tl_queue *q;

	strand_self();
	o = o ? o : &none;
	if (!RESERVED_ZERO(o) || o->max_item > INT_MAX || (o->lifo && o->order))
		return -EINVAL;
	q = mem_zalloc_lines(sizeof *q);
	if (!q)
		return -ENOMEM;
	list_init(&q->getters);
	list_init(&q->putters);
	list_init(&q->joiners);
	q->capacity = o->capacity ? o->capacity : CAPACITY;
	q->max_item = o->max_item ? o->max_item : MAX_ITEM;
	q->short_size = q->max_item + 1;
	q->get_hope = q->put_hope = HOPE;
	if (o->lifo || o->order) {
		q->state = QUEUE_PILED;
		q->pile.order = o->order;
		q->short_size = 0;
	}
	if (o->name)
		snprintf(q->name, sizeof q->name, "%s", o->name);
	*ret = q;
	return 0;
}

tl_queue *tl_queue_close(tl_queue *q)
{
	bool waited;

	if (!q)
		return NULL;
	if (q->closing)
		q->closing(q->closing_arg);
	queue_lock(q);
	waited = !list_empty(&q->getters) || !list_empty(&q->putters) || !list_empty(&q->joiners);
	queue_unlock(q);
	if (waited) {
		report(TL_R_MISUSE, strand_self(), -EBUSY,
			"closes queue '%s' while strands wait in it", q->name);
		tl_queue_end(q);
		return NULL; /* leaked, rather than pulled from under them */
	}
	ring_free(&q->ring);
	pile_free(&q->pile);
	mem_free(q);
	return NULL;
}

/* -- with both locks held: the records, wherever they lie */

static size_t count(struct tl_queue *q) { return queue_piled(q) ? q->pile.n : ring_n(&q->ring); }

static bool any(struct tl_queue *q) { return queue_piled(q) ? q->pile.n : ring_any(&q->ring); }

static int store(struct tl_queue *q, const void *item, size_t size)
{
	int r;

	if (queue_piled(q))
		return pile_put(&q->pile, item, size);
	r = ring_room(&q->ring, size);
	if (r == 0)
		ring_put(&q->ring, item, size);
	return r;
}

static size_t peek(struct tl_queue *q)
{
	return queue_piled(q) ? pile_peek(&q->pile) : ring_peek(&q->ring);
}

static void take(struct tl_queue *q, void *buf)
{
	if (queue_piled(q))
		pile_take(&q->pile, buf);
	else
		ring_take(&q->ring, buf);
}

/* -- with both locks held.  A strand that is woken is left in *woken, for let_go after unlock */

struct woken {
	struct parker *who;
	enum wait_claim how;
};

static void let_go(struct woken *w)
{
	if (w->how != WAIT_LOST)
		wait_finish(w->who, w->how);
}

/* The oldest of list that has not left, claimed; NULL: none. */
static struct waiter *claim(struct node *list, struct woken *woken)
{
	struct node *n;

	while ((n = list_pop(list))) {
		struct waiter *w = container_of(n, struct waiter, link);

		woken->who = w->who;
		woken->how = wait_claim(w);
		if (woken->how != WAIT_LOST)
			return w;
	}
	woken->how = WAIT_LOST;
	return NULL;
}

static void count_handed(struct tl_queue *q)
{
	size_t n = atomic_load_explicit(&q->handed, memory_order_relaxed);

	atomic_store_explicit(&q->handed, n + 1, memory_order_relaxed);
}

/* To the oldest getter whose buffer it fits; those with smaller ones hear of it. */
static bool hand_over(struct tl_queue *q, const void *item, size_t size, struct woken *woken)
{
	struct waiter *w;

	while ((w = claim(&q->getters, woken))) {
		if (size <= w->size) {
			if (size)
				memcpy(w->data, item, size);
			w->result = (int)size;
			count_handed(q);
			return true;
		}
		w->result = -EMSGSIZE;
		let_go(woken);
	}
	return false;
}

static int put_now(struct tl_queue *q, const void *item, size_t size, struct woken *woken)
{
	woken->how = WAIT_LOST;
	if (size > q->max_item)
		return -EMSGSIZE;
	if (has_ended(q))
		return -EPIPE;
	if (hand_over(q, item, size, woken))
		return 0;
	return count(q) < q->capacity ? store(q, item, size) : -EAGAIN;
}

/* A place is free: the oldest waiting putter's item moves in. */
static void admit_putter(struct tl_queue *q, struct woken *woken)
{
	struct waiter *w;

	while ((w = claim(&q->putters, woken))) {
		w->result = store(q, w->data, w->size);
		if (w->result == 0)
			return;
		let_go(woken); /* no memory for it: the place is the next one's */
	}
}

static int get_now(struct tl_queue *q, void *buf, size_t cap, struct woken *woken)
{
	size_t size;

	woken->how = WAIT_LOST;
	if (!any(q))
		return has_ended(q) ? -EPIPE : -EAGAIN;
	size = peek(q);
	if (size > cap)
		return -EMSGSIZE;
	take(q, buf);
	admit_putter(q, woken);
	return (int)size;
}

/* -- the short ways.  -EAGAIN: it would have to wait; LONG: both locks are needed to tell */

enum { LONG = INT_MIN };

static __attribute__((noinline)) int put_at_once(struct tl_queue *q, const void *item, size_t size)
{
	struct woken woken;
	int r;

	queue_lock(q);
	r = put_now(q, item, size, &woken);
	queue_unlock(q);
	let_go(&woken);
	return r;
}

static inline int put_short(struct tl_queue *q, const void *item, size_t size)
{
	struct ring *g = &q->ring;
	int r = LONG;

	if (__builtin_expect(size >= q->short_size, 0))
		return put_at_once(q, item, size);
	biased_lock(&g->in.lock, loop_here);
	if (!state(q) && !hostile_odd()) {
		if (ring_fits(g, q->capacity, size)) {
			ring_put(g, item, size);
			r = 0;
		} else if (g->in.n - g->in.seen_n >= q->capacity) {
			r = -EAGAIN;
		}
	}
	biased_unlock(&g->in.lock);
	return r;
}

/* From a pile, with its lock held, which is released. */
static __attribute__((noinline)) int get_piled(struct tl_queue *q, void *buf, size_t cap)
{
	struct woken woken;
	int r = get_now(q, buf, cap, &woken);

	queue_unlock(q);
	let_go(&woken);
	return r;
}

static inline int get_short(struct tl_queue *q, void *buf, size_t cap)
{
	struct ring *g = &q->ring;
	size_t size;
	int r = LONG;

	biased_lock(&g->out.lock, loop_here);
	if (__builtin_expect(!(state(q) & (QUEUE_PUTTERS | QUEUE_PILED)), 1) && !hostile_odd()) {
		if (__builtin_expect(!ring_any(g), 0))
			r = state(q) & QUEUE_ENDED ? -EPIPE : -EAGAIN;
		else if (__builtin_expect((size = ring_peek(g)) > cap, 0))
			r = -EMSGSIZE;
		else
			r = (int)size, ring_take(g, buf);
	} else if (state(q) & QUEUE_PILED) {
		return get_piled(q, buf, cap);
	}
	biased_unlock(&g->out.lock);
	return r;
}

void queue_put_once(struct tl_queue *q, const void *item, size_t size)
{
	struct woken woken = { .how = WAIT_LOST };

	queue_lock(q);
	if (!ring_holds(&q->ring, item, size))
		put_now(q, item, size, &woken);
	queue_unlock(q);
	let_go(&woken);
}

/* -- waiting */

bool queue_enlist(struct tl_queue *q, struct waiter *w, bool get)
{
	bool in;

	queue_lock(q);
	in = !has_ended(q) &&
	     (get ? !count(q) : count(q) >= q->capacity && list_empty(&q->getters));
	if (in)
		list_append(get ? &q->getters : &q->putters, &w->link);
	queue_unlock(q);
	return in;
}

void queue_withdraw(struct tl_queue *q, struct waiter *w)
{
	queue_lock(q);
	list_remove(&w->link);
	queue_unlock(q);
}

/* With both locks held, which are released: see wait_park. */
static int park(struct tl_queue *q, struct node *list, struct waiter *w, tl_time deadline)
{
	int r;

	w->who = wait_me;
	wait_begin();
	list_append(list, &w->link);
	queue_unlock(q);
	r = wait_block(w, deadline);
	if (r == 0)
		return w->result;
	queue_withdraw(q, w);
	return r;
}

/* Is it worth trying again?  Also when there is no point in lingering. */
static bool astir(struct tl_queue *q) { return state(q) & ~(uint32_t)QUEUE_PILED; }

static size_t seems(struct tl_queue *q)
{
	return queue_piled(q) ? pile_count(&q->pile) : ring_seems(&q->ring);
}

static bool may_put(void *arg)
{
	struct tl_queue *q = arg;

	return astir(q) || seems(q) < q->capacity;
}

static bool may_get(void *arg)
{
	struct tl_queue *q = arg;

	return astir(q) || seems(q);
}

/* To wait in the list and be woken costs more than to let the others of this loop run, or to watch
 * for a moment what other threads do, and then to find it done.  How many turns of that are worth
 * it is learnt, in parts of HOPE; where none is, one is tried now and then.  True: try again. */
static bool linger(struct tl_queue *q, _Atomic uint32_t *hope, bool (*may)(void *q))
{
	uint32_t was = atomic_load_explicit(hope, memory_order_relaxed), now;
	struct loop *l = loop_here;
	bool found = may(q);

	for (uint32_t turns = was / HOPE; !found && turns > 0; turns--) {
		if (l->first)
			loop_yield(l);
		else if (!watch_for(l, may, q))
			break;
		found = may(q);
	}
	now = found ? was + HOPE : was < HOPE ? was + 1 : was / 2;
	if (now != was && now <= MOST_HOPE)
		atomic_store_explicit(hope, now, memory_order_relaxed);
	return found;
}

static bool goes_long(int r, tl_time deadline)
{
	return r == LONG || (r == -EAGAIN && deadline.ns != TL_POLL.ns);
}

static __attribute__((noinline)) int put_long(
	struct tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	struct waiter w = { .what = "queue put", .object = q, .data = (void *)item, .size = size };
	struct woken woken;
	int r;

	if (deadline.ns != TL_POLL.ns && linger(q, &q->put_hope, may_put)) {
		r = put_short(q, item, size);
		if (!goes_long(r, deadline))
			return r;
	}
	queue_lock(q);
	r = put_now(q, item, size, &woken);
	if (r == -EAGAIN && deadline.ns != TL_POLL.ns)
		return park(q, &q->putters, &w, deadline);
	queue_unlock(q);
	let_go(&woken);
	return r;
}

static __attribute__((noinline)) int get_long(
	struct tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	struct waiter w = { .what = "queue get", .object = q, .data = buf, .size = cap };
	struct woken woken;
	int r;

	if (deadline.ns != TL_POLL.ns && linger(q, &q->get_hope, may_get)) {
		r = get_short(q, buf, cap);
		if (!goes_long(r, deadline))
			return r;
	}
	queue_lock(q);
	r = get_now(q, buf, cap, &woken);
	if (r == -EAGAIN && deadline.ns != TL_POLL.ns)
		return park(q, &q->getters, &w, deadline);
	queue_unlock(q);
	let_go(&woken);
	return r;
}

int tl_queue_put(tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	int r;

	if (deadline.ns != TL_POLL.ns && (r = strand_checkpoint(strand_self())) < 0)
		return r;
	r = put_short(q, item, size);
	if (__builtin_expect(r == 0, 1))
		return 0;
	return goes_long(r, deadline) ? put_long(q, item, size, deadline) : r;
}

int tl_queue_get(tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	int r;

	if (deadline.ns != TL_POLL.ns && (r = strand_checkpoint(strand_self())) < 0)
		return r;
	r = get_short(q, buf, cap);
	if (__builtin_expect(r >= 0, 1))
		return r;
	return goes_long(r, deadline) ? get_long(q, buf, cap, deadline) : r;
}
