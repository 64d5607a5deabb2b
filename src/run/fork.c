/* fork.c - the child of a foreign fork(2): one thread, which is main now.
 *
 * The forking strand goes on; all others exist only in the parent.  Their records are ended, so
 * that ids answer -ESRCH, the scopes around the caller are emptied of them, and nothing waits for
 * what cannot come.  Locks that they hold are found lost, because the participant number is a new
 * one. */
#include "run/bias.h"
#include "run/stack.h"
#include <pthread.h>

static void empty(tl_scope *scope)
{
	for (; scope; scope = scope_of(scope)->up) {
		struct scope *in = scope_of(scope);

		in->lock = (struct spin){ 0 };
		list_init(&in->strands);
		in->live = in->daemons = 0;
		in->closer = NULL;
	}
}

static void end_others(const struct strand *me)
{
	for (uint32_t slot = 1; slot < slot_count(); slot++) {
		struct strand *s = slot_at(slot);

		s->lock = (struct spin){ 0 };
		if (s == me || (atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_FREE))
			continue;
		s->body = NULL; /* its stack is left where it is: nobody will run on it */
		s->extra = NULL;
		slot_give(s);
	}
}

static void begin_afresh(struct strand *me)
{
	word_forked();
	shared_wait_forked();
	offload_forked();
	work_forked();
	slot_forked();
	stack_forked();
	window_forked();
	process_forked();
	report_forked();
	plat_thread_forked();
	bias_forked();
	end_others(me);
	loop_forked(me ? me->loop : NULL, me);
	if (!me)
		return;
	me->scope = NULL;
	empty(me->body->inner);
	strand_lock_word(me, me->body);
	me->body->held = 0; /* those locks are the parent's, or lost */
	thread_forked(me);
}

static void in_child(void)
{
	switch_forked(false);
	begin_afresh(wait_me ? strand_of(wait_me) : NULL);
	switch_forked(true);
}

void fork_watch(void) { pthread_atfork(NULL, NULL, in_child); }
