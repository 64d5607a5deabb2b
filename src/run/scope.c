/* scope.c - scopes: what is owned, what failed, and waiting for the end.
 *
 * `strands`, the counts, `closer`, `first` and the failures are guarded by the scope's lock; flags
 * and eff are written under strand.lock of the owner (see cancel.c) and read by anybody.  The owner
 * leaves a scope only with its lock taken and both counts at 0: after that nobody touches it. */
#include "telar/scope.h"
#include "run/bias.h"
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

/* The lock of a scope belongs to its owner's loop (see bias.h) until the first strand of another
 * thread, or a canceller, needs it: from then on it is shared.  Answers, for let, whether we are a
 * visitor. */
static bool hold(struct scope *in)
{
	struct loop *l = loop_here;

	if (LOOK(in->owner->loop) == l) {
		if (bias_enter(l)) {
			if (!LOOK(in->shared))
				return false;
			bias_out(l);
		}
	} else if (!LOOK(in->shared)) {
		bias_visit();
		spin_lock(&in->lock);
		SHOW(in->shared, true);
		return true;
	}
	spin_lock(&in->lock);
	return false;
}

/* The scope may be gone with this call. */
static void let(struct scope *in, bool visitor)
{
	own_unlock(loop_here, &in->lock);
	if (visitor)
		bias_leave();
}

/* After tl_finish nothing starts any more, in main's scope or in one inside it. */
static uint32_t opens(const tl_scope *up)
{
	const struct scope *in = up ? (const struct scope *)up->_ : NULL;

	return in ? atomic_load_explicit(&in->flags, memory_order_relaxed) & SCOPE_OPEN
		  : (uint32_t)SCOPE_OPEN;
}

/* With owner.lock held.  Field by field, for this is done with every strand. */
void scope_begin(tl_scope *s, struct strand *owner, tl_scope *up)
{
	struct scope *in = scope_of(s);
	tl_scope *outside;

	in->owner = owner;
	in->up = up;
	in->down = NULL;
	list_init(&in->strands);
	in->lock = (struct spin){ 0 };
	atomic_store_explicit(&in->flags, opens(up), memory_order_relaxed);
	SHOW(in->live, 0);
	SHOW(in->daemons, 0);
	atomic_store_explicit(&in->eff, 0, memory_order_relaxed);
	in->shielded_at = in->asked_at = 0;
	in->closer = NULL;
	in->first = 0;
	SHOW(in->used, false);
	SHOW(in->shared, false);
	in->signals = NULL;
	in->signals_end = NULL;
	outside = scope_outside(s);
	if (up)
		scope_of(up)->down = s;
	cancel_derive(s, outside);
}

void tl_scope_open(tl_scope *s)
{
	struct strand *me = strand_self();

	s->n_failures = 0;
	own_lock(me->loop, &me->lock);
	scope_begin(s, me, me->body->inner);
	me->body->inner = s;
	own_unlock(me->loop, &me->lock);
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

/* With the lock held. */
static void count(struct scope *in, const struct strand *s, int change)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);
	uint32_t *n = life & LIFE_DAEMON ? &in->daemons : &in->live;

	SHOW(*n, *n + (uint32_t)change);
}

int scope_admit(tl_scope *scope, struct strand *s)
{
	struct scope *in = scope_of(scope);
	bool visitor = hold(in);
	uint32_t flags;
	int r = 0;

	flags = atomic_load_explicit(&in->flags, memory_order_relaxed);
	if (!(flags & SCOPE_OPEN)) {
		r = -EINVAL;
	} else if (flags & SCOPE_CANCELLED) {
		r = -ECANCELED;
	} else {
		SHOW(s->scope, scope);
		SHOW(in->used, true);
		list_append(&in->strands, &s->sibling);
		count(in, s, 1);
		strand_born(s);
	}
	let(in, visitor);
	return r;
}

