/* thread.c - threads: started by telar, or adopted when they first call it.
 *
 * Every thread has a loop, whose strand zero it is.  A started thread's loop is made in the thread
 * itself; what it must wait for before it begins (.at, .paused) it waits for there. */
#include "run/run.h"
#include "run/stack.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct strand *_Atomic main_strand;

enum { MAIN_FAILURES = 16 };
static tl_failure main_failures[MAIN_FAILURES]; /* what tl_finish reports */

/* -- the calling thread takes a strand, or gives it up */

static int enter(struct strand *s, bool foreign)
{
	struct loop *l = loop_open(s);

	if (!l)
		return -ENOMEM;
	l->foreign = foreign;
	SHOW(s->loop, l);
	l->body.own.floor = plat_stack_floor();
	loop_here = l;
	strand_begin(s, &l->body);
	wait_me = &s->park;
	crash_enter();
	return 0;
}

static void leave(void)
{
	struct loop *l = loop_here;

	crash_leave();
	wait_me = NULL;
	loop_here = NULL;
	loop_close(l);
	stack_flush();
	slot_flush();
}

/* An adopted thread ends. */
static void orphan(void *arg)
{
	struct strand *s = arg;

	if (wait_me != &s->park)
		return;
	strand_lose(s);
	if (s->body->locals) {
		local_drop(s);
		strand_lose(s);
	}
	loop_drain(s->loop);
	strand_end(s, 0);
	leave();
}

static void prepare(void)
{
	wait_ops = &loop_ops;
	if (pthread_key_create(&key, orphan) != 0)
		abort(); /* before the first strand: there is nobody to tell */
	fork_watch();
}

void thread_prepare(void) { pthread_once(&once, prepare); }

/* What fails in its scope is kept for tl_finish. */
static void becomes_main(struct strand *s)
{
	atomic_store_explicit(&main_strand, s, memory_order_release);
	s->body->outer.failures = main_failures;
	s->body->outer.max_failures = MAIN_FAILURES;
}

/* With no memory for its record a thread cannot be anybody here, and no call could even say so. */
struct strand *strand_adopt(void)
{
	bool is_main = plat_thread_id() == getpid();
	tl_opts o = { .name = is_main ? "MainThread" : NULL };
	struct strand *s;

	thread_prepare();
	s = slot_take();
	if (!s ||
		strand_init(s, is_main ? TL_THREAD : STRAND_FOREIGN, NULL, NULL, NULL, &o, NULL,
			NULL) < 0 ||
		enter(s, !is_main) < 0) {
		report(TL_R_FAILURE, NULL, -ENOMEM, "no memory for the calling thread's record");
		abort();
	}
	strand_born(s);
	if (is_main) {
		becomes_main(s);
	} else {
		pthread_setspecific(key, s);
	}
	return s;
}

tl_strand tl_main(void)
{
	struct strand *s = atomic_load_explicit(&main_strand, memory_order_acquire);

	return (tl_strand){ s ? atomic_load_explicit(&s->id, memory_order_relaxed) : 0 };
}

/* What has failed until now is its parent's to tell. */
void thread_forked(struct strand *me)
{
	becomes_main(me);
	me->body->outer.n_failures = 0;
}

/* -- threads of our own */

static int wait_to_begin(struct strand *s)
{
	uint32_t life;
	int r = strand_checkpoint(s);

	while (r == 0 &&
		(life = atomic_load_explicit(&s->life, memory_order_relaxed)) & LIFE_PAUSED)
		r = word_wait(&s->life, life, strand_begins, s, TL_NEVER);
	return r == 0 && s->planned ? strand_sleep(strand_begins, s->planned) : r;
}

static int arrange(struct strand *s)
{
	tl_strand t = { atomic_load_explicit(&s->id, memory_order_relaxed) };
	struct extra *x = LOOK(s->extra);
	int nice = x && x->has_thread ? x->thread.nice : 0;

	name_tell_system(s, t, s->loop->os_id);
	return nice && setpriority(PRIO_PROCESS, (id_t)plat_thread_id(), nice) < 0 ? -EPERM : 0;
}

