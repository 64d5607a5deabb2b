/* pool_work.c - jobs from their submission to their end, and those who run them.
 *
 * A job waits in pool.waiting, runs, and has ended; the pool's lock guards every step.  At most
 * pool.workers run at once, workers and helping waiters together, but for those that run inside
 * another: a job that waits for a job lends it its place.  Claim K1: while jobs wait and fewer than
 * pool.workers run, a worker is looking or has been rung for.
 *
 * Whoever runs jobs has a scope around them, which is cancelled to have one of them stop, and then
 * made anew; inside it each call has one of its own, for its strands and its limit. */
#include "pool.h"
#include <errno.h>

/* Children inherit it: what a job starts belongs to the pool too. */
static void *same(void *value) { return value; }
tl_local pool_inside = { .copy = same };

/* -- who should come */

void pool_idles(struct worker *w)
{
	tl_pool *p = w->pool;

	w->idle = true;
	w->prev = NULL;
	w->next = p->idle;
	if (p->idle)
		p->idle->prev = w;
	p->idle = w;
}

static void idle_remove(struct worker *w)
{
	tl_pool *p = w->pool;

	w->idle = false;
	*(w->prev ? &w->prev->next : &p->idle) = w->next;
	if (w->next)
		w->next->prev = w->prev;
}

struct worker *pool_calls(tl_pool *p)
{
	struct worker *w = p->idle;

	idle_remove(w);
	w->rung = true;
	p->rung++;
	return w;
}

struct worker *pool_wakes(tl_pool *p)
{
	if (p->hub)
		crew_deal(p);
	if (!p->idle || !p->waiting.n || p->running + p->rung >= p->workers)
		return NULL;
	return pool_calls(p);
}

/* Not under the lock, which the one who is rung for needs at once. */
void pool_ring(struct worker *w)
{
	if (!w)
		return;
	if (w->paused)
		tl_resume(w->strand);
	else
		tl_event_set(&w->bell);
}

/* -- a job's way */

void pool_add(tl_pool *p, struct job *j)
{
	j->stage = JOB_QUEUED;
	jobs_add(&p->waiting, j);
	p->unfinished++;
}

/* Of processes what is posted may wait as well: more are under way than can run. */
static bool full(const tl_pool *p)
{
	if (p->hub)
		return p->unfinished >= p->workers + p->most_waiting;
	return p->waiting.n >= p->most_waiting;
}

static void leave_queue(tl_pool *p, struct job *j)
{
	if (full(p))
		tl_event_set(&p->room);
	jobs_remove(&p->waiting, j);
}

struct job *pool_next(tl_pool *p)
{
	struct job *j = p->waiting.first;

	leave_queue(p, j);
	return j;
}

void pool_again(tl_pool *p, struct job *j)
{
	if (p->given_up || p->broken) {
		pool_end(j, p->broken ? p->broken : -ECANCELED);
		return;
	}
	j->stage = JOB_QUEUED;
	jobs_add_first(&p->waiting, j);
}

static void begin(tl_pool *p, struct job *j, struct runner *by)
{
	leave_queue(p, j);
	jobs_add(&p->at_work, j);
	j->stage = JOB_RUNS;
	j->by = by;
	p->running += by->counted;
}

void pool_end(struct job *j, int result)
{
	tl_pool *p = atomic_load_explicit(&j->pool, memory_order_relaxed);

	j->stage = JOB_ENDED;
	j->result = result;
	j->by = NULL;
	p->done++;
	p->failed += result < 0;
	if (p->hub && full(p))
		tl_event_set(&p->room);
	if (--p->unfinished == 0)
		tl_event_set(&p->drained);
	if (j->batch)
		batch_ended(j->batch, j);
	else if (j->kept)
		jobs_add(&p->kept, j);
	else
		job_give(j);
	if (j->watched)
		tl_event_set(&j->ended);
}

void pool_withdraw(struct job *j, int why)
{
	tl_pool *p = atomic_load_explicit(&j->pool, memory_order_relaxed);

	leave_queue(p, j);
	pool_end(j, why);
}

void pool_ask(struct job *j)
{
	if (j->stage == JOB_POSTED) {
		crew_ask(j);
		return;
	}
	j->by->asked = true;
	tl_scope_cancel(&j->by->scope);
}

