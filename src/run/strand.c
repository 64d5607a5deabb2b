/* strand.c - what tasks and threads have in common: who they are, how they begin and how they end.
 */
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint32_t last_number[4]; /* of default names, per kind */
const char strand_begins[] = "its time to begin";

static size_t extra_size(const tl_opts *o, void (*unborn)(void *arg))
{
	bool any = unborn || o->name || o->copy || o->every.ns || o->stack || o->thread;

	return any ? sizeof(struct extra) + o->copy : 0;
}

static int dress(struct strand *s, const tl_opts *o, void (*unborn)(void *arg))
{
	size_t size = extra_size(o, unborn);
	struct extra *x;

	if (!size)
		return 0;
	if (o->copy > SIZE_MAX / 2 || (o->copy && !s->arg))
		return -EINVAL;
	x = mem_alloc(size);
	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof *x);
	x->unborn = unborn;
	x->every = o->every;
	x->stack = o->stack;
	if (o->thread) {
		x->thread = *o->thread;
		x->has_thread = true;
	}
	if (o->name)
		snprintf(x->name, sizeof x->name, "%s", o->name);
	if (o->copy)
		s->arg = memcpy(x->copy, s->arg, o->copy);
	s->extra = x;
	return 0;
}

int strand_init(struct strand *s, int kind, struct loop *l, tl_fn *fn, void *arg, const tl_opts *o,
	void (*unborn)(void *arg), const void *site)
{
	static const tl_opts none;
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed);
	uint32_t life = (uint32_t)(id >> 24) << 16;
	bool named = o && o->name && o->name[0];
	int r;

	atomic_store_explicit(&s->park.word, PARK_IDLE, memory_order_relaxed);
	s->timer = 0;
	s->scope = NULL;
	list_init(&s->sibling);
	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	s->site = site;
	s->extra = NULL;
	s->body = NULL;
	s->result = 0;
	s->how = 0;
	s->kind = (uint8_t)(kind == STRAND_FOREIGN ? TL_THREAD : kind);
	s->begun = s->anywhere = false;
	s->planned = 0;
	s->number =
		named ? 0
		      : atomic_fetch_add_explicit(&last_number[kind], 1, memory_order_relaxed) + 1;
	s->foreign = kind == STRAND_FOREIGN;
	if (o)
		life |= (o->daemon ? LIFE_DAEMON : 0u) | (o->ret ? LIFE_KEPT : 0u) |
			(o->paused ? LIFE_PAUSED : 0u);
	r = o || unborn ? dress(s, o ? o : &none, unborn) : 0;
	atomic_store_explicit(&s->life, life, memory_order_release); /* who looks sees all of it */
	return r;
}

void strand_forget(struct strand *s)
{
	struct extra *x = s->extra;

	spin_lock(&s->lock); /* somebody may be reading the name */
	s->extra = NULL;
	spin_unlock(&s->lock);
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
	b->waits = NULL;
	b->held = 0;
	b->deaf = b->placed = false;
	strand_lock_word(s, b);
	s->begun = true;
	memset(&b->outer, 0, sizeof b->outer);
	spin_lock(&s->lock);
	b->inner = &b->outer;
	scope_begin(&b->outer, s, NULL);
	if (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_ASKED)
		atomic_fetch_or_explicit(
			&scope_of(&b->outer)->flags, SCOPE_CANCELLED, memory_order_relaxed);
	s->body = b;
	spin_unlock(&s->lock);
}

void (*strand_lost)(struct body *b);

void strand_lose(struct strand *s)
{
	if (!s->body->held)
		return;
	report(TL_R_MISUSE, s, 0, "ended holding a lock, which is lost now");
	strand_lost(s->body);
}