static void *thread_main(void *arg)
{
	struct strand *s = arg;
	int r;

	if (enter(s, false) < 0) {
		strand_end(s, -ENOMEM);
		slot_flush();
		return NULL;
	}
	r = arrange(s);
	if (r == 0)
		r = wait_to_begin(s);
	if (r == 0)
		r = strand_run(s);
	r = strand_part(s, r);
	loop_drain(s->loop);
	strand_end(s, r);
	leave();
	return NULL;
}

static int set_up(pthread_attr_t *attr, const struct extra *x)
{
	size_t least = 65536;
	int r = -pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);

	if (r == 0 && x && x->stack)
		r = -pthread_attr_setstacksize(attr, x->stack < least ? least : x->stack);
	if (r == 0 && x && x->has_thread && x->thread.cpus)
		r = -pthread_attr_setaffinity_np(attr, x->thread.cpus_size, x->thread.cpus);
	return r;
}

int thread_launch(struct strand *s)
{
	pthread_attr_t attr;
	pthread_t t;
	int r = -pthread_attr_init(&attr);

	if (r == 0) {
		r = set_up(&attr, LOOK(s->extra));
		if (r == 0)
			r = -pthread_create(&t, &attr, thread_main, s);
		pthread_attr_destroy(&attr);
	}
	if (r < 0)
		strand_end(s, r);
	return r;
}

/* Deaf to signals: those are for the program's own threads. */
void thread_hire(tl_fn *fn, unsigned number)
{
	char name[16];
	struct strand *s = slot_take();
	tl_opts o = { .name = name, .daemon = true };
	sigset_t all, old;

	snprintf(name, sizeof name, "Worker-%u", number);
	if (!s)
		return;
	if (strand_init(s, TL_THREAD, NULL, fn, NULL, &o, NULL, NULL) < 0) {
		strand_forget(s);
		return;
	}
	strand_born(s);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	thread_launch(s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int tl_thread_start(tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o)
{
	return strand_start(TL_THREAD, scope, fn, arg, o, NULL, __builtin_return_address(0));
}

/* Each once, also if main should finish again. */
static void report_failures(tl_scope *outer)
{
	uint32_t n = outer->n_failures;

	for (uint32_t i = 0; i < n && i < MAIN_FAILURES; i++) {
		const tl_failure *f = &main_failures[i];

		report_end(TL_R_FAILURE, f->strand, f->name, f->site, f->end);
	}
	if (n > MAIN_FAILURES)
		report(TL_R_FAILURE, NULL, 0, "%u more failures", n - MAIN_FAILURES);
	outer->n_failures = 0;
}

static int end_main(struct body *b)
{
	gen_end(b);
	while (b->inner != &b->outer) {
		report(TL_R_MISUSE, strand_self(), 0, "calls tl_finish with scope '%s' open",
			b->inner->name ? b->inner->name : "");
		tl_scope_close(b->inner);
	}
	return scope_end(&b->outer, true);
}

int tl_finish(void)
{
	struct strand *me = strand_self();
	struct body *b = me->body;
	int r;

	if (me != atomic_load_explicit(&main_strand, memory_order_acquire)) {
		report(TL_R_MISUSE, me, -EPERM, "calls tl_finish, and is not main");
		return 1;
	}
	if (b->on->from) {
		report(TL_R_MISUSE, me, -EBUSY, "calls tl_finish from inside a generator");
		return 1;
	}
	r = end_main(b);
	if (r != -EBUSY && b->locals) {
		local_drop(me);
		r = end_main(b);
	}
	if (r == -EBUSY)
		return 2;
	report_failures(&b->outer);
	scope_shut(&b->outer);
	return r < 0;
}
