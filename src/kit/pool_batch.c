/* pool_batch.c - many records, a few jobs at a time, and what comes of them as it comes.
 *
 * A batch cuts its records into jobs of `chunk` each, and keeps at most `limit` of them under way:
 * each has a seat, from its start until its last record has been handed out.  Seats and what has
 * ended are under the pool's lock; the rest is the one strand's that uses the batch.  A batch that
 * is closed leaves its seats, and jobs that still run are nobody's then: they end on their copies.
 */
#include "pool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_UNDER_LOCK = 4096, JOBS_PER_WORKER = 4, MAPS_PER_WORKER = 1024 };

struct tl_batch {
	tl_pool *pool;
	bool own, ordered;
	char *base;
	size_t n, size, chunk;
	tl_fn *fn;
	size_t fed; /* records */
	int why;    /* what keeps those that are not from being so */
	struct job *current;
	size_t at; /* its next record */
	struct job **seats;
	size_t n_seats, taken;
	size_t ripe;        /* have ended, and yet to be handed out */
	size_t first, next; /* in order: the oldest seat and the next, both counted on */
	struct jobs ended;  /* out of order */
	tl_event some;      /* set when there is something to be handed out, if somebody waits */
	size_t waits;       /* 0: nobody; else: for so many that have ended */
	bool all;           /* nobody looks at single records: it waits for half of the seats */
};

/* -- jobs that come and go, with the pool's lock */

static struct job *ready(struct tl_batch *b)
{
	if (!b->ordered)
		return b->ended.first;
	if (b->first == b->next || b->seats[b->first % b->n_seats]->stage != JOB_ENDED)
		return NULL;
	return b->seats[b->first % b->n_seats];
}

void batch_ended(tl_batch *b, struct job *j)
{
	b->ripe++;
	if (!b->ordered)
		jobs_add(&b->ended, j);
	if (b->waits && b->ripe >= b->waits && ready(b)) {
		b->waits = 0;
		tl_event_set(&b->some);
	}
}

static void sit(struct tl_batch *b, struct job *j)
{
	j->seat = b->ordered ? b->next++ % b->n_seats : b->taken;
	b->seats[j->seat] = j;
	b->taken++;
}

/* The seats of a batch without order are filled from the front. */
static void stand_up(struct tl_batch *b, struct job *j)
{
	struct job *last = b->seats[--b->taken];

	b->ripe--;
	if (b->ordered) {
		b->first++;
		return;
	}
	jobs_remove(&b->ended, j);
	b->seats[j->seat] = last;
	last->seat = j->seat;
}

/* -- feeding */

/* The next records as a job that nobody knows yet; < 0: not to be. */
static int cut(struct tl_batch *b, struct job *j)
{
	size_t left = b->n - b->fed, n = left < b->chunk ? left : b->chunk;
	int r;

	if (!pool_function(b->pool, j, b->fn))
		return -EINVAL;
	j->limit = (tl_span){ 0 };
	j->record = b->base + b->fed * b->size;
	r = job_copy(j, j->record, b->size, n > 1 ? n : 0);
	if (r == 0)
		b->fed += n;
	return r;
}

/* One more job; the lock may be released meanwhile.  False: none. */
static bool feed_one(struct tl_batch *b)
{
	tl_pool *p = b->pool;
	bool large = b->size * b->chunk > MOST_UNDER_LOCK;
	struct job *j;

	b->why = p->broken ? p->broken : p->closing ? -ECANCELED : 0;
	j = b->why ? NULL : job_take(p);
	if (!j)
		return b->why = b->why ? b->why : -ENOMEM, false;
	if (large)
		tl_lock_release(&p->lock);
	b->why = cut(b, j);
	if (large)
		tl_lock_hold(&p->lock);
	if (b->why < 0)
		return job_give(j), false;
	j->batch = b;
	sit(b, j);
	pool_add(p, j);
	if (p->broken || p->closing)
		pool_withdraw(j, p->broken ? p->broken : -ECANCELED);
	return true;
}

/* As many as there are seats; the lock is held before and after.  Whom to wake is told at the end,
 * when there is work for more than a moment. */
