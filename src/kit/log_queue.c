/* log_queue.c - a handler that only queues, and the strand that writes.
 *
 * A record travels as bytes: a struct wire, then its texts, each with its zero.  What does not fit
 * is dropped; pending counts what has not been told yet, and whoever finds room puts the notice
 * first.  listener and stopping are guarded by lock, pending is anybody's.  Who hands on, be it a
 * listener or who stops one, has `writes`: so there is one at a time, in the order of the queue.
 *
 * In the child of a fork another thread may have been inside the queue, so it is left as it is and
 * a new one is made; its listener is not there, and what was in it is the parent's to write. */
#include "log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <telar/scope.h>

enum { MOST_TO = 8, MOST_NAME = 1024, MOST_ITEM = LOG_MESSAGE + 6 * MOST_NAME + 256 };

struct log_queue {
	tl_queue *_Atomic q;
	size_t capacity;
	tl_handler *to[MOST_TO];
	size_t n_to;
	tl_lock lock, writes;
	_Atomic unsigned forks;
	_Atomic uint64_t pending;
	tl_strand listener;
	bool stopping;
	char *item; /* guarded by writes; MOST_ITEM bytes */
};

/* -- a record as bytes */

struct wire {
	int level, line;
	const char *logger; /* lives as long as the program */
	struct timespec at;
	pid_t process, thread;
	uint64_t strand;
	size_t size;
	bool has_task;
};

static void put_name(struct text *t, const char *s)
{
	text_put(t, s, strnlen(s, MOST_NAME - 1));
	text_put(t, "", 1);
}

static void pack(struct text *t, const struct record *rec)
{
	struct wire w = { rec->level, rec->line, rec->logger, rec->at, rec->process, rec->thread,
		rec->strand, rec->size, rec->task_name != NULL };

	text_put(t, (const char *)&w, sizeof w);
	put_name(t, rec->file);
	put_name(t, rec->func);
	put_name(t, rec->strand_name);
	put_name(t, rec->thread_name);
	text_put(t, rec->message, rec->size);
}

static const char *next_name(const char **at)
{
	const char *name = *at;

	*at += strlen(name) + 1;
	return name;
}

static void unpack(struct record *rec, const char *item)
{
	const char *at = item + sizeof(struct wire);
	struct wire w;

	memcpy(&w, item, sizeof w);
	*rec = (struct record){ .level = w.level,
		.line = w.line,
		.logger = w.logger,
		.at = w.at,
		.process = w.process,
		.thread = w.thread,
		.strand = w.strand,
		.size = w.size };
	rec->file = next_name(&at);
	rec->func = next_name(&at);
	rec->strand_name = next_name(&at);
	rec->thread_name = next_name(&at);
	rec->task_name = w.has_task ? rec->strand_name : NULL;
	rec->message = at;
}

/* -- who logs */

static void made_anew(struct log_queue *lq, unsigned forks)
{
	tl_queue_opts o = { .name = "log", .capacity = lq->capacity, .max_item = MOST_ITEM };
	tl_queue *q;

	tl_lock_hold(&lq->lock);
	if (atomic_load_explicit(&lq->forks, memory_order_relaxed) != forks &&
		tl_queue_open(&q, &o) == 0) {
		atomic_store_explicit(&lq->q, q, memory_order_relaxed);
		atomic_store_explicit(&lq->pending, 0, memory_order_relaxed);
		lq->listener = (tl_strand){ 0 };
		lq->stopping = false;
		lq->writes = (tl_lock){ 0 };
		/* Pairs with the acquire in queue_of. */
		atomic_store_explicit(&lq->forks, forks, memory_order_release);
	}
	tl_lock_release(&lq->lock);
}

/* NULL: no memory for the child's own. */
static tl_queue *queue_of(struct log_queue *lq)
{
	unsigned forks = atomic_load_explicit(&log_forks, memory_order_relaxed);

	if (atomic_load_explicit(&lq->forks, memory_order_acquire) != forks) {
		made_anew(lq, forks);
		if (atomic_load_explicit(&lq->forks, memory_order_acquire) != forks)
			return NULL;
	}
	return atomic_load_explicit(&lq->q, memory_order_relaxed);
}

static int put(tl_queue *q, const struct record *rec)
{
	struct text t;
	int r;

	text_init(&t, MOST_ITEM);
	pack(&t, rec);
	r = t.cut ? -ENOMEM : tl_queue_put(q, t.at, t.n, TL_POLL);
	text_free(&t);
	return r;
}

static int put_notice(tl_queue *q, const struct record *rec, uint64_t n)
{
	struct record notice = *rec;
	char said[96];

	handler_notice(&notice, said, n, -EAGAIN);
	return put(q, &notice);
}

void queue_emit(tl_handler *h, const struct record *rec)
{
	struct log_queue *lq = h->queue;
	tl_queue *q = queue_of(lq);
	uint64_t n = 0;
	int r = q ? 0 : -ENOMEM;

	if (r == 0 && atomic_load_explicit(&lq->pending, memory_order_relaxed))
		n = atomic_exchange_explicit(&lq->pending, 0, memory_order_relaxed);
	if (n && (r = put_notice(q, rec, n)) == 0)
		n = 0;
	if (r == 0)
		r = put(q, rec);
	if (r < 0) {
		atomic_fetch_add_explicit(&lq->pending, n + 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&h->dropped, 1, memory_order_relaxed);
	}
}

/* -- the listener */

static void deliver(const struct log_queue *lq, const struct record *rec)
{
	for (size_t i = 0; i < lq->n_to; i++)
		handler_emit(lq->to[i], rec);
}

