/* shared_block.c - the blocks of a shared queue: where long items lie, and what is on loan, so
 * that an item is written and read where it lies.
 *
 * A loan takes no place in the ring until it is committed: who is slow, or dies, keeps nobody
 * waiting.  There are as many blocks as the queue has capacity, made as they are needed, and twice
 * as many slots: so a block that is committed finds its slot, whatever short items are in it.
 * One more, the last, is for who borrows a short item: all others may lie behind that in the queue.
 *
 * Whose a block is stands in its owner, which changes in one step.  A process that is killed
 * leaves its number there, or QUEUED | n of a record that is not in the ring: not yet, or no more.
 * Who finds no block looks for such with both locks held, so that none is on its way. */
#include "talk/shared_queue.h"
#include "telar/shared.h"
#include <errno.h>
#include <string.h>

/* Before the bytes: so that a pointer leads to its number. */
struct lead {
	_Alignas(PLAT_LINE) uint64_t number;
};

static struct shared_block *table(struct shared_queue *q)
{
	return (struct shared_block *)((char *)q + q->table);
}

static uint64_t owner_of(struct shared_block *s)
{
	return atomic_load_explicit(&s->owner, memory_order_acquire);
}

static struct lead *lead_of(struct shared_queue *q, uint64_t b)
{
	uint64_t at =
		b < q->blocks ? atomic_load_explicit(&table(q)[b].at, memory_order_acquire) : 0;

	return at ? (struct lead *)((char *)q + at) : NULL;
}

void *shared_block_bytes(struct shared_queue *q, uint64_t b, size_t size)
{
	struct lead *l = lead_of(q, b);
	char *bytes = (char *)(l + 1);

	if (!l || size > q->head.max_item || !window_holds(l) || !window_holds(bytes + size))
		return NULL;
	return bytes;
}

void shared_block_set(struct shared_queue *q, uint64_t b, uint64_t owner)
{
	atomic_store_explicit(&table(q)[b].owner, owner, memory_order_release);
	if (!owner)
		atomic_store_explicit(&q->spare, (uint32_t)b, memory_order_relaxed);
}

