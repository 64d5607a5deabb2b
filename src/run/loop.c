/* loop.c - run queue, switching, and sleeping when there is nothing to run.
 *
 * There is no scheduler stack: a strand that blocks picks the next and switches to it, and when
 * there is none it does the polling itself, on its own stack.  The thread's own strand is one of
 * them. A turn is TURN switches at most; between turns the loop looks outside: inbox, timers,
 * descriptors.
 *
 * Others reach a loop through its inbox, a stack of strands linked by `next`, and `sleeping`: they
 * push, then look at sleeping; the loop sets sleeping, then looks at the inbox; all in one total
 * order (W13).
 *
 * A thread that waits in a loop of somebody else's (embed.c) does here one turn at a time. */
#include "base/mem.h"
#include "run/run.h"
#include "run/stack.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* PATIENT: tasks that may begin elsewhere, or be joined in place, have their turn less often. */
enum { PATIENT = 64 };
enum { TURN = 64, BUDGET = hostile ? 0 : 128 };

_Thread_local struct loop *loop_here;

/* -- run queue */

static void push(struct loop *l, struct strand *s)
{
	s->next = NULL;
	*l->last = s;
	l->last = &s->next;
}

static struct strand *pop(struct loop *l)
{
	struct strand *s = l->first;

	if (s) {
		l->first = s->next;
		if (!l->first)
			l->last = &l->first;
		strand_near(l->first);
	}
	return s;
}

static void take_inbox(struct loop *l)
{
	struct strand *s, *next, *first = NULL;

	if (!atomic_load_explicit(&l->inbox, memory_order_relaxed))
		return;
	/* Release: who finds it empty (deadlock.c) also finds that we have woken. */
	s = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acq_rel);
	for (; s; s = next) { /* newest first: turn round */
		next = s->next;
		s->next = first;
		first = s;
	}
	for (; first; first = next) {
		next = first->next;
		push(l, first);
	}
}

void loop_wake(struct loop *l)
{
	if (atomic_load_explicit(&l->sleeping, memory_order_seq_cst) == LOOP_AWAKE)
		return;
	switch (atomic_exchange_explicit(&l->sleeping, LOOP_AWAKE, memory_order_seq_cst)) {
	case LOOP_AWAKE: return;
	case LOOP_FUTEX:
		watch_kicks(l);
		plat_futex_wake(&l->sleeping, 1, false);
		break;
	case LOOP_POLL: poller_wake(l->poller); break;
	}
	atomic_fetch_add_explicit(&l->kicks, 1, memory_order_release);
}

void loop_ready(struct parker *p)
{
	struct strand *s = strand_of(p);
	struct loop *l = s->loop;

	if (l == loop_here) {
		push(l, s);
		loop_touch(l);
		return;
	}
	s->next = atomic_load_explicit(&l->inbox, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&l->inbox, &s->next, s, memory_order_seq_cst, memory_order_relaxed))
		;
	loop_wake(l);
}

/* -- sleeping */

static bool inbox_empty(struct loop *l)
{
	return !atomic_load_explicit(&l->inbox, memory_order_seq_cst);
}

/* Awake again: take back the mark, or note that somebody has taken it and owes us a kick. */
void loop_awake(struct loop *l)
{
	if (atomic_exchange_explicit(&l->sleeping, LOOP_AWAKE, memory_order_relaxed) == LOOP_AWAKE)
		l->taken++;
}

