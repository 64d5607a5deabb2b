/* pool_job.c - jobs: their records, their ids, and what one may ask of them.
 *
 * A job's id is the slot of its record and a generation.  Records are made by the thousand and
 * never freed; a pool takes some for itself, under the table's lock, and gives them back when it
 * closes.  So an id leads to a record, that to the pool that has it or had it, and with that one's
 * lock the id in the record tells whether the job is still that one. */
#include "pool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_BITS = 24, CHUNK = 1024, CHUNKS = (1 << SLOT_BITS) / CHUNK, HANDFUL = 64 };

static struct {
	tl_lock lock;
	struct job *_Atomic chunks[CHUNKS];
	struct job *spare;
	uint32_t fresh; /* slots from here on have never been used; 0 is none */
} table = { .fresh = 1 };

/* -- lists */

void jobs_add(struct jobs *list, struct job *j)
{
	j->next = NULL;
	j->prev = list->last;
	if (list->last)
		list->last->next = j;
	else
		list->first = j;
	list->last = j;
	list->n++;
}

void jobs_add_first(struct jobs *list, struct job *j)
{
	j->prev = NULL;
	j->next = list->first;
	if (list->first)
		list->first->prev = j;
	else
		list->last = j;
	list->first = j;
	list->n++;
}

void jobs_remove(struct jobs *list, struct job *j)
{
	*(j->prev ? &j->prev->next : &list->first) = j->next;
	*(j->next ? &j->next->prev : &list->last) = j->prev;
	list->n--;
}

struct job *jobs_pop(struct jobs *list)
{
	struct job *j = list->first;

	if (j)
		jobs_remove(list, j);
	return j;
}

/* -- records */

static struct job *make_chunk(uint32_t first)
{
	struct job *chunk = aligned_alloc(64, CHUNK * sizeof *chunk);
	uint64_t born = (uint64_t)tl_now().ns & UINT32_MAX; /* another process's ids are others */

	if (!chunk)
		return NULL;
	memset(chunk, 0, CHUNK * sizeof *chunk);
	for (uint32_t i = 0; i < CHUNK; i++)
		atomic_store_explicit(
			&chunk[i].id, born << SLOT_BITS | (first + i), memory_order_relaxed);
	/* Pairs with the acquire in job_find. */
	atomic_store_explicit(&table.chunks[first / CHUNK], chunk, memory_order_release);
	return chunk;
}

/* A record that nobody has used; NULL: no memory, or no slot.  With table.lock. */
static struct job *fresh(void)
{
	uint32_t slot = table.fresh, in = slot % CHUNK;
	struct job *chunk;

	if (slot == 1 << SLOT_BITS)
		return NULL;
	chunk = atomic_load_explicit(&table.chunks[slot / CHUNK], memory_order_relaxed);
	if (!chunk)
		chunk = make_chunk(slot - in);
	if (!chunk)
		return NULL;
	table.fresh++;
	return chunk + in;
}

static void refill(tl_pool *p)
{
	struct job *j;

	tl_lock_hold(&table.lock);
	for (int i = 0; i < HANDFUL; i++) {
		j = table.spare ? table.spare : fresh();
		if (!j)
			break;
		if (j == table.spare)
			table.spare = j->next;
		j->next = p->spare;
		p->spare = j;
	}
	tl_lock_release(&table.lock);
}

void jobs_give_back(tl_pool *p)
{
	struct job *last = p->spare;

	if (!last)
		return;
	while (last->next)
		last = last->next;
	tl_lock_hold(&table.lock);
	last->next = table.spare;
	table.spare = p->spare;
	tl_lock_release(&table.lock);
	p->spare = NULL;
}

struct job *job_take(tl_pool *p)
{
	struct job *j;