static void feed(struct tl_batch *b)
{
	struct worker *rung = NULL, *w;
	tl_pool *p = b->pool;

	while (b->taken < b->n_seats && b->fed < b->n && feed_one(b)) {
		w = pool_wakes(p);
		if (w) {
			w->next = rung;
			rung = w;
		}
	}
	if (!rung)
		return;
	tl_lock_release(&p->lock);
	while ((w = rung)) {
		rung = w->next;
		pool_ring(w);
	}
	tl_lock_hold(&p->lock);
}

/* -- handing out */

static bool hand_out(struct tl_batch *b, size_t *ret_i, int *ret_status)
{
	struct job *j = b->current;
	size_t n = j->n ? j->n : 1;

	*ret_i = (size_t)((char *)j->record - b->base) / b->size + b->at;
	if (ret_status)
		*ret_status = j->result < 0 || !j->n ? j->result : job_status(j)[b->at];
	return ++b->at == n;
}

/* What a caller inside the pool waits for may have nobody else to run it. */
static bool helps(struct tl_batch *b)
{
	if (tl_local_get(&pool_inside) != b->pool)
		return false;
	for (size_t i = 0; i < b->taken; i++) {
		struct job *j = b->seats[b->ordered ? (b->first + i) % b->n_seats : i];

		if (j->stage == JOB_QUEUED)
			return pool_run(b->pool, j), true;
	}
	return false;
}

static bool enough(const void *arg)
{
	const struct tl_batch *b = arg;

	return b->ripe >= b->waits && ready((struct tl_batch *)b);
}

/* Have a job to hand out, with the lock held before and after: 1, or 0: there are none, or why not.
 */
static int pick(struct tl_batch *b, tl_time deadline)
{
	tl_pool *p = b->pool;
	int r = 0;

	for (;;) {
		feed(b);
		b->current = ready(b);
		if (b->current)
			return stand_up(b, b->current), 1;
		if (!b->taken || r < 0)
			return r;
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		if (deadline.ns == TL_NEVER.ns && helps(b))
			continue;
		b->waits = b->all && b->taken > 1 ? b->taken / 2 : 1;
		tl_event_clear(&b->some);
		if (p->hub && crew_watch(p, enough, b))
			continue;
		tl_lock_release(&p->lock);
		r = pool_wait(p, &b->some, deadline);
		tl_lock_hold(&p->lock);
		b->waits = 0;
	}
}

/* The next job's records come back to their places. */
static int turn(struct tl_batch *b, tl_time deadline)
{
	struct job *j;
	int r;

	tl_lock_hold(&b->pool->lock);
	r = pick(b, deadline);
	tl_lock_release(&b->pool->lock);
	if (r <= 0)
		return r;
	j = b->current;
	b->at = 0;
	if (j->result >= 0 || !j->n)
		memcpy(j->record, j->data, j->size * (j->n ? j->n : 1));
	return 1;
}

int tl_batch_next(tl_batch *b, size_t *ret_i, int *ret_status, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : tl_checkpoint();

	if (r == 0 && !b->current)
		r = turn(b, deadline);
	if (r < 0)
		return r;
	if (!b->current && b->fed == b->n)
		return -EPIPE;
	if (!b->current) {
		*ret_i = b->fed++;
		if (ret_status)
			*ret_status = b->why;
		return 0;
	}
	if (hand_out(b, ret_i, ret_status)) {
		tl_lock_hold(&b->pool->lock);
		job_give(b->current);
		tl_lock_release(&b->pool->lock);
		b->current = NULL;
	}
	return 0;
}

/* -- open, close */

static bool sane(const tl_batch_opts *o, const void *base, size_t n, size_t size, tl_fn *fn)
{
	return fn && size && (base || !n) && n <= SIZE_MAX / 2 / size &&
	       !(o->reserved[0] | o->reserved[1] | o->reserved[2] | o->reserved[3]);
}

