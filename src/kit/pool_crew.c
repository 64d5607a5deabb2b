/* pool_crew.c - workers that are processes: the program's side.
 *
 * Only the program deals jobs out and takes them back, under the pool's lock; a worker knows its
 * own channel and nothing else (see pool_crew.h).  Each worker has a tender, a task that starts
 * it, waits for its end, has its jobs done by others, and starts the next.  The tenders run on the
 * loop of the pool's keeper, a thread that looks what has been done whenever a worker rings; those
 * who wait for a job look by themselves for a moment first.
 *
 * Claim K3: of a worker that ends, each job that was done is answered, each that had not begun goes
 * to another, and the one that it had begun is begun once more or answered -EOWNERDEAD. */
#include "pool_crew.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STILLBORN = 8, WATCH_LEAST_NS = 1000, WATCH_MOST_NS = 100000 };

/* -- dealing out */

static struct slot *slot_of(struct post *o, uint32_t at)
{
	return &o->channel->slots[at % CHANNEL_SLOTS];
}

static uint32_t under_way(const struct post *o) { return o->posted - o->reaped; }

static void wake(struct channel *c)
{
	if (atomic_exchange_explicit(&c->sleeps, 0, memory_order_seq_cst))
		bell_ring(c->bell);
}

/* Where the copy may lie: in the slot, or in a block that the slot keeps for the next one. */
static void *room_for(struct post *o, uint32_t at, size_t bytes)
{
	uint32_t i = at % CHANNEL_SLOTS;

	if (bytes <= SLOT_BYTES)
		return slot_of(o, at)->here;
	if (o->room[i] < bytes) {
		o->blocks[i] = tl_shared_free(o->blocks[i]);
		o->room[i] = 0;
		o->blocks[i] = tl_shared(bytes);
		if (o->blocks[i])
			o->room[i] = bytes;
	}
	return o->blocks[i];
}

/* -ENOMEM: the shared window has no room for it. */
static int post(struct worker *w, struct job *j)
{
	struct post *o = w->post;
	uint32_t at = o->posted;
	struct slot *s = slot_of(o, at);
	size_t bytes = pool_bytes(j);

	s->bytes = bytes ? room_for(o, at, bytes) : j->record;
	if (bytes && !s->bytes)
		return -ENOMEM;
	if (bytes)
		memcpy(s->bytes, j->data, bytes);
	s->fn = j->func;
	s->limit = j->limit.ns;
	s->size = j->size;
	s->n = j->n;
	atomic_store_explicit(&s->state, SLOT_FULL, memory_order_release);
	o->jobs[at % CHANNEL_SLOTS] = j;
	j->sent = w;
	j->place = at;
	j->stage = JOB_POSTED;
	jobs_add(&j->sent->pool->at_work, j);
	o->posted = at + 1;
	atomic_store_explicit(&o->channel->posted, o->posted, memory_order_seq_cst);
	wake(o->channel);
	return 0;
}

bool crew_take_back(struct job *j)
{
	struct post *o = j->sent->post;
	uint32_t full = SLOT_FULL;

	if (!atomic_compare_exchange_strong_explicit(&slot_of(o, j->place)->state, &full, SLOT_FREE,
		    memory_order_relaxed, memory_order_relaxed))
		return false;
	o->jobs[j->place % CHANNEL_SLOTS] = NULL;
	jobs_remove(&j->sent->pool->at_work, j);
	return true;
}

/* Who has least to do; NULL: nobody has room. */
static struct worker *least(tl_pool *p)
{
	struct worker *best = NULL;

	for (unsigned i = 0; i < p->hired; i++) {
		struct post *o = p->crew[i]->post;

		if (o->up && !o->asked && under_way(o) < CHANNEL_SLOTS &&
			(!best || under_way(o) < under_way(best->post)))
			best = p->crew[i];
	}
	return best;
}

/* The last job that waits behind another, from whoever has most; NULL: there is none. */
static struct job *spare_job(tl_pool *p)
{
	struct post *best = NULL;