void pool_take_back(tl_pool *p, int why)
{
	for (struct job *j = p->at_work.first, *next; j; j = next) {
		next = j->next;
		if (j->stage == JOB_POSTED && crew_take_back(j))
			pool_end(j, why);
	}
}

void pool_break(tl_pool *p, int why)
{
	if (!p->broken)
		p->broken = why;
	while (p->waiting.first)
		pool_withdraw(p->waiting.first, p->broken);
	pool_take_back(p, p->broken);
	tl_event_set(&p->room);
}

/* -- running */

/* What fn answered, or how its strands failed, or that it obeyed its limit. */
int pool_call(tl_fn *fn, void *record, tl_span limit)
{
	tl_scope s = { .name = "job", .deadline = limit.ns > 0 ? tl_after(limit) : TL_NEVER };
	int r, closed;

	tl_scope_open(&s);
	r = fn(record);
	if (r < 0 && !(r == -ECANCELED && tl_cancelled()))
		tl_scope_fail(&s, r);
	closed = tl_scope_close(&s);
	return closed < 0 && (r < 0 || s.n_failures) ? closed : r;
}

static int run(struct job *j)
{
	int *status;

	if (!j->n)
		return pool_call(j->fn, j->size ? j->data : j->record, j->limit);
	status = job_status(j);
	for (size_t i = 0; i < j->n; i++)
		status[i] = tl_cancelled() ? -ECANCELED
					   : pool_call(j->fn, j->data + i * j->size, j->limit);
	return 0;
}

/* Run one that has begun.  The lock is released meanwhile. */
static void run_begun(tl_pool *p, struct job *j)
{
	struct runner *by = j->by;
	int r;

	j->worker = tl_self();
	tl_lock_release(&p->lock);
	r = run(j);
	tl_lock_hold(&p->lock);
	p->running -= by->counted;
	jobs_remove(&p->at_work, j);
	pool_end(j, r);
}

static void scope_open(struct runner *by)
{
	by->scope = (tl_scope){ .name = "worker", .keep_going = true };
	by->asked = false;
	tl_scope_open(&by->scope);
}

/* A waiter may help where its help is a worker's place, or it has one already; it is no process. */
bool pool_helps(tl_pool *p)
{
	return !p->hub && (p->running < p->workers || tl_local_get(&pool_inside) == p);
}

void pool_run(tl_pool *p, struct job *j)
{
	void *outer = tl_local_get(&pool_inside);
	struct runner by = { .counted = outer != p };
	struct worker *w;

	scope_open(&by);
	begin(p, j, &by);
	if (outer != p && tl_local_set(&pool_inside, p) < 0)
		outer = p; /* no memory for it: what runs inside will not lend its place */
	run_begun(p, j);
	if (outer != p)
		tl_local_set(&pool_inside, outer);
	w = pool_wakes(p);
	tl_lock_release(&p->lock);
	pool_ring(w);
	tl_scope_close(&by.scope);
	tl_lock_hold(&p->lock);
}

/* -- workers */

/* Wait to be rung for.  < 0: it is to leave, and why. */
static int rest(struct worker *w)
{
	tl_pool *p = w->pool;
	int r;

	tl_event_clear(&w->bell);
	pool_idles(w);
	tl_lock_release(&p->lock);
	r = tl_event_wait(&w->bell, TL_NEVER);
	tl_lock_hold(&p->lock);
	if (w->idle)
		idle_remove(w);
	p->rung -= w->rung;
	w->rung = false;
	return r;
}

/* One job after the other, with the lock held, until it is to leave; answers why. */
static int serve(struct worker *w, struct runner *by)
{
	tl_pool *p = w->pool;
	int r = 0;

	while (r == 0 && !p->leaves) {
		struct job *j = p->waiting.first;

		if (!j || p->running >= p->workers) {
			r = rest(w);
			continue;
		}
		begin(p, j, by);
		run_begun(p, j);
		if (by->asked) {
			tl_lock_release(&p->lock);
			tl_scope_close(&by->scope);
			scope_open(by);
			tl_lock_hold(&p->lock);
		}
		r = tl_cancelled() ? -ECANCELED : 0;
	}
	return r;
}

