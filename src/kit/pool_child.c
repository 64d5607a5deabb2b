/* pool_child.c - what a worker process does: slot by slot, see pool_crew.h.
 *
 * It watches its channel for a moment before it sleeps.  A worker that is asked to stop, that has
 * done its share, or whose pool closes leaves between two jobs: what it has not begun is for
 * another. */
#include "pool_crew.h"
#include <errno.h>
#include <unistd.h>

static const int64_t WATCH_NS = 50000;

/* Tell the program, unless somebody there looks by himself. */
static void tell(struct hub *h)
{
	if (atomic_load_explicit(&h->watched, memory_order_seq_cst) ||
		!atomic_load_explicit(&h->sleeps, memory_order_seq_cst))
		return;
	if (atomic_exchange_explicit(&h->sleeps, 0, memory_order_seq_cst))
		bell_ring(h->bell);
}

/* -- one job */

struct by_value {
	tl_func fn;
	void *arg;
};
static int call(void *arg)
{
	struct by_value *v = arg;

	return tl_func_call(v->fn, v->arg);
}

static int run(const struct slot *s)
{
	tl_span limit = { s->limit };
	size_t size = s->size, n = s->n;
	char *bytes = s->bytes;
	int *status;

	if (!n)
		return pool_call(call, &(struct by_value){ s->fn, bytes }, limit);
	status = pool_status(bytes, n, size);
	for (size_t i = 0; i < n; i++)
		status[i] = tl_cancelled()
				    ? -ECANCELED
				    : pool_call(call, &(struct by_value){ s->fn, bytes + i * size },
					      limit);
	return 0;
}

static void work_off(struct channel *c, uint32_t at)
{
	struct slot *s = &c->slots[at % CHANNEL_SLOTS];
	uint32_t full = SLOT_FULL;

	if (atomic_compare_exchange_strong_explicit(
		    &s->state, &full, SLOT_TAKEN, memory_order_acquire, memory_order_relaxed))
		s->result = run(s);
	atomic_store_explicit(&c->done, at + 1, memory_order_seq_cst);
	tell(c->hub);
}

/* -- waiting for one */

static bool posted(const struct channel *c, uint32_t at)
{
	return atomic_load_explicit(&c->posted, memory_order_seq_cst) != at ||
	       atomic_load_explicit(&c->leaves, memory_order_seq_cst);
}

/* The clock is what it waits with: reading it is about as long as a look should be apart. */
static bool watch(const struct channel *c, uint32_t at)
{
	int64_t until = tl_now().ns + WATCH_NS;

	while (!posted(c, at))
		if (tl_now().ns > until)
			return false;
	return true;
}

static int await(struct channel *c, uint32_t at)
{
	int r = 0;

	if (posted(c, at) || watch(c, at))
		return 0;
	atomic_store_explicit(&c->sleeps, 1, memory_order_seq_cst);
	if (!posted(c, at))
		r = bell_await(c->bell, TL_NEVER);
	atomic_store_explicit(&c->sleeps, 0, memory_order_seq_cst);
	return r;
}

static bool stays(const struct channel *c, uint32_t at)
{
	return !(c->recycle && at >= c->recycle) && !tl_cancelled() &&
	       !atomic_load_explicit(&c->leaves, memory_order_seq_cst);
}

int pool_child(void *arg)
{
	struct channel *c = arg;
	uint32_t at = 0;

	c->pid = getpid();
	c->broken = c->init.id ? tl_func_call(c->init, c->init_arg) : 0;
	atomic_store_explicit(&c->ready, 1, memory_order_seq_cst);
	tell(c->hub);
	if (c->broken < 0)
		return 0;
	while (stays(c, at) && await(c, at) == 0)
		if (atomic_load_explicit(&c->posted, memory_order_acquire) != at)
			work_off(c, at++);
	return 0;
}