	for (unsigned i = 0; i < p->hired; i++) {
		struct post *o = p->crew[i]->post;

		if (under_way(o) > 1 && (!best || under_way(o) > under_way(best)))
			best = o;
	}
	for (uint32_t at = best ? best->posted : 0; best && at-- != best->reaped + 1;) {
		struct job *j = best->jobs[at % CHANNEL_SLOTS];

		if (j && crew_take_back(j))
			return j;
	}
	return NULL;
}

/* What waits behind j in its channel is for others.  False: something behind it has begun already,
 * or was about to. */
static bool set_apart(struct job *j)
{
	struct post *o = j->sent->post;
	bool apart = true;

	for (uint32_t at = o->posted; --at != j->place;) {
		struct job *behind = o->jobs[at % CHANNEL_SLOTS];

		if (!behind)
			continue;
		if (crew_take_back(behind))
			pool_again(behind->sent->pool, behind);
		else
			apart = false;
	}
	return apart;
}

/* If it has begun its worker is asked to stop, and ends after it.  A worker that is already beyond
 * it is let alone: the cancel would hit another job, and the result of this one is on its way. */
void crew_ask(struct job *j)
{
	if (crew_take_back(j)) {
		pool_end(j, -ECANCELED);
		return;
	}
	if (!set_apart(j))
		return;
	j->sent->post->asked = true;
	tl_cancel(j->sent->strand);
}

void crew_deal(tl_pool *p)
{
	struct worker *w;
	struct job *j;
	int r;

	while (p->waiting.n && (w = least(p))) {
		j = pool_next(p);
		r = post(w, j);
		if (r < 0)
			pool_end(j, r);
	}
	while ((w = least(p)) && !under_way(w->post) && (j = spare_job(p)))
		if (post(w, j) < 0)
			pool_end(j, -ENOMEM);
}

/* -- gathering in */

static void reap_one(struct worker *w, uint32_t at)
{
	struct post *o = w->post;
	struct slot *s = slot_of(o, at);
	struct job *j = o->jobs[at % CHANNEL_SLOTS];
	size_t bytes;

	if (!j)
		return;
	bytes = pool_bytes(j);
	if (bytes)
		memcpy(j->data, s->bytes, bytes);
	o->jobs[at % CHANNEL_SLOTS] = NULL;
	atomic_store_explicit(&s->state, SLOT_FREE, memory_order_relaxed);
	jobs_remove(&w->pool->at_work, j);
	j->worker = w->strand;
	j->who = w->number;
	j->pid = o->channel->pid;
	pool_end(j, s->result);
}

/* done is another process's: it says no more than that, and is looked at once. */
static void reap(struct worker *w)
{
	struct post *o = w->post;
	uint32_t done = atomic_load_explicit(&o->channel->done, memory_order_seq_cst);

	if (done - o->reaped > under_way(o))
		return;
	for (; o->reaped != done; o->reaped++)
		reap_one(w, o->reaped);
}

void crew_reap(tl_pool *p)
{
	for (unsigned i = 0; i < p->hired; i++)
		if (p->crew[i]->post->up)
			reap(p->crew[i]);
	crew_deal(p);
}

/* -- waiting without the keeper */

bool crew_watch(tl_pool *p, bool (*there)(const void *arg), const void *arg)
{
	struct hub *h = p->hub;
	int64_t from = tl_now().ns, took = 0;
	bool came = false;

	if (!p->patience)
		return false;
	atomic_fetch_add_explicit(&h->watched, 1, memory_order_seq_cst);
	while (!(came = there(arg)) && took <= p->patience) {
		tl_lock_release(&p->lock);
		took = tl_now().ns - from;
		tl_lock_hold(&p->lock);
		crew_reap(p);
	}
	atomic_fetch_sub_explicit(&h->watched, 1, memory_order_seq_cst);
	crew_reap(p); /* who looked at `watched` before that has told nobody */
	came = came || there(arg);
	if (!came)
		p->patience -= p->patience / 4;
	if (p->patience < WATCH_LEAST_NS)
		p->patience = 0;
	return came;
}

void crew_waited(tl_pool *p, int64_t took)
{
	if (took < WATCH_MOST_NS)
		p->patience = WATCH_MOST_NS;
}

/* -- a worker's life */