static void sleep_loop(struct loop *l)
{
	int64_t until = timer_next(l), from;
	bool forever;

	process_sleeps();
	if (watch_for(l, NULL, NULL) || work_look(l) || work_rest(l, &until))
		return;
	forever = !until && !l->polling;
	if (!l->polling && l->poller)
		poller_let_go(l->poller);
	if (forever)
		until = deadlock_sleep(l);
	from = plat_now();
	atomic_store_explicit(
		&l->sleeping, l->polling ? LOOP_POLL : LOOP_FUTEX, memory_order_seq_cst);
	/* A report's hook may have made one of ours ready; a rouser may have found us awake. */
	if (!l->first && inbox_empty(l) && !work_roused(l)) {
		if (l->polling)
			poller_wait(l->poller, until);
		else
			plat_futex_wait(&l->sleeping, LOOP_FUTEX, until, false);
	}
	loop_awake(l);
	watch_ends(l, from);
	if (forever)
		deadlock_wake(l, !inbox_empty(l));
	work_up(l);
}

void loop_take_in(struct loop *l)
{
	take_inbox(l);
	work_take(l);
}

/* Between turns: what came in, descriptors, timers. */
static void look_outside(struct loop *l)
{
	l->turn = 0;
	if (l->held)
		scope_dismiss_held(l);
	loop_take_in(l);
	if (l->polling && l->first)
		poller_wait(l->poller, -1);
	else if (!l->first && !timer_due(l))
		sleep_loop(l);
	l->now = plat_now();
	timer_fire(l, l->now);
}

bool loop_quiet(struct loop *l) { return inbox_empty(l); }

bool loop_claim(struct loop *l, struct strand *s)
{
	return l->first == s && ++l->turn < TURN && !hostile_odd() && pop(l);
}

/* Is the turn of a host over: all that could run has run, or as much as may? */
static bool turned(struct loop *l)
{
	if (!l->first)
		loop_take_in(l);
	l->turning = l->first && ++l->turn < TURN;
	return !l->turning;
}

struct strand *loop_pick(struct loop *l)
{
	for (;;) {
		struct strand *s;

		if (hostile_odd())
			take_inbox(l);
		if (l->turning) {
			if (turned(l)) {
				if (l->held)
					scope_dismiss_held(l);
				return l->zero;
			}
		} else if (!l->first || ++l->turn >= TURN) {
			look_outside(l);
		}
		s = pop(l);
		if (!s || !(s->begun || task_settle(s)))
			continue;
		if (l->held && !scope_waits_for(l, s))
			scope_dismiss_held(l);
		return s;
	}
}

/* -- switching */

void loop_arrived(struct loop *l)
{
	switch_arrive(&l->now_runs->body->on->note, l->left);
	if (l->dead) {
		stack_give(l->dead);
		l->dead = NULL;
	}
}

void loop_switch(struct loop *l, struct strand *from, struct strand *to, bool gone)
{
	struct body *b = from->body;

	l->budget = BUDGET;
	l->left = &b->on->note;
	loop_runs(l, to);
	switch_leave(l->left, &to->body->on->note, gone);
	plat_switch(&b->sp, to->body->sp);
	loop_arrived(l);
}

void loop_leave(struct loop *l, struct strand *s)
{
	struct strand *next;

	loop_touch(l);
	do
		next = loop_pick(l);
	while (!next->begun && task_begin(next) < 0);
	if (next != s)
		loop_switch(l, s, next, false);
}

void loop_yield(struct loop *l)
{
	push(l, l->now_runs);
	loop_leave(l, l->now_runs);
}

void loop_share(struct loop *l)
{
	bool others = l->first || l->polling || l->alarms || !inbox_empty(l);

	l->budget = BUDGET;
	process_looks();
	if (others || (++l->shares % PATIENT == 0 && work_waits(l)))
		loop_yield(l);
}

/* -- the end of a thread on which tasks of other strands' scopes still live.  Daemons among them
 * cannot outlive their loop, and nobody else would cancel them: their scope may wait for this
 * thread. */

static void cancel_daemons(struct loop *l)
{
	for (uint32_t slot = 1; slot < slot_count(); slot++) {
		struct strand *s = slot_at(slot);
		uint64_t id = atomic_load_explicit(&s->id, memory_order_acquire);
		uint32_t life = atomic_load_explicit(&s->life, memory_order_acquire);

		if (!(life & (LIFE_FREE | LIFE_ENDED)) && life & LIFE_DAEMON &&
			LOOK(s->loop) == l && s != l->zero)
			cancel_strand(s, id);
	}
}

