/* scope.c - scopes: what is owned, what failed, and waiting for the end.
 *
 * `strands`, the counts, `closer`, `first` and the failures are guarded by the scope's lock; flags
 * and eff are written under strand.lock of the owner (see cancel.c) and read by anybody.  The owner
 * leaves a scope only with its lock taken and both counts at 0: after that nobody touches it. */
#include "telar/scope.h"
#include "run/run.h"
#include <errno.h>
#include <string.h>

enum { GRACE_NS = 1000000000, GRACE_S = 5 };

int64_t scope_grace(const tl_scope *s)
{
	return s->grace.ns > 0 ? s->grace.ns : (int64_t)GRACE_S * GRACE_NS;
}

tl_scope *scope_outside(const tl_scope *s)
{
	const struct scope *in = (const struct scope *)s->_;

	return in->up ? in->up : in->owner->scope;
}

/* With owner.lock held. */
void scope_begin(tl_scope *s, struct strand *owner, tl_scope *up)
{
	struct scope *in = scope_of(s);
	tl_scope *outside;

	in->owner = owner;
	in->up = up;
	in->down = NULL;
	list_init(&in->strands);
	atomic_store_explicit(&in->flags, SCOPE_OPEN, memory_order_relaxed);
	outside = scope_outside(s);
	if (up)
		scope_of(up)->down = s;
	cancel_derive(s, outside);
}

void tl_scope_open(tl_scope *s)
{
	struct strand *me = strand_self();

	memset(s->_, 0, sizeof s->_);
	s->n_failures = 0;
	spin_lock(&me->lock);
	scope_begin(s, me, me->body->inner);
	me->body->inner = s;
	spin_unlock(&me->lock);
	if (s->deadline.ns == TL_POLL.ns || s->grace.ns < 0 || (s->max_failures && !s->failures))
		scope_of(s)->first = -EINVAL;
}

/* The deadline fires for every scope around, up to a shield, whose own is over. */
static void blame(tl_scope *s, int64_t now)
{
	for (; s; s = scope_outside(s)) {
		int64_t deadline = scope_deadline(s);

		if (deadline && deadline <= now)
			atomic_fetch_or_explicit(
				&scope_of(s)->flags, SCOPE_FIRED, memory_order_relaxed);
		if (s->shield)
			return;
	}
}

int scope_interrupted(struct strand *s)
{
	tl_scope *scope = s->body->inner;
	struct scope *in = scope_of(scope);
	int64_t eff = atomic_load_explicit(&in->eff, memory_order_relaxed);

	if (atomic_load_explicit(&in->flags, memory_order_relaxed) & SCOPE_CANCELLED)
		return -ECANCELED;
	if (!eff)
		return 0;
	if (eff > s->loop->now) {
		s->loop->now = plat_now();
		if (eff > s->loop->now)
			return 0;
	}
	blame(scope, s->loop->now);
	return -ECANCELED;
}

/* -- strands in and out */

int scope_admit(tl_scope *scope, struct strand *s)
{
	struct scope *in = scope_of(scope);
	uint32_t flags;
	int r = 0;

	spin_lock(&in->lock);
	flags = atomic_load_explicit(&in->flags, memory_order_relaxed);
	if (!(flags & SCOPE_OPEN)) {
		r = -EINVAL;
	} else if (flags & SCOPE_CANCELLED) {
		r = -ECANCELED;
	} else {
		s->scope = scope;
		in->used = true;
		list_append(&in->strands, &s->sibling);
		if (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_DAEMON)
			in->daemons++;
		else
			in->live++;
	}
	spin_unlock(&in->lock);
	return r;
}