static void channel_init(struct worker *w)
{
	struct channel *c = w->post->channel;

	atomic_store_explicit(&c->posted, 0, memory_order_relaxed);
	atomic_store_explicit(&c->done, 0, memory_order_relaxed);
	atomic_store_explicit(&c->ready, 0, memory_order_relaxed);
	atomic_store_explicit(&c->sleeps, 0, memory_order_relaxed);
	c->broken = 0;
	c->pid = 0;
	w->post->posted = w->post->reaped = 0;
	w->post->up = true;
	w->post->asked = false;
}

/* The job that it had begun. */
static void lost(struct worker *w, struct job *j, const tl_end *end)
{
	j->worker = w->strand;
	j->who = w->number;
	j->pid = w->post->channel->pid;
	j->signal = end->how == TL_SIGNALLED ? end->value : 0;
	if (w->post->asked || w->pool->broken)
		pool_end(j, w->pool->broken ? w->pool->broken : -ECANCELED);
	else if (j->tries++ < j->retries)
		pool_again(w->pool, j);
	else
		pool_end(j, -EOWNERDEAD);
}

/* It has ended: what was done is answered, what was not goes back to where it came from. */
static void bury(struct worker *w, const tl_end *end)
{
	struct post *o = w->post;
	struct job *begun = NULL, *j;

	reap(w);
	o->up = false;
	for (uint32_t at = o->posted; at-- != o->reaped;) {
		j = o->jobs[at % CHANNEL_SLOTS];
		if (!j)
			continue;
		o->jobs[at % CHANNEL_SLOTS] = NULL;
		jobs_remove(&w->pool->at_work, j);
		if (atomic_exchange_explicit(
			    &slot_of(o, at)->state, SLOT_FREE, memory_order_relaxed) == SLOT_FULL)
			pool_again(w->pool, j);
		else
			begun = j;
	}
	if (begun)
		lost(w, begun, end);
	bell_ring(w->pool->hub->bell); /* it may have taken the hub's flag down, and not rung */
}

/* Why the pool cannot go on, after a worker has ended that way; or 0. */
static int verdict(struct worker *w, const tl_end *end)
{
	struct channel *c = w->post->channel;
	tl_pool *p = w->pool;

	if (atomic_load_explicit(&c->ready, memory_order_relaxed)) {
		p->stillborn = 0;
		return c->broken < 0 ? c->broken : 0;
	}
	if (end->how == TL_RETURNED && end->value < 0)
		return pool_later(p, end->value); /* it could not be forked */
	return end->how != TL_CANCELLED && ++p->stillborn > STILLBORN ? -EOWNERDEAD : 0;
}

/* One process, from its start to its end; with the lock.  < 0: the pool cannot go on. */
static int live(struct worker *w)
{
	tl_scope s = { .name = "worker", .keep_going = true };
	tl_end end = { TL_RETURNED, -ECANCELED };
	tl_pool *p = w->pool;
	char name[32];
	int r;

	channel_init(w);
	snprintf(name, sizeof name, "%s-%u", p->name, w->number);
	tl_lock_release(&p->lock);
	tl_scope_open(&s);
	r = tl_process_start(
		&s, pool_child, w->post->channel, &(tl_opts){ .name = name, .ret = &w->strand });
	tl_lock_hold(&p->lock);
	if (r == 0)
		crew_deal(p);
	tl_lock_release(&p->lock);
	while (r == 0 && tl_join(w->strand, &end, TL_NEVER) == -ECANCELED)
		r = -ECANCELED;
	tl_scope_close(&s); /* cancelled, the process ends within the scope's grace */
	if (r == -ECANCELED)
		end = (tl_end){ TL_CANCELLED, r };
	tl_lock_hold(&p->lock);
	bury(w, &end);
	return r < 0 ? r : verdict(w, &end);
}

static int tend(void *arg)
{
	struct worker *w = arg;
	tl_pool *p = w->pool;
	int r = 0;

	tl_lock_hold(&p->lock);
	while (r == 0 && !p->leaves)
		r = live(w);
	if (r < 0)
		pool_break(p, r);
	crew_deal(p);
	tl_lock_release(&p->lock);
	return 0;
}

