/* shared_queue.c - putting and getting across processes, so that who is killed at any instruction
 * has put or taken a record or has not, keeps nobody from going on, and loses nothing of others.
 *
 * Who holds an end's lock may work at it.  The lock names a process; who finds that one dead takes
 * it over.  That needs no repair but one, because each change is one store (W70, W71):
 *
 *	in.n-th slot's header   commits a put: the bytes and the block's owner come before
 *	in.n                    repeats it: who takes the lock from the dead does so for him
 *	out.n                   commits a get: the bytes were copied before
 *	head.state              commits the end, and a drop: what is in it then is not got any more
 *
 * Who waits listens to a bell (bell.h): getters to `gets`, which a put rings, putters to `puts`,
 * which a get rings.  end takes in's lock, so a put either came before it or is refused (W72).
 *
 * Lengths and numbers in the window are read once and checked: another process may have a bug. */
#include "talk/shared_queue.h"
#include <errno.h>
#include <sched.h>
#include <string.h>

/* -- the ends' locks */

static bool seize(struct shared_end *e, uint32_t from)
{
	return atomic_compare_exchange_strong_explicit(&e->holder, &from, window_participant(),
		memory_order_acquire, memory_order_relaxed);
}

static bool holder_gone(struct shared_queue *q, struct shared_end *e, uint32_t *holder)
{
	*holder = atomic_load_explicit(&e->holder, memory_order_relaxed);
	return *holder && window_gone(q, *holder);
}

/* A put that was committed may lack its last store.  True: one that was not is lost. */
static bool mend(struct shared_queue *q, struct shared_end *e)
{
	size_t n = atomic_load_explicit(&e->n, memory_order_relaxed);

	if (e != &q->in)
		return false;
	if (shared_record(q, n))
		atomic_store_explicit(&e->n, ++n, memory_order_release);
	return e->begun == shared_tag(n);
}

static int from_dead(struct shared_queue *q, struct shared_end *e)
{
	return mend(q, e) ? SHARED_FROM_DEAD : 0;
}

enum { RELAX = 100, POLLS = 116 /* some milliseconds */ };

/* Who may not wait still gives a holder at work, or one that has lost its processor, its moment. */
static int enter_at_once(struct shared_queue *q, struct shared_end *e)
{
	uint32_t holder;

	for (unsigned turn = 0; turn < POLLS;) {
		if (seize(e, 0))
			return 0;
		if (turn >= RELAX && holder_gone(q, e, &holder) && seize(e, holder))
			return from_dead(q, e);
		spin_pause(&turn);
	}
	return -EAGAIN;
}

static __attribute__((noinline)) int enter_late(
	struct shared_queue *q, struct shared_end *e, tl_time deadline)
{
	uint32_t heard, holder;
	int r = 0;

	if (deadline.ns == TL_POLL.ns)
		return enter_at_once(q, e);
	for (unsigned turn = 0; turn < RELAX; turn++) {
		plat_relax();
		if (!atomic_load_explicit(&e->holder, memory_order_relaxed) && seize(e, 0))
			return 0;
	}
	while (r >= 0) {
		heard = bell_listen(&e->door);
		if (seize(e, 0))
			return 0;
		if (holder_gone(q, e, &holder) && seize(e, holder))
			return from_dead(q, e);
		r = bell_wait(&e->door, heard, "queue lock", q, deadline);
	}
	bell_leave(&e->door);
	bell_ring(&e->door, 1); /* it may have rung for us */
	return r;
}

int shared_enter(struct shared_queue *q, struct shared_end *e, tl_time deadline)
{
	hostile_pause();
	return seize(e, 0) ? 0 : enter_late(q, e, deadline);
}

void shared_hold(struct shared_queue *q, struct shared_end *e)
{
	struct body *b = strand_self()->body;
	bool was = b->deaf;
	int r;

	b->deaf = true;
	r = shared_enter(q, e, TL_NEVER);
	b->deaf = was;
	while (r < 0) /* it cannot sleep, for want of a thread to do that for it */
		r = enter_at_once(q, e);
}

/* -- putting, with in's lock held */

void shared_commit(struct shared_queue *q, size_t n, size_t size, uint32_t where)
{
	uint32_t low = ((uint32_t)size + 1) | where;

	hostile_pause();
	atomic_store_explicit(
		shared_header(q, n), (uint64_t)shared_tag(n) << 32 | low, memory_order_release);
	hostile_pause();
	atomic_store_explicit(&q->in.n, n + 1, memory_order_release);
}