	if (!p->spare)
		refill(p);
	j = p->spare;
	if (!j)
		return NULL;
	p->spare = j->next;
	atomic_store_explicit(&j->pool, p, memory_order_release); /* pairs with job_find */
	j->data = NULL;
	j->batch = NULL;
	j->by = NULL;
	j->worker = (tl_strand){ 0 };
	j->n = 0;
	j->who = j->tries = 0;
	j->pid = 0;
	j->signal = 0;
	j->retries = 1;
	j->kept = j->waited = false;
	if (j->watched)
		tl_event_clear(&j->ended);
	j->watched = false;
	return j;
}

/* Its id is that of the next life from now on; a slot that has lived them all rests. */
void job_give(struct job *j)
{
	tl_pool *p = atomic_load_explicit(&j->pool, memory_order_relaxed);
	uint64_t id = atomic_load_explicit(&j->id, memory_order_relaxed);

	if (j->data != j->here)
		free(j->data);
	j->stage = JOB_FREE;
	atomic_store_explicit(&j->id, id + (1 << SLOT_BITS), memory_order_release);
	if (id >> SLOT_BITS == (1ull << (64 - SLOT_BITS)) - 1)
		return;
	j->next = p->spare;
	p->spare = j;
}

int job_copy(struct job *j, const void *record, size_t size, size_t n)
{
	size_t bytes;

	if (__builtin_mul_overflow(size, n ? n : 1, &bytes) ||
		n > (SIZE_MAX / 2 - sizeof(int)) / sizeof(int) || bytes > SIZE_MAX / 2)
		return -ENOMEM;
	j->size = size;
	j->n = n;
	j->data = !n && size <= sizeof j->here ? j->here
					       : malloc(bytes + (n ? (n + 1) * sizeof(int) : 0));
	if (!j->data)
		return -ENOMEM;
	if (bytes)
		memcpy(j->data, record, bytes);
	return 0;
}

/* -- ids */

struct job *job_find(tl_job id)
{
	uint32_t slot = id.id & ((1 << SLOT_BITS) - 1);
	struct job *j = atomic_load_explicit(&table.chunks[slot / CHUNK], memory_order_acquire);
	tl_pool *p;

	if (!j || !slot)
		return NULL;
	j += slot % CHUNK;
	p = atomic_load_explicit(&j->pool, memory_order_acquire);
	if (!p)
		return NULL;
	tl_lock_hold(&p->lock);
	if (atomic_load_explicit(&j->id, memory_order_relaxed) == id.id &&
		atomic_load_explicit(&j->pool, memory_order_relaxed) == p && j->kept)
		return j;
	tl_lock_release(&p->lock);
	return NULL;
}

static tl_pool *pool_of(const struct job *j)
{
	return atomic_load_explicit(&j->pool, memory_order_relaxed);
}

/* -- getting */

/* It has ended: hand it over.  The lock is released. */
static int hand_over(tl_pool *p, struct job *j)
{
	int r = j->result;

	jobs_remove(&p->kept, j);
	j->kept = j->waited = false; /* nobody finds it any more */
	if (j->size > sizeof j->here) {
		tl_lock_release(&p->lock);
		memcpy(j->record, j->data, j->size);
		tl_lock_hold(&p->lock);
	} else if (j->size) {
		memcpy(j->record, j->data, j->size);
	}
	job_give(j);
	pool_retire(p);
	tl_lock_release(&p->lock);
	return r;
}

static bool has_ended(const void *arg)
{
	const struct job *j = arg;

	return j->stage == JOB_ENDED;
}

/* Wait for it; the lock is held again after. */
static int await(tl_pool *p, struct job *j, tl_time deadline)
{
	int64_t from = p->hub ? tl_now().ns : 0;
	int r = 0;

	j->waited = true;
	if (p->hub && crew_watch(p, has_ended, j)) {
		j->waited = false;
		return 0;
	}
	j->watched = true;
	while (r == 0 && j->stage != JOB_ENDED) {
		tl_lock_release(&p->lock);
		r = pool_wait(p, &j->ended, deadline);
		tl_lock_hold(&p->lock);
	}
	j->waited = false;
	if (p->hub && r == 0)
		crew_waited(p, tl_now().ns - from);
	return j->stage == JOB_ENDED ? 0 : r;
}

