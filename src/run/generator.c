/* generator.c - generators: second stacks of a strand.
 *
 * A generator's record lies at the top of its stack.  The strand that opened it owns it; others
 * read `owner`, which never changes, and nothing else.  body.on is the ground of the innermost
 * generator that runs, and each ground knows the one it was entered from: who advances it lies
 * below it.  So a strand that parks inside a generator leaves from there, and comes back to there,
 * without anybody knowing.
 *
 * The side that leaves does all there is to do for the side that arrives, hands over values and
 * changes the ground, so that crossing is its last act; see plat_cross.  Only the sanitizers have
 * a word to say on arrival. */
#include "run/run.h"
#include "run/stack.h"
#include <errno.h>

enum state { CREATED, RUNS, AT_YIELD, ENDED }; /* RUNS: also while it advances another */

struct tl_gen {
	struct strand *owner;
	struct ground ground;
	void *sp;       /* where it left its stack ... */
	void *back;     /* ... and its strand the one below */
	void **ret_in;  /* of its yield; may be NULL */
	void **ret_out; /* of the call that advances it; may be NULL */
	enum state state;
	int result; /* ENDED: what fn returned */
	tl_fn *fn;
	void *arg;
	struct stack *stack;
	tl_gen *next, **at; /* in body.gens of its owner */
};

/* -- crossing */

/* Into g.  r: what its yield answers. */
static inline int enter(tl_gen *g, struct body *b, int r, void **ret_out)
{
	struct ground *from = b->on;

	g->ret_out = ret_out;
	g->state = RUNS;
	g->ground.from = from;
	g->ground.base = b->inner;
	b->on = &g->ground;
	switch_leave(&from->note, &g->ground.note, false);
	r = plat_cross(&g->back, g->sp, r);
	switch_arrive(&from->note, &g->ground.note);
	return r;
}

/* Out of g.  r: what the call that advanced it answers. */
static inline int leave(tl_gen *g, struct body *b, int r, enum state state)
{
	struct ground *here = &g->ground;

	g->state = state;
	b->on = here->from;
	switch_leave(&here->note, &here->from->note, state == ENDED);
	r = plat_cross(&g->sp, g->back, r);
	switch_arrive(&here->note, &here->from->note);
	return r;
}

/* What would be taken for an answer of the generator itself is not let through (PEP 479). */
static int answer(int r)
{
	if (r >= 0)
		return -EPIPE;
	return r == -EPIPE || r == -EBUSY ? -EPROTO : r;
}

static _Noreturn void gen_main(void *arg)
{
	tl_gen *g = arg;
	struct body *b = g->owner->body;

	switch_arrive(&g->ground.note, &g->ground.from->note);
	g->result = g->fn(g->arg);
	while (b->inner != g->ground.base) {
		report(TL_R_MISUSE, g->owner, 0, "has a generator that ended with scope '%s' open",
			b->inner->name ? b->inner->name : "");
		tl_scope_close(b->inner);
	}
	leave(g, b, answer(g->result), ENDED);
	__builtin_unreachable();
}

/* -- from below */

int tl_gen_open(tl_gen **ret, tl_fn *fn, void *arg, const tl_gen_opts *o)
{
	struct strand *me = strand_self();
	size_t size = o ? o->stack : 0;
	struct stack *k;
	tl_gen *g;

	if (!fn || size > SIZE_MAX / 4 || (o && !RESERVED_ZERO(o)))
		return -EINVAL;
	k = stack_take(size ? size + sizeof *g : 0);
	if (!k)
		return -ENOMEM;
	g = (tl_gen *)stack_top(k) - 1;
	*g = (tl_gen){
		.owner = me, .ground = stack_ground(k, g), .fn = fn, .arg = arg, .stack = k
	};
	g->sp = plat_stack_begin((void *)((uintptr_t)g & ~(uintptr_t)15), gen_main, g);
	g->next = me->body->gens;
	g->at = &me->body->gens;
	if (g->next)
		g->next->at = &g->next;
	me->body->gens = g;
	*ret = g;
	return 0;
}

