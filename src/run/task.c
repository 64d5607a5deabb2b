/* task.c - tasks: records that wait to begin, and their life on a stack.
 *
 * A task that has not begun is a record on a run queue.  One that waits to begin (.at, .every,
 * .paused) is parked like any other strand: its word is WAITING, a time or a cancel pokes it, and
 * tl_resume wakes it; task_settle then decides.  A task that ends goes on with the next new task on
 * the very same stack, so a burst of short tasks costs one stack and no switches. */
#include "run/bias.h"
#include "run/stack.h"
#include <errno.h>

/* The scope is asked too: a cancel that came while a repeated task was in a call told that call. */
static bool too_late(struct strand *s)
{
	struct scope *in = scope_of(s->scope);
	int64_t eff = atomic_load_explicit(&in->eff, memory_order_relaxed);

	return (atomic_load_explicit(&s->life, memory_order_seq_cst) & LIFE_ASKED) ||
	       (atomic_load_explicit(&in->flags, memory_order_seq_cst) & SCOPE_CANCELLED) ||
	       (eff && eff <= s->loop->now);
}

static bool paused(struct strand *s)
{
	return atomic_load_explicit(&s->life, memory_order_seq_cst) & LIFE_PAUSED;
}

static bool too_early(struct strand *s) { return paused(s) || s->planned > s->loop->now; }

/* Not all whose time came have begun yet: it waits behind them, in the heap. */
static bool behind_others(struct strand *s) { return s->planned && timer_due(s->loop); }

static bool its_turn(struct strand *s) { return !too_early(s) && !behind_others(s); }

/* Go on waiting to begin.  What came before the word changed is seen by looking again.  A paused
 * one has no timer: its time may be past. */
static bool wait_on(struct strand *s)
{
	const struct extra *x = LOOK(s->extra);

	atomic_exchange_explicit(&s->park.word, PARK_WAITING, memory_order_seq_cst);
	if (too_late(s) || its_turn(s))
		wait_poke(&s->park);
	else if (!paused(s))
		timer_between(s, s->planned, x ? x->slack.ns : 0);
	return false;
}

bool task_settle(struct strand *s)
{
	atomic_store_explicit(&s->park.word, PARK_IDLE, memory_order_relaxed);
	if (too_late(s)) {
		if (LOOK(s->extra) && s->extra->locals) {
			s->fn = local_unborn;
			return true;
		}
		timer_leave(s->loop);
		strand_end(s, -ECANCELED);
		return false;
	}
	return too_early(s) ? wait_on(s) : true;
}

/* The next planned time; TL_SKIP: the first after now. */
static int64_t next_planned(const struct extra *x, int64_t planned, int64_t now)
{
	int64_t every = x->every.ns;

	if (x->missed == TL_SKIP && planned < now)
		planned += (now - planned) / every * every;
	return __builtin_add_overflow(planned, every, &planned) ? INT64_MAX : planned;
}

/* The function of a repeated task has answered: begin again at the next planned time. */
static bool again(struct strand *s, int r)
{
	struct extra *x = LOOK(s->extra);

	if (!x || !x->every.ns || r < 0)
		return false;
	x->locals = s->body->locals;
	SHOW(x->called, true);
	SHOW(s->planned, next_planned(x, s->planned, plat_now()));
	own_lock(s->loop, &s->lock);
	s->body = NULL;
	s->begun = false;
	own_unlock(s->loop, &s->lock);
	loop_ready(&s->park); /* settles: waits, or ends if it was asked to stop meanwhile */
	return true;
}

static void live(struct strand *s)
{
	const struct extra *x = LOOK(s->extra);
	int r;

	if (x && x->missed == TL_DELAY)
		SHOW(s->planned, plat_now());
	r = strand_run(s);
	if (again(s, r))
		return;
	r = strand_part(s, r);
	timer_leave(s->loop);
	strand_end_soon(s, r);
}

static size_t own_stack(struct strand *s)
{
	struct extra *x = LOOK(s->extra);

	return x ? x->stack : 0;
}

static _Noreturn void task_main(void *arg)
{
	struct strand *s = arg, *next;
	struct loop *l = s->loop;
	struct stack *k = container_of(s->body, struct stack, body);

	loop_arrived(l);
	for (;; s = next) {
		struct strand tomb = { .body = &k->body };

		live(s);
		loop_runs(l, l->zero); /* s is gone; the hook of a report may ask who calls */
		do {
			next = loop_pick(l);
			if (!next->begun && !k->own && !own_stack(next))
				break;
		} while (!next->begun && task_begin(next) < 0);
		if (next->begun) {
			l->dead = k;
			loop_switch(l, &tomb, next, true);
		}
		strand_begin(next, &k->body);
		loop_runs(l, next);
	}
}

int task_begin(struct strand *s)
{
	struct stack *k = stack_take(own_stack(s));

	if (!k) {
		timer_leave(s->loop);
		strand_end(s, -ENOMEM);
		return -ENOMEM;
	}
	strand_begin(s, &k->body);
	k->body.own = stack_ground(k, k);
	k->body.sp = plat_stack_begin(stack_top(k), task_main, s);
	return 0;
}

/* -- starting */

/* A struct above 80 bytes is cleared by an instruction that is slower than all of that. */
_Static_assert(sizeof(tl_opts) == 80, "five words of options and what they point to");

