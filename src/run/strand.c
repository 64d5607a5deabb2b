/* strand.c - what tasks and threads have in common: who they are, how they begin and how they end.
 */
#include "base/mem.h"
#include "run/bias.h"
#include <errno.h>
#include <string.h>

const char strand_begins[] = "its time to begin";

static size_t extra_size(const tl_opts *o, void (*unborn)(void *arg))
{
	bool any =
		unborn || o->name || o->copy || o->every.ns || o->slack.ns || o->stack || o->thread;

	return any ? sizeof(struct extra) + o->copy : 0;
}

static int dress(struct strand *s, const tl_opts *o, void (*unborn)(void *arg))
{
	size_t size = extra_size(o, unborn);
	struct extra *x;

	if (!size)
		return 0;
	x = mem_alloc(size);
	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof *x);
	x->unborn = unborn;
	x->every = o->every;
	x->slack = o->slack;
	x->missed = o->missed;
	x->stack = o->stack;
	if (o->thread) {
		x->thread = *o->thread;
		x->has_thread = true;
	}
	if (o->name)
		name_cut(x->name, sizeof x->name, o->name);
	if (o->copy)
		s->arg = memcpy(x->copy, s->arg, o->copy);
	SHOW(s->extra, x);
	return 0;
}

int strand_init(struct strand *s, int kind, struct loop *l, tl_fn *fn, void *arg, const tl_opts *o,
	void (*unborn)(void *arg), const void *site)
{
	static const tl_opts none;
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed);
	uint32_t life = (uint32_t)(id >> 24) << 16 | LIFE_FREE;
	bool named = o && o->name && o->name[0];
	uint32_t number = 0;
	int r;

	atomic_store_explicit(&s->park.word, PARK_IDLE, memory_order_relaxed);
	SHOW(s->alarm, 0);
	SHOW(s->scope, NULL);
	list_init(&s->sibling);
	SHOW(s->loop, l);
	s->fn = fn;
	s->arg = arg;
	SHOW(s->site, site);
	SHOW(s->kind, (uint8_t)(kind == STRAND_FOREIGN ? TL_THREAD : kind));
	SHOW(s->foreign, kind == STRAND_FOREIGN);
	s->begun = false;
	SHOW(s->at_home, kind == TL_TASK && !(o && o->anywhere));
	s->planned = 0;
	if (!named)
		number = name_number(kind);
	SHOW(s->number, number);
	if (o)
		life |= (o->daemon ? LIFE_DAEMON : 0u) | (o->ret ? LIFE_KEPT : 0u) |
			(o->paused ? LIFE_PAUSED : 0u);
	r = o || unborn ? dress(s, o ? o : &none, unborn) : 0;
	atomic_store_explicit(&s->life, life, memory_order_relaxed);
	return r;
}

void strand_born(struct strand *s)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);

	/* Release: who finds it sees all of it. */
	atomic_store_explicit(&s->life, life & ~(uint32_t)LIFE_FREE, memory_order_release);
}

void strand_forget(struct strand *s)
{
	bool visitor = strand_hold(s); /* somebody may be reading the name */
	struct extra *x = s->extra;

	SHOW(s->extra, NULL);
	strand_let(s, visitor);
	mem_free(x);
	slot_give(s);
}

/* Slot, the low bits of its generation, and the process: see talk/lock.c. */
void strand_lock_word(struct strand *s, struct body *b)
{
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed);

	b->lock_word = (id & 0xffffff) << 40 | (id >> 24 & 0xff) << 32 | window_participant();
}

void strand_begin(struct strand *s, struct body *b)
{
	atomic_store_explicit(&b->waits, NULL, memory_order_relaxed);
	b->held = 0;
	b->reads = 0;
	b->deaf = b->placed = false;
	b->on = &b->own;
	b->gens = NULL;
	b->name_stale = true;
	b->locals = NULL;
	if (__builtin_expect(LOOK(s->extra) != NULL, 0)) {
		b->locals = s->extra->locals;
		s->extra->locals = NULL;
	}
	strand_lock_word(s, b);
	s->begun = true;
	b->outer.name = NULL;
	b->outer.deadline = (tl_time){ 0 };
	b->outer.grace = (tl_span){ 0 };
	b->outer.keep_going = b->outer.shield = false;
	b->outer.failures = NULL;
	b->outer.max_failures = b->outer.n_failures = 0;
	own_lock(s->loop, &s->lock);
	b->inner = &b->outer;
	scope_begin(&b->outer, s, NULL);
	if (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_ASKED)
		atomic_fetch_or_explicit(
			&scope_of(&b->outer)->flags, SCOPE_CANCELLED, memory_order_relaxed);
	s->body = b;
	SHOW(s->at_home, true);
	own_unlock(s->loop, &s->lock);
}

void (*strand_lost)(struct strand *s);

void strand_lose(struct strand *s)
{
	gen_end(s->body);
	if (s->body->reads)
		report(TL_R_MISUSE, s, 0,
			"ended reading a read-write lock, which no writer gets now");
	s->body->reads = 0;
	if (s->body->held)
		strand_lost(s);
}

/* Its function has answered r: close what it left open.  Answers what the strand ends with. */
int strand_close(struct strand *s, int r)
{
	struct body *b = s->body;
	int first;

	strand_lose(s); /* before anything waits: its children may want them */
	while (b->inner != &b->outer) {
		report(TL_R_MISUSE, s, 0, "ended with scope '%s' open",
			b->inner->name ? b->inner->name : "");
		tl_scope_close(b->inner);
	}
	scope_end(&b->outer, false);
	first = scope_of(&b->outer)->first;
	return first && (r >= 0 || r == -ECANCELED) ? first : r;
}

