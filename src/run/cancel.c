/* cancel.c - how cancellation and deadlines reach everything inside a scope.
 *
 * Each scope holds what its inside needs to know: SCOPE_CANCELLED, and eff, the deadline that
 * counts. Both derive from the scope outside and its own fields, so a change at one place is
 * carried down the tree, scope by scope, until nothing is new; a shield turns an outside cancel
 * into a later deadline.
 *
 * The walk needs no memory and no recursion: it climbs by the tree's own pointers and holds the
 * locks of the path (strand, scope, strand ...), always downwards, so two walks cannot block each
 * other and nothing on the path can go away. */
#include "run/bias.h"
#include <errno.h>

static int64_t sooner(int64_t a, int64_t b) { return !a ? b : !b || a < b ? a : b; }

bool cancel_derive(tl_scope *scope, const tl_scope *outside)
{
	struct scope *in = scope_of(scope);
	const struct scope *out = outside ? (const struct scope *)outside->_ : NULL;
	uint32_t flags = atomic_load_explicit(&in->flags, memory_order_relaxed), was = flags;
	int64_t old = atomic_load_explicit(&in->eff, memory_order_relaxed);
	int64_t eff = scope_deadline(scope);

	if (out) {
		int64_t out_eff = atomic_load_explicit(&out->eff, memory_order_relaxed);
		bool cancelled =
			atomic_load_explicit(&out->flags, memory_order_relaxed) & SCOPE_CANCELLED;

		int64_t *since = scope->shield ? &in->shielded_at : &in->asked_at;

		if (cancelled && !*since)
			*since = plat_now();
		if (!scope->shield)
			flags |= cancelled ? SCOPE_CANCELLED : 0;
		else if (cancelled)
			out_eff = in->shielded_at + scope_grace(scope);
		else if (out_eff)
			out_eff += scope_grace(scope);
		eff = sooner(eff, out_eff);
	}
	if (eff != old)
		atomic_store_explicit(&in->eff, eff, memory_order_seq_cst);
	if (flags != was)
		atomic_fetch_or_explicit(&in->flags, SCOPE_CANCELLED, memory_order_seq_cst);
	return eff != old || flags != was;
}

/* With its lock held.  A process looks like one that has not begun, for its body is elsewhere. */
static void wake_unborn(struct strand *s)
{
	if (s->kind == TL_PROCESS)
		process_ask(s);
	else
		wait_poke(&s->park);
}

/* A strand of a changed scope that has not begun; with its lock held. */
static void tell_unborn(struct strand *s, const struct scope *in)
{
	if (atomic_load_explicit(&in->flags, memory_order_relaxed) & SCOPE_CANCELLED) {
		atomic_fetch_or_explicit(&s->life, LIFE_ASKED, memory_order_seq_cst);
		wake_unborn(s);
	}
}

static tl_scope *if_new(tl_scope *s) { return s && cancel_derive(s, scope_outside(s)) ? s : NULL; }

/* From scope s of strand top, whose lock is held, downwards. */
static void walk(struct strand *top, tl_scope *s)
{
	struct strand *t = top;
	struct node *n;

	for (;;) {
		if (s) { /* into scope s */
			spin_lock(&scope_of(s)->lock);
			n = scope_of(s)->strands.next;
		} else { /* all scopes of t are done */
			wait_poke(&t->park);
			if (t == top)
				return;
			s = t->scope;
			n = t->sibling.next;
			spin_unlock(&t->lock);
			t = scope_of(s)->owner;
		}
		for (; n != &scope_of(s)->strands; n = n->next) {
			struct strand *c = container_of(n, struct strand, sibling);

			spin_lock(&c->lock);
			if (c->body)
				break;
			tell_unborn(c, scope_of(s));
			spin_unlock(&c->lock);
		}
		if (n != &scope_of(s)->strands) { /* into strand c */
			t = container_of(n, struct strand, sibling);
			s = if_new(&t->body->outer);
		} else {
			spin_unlock(&scope_of(s)->lock);
			s = if_new(scope_of(s)->down);
		}
	}
}