static bool seize(struct shared_queue *q, uint32_t b)
{
	uint64_t nobody = 0;

	return atomic_load_explicit(&table(q)[b].owner, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(&table(q)[b].owner, &nobody,
		       window_participant(), memory_order_acquire, memory_order_relaxed);
}

/* The caller's, and perhaps not made yet. */
static int complete(struct shared_queue *q, uint32_t b)
{
	struct lead *l = lead_of(q, b);

	if (l)
		return (int)b;
	l = tl_shared(sizeof *l + q->head.max_item);
	if (!l) {
		shared_block_set(q, b, 0);
		return -ENOSPC;
	}
	l->number = b;
	atomic_store_explicit(
		&table(q)[b].at, (uint64_t)((char *)l - (char *)q), memory_order_release);
	return (int)b;
}

static uint32_t last_of(const struct shared_queue *q) { return q->blocks - 1; }

bool shared_block_any(struct shared_queue *q)
{
	for (uint32_t b = 0; b < last_of(q); b++)
		if (!owner_of(&table(q)[b]))
			return true;
	return false;
}

/* One of those that are made already is warm; else the next. */
int shared_block_claim(struct shared_queue *q, bool borrows)
{
	uint32_t n = borrows ? q->blocks : last_of(q);
	uint32_t made = atomic_load_explicit(&q->made, memory_order_relaxed);
	uint32_t spare = atomic_load_explicit(&q->spare, memory_order_relaxed);

	if (spare < made && spare < n && seize(q, spare))
		return complete(q, spare);
	for (uint32_t b = 0; b < n; b++) {
		if (!seize(q, b))
			continue;
		while (b >= made && !atomic_compare_exchange_weak_explicit(&q->made, &made, b + 1,
					    memory_order_relaxed, memory_order_relaxed))
			;
		return complete(q, b);
	}
	return -EAGAIN;
}

/* -- what the dead have left */

static bool in_ring(struct shared_queue *q, uint64_t b, size_t n)
{
	uint64_t number, h = shared_record(q, n);

	if (!h || !(h & SHARED_OUTSIDE) || n - shared_n(&q->out) >= q->mask + 1)
		return false;
	memcpy(&number, shared_slot(q, n) + SHARED_HEADER, sizeof number);
	return number == b;
}

/* With both locks held.  known: the last process that was found alive. */
static bool abandoned(struct shared_queue *q, uint64_t b, uint32_t *known)
{
	uint64_t owner = owner_of(&table(q)[b]);

	if (!owner)
		return false;
	if (owner & SHARED_QUEUED)
		return !in_ring(q, b, owner & ~SHARED_QUEUED);
	if (owner == *known || !window_gone(q, (uint32_t)owner)) {
		*known = (uint32_t)owner;
		return false;
	}
	return true;
}

/* Not for longer than a moment: somebody may be stopped in there. */
static bool enter_both(struct shared_queue *q)
{
	if (shared_enter(q, &q->in, TL_POLL) < 0)
		return false;
	if (shared_enter(q, &q->out, TL_POLL) >= 0)
		return true;
	shared_leave(&q->in);
	return false;
}

bool shared_block_reclaim(struct shared_queue *q)
{
	uint32_t known = window_participant();
	unsigned n = 0, lent = 0;

	if (!enter_both(q))
		return false;
	for (uint32_t b = 0; b < q->blocks; b++)
		if (abandoned(q, b, &known)) {
			n++;
			lent += !(owner_of(&table(q)[b]) & SHARED_QUEUED);
			shared_block_set(q, b, 0);
		}
	shared_leave(&q->out);
	shared_leave(&q->in);
	if (lent)
		report(TL_R_TORN, NULL, -EOWNERDEAD,
			"processes ended with %u records of queue '%s' in hand", lent,
			q->head.name);
	return n > 0;
}

void shared_block_free(struct shared_queue *q)
{
	for (uint32_t b = 0; b < q->blocks; b++)
		tl_shared_free(lead_of(q, b));
}

/* -- loans */

static int loan_now(struct shared_call *c)
{
	struct shared_queue *q = c->q;
	int b;

	if (shared_ended(q))
		return -EPIPE;
	if (!shared_may_put(q))
		return -EAGAIN;
	b = shared_block_claim(q, false);
	c->no_block = b == -EAGAIN;
	if (b >= 0)
		*c->ret = shared_block_bytes(q, (uint64_t)b, c->size);
	return b < 0 ? b : 0;
}

int tl_queue_loan(tl_queue *q, void **ret, size_t size, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	struct shared_queue *s = shared_of(q);
	struct shared_call c = { .q = s, .now = loan_now, .what = "queue loan", .ret = ret };

	if (r < 0)
		return r;
	if (!queue_shared(q))
		return -ENOTSUP;
	if (size > s->head.max_item)
		return -EMSGSIZE;
	c.size = size;
	c.hears = &s->puts;
	c.may = shared_may_put;
	return shared_call(&c, deadline);
}

/* Whose number is it?  Only what is in hand can be committed or returned. */
static int64_t number_of(struct shared_queue *q, const void *p)
{
	const struct lead *l = (const struct lead *)p - 1;
	uint64_t b;

	if (!window_holds(l) || (uintptr_t)l % PLAT_LINE)
		return -EINVAL;
	b = l->number;
	if (lead_of(q, b) != l)
		return -EINVAL;
	return owner_of(&table(q)[b]) == window_participant() ? (int64_t)b : -EINVAL;
}

static int misused(struct shared_queue *q, const char *does)
{
	report(TL_R_MISUSE, strand_self(), -EINVAL, "%s to queue '%s' what it has not lent", does,
		q->head.name);
	return -EINVAL;
}

static void give_back(struct shared_queue *q, uint64_t b)
{
	shared_block_set(q, b, 0);
	plat_fence();
	bell_ring(&q->puts, 1);
	bell_ring(&q->gets, 1); /* who borrows a short item needs a block, too */
}

int tl_queue_commit(tl_queue *queue, void *p, size_t size)
{
	struct shared_queue *q = shared_of(queue);
	int64_t b;
	size_t n;

	if (!queue_shared(queue))
		return -ENOTSUP;
	b = number_of(q, p);
	if (b < 0 || b == last_of(q)) /* that one was borrowed */
		return misused(q, "commits");
	if (size > q->head.max_item)
		return -EMSGSIZE;
	shared_hold(q, &q->in);
	n = shared_n(&q->in);
	if (shared_ended(q)) {
		shared_leave(&q->in);
		give_back(q, (uint64_t)b);
		return -EPIPE;
	}
	memcpy(shared_slot(q, n) + SHARED_HEADER, &b, sizeof b);
	shared_block_set(q, (uint64_t)b, SHARED_QUEUED | n);
	shared_commit(q, n, size, SHARED_OUTSIDE);
	shared_leave(&q->in);
	bell_ring(&q->gets, 1);
	return 0;
}

/* -- borrowing, with out's lock held */

static int64_t in_block(struct shared_call *c, size_t n, size_t size)
{
	int64_t b = shared_block_claim(c->q, true);

	c->no_block = b == -EAGAIN;
	if (b >= 0 && size)
		memcpy(shared_block_bytes(c->q, (uint64_t)b, size),
			shared_slot(c->q, n) + SHARED_HEADER, size);
	return b;
}

static int borrow_now(struct shared_call *c)
{
	struct shared_queue *q = c->q;
	uint32_t state = shared_state(q);
	size_t n = shared_n(&q->out);
	uint64_t h = shared_record(q, n);
	size_t size = shared_size(h);
	void *bytes = NULL;
	int64_t b = -1;

	if (!h || state & QUEUE_DROPPED)
		return shared_none(state);
	if (h & SHARED_OUTSIDE)
		memcpy(&b, shared_slot(q, n) + SHARED_HEADER, sizeof b);
	else if (size <= q->inside && (b = in_block(c, n, size)) < 0)
		return (int)b;
	bytes = shared_block_bytes(q, (uint64_t)b, size);
	atomic_store_explicit(&q->out.n, n + 1, memory_order_release);
	hostile_pause();
	if (!bytes)
		return -EPROTO;
	shared_block_set(q, (uint64_t)b, window_participant());
	*c->ret = bytes;
	return (int)size;
}

int tl_queue_borrow(tl_queue *q, void **ret, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	struct shared_queue *s = shared_of(q);
	struct shared_call c = { .q = s, .now = borrow_now, .what = "queue borrow", .ret = ret };

	if (r < 0)
		return r;
	if (!queue_shared(q))
		return -ENOTSUP;
	c.end = &s->out;
	c.hears = &s->gets;
	c.rings = &s->puts;
	c.may = shared_may_get;
	return shared_call(&c, deadline);
}

int tl_queue_return(tl_queue *queue, void *p)
{
	struct shared_queue *q = shared_of(queue);
	int64_t b;

	if (!queue_shared(queue))
		return -ENOTSUP;
	b = number_of(q, p);
	if (b < 0)
		return misused(q, "returns");
	give_back(q, (uint64_t)b);
	return 0;
}
