/* pipe.c - two ends and a queue for each direction, so messages keep their bounds and their order.
 *
 * Closing an end ends both queues; the second close frees all.  The end of a shared pipe is held
 * by each process that has used it: they note themselves in the end, in the place that their
 * number names or the next that is free.  Who has waited in vain for a while, or tries in vain and
 * nobody has looked for a while, looks whether any of the other end's holders is alive, and closes
 * that end if none is.
 *
 * Descriptors go their own way: pipe_fd.c. */
#include "talk/pipe.h"
#include "base/mem.h"
#include "telar/shared.h"
#include <errno.h>
#include <limits.h>

struct pair {
	struct tl_pipe end[2];
	_Atomic int open; /* ends */
};

static struct pair *pair_of(tl_pipe *p) { return (struct pair *)(p < p->peer ? p : p->peer); }

/* -- opening and closing */

static void free_pair(struct pair *all)
{
	for (int i = 0; i < 2; i++)
		if (all->end[i].in)
			tl_queue_close(all->end[i].in);
	if (all->end[0].shared)
		tl_shared_free(all);
	else
		mem_free(all);
}

static int open_queues(struct pair *all, const tl_pipe_opts *o)
{
	tl_queue_opts q = { .name = o->name,
		.capacity = o->capacity,
		.max_item = o->max_message,
		.shared = o->shared };
	int r = tl_queue_open(&all->end[1].in, &q);

	all->end[0].out = all->end[1].in;
	if (r == 0 && !o->one_way) {
		r = tl_queue_open(&all->end[0].in, &q);
		all->end[1].out = all->end[0].in;
	}
	return r;
}

int tl_pipe_open(tl_pipe **ret_a, tl_pipe **ret_b, const tl_pipe_opts *o)
{
	static const tl_pipe_opts none;
	struct pair *all;
	int r;

	strand_self();
	o = o ? o : &none;
	if (!RESERVED_ZERO(o))
		return -EINVAL;
	all = o->shared ? tl_shared(sizeof *all) : mem_zalloc(sizeof *all);
	if (!all)
		return o->shared ? -ENOSPC : -ENOMEM;
	all->open = 2;
	for (int i = 0; i < 2; i++) {
		all->end[i].peer = &all->end[!i];
		all->end[i].shared = o->shared;
		all->end[i].opener = window_participant();
		pipe_fd_prepare(&all->end[i]);
	}
	r = open_queues(all, o);
	if (r < 0) {
		free_pair(all);
		return r;
	}
	*ret_a = &all->end[0];
	*ret_b = &all->end[1];
	return 0;
}

static void end_both(tl_pipe *p)
{
	if (p->out)
		tl_queue_end(p->out);
	if (p->in)
		tl_queue_end(p->in);
	plat_fence();
	bell_ring(&p->offers.bell, INT_MAX);
	bell_ring(&p->peer->offers.bell, INT_MAX);
}

tl_pipe *tl_pipe_close(tl_pipe *p)
{
	struct pair *all = p ? pair_of(p) : NULL;
	int left;

	if (!p)
		return NULL;
	end_both(p);
	left = atomic_fetch_sub_explicit(&all->open, 1, memory_order_acq_rel) - 1;
	if (left == 0)
		free_pair(all);
	return NULL;
}

/* -- who holds an end */

static bool note(_Atomic uint32_t *place, uint32_t me)
{
	uint32_t was = atomic_load_explicit(place, memory_order_relaxed);

	return was == me || ((!was || window_dead(was)) &&
				    atomic_compare_exchange_strong_explicit(place, &was, me,
					    memory_order_seq_cst, memory_order_relaxed));
}

/* The caller's process uses it from now on. */
static int hold(tl_pipe *p)
{
	uint32_t me = window_participant();

	if (atomic_load_explicit(&p->holders[me % PIPE_HOLDERS], memory_order_relaxed) == me)
		return 0;
	for (uint32_t i = 0; i < PIPE_HOLDERS; i++)
		if (note(&p->holders[(me + i) % PIPE_HOLDERS], me))
			return 0;
	return -EMFILE;
}

static bool alive(tl_pipe *p)
{
	bool used = false;

	for (int i = 0; i < PIPE_HOLDERS; i++) {
		uint32_t who = atomic_load_explicit(&p->holders[i], memory_order_seq_cst);

		used |= who != 0;
		if (who && !window_dead(who))
			return true;
	}
	return !used && !window_dead(p->opener);
}

int pipe_peer_gone(tl_pipe *p)
{
	if (!p->shared || alive(p->peer))
		return 0;
	end_both(p);
	return -EPIPE;
}

static int look(void *arg) { return pipe_peer_gone(arg); }

bool pipe_ended_meanwhile(tl_pipe *p, int r)
{
	int64_t now;

	if (r != -EAGAIN && r != -ETIMEDOUT)
		return false;
	now = plat_now();
	if (now - atomic_load_explicit(&p->looked, memory_order_relaxed) < BELL_LOOK_AGAIN_NS)
		return false;
	atomic_store_explicit(&p->looked, now, memory_order_relaxed);
	return pipe_peer_gone(p) < 0;
}

/* -- messages */

int pipe_begin(tl_pipe *p, const tl_queue *way, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0 || !way)
		return r < 0 ? r : -ENOTSUP;
	return p->shared ? hold(p) : 0;
}

int tl_pipe_send(tl_pipe *p, const void *data, size_t size, tl_time deadline)
{
	int r;

	if (!p->shared && p->out)
		return tl_queue_put(p->out, data, size, deadline);
	r = pipe_begin(p, p->out, deadline);
	if (r < 0)
		return r;
	r = shared_queue_put(p->out, data, size, look, p, deadline);
	return pipe_ended_meanwhile(p, r)
		       ? shared_queue_put(p->out, data, size, NULL, NULL, deadline)
		       : r;
}

int tl_pipe_recv(tl_pipe *p, void *buf, size_t cap, tl_time deadline)
{
	int r;

	if (!p->shared && p->in)
		return tl_queue_get(p->in, buf, cap, deadline);
	r = pipe_begin(p, p->in, deadline);
	if (r < 0)
		return r;
	r = shared_queue_get(p->in, buf, cap, look, p, deadline);
	return pipe_ended_meanwhile(p, r) ? shared_queue_get(p->in, buf, cap, NULL, NULL, deadline)
					  : r;
}

int tl_pipe_count(tl_pipe *p) { return p->in ? tl_queue_count(p->in) : 0; }
