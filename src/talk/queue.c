/* queue.c - records of bytes, bounded, with an end, handed over exactly once.  Its last part, the
 * end and the counting of what is done, is in queue_end.c; what is done with both locks held, in
 * queue_held.c.
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
 * taking end first; so whoever is still inside lets go of that one last (W6).  Who lets go of a
 * lock and will be back is counted first: `away` at its end of the ring, `leaving` where it was
 * taken from a list too late to be woken.  So a close sees everybody whom it must not forget. */
#include "talk/queue.h"
#include "base/mem.h"
#include "talk/shared_queue.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CAPACITY = 1024, MAX_ITEM = 4096, HOPE = 16, MOST_HOPE = 64 * HOPE };

static uint32_t state(struct tl_queue *q)
{
	return atomic_load_explicit(&q->head.state, memory_order_relaxed);
}

int tl_queue_open(tl_queue **ret, const tl_queue_opts *o)
{
	static const tl_queue_opts none;
	tl_queue *q;

	strand_self();
	o = o ? o : &none;
	if (!RESERVED_ZERO(o) || o->max_item > INT_MAX || (o->lifo && o->order))
		return -EINVAL;
	if (o->shared)
		return shared_queue_open(ret, o);
	q = mem_zalloc_lines(sizeof *q);
	if (!q)
		return -ENOMEM;
	list_init(&q->getters);
	list_init(&q->putters);
	list_init(&q->joiners);
	q->head.capacity = o->capacity ? o->capacity : CAPACITY;
	q->head.max_item = o->max_item ? o->max_item : MAX_ITEM;
	q->head.short_size = q->head.max_item + 1;
	q->get_hope = q->put_hope = HOPE;
	if (o->lifo || o->order) {
		q->head.state = QUEUE_PILED;
		q->pile.order = o->order;
		q->head.short_size = 0;
	}
	if (o->name)
		snprintf(q->head.name, sizeof q->head.name, "%s", o->name);
	*ret = q;
	return 0;
}

/* With both locks held: does anybody wait, or have yet to take a lock of the queue once more? */
static bool anybody(const struct tl_queue *q)
{
	return !list_empty(&q->getters) || !list_empty(&q->putters) || !list_empty(&q->joiners) ||
	       q->ring.in.away || q->ring.out.away || q->leaving;
}

tl_queue *tl_queue_close(tl_queue *q)
{
	bool used;

	if (!q)
		return NULL;
	if (queue_shared(q))
		return shared_queue_close(shared_of(q)), NULL;
	if (q->closing)
		q->closing(q->closing_arg);
	queue_lock(q);
	used = anybody(q);
	queue_unlock(q);
	if (used) {
		report(TL_R_MISUSE, strand_self(), -EBUSY,
			"closes queue '%s' while strands wait in it", q->head.name);
		tl_queue_end(q);
		return NULL; /* leaked, rather than pulled from under them */
	}
	ring_free(&q->ring);
	pile_free(&q->pile);
	mem_free(q);
	return NULL;
}

/* -- the short ways.  -EAGAIN: it would have to wait; LONG: both locks are needed to tell */

enum { LONG = INT_MIN };

static inline bool goes_long(int r, tl_time deadline)
{
	return r == LONG || (r == -EAGAIN && deadline.ns != TL_POLL.ns);
}

/* With the lock of that end held.  One that goes the long way is away from then until it has the
 * lock again. */
static inline int leave_end(struct ring_end *end, int r, tl_time deadline)
{
	end->away += goes_long(r, deadline);
	return r;
}

/* With the lock of that end of a ring held. */
static inline int put_in(struct tl_queue *q, const void *item, size_t size)
{
	struct ring *g = &q->ring;

	if (state(q) || hostile_odd())
		return LONG;
	if (ring_fits(g, q->head.capacity, size)) {
		ring_put(g, item, size);
		return 0;
	}
	return g->in.n - g->in.seen_n >= q->head.capacity ? -EAGAIN : LONG;
}

static inline int take_out(struct tl_queue *q, void *buf, size_t cap)
{
	struct ring *g = &q->ring;
	size_t size;

	if (__builtin_expect(state(q) & QUEUE_PUTTERS, 0) || hostile_odd())
		return LONG;
	if (__builtin_expect(!ring_any(g), 0))
		return state(q) & QUEUE_ENDED ? -EPIPE : -EAGAIN;
	size = ring_peek(g);
	if (__builtin_expect(size > cap, 0))
		return -EMSGSIZE;
	ring_take(g, buf);
	return (int)size;
}