int strand_run(struct strand *s)
{
	struct body *b = s->body;
	int r = s->fn(s->arg), first;

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

/* Was it asked to stop: by itself, or through a scope around it? */
static bool was_asked(struct strand *s)
{
	struct scope *outer = s->body ? scope_of(&s->body->outer) : NULL;
	int64_t eff = outer ? atomic_load_explicit(&outer->eff, memory_order_relaxed) : 0;

	return !outer ||
	       (atomic_load_explicit(&outer->flags, memory_order_relaxed) & SCOPE_CANCELLED) ||
	       (eff && eff <= plat_now());
}

/* Order: the siblings are cancelled while we are still counted in the scope, which thereby stays;
 * then joiners see the end; then we are uncounted, after which neither the scope nor, unless the
 * ending is kept, the record is ours. */
void strand_end(struct strand *s, int result)
{
	tl_scope *scope = s->scope;
	bool cancelled = result == -ECANCELED && was_asked(s);
	struct extra *x;
	uint32_t old;

	s->result = result;
	s->how = cancelled ? TL_CANCELLED : TL_RETURNED;
	if (result < 0 && !cancelled && s->scope)
		scope_failed(s);
	if (!s->begun && s->extra && s->extra->unborn)
		s->extra->unborn(s->arg);
	if (s->timer)
		timer_off(s);
	spin_lock(&s->lock);
	s->body = NULL;
	x = s->extra;
	s->extra = NULL;
	old = atomic_fetch_or_explicit(&s->life, LIFE_ENDED, memory_order_seq_cst);
	spin_unlock(&s->lock); /* who held it and saw us alive has also seen our scope */
	mem_free(x);
	if (old & LIFE_WAITED)
		join_tell(s);
	if (scope)
		scope_dismiss(s, old & LIFE_KEPT);
	if (!(old & LIFE_KEPT) || !scope) /* else the record is not ours any more, not to be read */
		slot_give(s);
}

/* -- names */

const char *strand_kind_name(const struct strand *s)
{
	return s->foreign ? "Foreign" : s->kind == TL_TASK ? "Task" : "Thread";
}

const char *strand_name(struct strand *s, char buf[32])
{
	spin_lock(&s->lock);
	if (s->extra && s->extra->name[0])
		memcpy(buf, s->extra->name, 32);
	else
		snprintf(buf, 32, "%s-%u", strand_kind_name(s), s->number);
	spin_unlock(&s->lock);
	return buf;
}

const char *tl_my_name(void)
{
	struct strand *s = strand_self();

	return s->extra && s->extra->name[0] ? s->extra->name : strand_name(s, s->body->name);
}

int tl_name(tl_strand t, char *buf, size_t cap)
{
	struct strand *s = slot_find(t);
	char name[32];

	if (!s)
		return -ESRCH;
	strand_name(s, name);
	if (!slot_find(t))
		return -ESRCH;
	return snprintf(buf, cap, "%s", name);
}

/* -- facts */

tl_strand tl_self(void)
{
	return (tl_strand){ atomic_load_explicit(&strand_self()->id, memory_order_relaxed) };
}

static int state(struct strand *s)
{
	uint32_t word = atomic_load_explicit(&s->park.word, memory_order_relaxed);

	if (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_ENDED)
		return TL_ENDED;
	if (!s->body)
		return word == PARK_WAITING ? TL_CREATED : TL_READY;
	if (atomic_load_explicit(&s->body->waits, memory_order_relaxed) == strand_begins)
		return TL_CREATED;
	if (word == PARK_WAITING || s->body->placed)
		return TL_BLOCKED;
	return s->kind == TL_THREAD || s->loop->now_runs == s ? TL_RUNNING : TL_READY;
}

/* Under its lock: until it is released the body, and with it the loop, stays. */
int strand_state(struct strand *s)
{
	int r;

	spin_lock(&s->lock);
	r = state(s);
	spin_unlock(&s->lock);
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
	int r = s ? s->kind : -ESRCH;

	return slot_find(t) ? r : -ESRCH;
}

bool tl_alive(tl_strand t)
{
	int r = tl_state(t);

	return r > 0 && r != TL_ENDED;
}