int tl_gen_send(tl_gen *g, void *in, void **ret_out)
{
	struct strand *me = strand_self();

	if (g->owner != me)
		return -EPERM;
	if (__builtin_expect(g->state != AT_YIELD, 0)) {
		if (g->state != CREATED)
			return g->state == RUNS ? -EBUSY : -EPIPE;
		if (in)
			return -EINVAL;
	} else if (g->ret_in) {
		*g->ret_in = in;
	}
	return enter(g, me->body, 0, ret_out);
}

int tl_gen_throw(tl_gen *g, int r, void **ret_out)
{
	struct strand *me = strand_self();

	if (g->owner != me)
		return -EPERM;
	if (r >= 0)
		return -EINVAL;
	switch (g->state) {
	case RUNS: return -EBUSY;
	case AT_YIELD: return enter(g, me->body, r, ret_out);
	case CREATED:
		g->result = r;
		g->state = ENDED;
		break;
	case ENDED: break;
	}
	return r;
}

int tl_gen_result(tl_gen *g, int *ret)
{
	if (g->owner != strand_self())
		return -EPERM;
	if (g->state != ENDED)
		return -EBUSY;
	*ret = g->result;
	return 0;
}

/* -- from inside */

static int refused(struct strand *me)
{
	const char *name = me->body->inner->name;

	if (!me->body->on->from)
		return -EPERM;
	report(TL_R_MISUSE, me, -EBUSY, "yields with scope '%s' open", name ? name : "");
	return -EBUSY;
}

/* 0: the caller may yield. */
static inline int may_yield(struct strand *me)
{
	const struct ground *on = me->body->on;
	bool may = on->from && on->base == me->body->inner;

	return __builtin_expect(may, 1) ? 0 : refused(me);
}

int tl_gen_yield(void *out, void **ret_in)
{
	struct strand *me = strand_self();
	tl_gen *g = container_of(me->body->on, tl_gen, ground);
	int r = may_yield(me);

	if (r < 0)
		return r;
	g->ret_in = ret_in;
	if (g->ret_out)
		*g->ret_out = out;
	return leave(g, me->body, 0, AT_YIELD);
}

/* Have g leave.  0, its failure, or -EBUSY: it yielded again. */
static int ask(tl_gen *g)
{
	int r = tl_gen_throw(g, -ECANCELED, NULL);

	if (r == 0)
		return -EBUSY;
	return r == -EPIPE || r == -ECANCELED ? 0 : r;
}

int tl_gen_from(tl_gen *inner, int *ret_result)
{
	void *in = NULL, *out;
	int r = may_yield(strand_self());

	if (r == 0)
		r = tl_gen_send(inner, NULL, &out);
	while (r == 0) {
		r = tl_gen_yield(out, &in);
		if (r == -ECANCELED) {
			r = ask(inner);
			return r < 0 ? r : -ECANCELED;
		}
		r = r < 0 ? tl_gen_throw(inner, r, &out) : tl_gen_send(inner, in, &out);
	}
	if (r != -EPIPE)
		return r;
	if (ret_result)
		*ret_result = inner->result;
	return 0;
}

/* -- the end */

static void discard(tl_gen *g)
{
	*g->at = g->next;
	if (g->next)
		g->next->at = g->at;
	switch_bury(&g->ground.note);
	stack_give(g->stack);
}

int tl_gen_close(tl_gen *g)
{
	int r = 0;

	if (!g)
		return 0;
	if (g->owner != strand_self())
		return -EPERM;
	if (g->state == RUNS)
		return -EBUSY;
	if (g->state == AT_YIELD) {
		r = ask(g);
		if (g->state != ENDED)
			return r;
		if (r == 0 && g->result > 0)
			r = g->result;
	}
	discard(g);
	return r;
}

static tl_gen *not_ended(tl_gen *g)
{
	while (g && g->state == ENDED)
		g = g->next;
	return g;
}

/* All end before the first is freed: what one does at its end may be to close another, which was
 * opened before it or after it. */
void gen_end(struct body *b)
{
	tl_gen *g;

	if (b->gens)
		report(TL_R_LEAK, b->gens->owner, 0, "left a generator open, which is closed now");
	while ((g = not_ended(b->gens))) {
		ask(g);
		if (g->state == ENDED)
			continue;
		report(TL_R_LEAK, g->owner, -EBUSY,
			"has a generator that yields when it is to leave: dropped where it stands");
		g->state = ENDED;
	}
	while (b->gens)
		discard(b->gens);
}