/* Collect a failure.  True: it is the first. */
static bool collect(tl_scope *scope, int r, tl_end end, struct strand *s, const char *why)
{
	struct scope *in = scope_of(scope);
	tl_failure f = { .end = end, .site = s->site, .why = why };
	bool visitor, first;

	f.strand.id = atomic_load_explicit(&s->id, memory_order_relaxed);
	if (scope->failures)
		strand_name(s, f.name);
	visitor = hold(in);
	first = !in->first;
	if (first)
		in->first = r;
	if (scope->failures && scope->n_failures < scope->max_failures)
		scope->failures[scope->n_failures] = f;
	scope->n_failures++;
	let(in, visitor);
	return first;
}

static void fail(tl_scope *scope, tl_end end, struct strand *s, const char *why)
{
	bool first = collect(scope, strand_status(end), end, s, why);

	if (first && !scope->keep_going)
		cancel_scope(scope, SCOPE_ASKED);
}

void scope_failed(struct strand *s) { fail(s->scope, strand_has_ended(s), s, NULL); }

void scope_refused(tl_scope *s, int r, const char *why)
{
	if (r < 0 && scope_opened(s, "fails"))
		fail(s, (tl_end){ TL_RETURNED, r }, strand_self(), why);
}

void tl_scope_fail(tl_scope *s, int r) { scope_refused(s, r, NULL); }

/* With the lock held: the counts have changed; they may be what the closer waits for.  Answers
 * whether *who is to be woken, by wait_finish, once the lock is released. */
bool scope_counted(struct scope *in, struct parker **who)
{
	struct waiter *w = in->closer;
	enum wait_claim c;

	if (!w || in->live || (w->size && in->daemons))
		return false;
	in->closer = NULL;
	*who = w->who;
	c = wait_claim(w);
	if (c == WAIT_UP)
		wait_finish(*who, c);
	return c == WAIT_READY;
}

/* A chain of strands of one scope has ended: uncount them, and give back the records of those that
 * are not kept.  The kept are the scope's then, and not to be touched. */
static void dismiss(struct strand *first)
{
	struct scope *in = scope_of(first->scope);
	struct strand *spare = NULL, *s, *next;
	struct parker *who = NULL;
	bool visitor = hold(in), wake;

	for (s = first; s; s = next) {
		next = s->next;
		count(in, s, -1);
		if (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_KEPT)
			continue;
		list_remove(&s->sibling);
		s->next = spare;
		spare = s;
	}
	wake = scope_counted(in, &who);
	let(in, visitor);
	if (wake)
		wait_finish(who, WAIT_READY);
	while ((s = spare)) {
		spare = s->next;
		slot_give(s);
	}
}

void scope_dismiss(struct strand *s)
{
	s->next = NULL;
	dismiss(s);
}

/* Threads that end one short task after the other in a scope they share would fight for it at each:
 * they hold the endings back as long as the next one is of the same scope, which waits for that one
 * anyway. */
void scope_dismiss_soon(struct strand *s)
{
	enum { MOST_HELD = 64 };
	struct loop *l = s->loop;

	if (l->held && (l->held->scope != s->scope || l->n_held == MOST_HELD))
		scope_dismiss_held(l);
	if (!LOOK(scope_of(s->scope)->shared)) {
		scope_dismiss(s);
		return;
	}
	s->next = l->held;
	l->held = s;
	l->n_held++;
}

bool scope_waits_for(const struct loop *l, const struct strand *next)
{
	uint32_t life = atomic_load_explicit(&next->life, memory_order_relaxed);

	return !next->begun && next->scope == l->held->scope && !(life & LIFE_DAEMON);
}

void scope_dismiss_held(struct loop *l)
{
	struct strand *first = l->held;

	l->held = NULL;
	l->n_held = 0;
	dismiss(first);
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
	bool visitor = hold(in);
	int r = 0;

	while (r == 0 && !sunk(in, daemons_too)) {
		wait_begin();
		in->closer = &w;
		let(in, visitor);
		r = wait_block(&w, deadline);
		visitor = hold(in);
		in->closer = NULL;
	}
	if (sunk(in, daemons_too))
		r = 0; /* completion beats deadline and cancel */
	let(in, visitor);
	return r;
}