static bool full(struct shared_queue *q, size_t n)
{
	if (n - q->in.seen >= q->head.capacity)
		q->in.seen = shared_n(&q->out);
	return n - q->in.seen >= q->head.capacity;
}

static __attribute__((noinline)) int put_outside(struct shared_call *c, size_t n)
{
	struct shared_queue *q = c->q;
	int b = shared_block_claim(q, false);
	uint64_t number = (uint64_t)b;

	c->no_block = b == -EAGAIN;
	if (b < 0) {
		q->in.begun = 0;
		return b;
	}
	memcpy(shared_block_bytes(q, number, c->size), c->item, c->size);
	memcpy(shared_slot(q, n) + SHARED_HEADER, &number, sizeof number);
	shared_block_set(q, number, SHARED_QUEUED | n);
	shared_commit(q, n, c->size, SHARED_OUTSIDE);
	return 0;
}

static int put_now(struct shared_call *c)
{
	struct shared_queue *q = c->q;
	size_t n = atomic_load_explicit(&q->in.n, memory_order_relaxed);

	if (shared_ended(q))
		return -EPIPE;
	if (full(q, n))
		return -EAGAIN;
	q->in.begun = shared_tag(n);
	if (c->size > q->inside)
		return put_outside(c, n);
	if (c->size)
		memcpy(shared_slot(q, n) + SHARED_HEADER, c->item, c->size);
	shared_commit(q, n, c->size, 0);
	return 0;
}

/* -- getting, with out's lock held */

static void taken(struct shared_queue *q, size_t n)
{
	hostile_pause();
	atomic_store_explicit(&q->out.n, n + 1, memory_order_release);
}

/* What lies there was written by nobody who follows the rules. */
static int skip(struct shared_queue *q, size_t n)
{
	taken(q, n);
	return -EPROTO;
}

static __attribute__((noinline)) int get_outside(struct shared_call *c, size_t n, size_t size)
{
	struct shared_queue *q = c->q;
	uint64_t b;
	void *from;

	memcpy(&b, shared_slot(q, n) + SHARED_HEADER, sizeof b);
	from = shared_block_bytes(q, b, size);
	if (!from)
		return skip(q, n);
	memcpy(c->buf, from, size);
	taken(q, n);
	hostile_pause();
	shared_block_set(q, b, 0);
	return (int)size;
}

static int get_now(struct shared_call *c)
{
	struct shared_queue *q = c->q;
	uint32_t state = shared_state(q);
	size_t n = atomic_load_explicit(&q->out.n, memory_order_relaxed);
	uint64_t h = shared_record(q, n);
	size_t size = shared_size(h);

	if (!h || state & QUEUE_DROPPED)
		return shared_none(state);
	if (size > c->size)
		return -EMSGSIZE;
	if (h & SHARED_OUTSIDE)
		return get_outside(c, n, size);
	if (size > q->inside)
		return skip(q, n);
	if (size)
		memcpy(c->buf, shared_slot(q, n) + SHARED_HEADER, size);
	taken(q, n);
	return (int)size;
}

/* -- calls that may wait */

/* Without in's lock: more may be taken than is put, by one whose putter is dead (see mend). */
bool shared_may_put(struct shared_queue *q)
{
	size_t n = shared_n(&q->in) - shared_n(&q->out);

	return shared_ended(q) || n < q->head.capacity || (ssize_t)n < 0;
}

bool shared_may_get(struct shared_queue *q)
{
	return shared_record(q, shared_n(&q->out)) || shared_ended(q);
}

static __attribute__((noinline)) void report_torn(struct shared_queue *q)
{
	report(TL_R_TORN, NULL, -EOWNERDEAD,
		"a process ended while it put into queue '%s': that item is not in it",
		q->head.name);
}

static inline __attribute__((always_inline)) int attempt(
	struct shared_call *c, int (*now)(struct shared_call *c), tl_time deadline)
{
	int torn = c->end ? shared_enter(c->q, c->end, deadline) : 0, r;

	if (__builtin_expect(torn < 0, 0))
		return torn;
	r = now(c);
	if (c->end)
		shared_leave(c->end);
	if (__builtin_expect(torn, 0))
		report_torn(c->q);
	if (c->rings && (r >= 0 || r == -EPROTO))
		bell_ring(c->rings, 1);
	return r;
}

