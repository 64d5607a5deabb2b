/* manager_door.c - this process's connections to managers.
 *
 * A door is a manager as this process knows it; it has connections (wires) that are idle, which
 * calls take and give back, so each call has one for itself and waits for nobody.  One more is
 * never used: as long as the server sees any, it knows that this process lives.
 *
 * doors_lock guards the list of doors and all in them but what a call has taken, for moments.  A
 * door whose manager is closed, which other processes do unheard, is shut when the next is made; it
 * goes with its last user.  The child of a fork closes its copies and makes
 * connections of its own: it is another client.
 *
 * A call that its strand no longer wants is asked back, and its answer awaited, for a second: if
 * the server has done it, it counts as done. */
#include "manager.h"
#include "value.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANSWER = 1 << 30, ANSWER_S = 10, IDLE = 64, TRIES = 3 };

struct wire {
	struct link link;
	struct wire *next; /* idle ones */
	struct wire *prev_all, *next_all;
};

struct door {
	tl_manager *manager;
	uint64_t serial;
	unsigned char id[CLIENT_ID];
	struct wire *idle, *all;
	struct wire *present;   /* the one that is never used */
	unsigned n_idle, users; /* users: calls that are being made */
	bool shut;
	struct door *next;
};

static struct door *doors;
static tl_lock doors_lock;

static void forked(void)
{
	struct door *d = doors;

	doors = NULL;
	for (; d; d = d->next)
		for (struct wire *w = d->all; w; w = w->next_all)
			close(tl_stream_fd(w->link.stream));
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, forked); }

static struct door *find(const tl_manager *manager, uint64_t serial)
{
	struct door *d = doors;

	while (d && (d->manager != manager || d->serial != serial))
		d = d->next;
	return d;
}

/* Odd while it is open. */
static uint64_t serial_of(const tl_manager *manager)
{
	return atomic_load_explicit(&manager->serial, memory_order_acquire);
}

static struct door *door_new(tl_manager *manager, uint64_t serial)
{
	struct door *d = calloc(1, sizeof *d);

	if (!d || proof_random(d->id, sizeof d->id) < 0) {
		free(d);
		return NULL;
	}
	d->manager = manager;
	d->serial = serial;
	d->next = doors;
	doors = d;
	return d;
}

static int door_of(tl_manager *manager, struct door **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t serial;
	struct door *d;
	bool is_new;

	if (!manager)
		return -ESRCH;
	serial = serial_of(manager);
	if (serial % 2 == 0)
		return -EPIPE;
	pthread_once(&once, watch_forks);
	tl_lock_hold(&doors_lock);
	d = find(manager, serial);
	is_new = !d;
	if (is_new)
		d = door_new(manager, serial);
	if (d)
		d->users++;
	tl_lock_release(&doors_lock);
	if (is_new) /* so that a process that goes from manager to manager keeps one door open */
		door_sweep();
	*ret = d;
	return d ? 0 : -ENOMEM;
}

static void door_leave(struct door *d)
{
	bool last;

	tl_lock_hold(&doors_lock);
	last = --d->users == 0 && d->shut && !d->all;
	tl_lock_release(&doors_lock);
	if (last)
		free(d);
}

/* -- wires */

static void enlist(struct door *d, struct wire *w)
{
	tl_lock_hold(&doors_lock);
	w->next_all = d->all;
	if (w->next_all)
		w->next_all->prev_all = w;
	d->all = w;
	tl_lock_release(&doors_lock);
}

static void wire_close(struct door *d, struct wire *w)
{
	tl_lock_hold(&doors_lock);
	*(w->prev_all ? &w->prev_all->next_all : &d->all) = w->next_all;
	if (w->next_all)
		w->next_all->prev_all = w->prev_all;
	tl_lock_release(&doors_lock);
	link_close(&w->link);
	free(w);
}

static int wire_try(struct door *d, struct wire *w, tl_time deadline)
{
	int r = tl_connect(&w->link.stream, d->manager->address, deadline);

	if (r < 0)
		return r;
	r = proof_give(w->link.stream, d->manager, d->id, deadline);
	if (r < 0) {
		tl_close(w->link.stream, TL_NEVER);
		w->link.stream = NULL;
	}
	return r;
}

static bool hung_up(int r) { return r == -EPIPE || r == -ECONNRESET; }

/* A server hangs up on who takes too long to prove himself, as one does on a busy machine: he comes
 * again.  One that has gone refuses that. */
static int wire_open(struct door *d, struct wire **ret, tl_time deadline)
{
	struct wire *w = calloc(1, sizeof *w);
	int r = w ? -EPIPE : -ENOMEM;

	for (int i = 0; i < TRIES && hung_up(r); i++)
		r = wire_try(d, w, deadline);
	if (r < 0) {
		free(w);
		return r;
	}
	w->link.most = ANSWER;
	enlist(d, w);
	*ret = w;
	return 0;
}

