/* select.c - the first of several things, and exactly that one.
 *
 * Try each case, from a random one; if none can be done now, link a waiter for each, all with the
 * strand's one word, so that one waker wins; block; unlink all.  A waker that hands something over
 * (an item, an event's set, a descriptor's readiness) has done the case: the waiter's result is no
 * longer NOTHING.  A waker that only says "look again" (a future, the end of a strand) leaves a
 * state that stays, so trying again finds it.  Nothing is taken from a case that is not committed
 * (W2). */
#include "telar/select.h"
#include "run/run.h"
#include "talk/event.h"
#include "talk/future.h"
#include "talk/queue.h"
#include <errno.h>
#include <limits.h>

enum { MOST = 64, NOTHING = INT_MIN };

struct branch {
	tl_case *c;
	struct waiter w;
	struct poll_op op;
	bool polled;
};

/* -- trying: 1 done, with c->result; 0 not now */

static int try_queue(tl_case *c)
{
	c->result = c->what == TL_W_GET ? tl_queue_get(c->object, c->item, c->size, TL_POLL)
					: tl_queue_put(c->object, c->item, c->size, TL_POLL);
	return c->result != -EAGAIN;
}

static int try_joined(tl_case *c)
{
	struct strand *s;
	uint32_t life;
	int r = strand_ended(c->strand, &s, &life);

	if (r == 0 && s == strand_self())
		r = -EDEADLK;
	c->result = r < 0 ? r : 0;
	return r != 0;
}

static int try(tl_case *c)
{
	switch (c->what) {
	case TL_W_GET:
	case TL_W_PUT: return try_queue(c);
	case TL_W_DONE:
		if (!tl_future_done(c->object))
			return 0;
		c->result = future_read(c->object, NULL);
		return 1;
	case TL_W_JOINED: return try_joined(c);
	case TL_W_SET: c->result = 0; return tl_event_is_set(c->object);
	case TL_W_READABLE:
	case TL_W_WRITABLE:
		c->result = loop_fd_now(c->fd, c->what == TL_W_READABLE ? POLLER_IN : POLLER_OUT);
		return c->result != 0;
	}
	return 0;
}

/* -- waiting */

static void ready(struct poll_op *op)
{
	struct branch *b = container_of(op, struct branch, op);
	struct parker *who = b->w.who;
	enum wait_claim how = wait_claim(&b->w);

	b->polled = false;
	if (how != WAIT_LOST)
		b->w.result = op->result;
	wait_finish(who, how);
}

static bool enlist_fd(struct branch *b)
{
	struct loop *l = strand_self()->loop;
	int r = loop_poller(l);

	b->op = (struct poll_op){ .fd = b->c->fd,
		.events = b->c->what == TL_W_READABLE ? POLLER_IN : POLLER_OUT,
		.done = ready };
	if (r == 0)
		r = poller_arm(l->poller, &b->op);
	if (r == 0) {
		l->polling++;
		b->polled = true;
		return true;
	}
	b->w.result = r;
	return false;
}

/* In a queue's list, unless it can be done now. */
static bool enlist_queue(struct branch *b)
{
	b->w.data = b->c->item;
	b->w.size = b->c->size;
	return queue_enlist(b->c->object, &b->w, b->c->what == TL_W_GET);
}

/* In the bucket of a word that says what it is waiting for, unless it says something else by now.
 */
static bool enlist_word(struct branch *b, _Atomic uint32_t *word, uint32_t expected)
{
	struct wait_list *l = word_bucket(word);
	bool in;

	b->w.object = word;
	spin_lock(&l->lock);
	in = atomic_load_explicit(word, memory_order_seq_cst) == expected;
	if (in)
		list_append(&l->head, &b->w.link);
	spin_unlock(&l->lock);
	return in;
}

static bool enlist(struct branch *b)
{
	struct strand *s;
	uint32_t word;

	b->w = (struct waiter){
		.who = wait_me, .object = b->c->object, .what = "select", .result = NOTHING
	};
	list_init(&b->w.link);
	switch (b->c->what) {
	case TL_W_GET:
	case TL_W_PUT: return enlist_queue(b);
	case TL_W_DONE:
		return future_mark(b->c->object, &word) &&
		       enlist_word(b, future_word(b->c->object), word);
	case TL_W_JOINED:
		return strand_mark(b->c->strand, &s, &word) && enlist_word(b, &s->life, word);
	case TL_W_SET: return event_enlist(b->c->object, &b->w);
	default: return enlist_fd(b);
	}
}

static void withdraw(struct branch *b)
{
	struct spin *lock;

	switch (b->c->what) {
	case TL_W_READABLE:
	case TL_W_WRITABLE: {
		struct loop *l = strand_self()->loop;

		if (b->polled)
			poller_disarm(l->poller, &b->op);
		l->polling--;
		return;
	}
	case TL_W_GET:
	case TL_W_PUT: queue_withdraw(b->c->object, &b->w); return;
	default: lock = &word_bucket(b->w.object)->lock; break;
	}
	spin_lock(lock);
	list_remove(&b->w.link);
	spin_unlock(lock);
}

/* The branch that a waker has done, or -1. */
static int committed(struct branch *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i].w.result != NOTHING) {
			b[i].c->result = b[i].w.result;
			if (b[i].c->what == TL_W_SET)
				b[i].c->result = 0;
			return (int)i;
		}
	return -1;
}

/* Wait on all.  >= 0: this one was done; -EAGAIN: look again; else why not. */
static int wait(struct branch *b, size_t n, tl_time deadline)
{
	size_t in = 0;
	int r = 0, done;

	wait_begin();
	while (in < n && enlist(&b[in]))
		in++;
	if (in == n)
		r = wait_block(&b[0].w, deadline);
	else
		wait_withdraw();
	for (size_t i = 0; i < in; i++)
		withdraw(&b[i]);
	done = r < 0 ? -1 : committed(b, in < n ? in + 1 : n);
	return done >= 0 ? done : r < 0 ? r : -EAGAIN;
}

/* -- */

static bool sane(const tl_case *cases, size_t n)
{
	if (n == 0 || n > MOST)
		return false;
	for (size_t i = 0; i < n; i++) {
		enum tl_what w = cases[i].what;

		if (w < TL_W_GET || w > TL_W_SET)
			return false;
		if (w != TL_W_JOINED && w != TL_W_READABLE && w != TL_W_WRITABLE &&
			!cases[i].object)
			return false;
	}
	return true;
}

/* Cheap numbers for a fair start; quality does not matter, speed does. */
static size_t chance(size_t n)
{
	static _Thread_local uint32_t x;

	x = x * 1664525 + 1013904223;
	return (x >> 8) % n;
}

int tl_select(tl_case *cases, size_t n, tl_time deadline)
{
	struct branch b[MOST];
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	if (!sane(cases, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		b[i].c = &cases[i];
	for (;;) {
		size_t start = chance(n);

		for (size_t i = 0; i < n; i++)
			if (try(&cases[(start + i) % n]))
				return (int)((start + i) % n);
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		r = wait(b, n, deadline);
		if (r != -EAGAIN)
			return r;
	}
}