int strand_run(struct strand *s) { return strand_close(s, s->fn(s->arg)); }

/* Was it asked to stop: by itself, or through a scope around it? */
static bool was_asked(struct strand *s)
{
	struct scope *outer = s->body ? scope_of(&s->body->outer) : NULL;
	int64_t eff = outer ? atomic_load_explicit(&outer->eff, memory_order_relaxed) : 0;

	return !outer ||
	       (atomic_load_explicit(&outer->flags, memory_order_relaxed) & SCOPE_CANCELLED) ||
	       (eff && eff <= plat_now());
}

/* An ending that is kept keeps its name, too, until the scope gives the record back. */
static bool keeps_name(const struct strand *s, uint32_t life)
{
	return s->scope && (life & LIFE_KEPT) && s->extra && s->extra->name[0];
}

static void never_begins(struct strand *s)
{
	struct extra *x = s->extra;

	if (x->unborn)
		x->unborn(s->arg);
	local_free(x->locals);
}

/* Order: the siblings are cancelled while we are still counted in the scope, which thereby stays;
 * then joiners see the end; then we are uncounted, after which neither the scope nor, unless the
 * ending is kept, the record is ours. */
static void end(struct strand *s, tl_end end, bool bad, void (*dismiss)(struct strand *s))
{
	tl_scope *scope = s->scope;
	struct extra *x;
	uint32_t old;
	bool visitor;

	timer_off(s);
	SHOW(s->result, end.value);
	SHOW(s->how, (uint8_t)end.how);
	if (bad && s->scope)
		scope_failed(s);
	if (!s->begun && LOOK(s->extra))
		never_begins(s);
	visitor = strand_hold(s);
	s->body = NULL;
	SHOW(s->at_home, false);
	old = atomic_load_explicit(&s->life, memory_order_relaxed);
	x = keeps_name(s, old) ? NULL : s->extra;
	if (x)
		SHOW(s->extra, NULL);
	atomic_store_explicit(&s->life, old | LIFE_ENDED, memory_order_release);
	strand_let(s, visitor); /* who held it and saw us alive has also seen our scope */
	mem_free(x);
	if (old & LIFE_WAITED)
		join_tell(s);
	if (scope)
		dismiss(s);
	else
		slot_give(s);
}

tl_end strand_ending(struct strand *s, int result)
{
	bool cancelled = result == -ECANCELED && was_asked(s);

	return (tl_end){ cancelled ? TL_CANCELLED : TL_RETURNED, result };
}

int strand_status(tl_end e)
{
	if (e.how == TL_RETURNED)
		return e.value;
	return e.how == TL_CANCELLED || (e.how == TL_EXITED && e.value == 0) ? 0 : -EOWNERDEAD;
}

tl_end strand_end(struct strand *s, int result)
{
	tl_end e = strand_ending(s, result);

	end(s, e, strand_status(e) < 0, scope_dismiss);
	return e;
}

void strand_end_soon(struct strand *s, int result)
{
	tl_end e = strand_ending(s, result);

	end(s, e, strand_status(e) < 0, scope_dismiss_soon);
}

void strand_end_as(struct strand *s, tl_end e, bool bad) { end(s, e, bad, scope_dismiss); }

/* -- facts */

tl_strand tl_self(void)
{
	return (tl_strand){ atomic_load_explicit(&strand_self()->id, memory_order_relaxed) };
}

tl_strand tl_my_thread(void)
{
	return (tl_strand){ atomic_load_explicit(
		&strand_self()->loop->zero->id, memory_order_relaxed) };
}

static int state(struct strand *s)
{
	uint32_t word = atomic_load_explicit(&s->park.word, memory_order_relaxed);
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);

	if (life & LIFE_ENDED)
		return TL_ENDED;
	if (life & LIFE_PAUSED) /* a thread may still be on its way to where it waits for that */
		return TL_CREATED;
	if (!s->body)
		return LOOK(s->kind) == TL_PROCESS ? process_state(s)
		       : word == PARK_WAITING      ? TL_CREATED
						   : TL_READY;
	if (atomic_load_explicit(&s->body->waits, memory_order_relaxed) == strand_begins)
		return TL_CREATED;
	if (word == PARK_WAITING || LOOK(s->body->placed))
		return TL_BLOCKED;
	return s->kind != TL_TASK || LOOK(s->loop->now_runs) == s ? TL_RUNNING : TL_READY;
}

/* Under its lock: until it is released the body, and with it the loop, stays. */
int strand_state(struct strand *s)
{
	bool visitor = strand_hold(s);
	int r = state(s);

	strand_let(s, visitor);
	return r;
}

int tl_state(tl_strand t)
{
	struct strand *s = slot_find(t);
	int r = s ? strand_state(s) : -ESRCH;

	return slot_find(t) ? r : -ESRCH;
}

int tl_kind(tl_strand t)
{
	struct strand *s = slot_find(t);
	int r = s ? LOOK(s->kind) : -ESRCH;

	return slot_find(t) ? r : -ESRCH;
}

bool tl_alive(tl_strand t)
{
	int r = tl_state(t);

	return r > 0 && r != TL_ENDED;
}