static int attempt_late(struct shared_call *c, tl_time deadline)
{
	int r;

	c->no_block = false;
	r = attempt(c, c->now, deadline);
	if (r == -EAGAIN && c->no_block && shared_block_reclaim(c->q))
		r = attempt(c, c->now, deadline);
	return r;
}

static bool stirs(void *arg)
{
	struct shared_call *c = arg;

	return c->may(c->q);
}

/* See queue.c's.  The other side may need this very processor: who sleeps at once is woken by the
 * first record, to find just that one. */
static bool linger(struct shared_call *c)
{
	struct loop *l = strand_self()->loop;

	if (l->first)
		loop_yield(l);
	else if (watch_for(l, stirs, c))
		return true;
	else if (!l->polling)
		sched_yield();
	return stirs(c);
}

/* Others may sleep, too, and one ring was for us: the next is for them. */
static void pass_on(struct shared_call *c)
{
	bell_leave(c->hears);
	if (c->may(c->q))
		bell_ring(c->hears, 1);
}

static __attribute__((noinline)) int wait_turn(struct shared_call *c, tl_time deadline)
{
	uint32_t heard;
	int r, gone = 0;

	if (linger(c) && (r = attempt_late(c, deadline)) != -EAGAIN)
		return r;
	for (;;) {
		heard = bell_listen(c->hears);
		r = attempt_late(c, deadline);
		if (r != -EAGAIN)
			break;
		r = gone;
		if (r < 0 || (r = bell_wait(c->hears, heard, c->what, c->q, deadline)) < 0)
			break;
		if (r == BELL_SILENT && c->silent)
			gone = c->silent(c->arg);
	}
	pass_on(c);
	return r;
}

int shared_call(struct shared_call *c, tl_time deadline)
{
	int r = attempt_late(c, deadline);

	return r == -EAGAIN && deadline.ns != TL_POLL.ns ? wait_turn(c, deadline) : r;
}

int shared_queue_put(tl_queue *q, const void *item, size_t size, int (*silent)(void *), void *arg,
	tl_time deadline)
{
	struct shared_queue *s = shared_of(q);
	struct shared_call c = { .q = s,
		.now = put_now,
		.end = &s->in,
		.hears = &s->puts,
		.rings = &s->gets,
		.may = shared_may_put,
		.what = "queue put",
		.item = item,
		.size = size,
		.silent = silent,
		.arg = arg };
	int r = size > s->head.max_item ? -EMSGSIZE : attempt(&c, put_now, deadline);

	return __builtin_expect(r == -EAGAIN, 0) ? shared_call(&c, deadline) : r;
}

int shared_queue_get(
	tl_queue *q, void *buf, size_t cap, int (*silent)(void *), void *arg, tl_time deadline)
{
	struct shared_queue *s = shared_of(q);
	struct shared_call c = { .q = s,
		.now = get_now,
		.end = &s->out,
		.hears = &s->gets,
		.rings = &s->puts,
		.may = shared_may_get,
		.what = "queue get",
		.buf = buf,
		.size = cap,
		.silent = silent,
		.arg = arg };
	int r = attempt(&c, get_now, deadline);

	return __builtin_expect(r == -EAGAIN && deadline.ns != TL_POLL.ns, 0)
		       ? wait_turn(&c, deadline)
		       : r;
}

/* -- in a select */

static bool may(struct shared_queue *q, bool get, size_t size)
{
	if (get)
		return shared_may_get(q);
	return shared_may_put(q) && (size <= q->inside || shared_ended(q) || shared_block_any(q));
}

bool shared_queue_enlist(tl_queue *q, struct waiter *w, bool get, size_t size)
{
	struct shared_queue *s = shared_of(q);
	struct bell *b = get ? &s->gets : &s->puts;
	uint32_t heard = bell_listen(b);
	int r;

	if (may(s, get, size))
		return false;
	r = shared_wait_enlist(w, &b->word, heard);
	if (r < 0)
		w->result = r;
	return r == 0;
}

void shared_queue_withdraw(tl_queue *q, struct waiter *w, bool get)
{
	struct shared_queue *s = shared_of(q);
	struct bell *b = get ? &s->gets : &s->puts;

	shared_wait_withdraw(w);
	bell_leave(b);
	if (may(s, get, 0))
		bell_ring(b, 1);
}