/* -- the keeper */

/* Look, and wait to be rung for; with the lock.  A worker may have been stopped (SIGSTOP) just when
 * it was about to ring, for all others too: so look once a second. */
static void keep(tl_pool *p)
{
	struct hub *h = p->hub;
	int r = 0;

	while (r == 0 && !p->leaves) {
		atomic_store_explicit(&h->sleeps, 1, memory_order_seq_cst);
		crew_reap(p);
		tl_lock_release(&p->lock);
		r = bell_await(h->bell, tl_after(tl_s(1)));
		tl_lock_hold(&p->lock);
	}
	if (r < 0)
		pool_break(p, r);
}

static int crew_keep(void *arg)
{
	tl_scope s = { .name = "pool", .keep_going = true };
	tl_pool *p = arg;

	tl_scope_open(&s);
	for (unsigned i = 0; i < p->hired; i++)
		tl_task_start(&s, tend, p->crew[i], NULL);
	tl_lock_hold(&p->lock);
	keep(p);
	tl_lock_release(&p->lock);
	tl_scope_close(&s);
	tl_lock_hold(&p->lock);
	p->keeper_gone = true;
	if (p->closed)
		p->left--;
	pool_retire(p);
	tl_lock_release(&p->lock);
	return 0;
}

/* -- open, close */

static int bell_open(tl_queue **ret)
{
	return tl_queue_open(ret, &(tl_queue_opts){ .shared = true, .capacity = 1, .max_item = 1 });
}

static void post_close(struct post *o)
{
	for (unsigned i = 0; i < CHANNEL_SLOTS; i++)
		tl_shared_free(o->blocks[i]);
	if (o->channel)
		tl_queue_close(o->channel->bell);
	tl_shared_free(o->channel);
	free(o);
}

static int post_open(tl_pool *p, struct worker *w, tl_func init, unsigned recycle)
{
	struct post *o = calloc(1, sizeof *o);
	int r;

	if (!o)
		return -ENOMEM;
	o->channel = tl_shared(sizeof *o->channel);
	if (!o->channel) {
		free(o);
		return -ENOSPC;
	}
	r = bell_open(&o->channel->bell);
	if (r < 0) {
		post_close(o);
		return r;
	}
	o->channel->hub = p->hub;
	o->channel->init = init;
	o->channel->init_arg = p->init_arg;
	o->channel->recycle = recycle;
	w->post = o;
	return 0;
}

/* The zygote is made by the caller, so that it learns why there can be none. */
int crew_open(tl_pool *p, const tl_pool_opts *o)
{
	tl_func init = p->init ? tl_func_of(p->init) : (tl_func){ 0 };
	int r = p->init && !init.id ? -EINVAL : tl_zygote_start();
	char name[32];

	if (r < 0)
		return r;
	p->hub = tl_shared(sizeof *p->hub);
	if (!p->hub)
		return -ENOSPC;
	p->patience = WATCH_MOST_NS;
	r = bell_open(&p->hub->bell);
	for (unsigned i = 0; r == 0 && i < p->hired; i++)
		r = post_open(p, p->crew[i], init, o->recycle);
	if (r < 0)
		return r;
	snprintf(name, sizeof name, "%s-keeper", p->name);
	return tl_thread_start(NULL, crew_keep, p,
		&(tl_opts){ .name = name, .daemon = true, .ret = &p->lifeline });
}

void crew_dismiss(tl_pool *p)
{
	for (unsigned i = 0; i < p->hired && p->crew[i]->post; i++) {
		struct channel *c = p->crew[i]->post->channel;

		atomic_store_explicit(&c->leaves, 1, memory_order_seq_cst);
		wake(c);
	}
	if (p->hub->bell)
		bell_ring(p->hub->bell);
}

void crew_close(tl_pool *p)
{
	for (unsigned i = 0; i < p->hired && p->crew[i]->post; i++) {
		post_close(p->crew[i]->post);
		p->crew[i]->post = NULL;
	}
	tl_queue_close(p->hub->bell);
	p->hub = tl_shared_free(p->hub);
	p->last_fn = NULL;
}