void loop_drain(struct loop *l)
{
	struct waiter w = {
		.who = &l->zero->park, .what = "tasks of an ending thread", .object = l
	};

	while (work_own(l))
		;
	if (l->claims == 1)
		return;
	l->body.deaf = true;
	cancel_daemons(l);
	while (l->claims > 1 || l->first) {
		wait_begin();
		l->drainer = &w;
		wait_block(&w, TL_NEVER);
		while (work_own(l))
			;
	}
	l->drainer = NULL;
}

void loop_alone(struct loop *l)
{
	struct waiter *w = l->drainer;

	if (w) {
		l->drainer = NULL;
		wait_finish(w->who, wait_claim(w));
	}
}

/* -- the operations of the wait floor */

static void block(struct parker *me, const struct waiter *w, int64_t deadline)
{
	struct strand *s = strand_of(me);
	struct body *b = s->body;
	int64_t eff =
		b->deaf ? 0 : atomic_load_explicit(&scope_of(b->inner)->eff, memory_order_relaxed);

	if (deadline && (!eff || deadline < eff))
		eff = deadline;
	if (eff)
		timer_at(s, eff);
	atomic_store_explicit(&b->object, w ? w->object : NULL, memory_order_relaxed);
	atomic_store_explicit(&b->since, s->loop->now, memory_order_relaxed);
	atomic_store_explicit(&b->waits, w ? w->what : "wake-up", memory_order_relaxed);
	loop_leave(s->loop, s);
	atomic_store_explicit(&b->waits, NULL, memory_order_relaxed);
}

static int interrupted(struct parker *me, int64_t deadline)
{
	struct strand *s = strand_of(me);
	struct scope *in = scope_of(s->body->inner);
	int64_t eff;

	if (!s->body->deaf) {
		eff = atomic_load_explicit(&in->eff, memory_order_seq_cst);
		if (atomic_load_explicit(&in->flags, memory_order_seq_cst) & SCOPE_CANCELLED)
			return -ECANCELED;
		if (eff && eff <= s->loop->now)
			return scope_interrupted(s);
	}
	return deadline && deadline <= s->loop->now ? -ETIMEDOUT : 0;
}

/* Only a thread with nothing else to run may sleep whole. */
static bool sleep_shared(struct parker *me, const struct waiter *w, _Atomic uint32_t *word,
	uint32_t expected, int64_t deadline)
{
	struct strand *s = strand_of(me);
	struct loop *l = s->loop;
	struct plat_word words[3] = { { word, expected, true }, { &l->sleeping, LOOP_FUTEX, false },
		window_deaths() };
	int64_t eff = s->body->deaf ? 0
				    : atomic_load_explicit(
					      &scope_of(s->body->inner)->eff, memory_order_relaxed);

	if (s != l->zero || l->claims > 1 || l->first || l->polling || work_waits(l))
		return false;
	process_sleeps();
	if (l->poller)
		poller_let_go(l->poller);
	loop_touch(l);
	if (eff && (!deadline || eff < deadline))
		deadline = eff;
	atomic_store_explicit(&l->body.object, w->object, memory_order_relaxed);
	atomic_store_explicit(&l->body.since, l->now, memory_order_relaxed);
	atomic_store_explicit(&l->body.waits, w->what, memory_order_relaxed);
	atomic_store_explicit(&l->sleeping, LOOP_FUTEX, memory_order_seq_cst);
	if (inbox_empty(l) && plat_futex_wait_any(words, 3, deadline) == -ENOSYS)
		plat_futex_wait(word, expected, plat_now() + 5000000, true);
	loop_awake(l);
	atomic_store_explicit(&l->body.waits, NULL, memory_order_relaxed);
	l->now = plat_now();
	return true;
}

