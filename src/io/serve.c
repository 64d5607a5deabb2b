/* serve.c - accept for ever, a task for each connection.
 *
 * Who ends when is settled by two scopes of the caller:
 *
 *	serve        the acceptor, a task: it feels a cancel at once
 *	  shelter    the handlers: a shield, whose grace is .drain
 *
 * When the acceptor has ended, shelter is closed: it waits for the handlers and, once .drain is
 * over, cancels the rest.  All of them run on the caller's loop, so a struct server needs no lock.
 */
#include "base/mem.h"
#include "run/run.h"
#include "telar/stream.h"
#include <errno.h>
#include <limits.h>

enum { LIMIT = 10000, DRAIN_S = 5 };

struct server {
	tl_listener *listener;
	int (*fn)(tl_stream *peer, void *arg);
	void *arg;
	size_t limit;
	tl_scope serve, shelter;
	_Atomic uint32_t open; /* how many there are; the acceptor waits for it to change */
	bool waits;            /* it does */
	int served, result;
};

struct connection {
	struct server *server;
	tl_stream *peer;
};

/* Also called for a connection whose task never began. */
static void hang_up(void *arg)
{
	struct connection *c = arg;
	struct server *v = c->server;

	tl_close(c->peer, TL_NEVER);
	mem_free(c);
	atomic_fetch_sub_explicit(&v->open, 1, memory_order_relaxed);
	if (v->waits)
		word_wake(&v->open, v, 1);
}

/* What the handler answers is nobody's failure. */
static int handle(void *arg)
{
	struct connection *c = arg;

	c->server->fn(c->peer, c->server->arg);
	hang_up(c);
	return 0;
}

/* Wait until a connection has ended. */
static int await_end(struct server *v, tl_time deadline)
{
	uint32_t now = atomic_load_explicit(&v->open, memory_order_relaxed);
	int r;

	v->waits = true;
	r = word_wait(&v->open, now, "a connection to end", v, deadline);
	v->waits = false;
	return r;
}

static bool is_shortage(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM;
}

/* What is short may be freed by a connection of ours, or by somebody else. */
static int await_relief(struct server *v)
{
	int r = await_end(v, tl_after(tl_ms(100)));

	return r == -ETIMEDOUT ? 0 : r;
}

static int serve_next(struct server *v)
{
	struct connection *c = mem_zalloc(sizeof *c);
	int r = c ? tl_accept(&c->peer, v->listener, TL_NEVER) : -ENOMEM;

	if (r < 0) {
		mem_free(c);
		return r;
	}
	c->server = v;
	atomic_fetch_add_explicit(&v->open, 1, memory_order_relaxed);
	v->served += v->served < INT_MAX;
	r = strand_start(TL_TASK, &v->shelter, handle, c, NULL, hang_up, (const void *)v->fn);
	if (r < 0)
		hang_up(c);
	return r;
}

static int accept_all(void *arg)
{
	struct server *v = arg;
	int r;

	do {
		if (atomic_load_explicit(&v->open, memory_order_relaxed) >= v->limit)
			r = await_end(v, TL_NEVER);
		else
			r = serve_next(v);
		if (is_shortage(r))
			r = await_relief(v);
	} while (r == 0);
	v->result = r;
	return 0;
}

static bool sane(const tl_serve_opts *o)
{
	for (unsigned i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		if (o->reserved[i])
			return false;
	return o->drain.ns >= 0;
}

int tl_serve(
	tl_listener *l, int (*fn)(tl_stream *peer, void *arg), void *arg, const tl_serve_opts *o)
{
	static const tl_serve_opts none;
	struct server v = { .listener = l, .fn = fn, .arg = arg, .limit = LIMIT };
	tl_span drain = tl_s(DRAIN_S);
	tl_strand acceptor;
	int r = strand_checkpoint(strand_self());

	o = o ? o : &none;
	if (r < 0 || !sane(o))
		return r < 0 ? r : -EINVAL;
	if (o->limit)
		v.limit = o->limit;
	if (o->drain.ns)
		drain = o->drain;
	v.serve = (tl_scope){ .name = "serve" };
	v.shelter = (tl_scope){
		.name = "serve handlers", .shield = true, .grace = drain, .keep_going = true
	};
	tl_scope_open(&v.serve);
	tl_scope_open(&v.shelter);
	r = tl_task_start(
		&v.serve, accept_all, &v, &(tl_opts){ .name = "accept", .ret = &acceptor });
	if (r == 0)
		tl_join(acceptor, NULL, TL_NEVER);
	tl_scope_move(&v.shelter, tl_after(drain));
	tl_scope_close(&v.shelter);
	tl_scope_close(&v.serve);
	r = r < 0 ? r : v.result;
	return r == -ECANCELED ? v.served : r;
}