int tl_scope_join(tl_scope *s, tl_time deadline)
{
	struct scope *in = scope_of(s);
	bool done, visitor;
	int r;

	if (in->owner != strand_self()) {
		report(TL_R_MISUSE, strand_self(), -EPERM, "joins a scope that is another's");
		return -EPERM;
	}
	if (deadline.ns == TL_POLL.ns) {
		visitor = hold(in);
		done = sunk(in, false);
		let(in, visitor);
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
	bool visitor = hold(in);

	list_each(n, &in->strands)
	{
		struct strand *s = container_of(n, struct strand, sibling);
		bool ended = atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_ENDED;
		if (!ended && n_late < MOST)
			late[n_late++].id = atomic_load_explicit(&s->id, memory_order_relaxed);
	}
	let(in, visitor);
	for (unsigned i = 0; i < n_late; i++) {
		struct strand *s = slot_find(late[i]);
		if (s)
			report(TL_R_STRAGGLER, s, -ECANCELED,
				"still runs %lld ms after it was asked to stop", (long long)age);
		process_remind(late[i]);
	}
}

/* A look that comes late is one look, not several. */
static int64_t next_look(int64_t last, int64_t grace)
{
	int64_t now = plat_now();

	return last + ((now > last ? (now - last) / grace : 0) + 1) * grace;
}

/* One phase of closing.  Cancellation reaches the strands by itself; here it starts the clock. */
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
			/* a deadline is felt by those who block: tell the rest */
			cancel_scope(scope, 0);
			b->deaf = true;
			look.ns = in->asked_at;
		}
		look.ns = next_look(look.ns, scope_grace(scope));
	}
	b->deaf = false;
	return r < 0 ? -EBUSY : 0;
}

static void forget(struct strand *s)
{
	if (s->extra)
		strand_forget(s); /* its name was kept, too */
	else
		slot_give(s);
}

/* All have ended: give back the records that were kept.  False: not yet. */
static bool forget_kept(struct scope *in)
{
	bool visitor = hold(in), done = sunk(in, true);
	struct node kept, *n;

	list_init(&kept);
	if (done)
		list_move(&kept, &in->strands);
	let(in, visitor);
	while ((n = list_pop(&kept)))
		forget(container_of(n, struct strand, sibling));
	return done;
}

/* The outermost stays: it ends with its strand. */
static void unlink_scope(tl_scope *scope)
{
	struct scope *in = scope_of(scope);
	struct strand *me = in->owner;
	uint32_t flags;

	if (!in->up)
		return;
	own_lock(me->loop, &me->lock);
	flags = atomic_load_explicit(&in->flags, memory_order_relaxed); /* nobody is inside now */
	me->body->inner = in->up;
	scope_of(in->up)->down = NULL;
	atomic_store_explicit(&in->flags, flags & ~(uint32_t)SCOPE_OPEN, memory_order_relaxed);
	own_unlock(me->loop, &me->lock);
}

void scope_shut(tl_scope *scope)
{
	atomic_fetch_and_explicit(
		&scope_of(scope)->flags, ~(uint32_t)SCOPE_OPEN, memory_order_relaxed);
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
	int r;

	/* More than once if a daemon becomes none between the two, see daemon.c. */
	while (LOOK(in->used) && !forget_kept(in)) {
		r = drain(scope, false, give_up);
		if (r == 0 && LOOK(in->daemons)) {
			cancel_scope(scope, SCOPE_ASKED);
			r = drain(scope, true, give_up);
		}
		if (r < 0)
			return r;
	}
	if (in->signals_end)
		in->signals_end(in->signals);
	unlink_scope(scope);
	return verdict(scope);
}

int tl_scope_close(tl_scope *s)
{
	struct strand *me = strand_self();

	if (!scope_opened(s, "closes"))
		return -EINVAL;
	if (me->body->inner != s || me->body->on->base == s) {
		report(TL_R_MISUSE, me, -EINVAL, "closes scope '%s', which is not its innermost",
			s->name ? s->name : "");
		return -EINVAL;
	}
	return scope_end(s, false);
}
