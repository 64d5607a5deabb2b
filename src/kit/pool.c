/* pool.c - pools: opened, looked at, closed.
 *
 * A pool that is closed goes on a list, from which the next one is made, once nobody is inside any
 * more: no worker, no waiter that has yet to be answered.  The list is guarded by its lock; all
 * else by the pool's.  Order of locks: a pool's, then the list's. */
#include "pool_crew.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t GRACE_NS = 5000000000;

static struct {
	tl_lock lock;
	tl_pool *pools;
	struct worker *workers;
} spare;

/* -- records */

static tl_pool *pool_take(void)
{
	tl_pool *p;

	tl_lock_hold(&spare.lock);
	p = spare.pools;
	if (p)
		spare.pools = p->next;
	tl_lock_release(&spare.lock);
	return p ? p : calloc(1, sizeof *p);
}

static struct worker *worker_take(tl_pool *p)
{
	struct worker *w;

	tl_lock_hold(&spare.lock);
	w = spare.workers;
	if (w)
		spare.workers = w->next;
	tl_lock_release(&spare.lock);
	w = w ? w : calloc(1, sizeof *w);
	if (w) {
		w->pool = p;
		w->idle = w->rung = w->paused = w->gone = false;
		w->strand = (tl_strand){ 0 };
	}
	return w;
}

void pool_retire(tl_pool *p)
{
	if (!p->closed || p->left || p->inside || p->kept.n || p->at_work.n)
		return;
	p->closed = false;
	if (p->hub)
		crew_close(p);
	jobs_give_back(p);
	tl_lock_hold(&spare.lock);
	for (unsigned i = 0; i < p->hired; i++) {
		p->crew[i]->next = spare.workers;
		spare.workers = p->crew[i];
	}
	free(p->crew);
	p->crew = NULL;
	p->hired = 0;
	p->next = spare.pools;
	spare.pools = p;
	tl_lock_release(&spare.lock);
}

/* -- workers */

static bool works(const struct worker *w)
{
	return w->post->up && atomic_load_explicit(&w->post->channel->ready, memory_order_relaxed);
}

int pool_later(tl_pool *p, int why)
{
	bool others = false;
	int r;

	for (unsigned i = 0; i < p->hired; i++)
		others |= works(p->crew[i]);
	if (!others || (why != -EAGAIN && why != -ENOMEM))
		return why;
	crew_deal(p);
	tl_lock_release(&p->lock);
	r = tl_sleep(tl_ms(100));
	tl_lock_hold(&p->lock);
	return r;
}

/* A task that nobody needs yet stays a record, without a stack. */
static int hire(tl_pool *p)
{
	struct worker *w = worker_take(p);
	char name[32];
	tl_opts o = { .name = name, .daemon = true };
	int r;

	if (!w)
		return -ENOMEM;
	p->crew[p->hired++] = w;
	w->number = p->hired;
	if (p->kind == TL_PROCESS)
		return 0; /* its tender will start it */
	snprintf(name, sizeof name, "%s-%u", p->name, w->number);
	o.ret = &w->strand;
	if (p->kind == TL_THREAD)
		return tl_thread_start(NULL, pool_work, w, &o);
	o.paused = o.anywhere = w->paused = true;
	r = tl_task_start(NULL, pool_work, w, &o);
	if (r == 0) {
		tl_lock_hold(&p->lock);
		pool_idles(w);
		tl_lock_release(&p->lock);
	}
	return r;
}

/* Tell the workers to go, and wait for them: those that had nothing to do go at once. */
static void dismiss(tl_pool *p, tl_time until)
{
	tl_scope s = { .name = "pool close", .shield = true, .grace = { 2 * GRACE_NS } };

	tl_lock_hold(&p->lock);
	p->leaves = true;
	while (p->idle) {
		struct worker *w = pool_calls(p);

		tl_lock_release(&p->lock);
		if (w->paused)
			tl_cancel(w->strand);
		else
			pool_ring(w);
		tl_lock_hold(&p->lock);
	}
	if (p->hub)
		crew_dismiss(p);
	tl_lock_release(&p->lock);
	tl_scope_open(&s);
	for (unsigned i = 0; i < p->hired; i++)
		if (!p->hub)
			tl_join(p->crew[i]->strand, NULL, until);
	tl_join(p->lifeline, NULL, until);
	tl_scope_close(&s);
}

/* Workers that are yet to leave the pool; each will count itself out. */
static unsigned count_left(const tl_pool *p)
{
	unsigned n = 0;

	if (p->hub)
		return !p->keeper_gone && tl_alive(p->lifeline);
	for (unsigned i = 0; i < p->hired; i++)
		n += !p->crew[i]->gone && tl_alive(p->crew[i]->strand);
	return n;
}