static int begin(struct tl_batch *b, const tl_batch_opts *o)
{
	size_t jobs, limit;
	int r;

	b->chunk = o->chunk ? o->chunk : 1;
	jobs = b->n / b->chunk + (b->n % b->chunk != 0);
	limit = o->limit || !b->pool ? o->limit : (size_t)b->pool->workers * JOBS_PER_WORKER;
	b->n_seats = limit && limit < jobs ? limit : jobs ? jobs : 1;
	b->ordered = o->ordered;
	b->seats = calloc(b->n_seats, sizeof(struct job *));
	if (!b->seats || b->n_seats > UINT32_MAX)
		return -ENOMEM;
	if (!b->pool) {
		tl_pool_opts all = {
			.name = "batch", .kind = TL_TASK, .workers = (unsigned)b->n_seats
		};

		r = tl_pool_open(&b->pool, &all);
		if (r < 0)
			return r;
		b->own = true;
	}
	tl_lock_hold(&b->pool->lock);
	r = b->pool->broken ? b->pool->broken : b->pool->closing ? -EPIPE : 0;
	if (r == 0)
		feed(b);
	tl_lock_release(&b->pool->lock);
	return r;
}

int tl_batch_open(tl_batch **ret, tl_pool *p, void *base, size_t n, size_t size, tl_fn *fn,
	const tl_batch_opts *o)
{
	static const tl_batch_opts none;
	struct tl_batch *b;
	int r;

	o = o ? o : &none;
	if (!sane(o, base, n, size, fn))
		return -EINVAL;
	b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	*b = (struct tl_batch){ .pool = p, .base = base, .n = n, .size = size, .fn = fn };
	r = begin(b, o);
	if (r < 0) {
		tl_batch_close(b);
		return r;
	}
	*ret = b;
	return 0;
}

static void leave_seats(struct tl_batch *b)
{
	tl_pool *p = b->pool;

	tl_lock_hold(&p->lock);
	if (b->current)
		job_give(b->current);
	for (size_t i = 0; i < b->taken; i++) {
		struct job *j = b->seats[b->ordered ? (b->first + i) % b->n_seats : i];

		j->batch = NULL;
		if (j->stage == JOB_QUEUED)
			pool_withdraw(j, -ECANCELED);
		else if (j->stage == JOB_ENDED)
			job_give(j);
		else
			pool_ask(j);
	}
	if (p->hub)
		crew_deal(p); /* what of others waited behind them */
	tl_lock_release(&p->lock);
}

tl_batch *tl_batch_close(tl_batch *b)
{
	if (!b)
		return NULL;
	if (b->pool)
		leave_seats(b);
	if (b->own)
		tl_pool_close(b->pool, TL_POLL);
	free(b->seats);
	free(b);
	return NULL;
}

/* -- all at once */

struct failure {
	size_t i;
	int status;
};

static int collect(
	tl_batch *b, int *status, bool fail_fast, struct failure *first, tl_time deadline)
{
	size_t i;
	int one, r;

	while ((r = tl_batch_next(b, &i, &one, deadline)) == 0) {
		if (status)
			status[i] = one;
		if (one >= 0 || (first->status < 0 && first->i < i))
			continue;
		*first = (struct failure){ i, one };
		if (fail_fast)
			return 0;
	}
	return r == -EPIPE ? 0 : r;
}

int tl_pool_map(tl_pool *p, void *base, size_t n, size_t size, tl_fn *fn, const tl_batch_opts *o,
	tl_time deadline)
{
	tl_batch_opts mine = o ? *o : (tl_batch_opts){ 0 };
	struct failure first = { 0 };
	tl_batch *b;
	int r = deadline.ns == TL_POLL.ns ? -EINVAL : tl_checkpoint();

	if (r < 0)
		return r;
	if (!p)
		return -EINVAL;
	if (!mine.chunk)
		mine.chunk = n / ((size_t)p->workers * JOBS_PER_WORKER) + 1;
	if (!mine.limit)
		mine.limit = (size_t)p->workers * MAPS_PER_WORKER;
	r = tl_batch_open(&b, p, base, n, size, fn, &mine);
	if (r < 0)
		return r;
	b->all = !mine.fail_fast;
	for (size_t i = 0; mine.status && i < n; i++)
		mine.status[i] = -ECANCELED;
	r = collect(b, mine.status, mine.fail_fast, &first, deadline);
	tl_batch_close(b);
	return r < 0 ? r : first.status;
}