/* An idle one, or the one that is never used; only_cut: which the server has hung up on. */
static struct wire *take_any(struct door *d, bool only_cut)
{
	struct wire **at = &d->idle, *w;

	tl_lock_hold(&doors_lock);
	while (only_cut && *at && !link_is_cut(&(*at)->link))
		at = &(*at)->next;
	w = *at;
	if (w) {
		*at = w->next;
		d->n_idle--;
	} else if (d->present && (!only_cut || link_is_cut(&d->present->link))) {
		w = d->present;
		d->present = NULL;
	}
	tl_lock_release(&doors_lock);
	return w;
}

/* Where one has failed others may be cut, too.  When they are gone the next call goes to whoever
 * has the address by then, and is not alone there. */
static void wire_failed(struct door *d, struct wire *w)
{
	do {
		wire_close(d, w);
	} while ((w = take_any(d, true)));
}

/* The first one stays, so that the server knows of us. */
static int be_present(struct door *d, tl_time deadline)
{
	struct wire *w;
	bool more;
	int r;

	tl_lock_hold(&doors_lock);
	more = !d->present;
	tl_lock_release(&doors_lock);
	r = more ? wire_open(d, &w, deadline) : 0;
	if (r < 0 || !more)
		return r;
	tl_lock_hold(&doors_lock);
	more = d->present || d->shut;
	if (!more)
		d->present = w;
	tl_lock_release(&doors_lock);
	if (more)
		wire_close(d, w);
	return 0;
}

static int wire_take(struct door *d, struct wire **ret, tl_time deadline)
{
	int r = be_present(d, deadline);
	struct wire *w;

	if (r < 0)
		return r;
	tl_lock_hold(&doors_lock);
	w = d->idle;
	if (w) {
		d->idle = w->next;
		d->n_idle--;
	}
	tl_lock_release(&doors_lock);
	*ret = w;
	return w ? 0 : wire_open(d, ret, deadline);
}

static void wire_give(struct door *d, struct wire *w)
{
	bool kept;

	tl_lock_hold(&doors_lock);
	kept = d->n_idle < IDLE && !d->shut;
	if (kept) {
		w->next = d->idle;
		d->idle = w;
		d->n_idle++;
	}
	tl_lock_release(&doors_lock);
	if (!kept)
		wire_close(d, w);
}

/* A manager has been closed, here or by another process: what was open to it goes. */
static struct door *take_stale(void)
{
	struct door **at = &doors, *d;

	tl_lock_hold(&doors_lock);
	while (*at && serial_of((*at)->manager) == (*at)->serial)
		at = &(*at)->next;
	d = *at;
	if (d) {
		*at = d->next;
		d->shut = true;
		d->users++;
	}
	tl_lock_release(&doors_lock);
	return d;
}

void door_sweep(void)
{
	struct door *d;

	while ((d = take_stale())) {
		struct wire *w;

		while ((w = take_any(d, false)))
			wire_close(d, w);
		door_leave(d);
	}
}

/* -- a round trip */

/* How long the server may let the call wait: 0 not at all, and a deadline that has passed is one
 * that passes at once, which may break a barrier. */
static int64_t left_of(tl_time d)
{
	int64_t now = tl_now().ns;

	if (d.ns == TL_NEVER.ns)
		return INT64_MAX;
	if (d.ns == TL_POLL.ns)
		return 0;
	return d.ns > now ? d.ns - now : 1;
}

/* How long this side waits for the round trip: what the server may, and time for a busy machine. */
static tl_time patience(tl_time d)
{
	int64_t left = left_of(d);

	if (left == INT64_MAX)
		return TL_NEVER;
	return tl_after(tl_ns(left < INT64_MAX / 4 ? left + ANSWER_S * 1000000000ll : left));
}

/* Two lists will be around each argument.  What the server could not read is not sent. */
static int add_args(struct link *l, tl_value args)
{
	int r = link_add(l, args);

	r = r < 0 ? r : value_sound(args, 1);
	if (r == -EINVAL)
		call_why(TL_STR("that cannot be sent: too deep, or a key or text that is none"));
	return r;
}

static int write_request(struct link *l, int kind, const tl_op *ops, size_t n, int64_t left)
{
	int r;

	link_begin(l);
	r = link_list(l, (uint32_t)(3 + 3 * n));
	r = r < 0 ? r : link_add(l, TL_INT(kind));
	r = r < 0 ? r : link_add(l, TL_INT(left));
	r = r < 0 ? r : link_add(l, TL_INT((int64_t)tl_self().id));
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = link_add(l, TL_OBJECT(ops[i].object));
		r = r < 0 ? r : link_add(l, TL_STR(ops[i].verb));
		r = r < 0 ? r : add_args(l, TL_LIST(ops[i].args, ops[i].n));
	}
	return r;
}