/* What makes no sense, or would have no effect; NULL: nothing. */
static const char *nonsense(int kind, tl_fn *fn, const void *arg, const tl_opts *o)
{
	static const tl_thread_opts plain;
	const tl_thread_opts *t = o && o->thread ? o->thread : &plain;

	if (!fn)
		return "no function";
	if (!o)
		return NULL;
	if (o->copy > SIZE_MAX / 2 || (o->copy && !arg))
		return ".copy, but not that much to copy";
	if (o->at.ns == INT64_MIN)
		return ".at, but no time";
	if (o->every.ns && (kind != TL_TASK || o->every.ns < 0))
		return o->every.ns < 0 ? "an .every below 0" : ".every, which is for tasks";
	if (o->missed && (!o->every.ns || (unsigned)o->missed > TL_DELAY))
		return o->every.ns ? ".missed, but no such way" : ".missed, but no .every";
	if (o->slack.ns && (kind != TL_TASK || o->slack.ns < 0))
		return o->slack.ns < 0 ? "a .slack below 0" : ".slack, which is for tasks";
	if (o->slack.ns && !o->at.ns && !o->every.ns)
		return ".slack, but neither .at nor .every";
	if (o->anywhere && kind != TL_TASK)
		return ".anywhere, which is for tasks";
	if (o->stack && (kind == TL_PROCESS || o->stack > SIZE_MAX / 4))
		return kind == TL_PROCESS ? ".stack, which is not for processes"
					  : ".stack, but not that much of it";
	if (o->process && kind != TL_PROCESS)
		return ".process, which is for processes";
	if (o->thread && kind != TL_THREAD)
		return ".thread, which is for threads";
	if (!RESERVED_ZERO(t))
		return ".thread, whose .reserved is not zero";
	if (!t->cpus != !t->cpus_size || t->nice < -20 || t->nice > 19)
		return !t->cpus != !t->cpus_size ? ".thread, with one of .cpus and .cpus_size alone"
						 : ".thread, with no such .nice";
	return NULL;
}

static int refuse(tl_scope *scope, struct strand *me, int kind, const char *why)
{
	static const char *const kinds[] = {
		[TL_TASK] = "task", [TL_THREAD] = "thread", [TL_PROCESS] = "process"
	};

	report(TL_R_MISUSE, me, -EINVAL, "starts a %s with %s", kinds[kind], why);
	scope_refused(scope, -EINVAL, why);
	return -EINVAL;
}

static void plan(struct strand *s, const tl_opts *o)
{
	if (o->at.ns)
		s->planned = o->at.ns > 0 ? o->at.ns : 1; /* the clock began no earlier */
	else if (o->every.ns)
		s->planned = next_planned(s->extra, plat_now(), 0);
}

/* One whose time is to come waits for it from the start: a crowd of them is not touched twice. */
static void line_up(struct strand *s)
{
	if (its_turn(s)) {
		loop_ready(&s->park);
		return;
	}
	wait_on(s);
	loop_touch(s->loop);
}

int strand_start(int kind, tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o,
	void (*unborn)(void *arg), const void *site)
{
	struct strand *me = strand_self(), *s;
	const char *why;
	bool anywhere;
	int r;

	if (o && o->ret)
		*o->ret = (tl_strand){ 0 };
	if (!scope)
		scope = me->body->inner;
	if (scope == &me->body->outer && me->loop->foreign && me == me->loop->zero)
		return -EINVAL; /* nobody closes a foreign thread's outermost scope */
	if (!scope_opened(scope, "starts in"))
		return -EINVAL;
	why = nonsense(kind, fn, arg, o);
	if (__builtin_expect(why != NULL, 0))
		return refuse(scope, me, kind, why);
	s = slot_take();
	if (!s)
		return tl_scope_fail(scope, -ENOMEM), -ENOMEM;
	r = strand_init(s, kind, kind == TL_PROCESS ? NULL : me->loop, fn, arg, o, unborn, site);
	if (r == 0 && __builtin_expect(me->body->locals != NULL, 0) && kind != TL_PROCESS)
		r = local_inherit(me, s);
	if (r == 0 && o)
		plan(s, o);
	if (r == 0 && kind == TL_PROCESS)
		r = process_prepare(s, o);
	anywhere = kind == TL_TASK && o && o->anywhere && !s->planned && !o->paused;
	if (r == 0 && kind == TL_TASK && !anywhere)
		r = timer_room(me->loop);
	if (r == 0) {
		tl_strand id = { atomic_load_explicit(&s->id, memory_order_relaxed) };

		r = scope_admit(scope, s);
		if (r == 0) {
			if (o && o->ret)
				*o->ret = id;
			if (anywhere)
				work_push(me->loop, s);
			else if (kind == TL_TASK)
				line_up(s);
			else if (kind == TL_THREAD)
				r = thread_launch(s);
			else
				r = process_launch(s, o ? o->process : NULL);
			if (r < 0 && o && o->ret)
				*o->ret = (tl_strand){ 0 };
			return r;
		}
		if (kind == TL_TASK && !anywhere)
			timer_leave(me->loop);
		if (kind == TL_PROCESS)
			process_forget(s);
	}
	if (s->extra)
		local_free(s->extra->locals);
	strand_forget(s);
	if (r != -ECANCELED)
		tl_scope_fail(scope, r);
	return r;
}

int tl_task_start(tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o)
{
	return strand_start(TL_TASK, scope, fn, arg, o, NULL, __builtin_return_address(0));
}

int tl_resume(tl_strand t)
{
	struct strand *s;
	uint32_t life;
	int ended;

	do {
		ended = strand_ended(t, &s, &life);
		if (ended < 0)
			return ended;
		if (ended || !(life & LIFE_PAUSED))
			return -EBUSY;
	} while (!strand_relive(s, &life, life & ~(uint32_t)LIFE_PAUSED));
	if (LOOK(s->kind) == TL_PROCESS)
		process_resume(s);
	wait_poke(&s->park);
	word_wake(&s->life, s, 1); /* a thread, see wait_to_begin; its joiners sleep on */
	return 0;
}