int pool_work(void *arg)
{
	struct worker *w = arg;
	struct runner by = { .counted = true };
	tl_pool *p = w->pool;
	int r = tl_local_set(&pool_inside, p);

	if (r == 0 && p->init)
		r = p->init(p->init_arg);
	scope_open(&by);
	tl_lock_hold(&p->lock);
	p->rung -= w->rung;
	w->rung = w->paused = false;
	r = r < 0 ? r : serve(w, &by);
	if (r < 0)
		pool_break(p, r);
	w->gone = true;
	if (p->closed)
		p->left--;
	pool_retire(p);
	tl_lock_release(&p->lock);
	tl_scope_close(&by.scope);
	return 0;
}

/* -- waiting for others */

/* Workers that were cancelled before they began cannot say so: their end says it. */
int pool_wait(tl_pool *p, tl_event *e, tl_time deadline)
{
	tl_case c[] = { TL_SET(e), TL_JOINED(p->lifeline) };
	int r = tl_select(c, 2, deadline);

	if (r != 1)
		return r;
	tl_lock_hold(&p->lock);
	if (!p->leaves)
		pool_break(p, -ECANCELED);
	tl_lock_release(&p->lock);
	return 0;
}

/* -- submitting */

static int sound(const tl_pool *p) { return p->broken ? p->broken : p->closing ? -EPIPE : 0; }

/* Wait for room in the queue.  1: the caller is to run it. */
static int make_room(tl_pool *p, enum tl_full how, tl_time deadline)
{
	int r = sound(p);

	while (r == 0 && full(p)) {
		if (how == TL_FULL_RUN)
			return 1;
		if (how == TL_FULL_REJECT || deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		tl_event_clear(&p->room);
		p->inside++;
		tl_lock_release(&p->lock);
		r = pool_wait(p, &p->room, deadline);
		tl_lock_hold(&p->lock);
		p->inside--;
		r = r < 0 ? r : sound(p);
	}
	return r;
}

bool pool_function(tl_pool *p, struct job *j, tl_fn *fn)
{
	j->fn = fn;
	if (!p->hub)
		return true;
	if (p->last_fn != fn) {
		p->last_func = tl_func_of(fn);
		p->last_fn = fn;
	}
	j->func = p->last_func;
	return j->func.id != 0;
}

static int submit(
	tl_pool *p, tl_fn *fn, void *record, size_t size, const tl_job_opts *o, tl_time deadline)
{
	int here = make_room(p, o->full, deadline), r = here;
	struct job *j = r < 0 ? NULL : job_take(p);

	if (!j)
		return r < 0 ? r : -ENOMEM;
	r = pool_function(p, j, fn) ? job_copy(j, record, size, 0) : -EINVAL;
	if (r < 0) {
		job_give(j);
		return r;
	}
	j->record = record;
	j->limit = o->limit;
	j->retries = o->retries ? o->retries > 0 ? (unsigned)o->retries : 0 : 1;
	j->kept = o->ret != NULL;
	if (o->ret)
		o->ret->id = atomic_load_explicit(&j->id, memory_order_relaxed);
	pool_add(p, j);
	if (here)
		pool_run(p, j);
	return 0;
}

int tl_pool_submit(
	tl_pool *p, tl_fn *fn, void *record, size_t size, const tl_job_opts *o, tl_time deadline)
{
	static const tl_job_opts none;
	struct worker *w;
	int r = deadline.ns == TL_POLL.ns ? 0 : tl_checkpoint();

	o = o ? o : &none;
	if (o->ret)
		*o->ret = (tl_job){ 0 };
	if (r < 0)
		return r;
	if (!p || !fn || (size && !record) || o->full > TL_FULL_RUN || o->limit.ns < 0 ||
		(o->reserved[0] | o->reserved[1] | o->reserved[2] | o->reserved[3]))
		return -EINVAL;
	tl_lock_hold(&p->lock);
	r = submit(p, fn, record, size, o, deadline);
	w = pool_wakes(p);
	pool_retire(p);
	tl_lock_release(&p->lock);
	pool_ring(w);
	return r;
}