/* Collect a failure, with the lock held.  True: it is the first. */
static bool collect(tl_scope *scope, int r, struct strand *s)
{
	struct scope *in = scope_of(scope);
	bool first = !in->first;
	tl_failure *f;

	if (first)
		in->first = r;
	if (scope->failures && scope->n_failures < scope->max_failures) {
		f = &scope->failures[scope->n_failures];
		*f = (tl_failure){ .end = { TL_RETURNED, r } };
		f->strand.id = atomic_load_explicit(&s->id, memory_order_relaxed);
		f->site = s->site;
		strand_name(s, f->name);
	}
	scope->n_failures++;
	return first;
}

static void fail(tl_scope *scope, int r, struct strand *s)
{
	struct scope *in = scope_of(scope);
	bool first;

	spin_lock(&in->lock);
	first = collect(scope, r, s);
	spin_unlock(&in->lock);
	if (first && !scope->keep_going)
		cancel_scope(scope, SCOPE_ASKED);
}

void scope_failed(struct strand *s) { fail(s->scope, s->result, s); }

void tl_scope_fail(tl_scope *s, int r)
{
	if (r < 0)
		fail(s, r, strand_self());
}

void scope_dismiss(struct strand *s, bool kept)
{
	struct scope *in = scope_of(s->scope);
	struct parker *who = NULL;
	enum wait_claim c = WAIT_LOST;
	struct waiter *w;

	spin_lock(&in->lock);
	if (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_DAEMON)
		in->daemons--;
	else
		in->live--;
	if (!kept)
		list_remove(&s->sibling);
	w = in->closer;
	if (w && !in->live && (!w->size || !in->daemons)) {
		in->closer = NULL;
		who = w->who;
		c = wait_claim(w);
	}
	if (c != WAIT_LOST)
		wait_finish(who, c);
	spin_unlock(&in->lock);
}

/* -- waiting for the end */

static bool sunk(const struct scope *in, bool daemons_too)
{
	return !in->live && (!daemons_too || !in->daemons);
}

/* Wait until the counts have sunk. */
static int sink(tl_scope *scope, bool daemons_too, tl_time deadline)
{
	struct scope *in = scope_of(scope);
	struct waiter w = { .who = wait_me,
		.what = daemons_too ? "scope close" : "scope join",
		.object = scope,
		.size = daemons_too };
	int r = 0;

	spin_lock(&in->lock);
	while (r == 0 && !sunk(in, daemons_too)) {
		wait_begin();
		in->closer = &w;
		spin_unlock(&in->lock);
		r = wait_block(&w, deadline);
		spin_lock(&in->lock);
		in->closer = NULL;
	}
	if (sunk(in, daemons_too))
		r = 0; /* completion beats deadline and cancel */
	spin_unlock(&in->lock);
	return r;
}

int tl_scope_join(tl_scope *s, tl_time deadline)
{
	struct scope *in = scope_of(s);
	bool done;
	int r;

	if (in->owner != strand_self()) {
		report(TL_R_MISUSE, strand_self(), -EPERM, "joins a scope that is another's");
		return -EPERM;
	}
	if (deadline.ns == TL_POLL.ns) {
		spin_lock(&in->lock);
		done = sunk(in, false);
		spin_unlock(&in->lock);
		return done ? 0 : -EAGAIN;
	}
	r = strand_checkpoint(strand_self());
	return r < 0 ? r : sink(s, false, deadline);
}

/* Reports are made without the lock: the hook is the program's own code. */
static void report_stragglers(tl_scope *scope)
{
	enum { MOST = 32 };
	struct scope *in = scope_of(scope);
	int64_t age = (plat_now() - in->asked_at) / 1000000;
	tl_strand late[MOST];
	unsigned n_late = 0;

	spin_lock(&in->lock);
	list_each(n, &in->strands)
	{
		struct strand *s = container_of(n, struct strand, sibling);
		bool ended = atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_ENDED;
		if (!ended && n_late < MOST)
			late[n_late++].id = atomic_load_explicit(&s->id, memory_order_relaxed);
	}
	spin_unlock(&in->lock);
	for (unsigned i = 0; i < n_late; i++)
		report(TL_R_STRAGGLER, slot_find(late[i]), -ECANCELED,
			"still runs %lld ms after it was asked to stop", (long long)age);
}