static __attribute__((noinline)) int put_at_once(
	struct tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	struct node won;
	int r;

	list_init(&won);
	queue_lock(q);
	r = leave_end(&q->ring.in, queue_put_now(q, item, size, &won), deadline);
	queue_unlock(q);
	wait_let_go(&won);
	return r;
}

static inline int put_short(struct tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	struct ring_end *in = &q->ring.in;
	int r;

	if (__builtin_expect(size >= q->head.short_size, 0))
		return put_at_once(q, item, size, deadline);
	biased_lock(&in->lock, loop_here);
	r = put_in(q, item, size);
	if (__builtin_expect(r != 0, 0))
		leave_end(in, r, deadline);
	biased_unlock(&in->lock);
	return r;
}

/* From a pile, with its lock held, which is released. */
static __attribute__((noinline)) int get_piled(
	struct tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	struct node won;
	int r;

	list_init(&won);
	r = leave_end(&q->ring.out, queue_get_now(q, buf, cap, &won), deadline);
	queue_unlock(q);
	wait_let_go(&won);
	return r;
}

static inline int get_short(struct tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	struct ring_end *out = &q->ring.out;
	int r;

	biased_lock(&out->lock, loop_here);
	if (__builtin_expect(queue_piled(q), 0))
		return get_piled(q, buf, cap, deadline);
	r = take_out(q, buf, cap);
	if (__builtin_expect(r < 0, 0))
		leave_end(out, r, deadline);
	biased_unlock(&out->lock);
	return r;
}

/* -- waiting */

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

	return astir(q) || seems(q) < q->head.capacity;
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

/* The short way again, by one that is away. */
static inline int again(struct tl_queue *q, bool get, void *item, size_t size, struct ring_end *end,
	tl_time deadline)
{
	int r;

	biased_lock(&end->lock, loop_here);
	r = get ? take_out(q, item, size) : put_in(q, item, size);
	end->away -= !goes_long(r, deadline);
	biased_unlock(&end->lock);
	return r;
}

/* The rest of a call that is away.  get is known where this is compiled. */
static inline __attribute__((always_inline)) int go_long(
	struct tl_queue *q, bool get, void *item, size_t size, tl_time deadline)
{
	struct waiter w = {
		.what = get ? "queue get" : "queue put", .object = q, .data = item, .size = size
	};
	struct ring_end *end = get ? &q->ring.out : &q->ring.in;
	bool waits = deadline.ns != TL_POLL.ns;
	struct node won;
	int r;

	if (waits && linger(q, get ? &q->get_hope : &q->put_hope, get ? may_get : may_put) &&
		!queue_piled(q)) {
		r = again(q, get, item, size, end, deadline);
		if (!goes_long(r, deadline))
			return r;
	}
	list_init(&won);
	queue_lock(q);
	end->away--;
	r = get ? queue_get_now(q, item, size, &won) : queue_put_now(q, item, size, &won);
	if (r == -EAGAIN && waits)
		return park(q, get ? &q->getters : &q->putters, &w, deadline);
	queue_unlock(q);
	wait_let_go(&won);
	return r;
}

static __attribute__((noinline)) int put_long(
	struct tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	return go_long(q, false, (void *)item, size, deadline);
}

static __attribute__((noinline)) int get_long(
	struct tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	return go_long(q, true, buf, cap, deadline);
}

int tl_queue_put(tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	int r;

	if (deadline.ns != TL_POLL.ns && (r = strand_checkpoint(strand_self())) < 0)
		return r;
	if (__builtin_expect(size >= q->head.short_size, 0) && queue_shared(q))
		return shared_queue_put(q, item, size, NULL, NULL, deadline);
	r = put_short(q, item, size, deadline);
	if (__builtin_expect(r == 0, 1))
		return 0;
	return goes_long(r, deadline) ? put_long(q, item, size, deadline) : r;
}

int tl_queue_get(tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	int r;

	if (deadline.ns != TL_POLL.ns && (r = strand_checkpoint(strand_self())) < 0)
		return r;
	if (__builtin_expect(queue_shared(q), 0))
		return shared_queue_get(q, buf, cap, NULL, NULL, deadline);
	r = get_short(q, buf, cap, deadline);
	if (__builtin_expect(r >= 0, 1))
		return r;
	return goes_long(r, deadline) ? get_long(q, buf, cap, deadline) : r;
}