const struct wait_ops loop_ops = { block, loop_ready, interrupted, sleep_shared, loop_word_wait,
	window_holds, deadlock_outside, window_deaths };

/* -- opening and closing.  A strand that was pushed may run, and end its thread, before the pusher
 * has looked at `sleeping` (W14): so loops are recycled, never freed, and a loop that closes waits
 * for the kicks that are on their way before it gives up its poller.  A kick that comes later still
 * meets the loop of another thread, and proves nothing (W15). */

static struct all {
	struct spin lock;
	struct loop *first, *free;
} all;

static struct loop *recycled(void)
{
	struct loop *l;

	spin_lock(&all.lock);
	l = all.free;
	if (l)
		all.free = l->after;
	spin_unlock(&all.lock);
	return l;
}

struct loop *loop_open(struct strand *zero)
{
	struct loop *l = recycled();
	size_t size = (sizeof *l + PLAT_LINE - 1) / PLAT_LINE * PLAT_LINE;

	if (!l && (l = aligned_alloc(PLAT_LINE, size)))
		memset(l, 0, size);
	if (!l)
		return NULL;
	memset(l, 0, offsetof(struct loop, inbox)); /* what is everybody's goes on */
	l->zero = l->now_runs = zero;
	l->os_id = plat_thread_id();
	l->budget = BUDGET;
	l->last = &l->first;
	l->now = plat_now();
	if (timer_room(l) < 0) {
		loop_close(l);
		return NULL;
	}
	spin_lock(&all.lock);
	l->after = all.first;
	all.first = l;
	spin_unlock(&all.lock);
	deadlock_loops(1);
	l->counted = true;
	return l;
}

static void unlink_loop(struct loop *l)
{
	for (struct loop **at = &all.first; *at; at = &(*at)->after)
		if (*at == l) {
			*at = l->after;
			return;
		}
}

void loop_close(struct loop *l)
{
	unsigned turn = 0;

	embed_close(l);
	while (atomic_load_explicit(&l->kicks, memory_order_acquire) != l->taken)
		spin_pause(&turn);
	if (l->counted)
		deadlock_loops(-1);
	poller_close(l->poller);
	heap_free(&l->timers);
	heap_free(&l->windows);
	spin_lock(&all.lock);
	unlink_loop(l);
	mem_free(l->deque.at);
	l->deque = (struct deque){ 0 };
	l->after = all.free;
	all.free = l;
	spin_unlock(&all.lock);
}

bool loop_each(bool (*fn)(struct loop *l, void *arg), void *arg)
{
	bool all_true = true;

	spin_lock(&all.lock);
	for (struct loop *l = all.first; l && all_true; l = l->after)
		all_true = fn(l, arg);
	spin_unlock(&all.lock);
	return all_true;
}

void loop_forked(struct loop *l, struct strand *me)
{
	all = (struct all){ .first = l }; /* the other threads' loops and pollers are left behind */
	deadlock_forked(l != NULL);
	if (!l)
		return;
	embed_close(l);
	l->turning = false;
	poller_close(l->poller); /* the kernel's side of it is the parent's */
	l->poller = NULL;
	l->after = NULL;
	l->first = NULL;
	l->last = &l->first;
	l->polling = l->alarms = me->alarm = 0;
	heap_clear(&l->timers);
	heap_clear(&l->windows);
	l->claims = 1;
	l->deque = (struct deque){ 0 };
	l->takes = false;
	l->held = NULL; /* their records are given back */
	l->n_held = 0;
	atomic_store_explicit(&l->inside, false, memory_order_relaxed);
	l->zero = me;
	l->foreign = false;
	l->os_id = plat_thread_id();
	atomic_store_explicit(&l->inbox, NULL, memory_order_relaxed);
	atomic_store_explicit(&l->sleeping, LOOP_AWAKE, memory_order_relaxed);
	atomic_store_explicit(&l->kicks, l->taken, memory_order_relaxed);
}