/* One phase of closing: sink, whatever it takes.  Cancellation, when it comes, reaches the strands
 * by itself; here it starts the clock for stragglers. */
static int drain(tl_scope *scope, bool daemons_too, bool give_up)
{
	struct scope *in = scope_of(scope);
	struct body *b = in->owner->body;
	tl_time look = TL_NEVER;
	int r;

	while ((r = sink(scope, daemons_too, look)) < 0) {
		if (r == -ETIMEDOUT) {
			report_stragglers(scope);
			if (give_up)
				break;
		} else {
			cancel_scope(scope, 0); /* a deadline is felt by those who block: tell the
						   rest */
			b->deaf = true;
			look.ns = in->asked_at;
		}
		look.ns += scope_grace(scope);
	}
	b->deaf = false;
	return r < 0 ? -EBUSY : 0;
}

static void forget_kept(struct scope *in)
{
	struct node *n;

	spin_lock(&in->lock);
	while ((n = list_pop(&in->strands)))
		slot_give(container_of(n, struct strand, sibling));
	spin_unlock(&in->lock);
}

/* The outermost stays: it ends with its strand. */
static void unlink_scope(tl_scope *scope)
{
	struct scope *in = scope_of(scope);
	struct strand *me = in->owner;

	if (!in->up)
		return;
	spin_lock(&me->lock);
	me->body->inner = in->up;
	scope_of(in->up)->down = NULL;
	atomic_fetch_and_explicit(&in->flags, ~(uint32_t)SCOPE_OPEN, memory_order_relaxed);
	spin_unlock(&me->lock);
}

static int verdict(tl_scope *scope)
{
	struct scope *in = scope_of(scope);

	if (in->first)
		return in->first;
	if (atomic_load_explicit(&in->flags, memory_order_relaxed) & SCOPE_FIRED)
		return -ETIMEDOUT;
	return in->up ? strand_cancelled(in->owner) : 0;
}

int scope_end(tl_scope *scope, bool give_up)
{
	struct scope *in = scope_of(scope);
	int r = 0;

	if (in->used) {
		r = drain(scope, false, give_up);
		if (r == 0 && in->daemons) {
			cancel_scope(scope, SCOPE_ASKED);
			r = drain(scope, true, give_up);
		}
		if (r < 0)
			return r;
		forget_kept(in);
	}
	if (in->signals_end)
		in->signals_end(in->signals);
	unlink_scope(scope);
	return verdict(scope);
}

int tl_scope_close(tl_scope *s)
{
	struct strand *me = strand_self();

	if (me->body->inner != s) {
		report(TL_R_MISUSE, me, -EINVAL, "scope '%s' is closed that is not the innermost",
			s->name ? s->name : "");
		return -EINVAL;
	}
	return scope_end(s, false);
}

void tl_scope_cancel(tl_scope *s) { cancel_scope(s, SCOPE_ASKED); }

int tl_scope_move(tl_scope *s, tl_time deadline)
{
	if (atomic_load_explicit(&scope_of(s)->flags, memory_order_relaxed) & SCOPE_FIRED)
		return -ESRCH;
	cancel_moved(s, deadline.ns);
	return 0;
}

int tl_call(tl_fn *fn, void *arg, tl_time deadline)
{
	tl_scope s = { .name = "call", .deadline = deadline };
	int r, q;

	if (!fn || deadline.ns == TL_POLL.ns)
		return -EINVAL;
	r = strand_checkpoint(strand_self());
	if (r < 0)
		return r;
	tl_scope_open(&s);
	r = fn(arg);
	q = tl_scope_close(&s);
	if (r == -ECANCELED && q == -ETIMEDOUT)
		return q;
	return scope_of(&s)->first && (r >= 0 || r == -ECANCELED) ? q : r;
}