void cancel_scope(tl_scope *scope, uint32_t why)
{
	struct scope *in = scope_of(scope);
	struct strand *owner = in->owner;

	bias_visit();
	spin_lock(&owner->lock);
	if (!in->asked_at)
		in->asked_at = plat_now();
	atomic_fetch_or_explicit(&in->flags, SCOPE_CANCELLED | why, memory_order_seq_cst);
	walk(owner, scope);
	spin_unlock(&owner->lock);
	bias_leave();
}

void cancel_moved(tl_scope *scope, int64_t deadline)
{
	struct strand *owner = scope_of(scope)->owner;

	bias_visit();
	spin_lock(&owner->lock);
	__atomic_store_n(&scope->deadline.ns, deadline, __ATOMIC_RELAXED);
	if (if_new(scope))
		walk(owner, scope);
	spin_unlock(&owner->lock);
	bias_leave();
}

/* The generation in the word keeps us from asking the next strand of this record: one whose ending
 * is kept may be given away at any moment. */
static bool ask(struct strand *s, uint64_t id)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);

	do {
		if (life >> 16 != (uint32_t)(id >> 24 & 0xffff) || life & (LIFE_ENDED | LIFE_FREE))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&s->life, &life, life | LIFE_ASKED, memory_order_seq_cst, memory_order_relaxed));
	return true;
}

void cancel_strand(struct strand *s, uint64_t id)
{
	bias_visit();
	spin_lock(&s->lock);
	if (atomic_load_explicit(&s->id, memory_order_acquire) == id && ask(s, id)) {
		if (s->body) {
			struct scope *in = scope_of(&s->body->outer);

			if (!in->asked_at)
				in->asked_at = plat_now();
			atomic_fetch_or_explicit(
				&in->flags, SCOPE_CANCELLED | SCOPE_ASKED, memory_order_seq_cst);
			walk(s, &s->body->outer);
		} else {
			wake_unborn(s);
		}
	}
	spin_unlock(&s->lock);
	bias_leave();
}

/* With its lock held.  Once its word has left WAITING nobody makes it ready any more; what few
 * strands need may have to be told, on a stack. */
static bool leaves_unborn(struct strand *s, uint64_t id)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);
	uint32_t word = PARK_WAITING;

	return atomic_load_explicit(&s->id, memory_order_relaxed) == id && !s->body && !s->extra &&
	       !(life & (LIFE_ENDED | LIFE_FREE)) &&
	       atomic_compare_exchange_strong_explicit(
		       &s->park.word, &word, PARK_IDLE, memory_order_seq_cst, memory_order_relaxed);
}

/* One that waits on the caller's loop to begin, as timers do, ends here and now: it need not come
 * to the run queue for that. */
static bool cancel_unborn(struct strand *s, uint64_t id)
{
	struct loop *l = loop_here;
	bool leaves;

	if (!l || !LOOK(s->at_home) || LOOK(s->loop) != l)
		return false;
	own_lock(l, &s->lock);
	leaves = leaves_unborn(s, id);
	own_unlock(l, &s->lock);
	if (leaves) {
		timer_leave(l);
		strand_end(s, -ECANCELED);
	}
	return leaves;
}

void tl_cancel(tl_strand t)
{
	struct strand *s = slot_find(t);

	if (s && !cancel_unborn(s, t.id))
		cancel_strand(s, t.id);
}

bool scope_opened(tl_scope *s, const char *does)
{
	if (__builtin_expect(scope_of(s)->owner != NULL, 1))
		return true;
	report(TL_R_MISUSE, strand_self(), -EINVAL, "%s scope '%s', which was never opened", does,
		s->name ? s->name : "");
	return false;
}

void tl_scope_cancel(tl_scope *s)
{
	if (scope_opened(s, "cancels"))
		cancel_scope(s, SCOPE_ASKED);
}

int tl_scope_move(tl_scope *s, tl_time deadline)
{
	if (!scope_opened(s, "moves"))
		return -EINVAL;
	if (atomic_load_explicit(&scope_of(s)->flags, memory_order_relaxed) & SCOPE_FIRED)
		return -ESRCH;
	cancel_moved(s, deadline.ns);
	return 0;
}