int tl_job_get(tl_job id, tl_time deadline)
{
	bool poll = deadline.ns == TL_POLL.ns;
	int r = poll ? 0 : tl_checkpoint();
	struct job *j;
	tl_pool *p;

	if (r < 0)
		return r;
	j = job_find(id);
	if (!j)
		return -ESRCH;
	p = pool_of(j);
	if (j->waited)
		r = -EBUSY;
	else if (j->stage == JOB_QUEUED && deadline.ns == TL_NEVER.ns && pool_helps(p)) {
		j->waited = true;
		pool_run(p, j);
	} else if (j->stage != JOB_ENDED)
		r = poll ? -EAGAIN : await(p, j, deadline);
	if (r == 0)
		return hand_over(p, j);
	tl_lock_release(&p->lock);
	return r;
}

/* -- the other verbs */

int tl_job_cancel(tl_job id)
{
	struct job *j = job_find(id);
	bool waits;
	tl_pool *p;

	if (!j)
		return 0;
	p = pool_of(j);
	waits = j->stage == JOB_QUEUED;
	if (waits)
		pool_withdraw(j, -ECANCELED);
	else if (j->stage == JOB_POSTED && (waits = crew_take_back(j)))
		pool_end(j, -ECANCELED);
	else if (j->stage != JOB_ENDED)
		pool_ask(j);
	if (p->hub)
		crew_deal(p); /* what waited behind it */
	tl_lock_release(&p->lock);
	return waits;
}

/* One that is being got is its getter's. */
void tl_job_drop(tl_job id)
{
	struct job *j = job_find(id);
	tl_pool *p;

	if (!j)
		return;
	p = pool_of(j);
	if (j->waited) {
		tl_lock_release(&p->lock);
		return;
	}
	if (j->stage == JOB_QUEUED)
		pool_withdraw(j, -ECANCELED);
	else if (j->stage == JOB_POSTED && crew_take_back(j))
		pool_end(j, -ECANCELED);
	if (j->stage == JOB_ENDED) {
		jobs_remove(&p->kept, j);
		job_give(j);
	} else {
		j->kept = false;
	}
	tl_lock_release(&p->lock);
}

int tl_job_end(tl_job id, tl_job_report *ret)
{
	struct job *j = job_find(id);
	tl_pool *p;
	int r = 0;

	if (!j)
		return -ESRCH;
	p = pool_of(j);
	if (j->stage != JOB_ENDED) {
		r = -EAGAIN;
	} else {
		*ret = (tl_job_report){ .result = j->result,
			.worker = j->worker,
			.tries = j->tries,
			.pid = j->pid,
			.signal = j->signal };
		if (j->who)
			snprintf(ret->name, sizeof ret->name, "%s-%u", p->name, j->who);
	}
	tl_lock_release(&p->lock);
	if (r == 0 && ret->worker.id && !ret->name[0])
		tl_name(ret->worker, ret->name, sizeof ret->name);
	return r;
}

/* The event lasts as long as the program, so the case needs only to know whose end it tells. */
tl_case tl_job_case(tl_job id)
{
	static tl_event never;
	static _Atomic uint64_t nobody;
	tl_case c = tl_case_make(TL_W_JOB, -1, &never, (tl_strand){ 1 }, &nobody, 0);
	struct job *j = job_find(id);
	tl_pool *p;

	if (!j)
		return c;
	p = pool_of(j);
	c.object = &j->ended;
	c.item = &j->id;
	c.strand.id = id.id;
	if (!j->watched && j->stage == JOB_ENDED)
		tl_event_set(&j->ended);
	j->watched = true;
	tl_lock_release(&p->lock);
	return c;
}