/* -- open */

static bool sane(const tl_pool_opts *o)
{
	return (!o->kind || o->kind == TL_TASK || o->kind == TL_THREAD || o->kind == TL_PROCESS) &&
	       (!o->recycle || o->kind == TL_PROCESS) &&
	       !(o->reserved[0] | o->reserved[1] | o->reserved[2] | o->reserved[3]);
}

/* The lock stays what it is: somebody with an id of old may be trying it. */
static void init(tl_pool *p, const tl_pool_opts *o)
{
	tl_lock_hold(&p->lock);
	p->kind = o->kind ? o->kind : TL_THREAD;
	p->workers = o->workers ? o->workers : (unsigned)tl_cpu_count();
	p->most_waiting = o->queued ? o->queued : 1024;
	p->init = o->init;
	p->init_arg = o->init_arg;
	snprintf(p->name, sizeof p->name, "%s", o->name ? o->name : "pool");
	p->idle = NULL;
	p->running = p->rung = 0;
	p->unfinished = 0;
	p->closing = p->leaves = p->given_up = p->keeper_gone = false;
	p->lifeline = (tl_strand){ 0 };
	p->stillborn = 0;
	p->broken = 0;
	p->done = p->failed = 0;
	tl_lock_release(&p->lock);
}

int tl_pool_open(tl_pool **ret, const tl_pool_opts *o)
{
	static const tl_pool_opts none;
	tl_pool *p;
	int r = 0;

	o = o ? o : &none;
	if (!sane(o))
		return -EINVAL;
	p = pool_take();
	if (!p)
		return -ENOMEM;
	init(p, o);
	p->crew = calloc(p->workers, sizeof(struct worker *));
	if (!p->crew)
		r = -ENOMEM;
	while (r == 0 && p->hired < p->workers)
		r = hire(p);
	if (r == 0 && p->kind == TL_PROCESS)
		r = crew_open(p, o);
	else if (r == 0)
		p->lifeline = p->crew[0]->strand;
	if (r < 0) {
		dismiss(p, TL_NEVER);
		tl_lock_hold(&p->lock);
		p->closed = true;
		pool_retire(p);
		tl_lock_release(&p->lock);
		return r;
	}
	*ret = p;
	return 0;
}

/* -- close */

/* Wait until all jobs are done; the lock is held before and after. */
static void drain(tl_pool *p, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? -EAGAIN : 0;

	while (r == 0 && p->unfinished) {
		tl_event_clear(&p->drained);
		tl_lock_release(&p->lock);
		r = pool_wait(p, &p->drained, deadline);
		tl_lock_hold(&p->lock);
	}
}

/* What waits is withdrawn, what runs is asked to stop; answers how many. */
static int give_up(tl_pool *p)
{
	int n = (int)p->unfinished;

	p->given_up = true;
	while (p->waiting.first)
		pool_withdraw(p->waiting.first, -ECANCELED);
	pool_take_back(p, -ECANCELED);
	for (struct job *j = p->at_work.first, *next; j; j = next) {
		next = j->next;
		pool_ask(j);
	}
	return n;
}

/* Results that nobody has got, and nobody is just about to get. */
static void forget(tl_pool *p)
{
	struct job *j = p->kept.first, *next;

	for (; j; j = next) {
		next = j->next;
		if (j->waited)
			continue;
		jobs_remove(&p->kept, j);
		job_give(j);
	}
}

int tl_pool_close(tl_pool *p, tl_time deadline)
{
	int n;

	if (!p)
		return 0;
	if (tl_local_get(&pool_inside) == p)
		return -EDEADLK;
	tl_lock_hold(&p->lock);
	p->closing = true;
	tl_event_set(&p->room);
	drain(p, deadline);
	n = give_up(p);
	tl_lock_release(&p->lock);
	dismiss(p, n ? tl_after((tl_span){ GRACE_NS }) : TL_NEVER);
	tl_lock_hold(&p->lock);
	forget(p);
	p->closed = true;
	p->left = count_left(p);
	if (p->left || p->at_work.n)
		n = -EBUSY;
	pool_retire(p);
	tl_lock_release(&p->lock);
	return n;
}

void tl_pool_stat(tl_pool *p, tl_pool_figures *ret)
{
	size_t running;

	tl_lock_hold(&p->lock);
	running = p->at_work.n < p->workers || !p->hub ? p->at_work.n : p->workers;
	*ret = (tl_pool_figures){ .workers = p->hired,
		.running = (unsigned)running,
		.queued = p->unfinished - running,
		.kept = p->kept.n,
		.done = p->done,
		.failed = p->failed,
		.broken = p->broken };
	tl_lock_release(&p->lock);
}