/* What is queued now, and nothing that comes after; 0 or -ETIMEDOUT.  With lq->writes. */
static int drain(struct log_queue *lq, tl_queue *q, tl_time deadline)
{
	bool limited = deadline.ns != TL_NEVER.ns && deadline.ns != TL_POLL.ns;
	struct record rec;

	for (int n = tl_queue_count(q); n > 0; n--) {
		if (limited && tl_now().ns > deadline.ns)
			return -ETIMEDOUT;
		if (tl_queue_get(q, lq->item, MOST_ITEM, TL_POLL) < 0)
			return 0;
		unpack(&rec, lq->item);
		deliver(lq, &rec);
	}
	return 0;
}

static int listen(void *arg)
{
	struct log_queue *lq = arg;
	tl_queue *q = atomic_load_explicit(&lq->q, memory_order_relaxed);
	struct record rec;

	tl_lock_hold(&lq->writes);
	while (tl_queue_get(q, lq->item, MOST_ITEM, TL_NEVER) >= 0) {
		unpack(&rec, lq->item);
		deliver(lq, &rec);
	}
	drain(lq, q, TL_NEVER);
	tl_lock_release(&lq->writes);
	return 0;
}

int tl_handler_start(tl_handler *h)
{
	struct log_queue *lq = h->queue;
	int r = 0;

	if (!lq)
		return -EINVAL;
	if (!queue_of(lq))
		return -ENOMEM;
	tl_lock_hold(&lq->lock);
	if (!tl_alive(lq->listener)) {
		lq->stopping = false;
		r = tl_thread_start(NULL, listen, lq,
			&(tl_opts){ .name = "log", .daemon = true, .ret = &lq->listener });
	} else if (lq->stopping) {
		r = -EBUSY;
	}
	tl_lock_release(&lq->lock);
	return r;
}

int tl_handler_stop(tl_handler *h, tl_time deadline)
{
	struct log_queue *lq = h->queue;
	tl_strand t;
	int r = log_checkpoint(deadline);

	if (r < 0)
		return r;
	if (!lq)
		return -EINVAL;
	if (!queue_of(lq))
		return -ENOMEM;
	tl_lock_hold(&lq->lock);
	t = lq->listener;
	lq->stopping = t.id != tl_self().id;
	tl_lock_release(&lq->lock);
	if (t.id == tl_self().id)
		return -EDEADLK;
	if (!t.id)
		return 0;
	tl_cancel(t);
	r = tl_join(t, NULL, deadline);
	if (r < 0 && r != -ESRCH)
		return r;
	/* One that was asked before it had begun has written nothing. */
	r = queue_drain(h, deadline);
	if (r < 0)
		return r;
	tl_lock_hold(&lq->lock);
	if (lq->listener.id == t.id) /* else there is another by now */
		lq->listener = (tl_strand){ 0 };
	tl_lock_release(&lq->lock);
	return 0;
}

/* -- open, close */

int queue_open(tl_handler *h, const tl_handler_opts *o)
{
	struct log_queue *lq = calloc(1, sizeof *lq);
	tl_queue *q;
	int r;

	if (!lq)
		return -ENOMEM;
	h->queue = lq;
	if (o->n_to > MOST_TO)
		return -EINVAL;
	for (size_t i = 0; i < o->n_to; i++)
		if (!o->to[i])
			return -EINVAL;
	lq->capacity = o->capacity;
	atomic_store_explicit(&lq->forks, h->forks, memory_order_relaxed);
	lq->item = malloc(MOST_ITEM);
	if (!lq->item)
		return -ENOMEM;
	r = tl_queue_open(&q,
		&(tl_queue_opts){ .name = "log", .capacity = o->capacity, .max_item = MOST_ITEM });
	if (r < 0)
		return r;
	atomic_store_explicit(&lq->q, q, memory_order_relaxed);
	for (; lq->n_to < o->n_to; lq->n_to++) {
		lq->to[lq->n_to] = o->to[lq->n_to];
		h->needs |= o->to[lq->n_to]->needs;
		atomic_fetch_add_explicit(&o->to[lq->n_to]->users, 1, memory_order_relaxed);
	}
	return 0;
}

/* With lq->writes. */
static void deliver_notice(struct log_queue *lq)
{
	uint64_t n = atomic_exchange_explicit(&lq->pending, 0, memory_order_relaxed);
	struct record notice = { .strand_name = "", .thread_name = "" };
	char said[96];

	if (!n)
		return;
	clock_gettime(CLOCK_REALTIME, &notice.at);
	notice.process = atomic_load_explicit(&log_process, memory_order_relaxed);
	handler_notice(&notice, said, n, -EAGAIN);
	deliver(lq, &notice);
}

int queue_drain(tl_handler *h, tl_time deadline)
{
	struct log_queue *lq = h->queue;
	tl_queue *q = queue_of(lq);
	int r = tl_lock_acquire(&lq->writes, deadline);

	if (r < 0)
		return r;
	r = q ? drain(lq, q, deadline) : 0;
	if (r == 0)
		deliver_notice(lq);
	tl_lock_release(&lq->writes);
	return r;
}

/* A queue that a fork has left behind is not closed: see made_anew. */
void queue_close(tl_handler *h)
{
	struct log_queue *lq = h->queue;

	for (size_t i = 0; i < lq->n_to; i++)
		atomic_fetch_sub_explicit(&lq->to[i]->users, 1, memory_order_relaxed);
	tl_queue_close(atomic_load_explicit(&lq->q, memory_order_relaxed));
	free(lq->item);
	free(lq);
}