/* The strand was cancelled with its call at the server. */
static int ask_back(struct link *l, tl_value *ret)
{
	tl_scope s = { .name = "manager", .shield = true, .grace = tl_s(2 * ANSWER_S) };
	tl_time deadline = tl_after(tl_s(ANSWER_S));
	int r;

	tl_scope_open(&s);
	link_begin(l);
	r = link_list(l, 1);
	r = r < 0 ? r : link_add(l, TL_INT(REQUEST_CANCEL));
	r = r < 0 ? r : link_send(l, deadline);
	r = r < 0 ? r : link_recv(l, ret, deadline);
	tl_scope_close(&s);
	return r < 0 ? -EPIPE : 0;
}

static int too_large(size_t n, size_t most)
{
	char words[100];

	snprintf(words, sizeof words, "a request of %zu bytes, where %zu may be sent", n, most);
	call_why(TL_STR(words));
	return -EMSGSIZE;
}

/* *ret_usable: the connection is still good. */
static int exchange(struct link *l, size_t most, tl_value *ret, tl_time deadline, bool *ret_usable)
{
	int r = l->n > most ? too_large(l->n, most) : link_send(l, patience(deadline));

	if (r < 0) {
		*ret_usable =
			r == -EMSGSIZE || (l->put == 0 && (r == -ECANCELED || r == -ETIMEDOUT));
		return *ret_usable || r == -ECANCELED || r == -ETIMEDOUT ? r : -EPIPE;
	}
	r = link_recv(l, ret, patience(deadline));
	if (r == -ECANCELED)
		r = ask_back(l, ret);
	*ret_usable = r == 0;
	return r == 0 || r == -ENOMEM ? r : -EPIPE;
}

static bool fits(tl_value v, size_t n)
{
	if (v.type != TL_T_LIST || v.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (v.items[2 * i].type != TL_T_INT || v.items[2 * i].i > 0 ||
			v.items[2 * i].i < -4095)
			return false;
	return true;
}

static int take_answers(tl_value v, tl_op *ops, size_t n, bool polls)
{
	if (!fits(v, n))
		return -EPIPE;
	for (size_t i = 0; i < n; i++) {
		int r = (int)v.items[2 * i].i;

		if (r < 0)
			call_why(v.items[2 * i + 1]);
		else
			r = tl_value_copy(v.items[2 * i + 1], &ops[i].ret);
		ops[i].r = r == -EAGAIN && !polls ? -ETIMEDOUT : r;
	}
	return 0;
}

/* What the making of a connection can fail with but by the server's being gone. */
static bool known(int r)
{
	return r == -ECANCELED || r == -ETIMEDOUT || r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

static int round_trip(tl_manager *manager, int kind, tl_op *ops, size_t n, tl_time deadline)
{
	tl_value answer = TL_NIL;
	struct door *d = NULL;
	struct wire *w = NULL;
	bool usable = true;
	int r = door_of(manager, &d);

	if (r < 0)
		return r;
	r = wire_take(d, &w, patience(deadline));
	if (r < 0) {
		door_leave(d);
		return known(r) ? r : -EPIPE;
	}
	r = write_request(&w->link, kind, ops, n, left_of(deadline));
	r = r < 0 ? r : exchange(&w->link, manager->max_message, &answer, deadline, &usable);
	if (usable)
		wire_give(d, w);
	else
		wire_failed(d, w);
	door_leave(d);
	r = r < 0 ? r
		  : take_answers(
			    answer, ops, n, deadline.ns == TL_POLL.ns || kind == REQUEST_ATOMIC);
	tl_value_free(&answer);
	return r;
}

/* TL_POLL is no cancel point, so that who was cancelled can still release what he holds. */
int door_call(tl_manager *manager, int kind, tl_op *ops, size_t n, tl_time deadline)
{
	tl_scope s = { .name = "manager", .shield = true, .grace = tl_s(2 * ANSWER_S) };
	int r;

	if (deadline.ns != TL_POLL.ns)
		return round_trip(manager, kind, ops, n, deadline);
	tl_scope_open(&s);
	r = round_trip(manager, kind, ops, n, deadline);
	tl_scope_close(&s);
	return r;
}

int door_try(tl_manager *manager, tl_time deadline)
{
	struct door *d = NULL;
	int r = door_of(manager, &d);

	if (r < 0)
		return r;
	r = be_present(d, deadline);
	door_leave(d);
	return r;
}
