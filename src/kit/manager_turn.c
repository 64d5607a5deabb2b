/* manager_turn.c - a request's turn: its calls are made one after another, and the answers go back
 * in one message.
 *
 *	request  [kind, nanoseconds left (INT64_MAX: no end, 0: once), strand,
 *	         object, verb, [arguments], object, verb, [arguments], ...]
 *	answer   [result, value or words, result, value or words, ...]
 *
 * A call that would wait waits here, in its connection's task, until another's call has changed the
 * object (object_settle), its time is up, its client asks for it back (REQUEST_CANCEL) or hangs up.
 * What was done before such a word came is answered as done.
 *
 * A connection may have been cut without its task having read that yet.  What is taken for one
 * caller alone (a lock, a unit, an item) is not taken for one who has gone: such verbs ask just
 * before, which costs a call to the system (turn_still).  One that is cut between that and its
 * answer loses what it was given, as does one that is killed with the answer in its hands. */
#include "object.h"
#include <errno.h>
#include <stdlib.h>

struct turn {
	int64_t kind, left, strand;
	const tl_value *ops; /* three for each */
	size_t n;
	tl_time deadline;
	int over; /* < 0: no more calls are begun, and why */
};

static bool parse(tl_value v, struct turn *ret)
{
	const tl_value *i = v.items;

	if (v.type != TL_T_LIST || !v.n || i[0].type != TL_T_INT)
		return false;
	*ret = (struct turn){ .kind = i[0].i };
	if (ret->kind == REQUEST_CANCEL)
		return v.n == 1;
	if (v.n < 3 || v.n % 3 || i[1].type != TL_T_INT || i[2].type != TL_T_INT || i[1].i < 0)
		return false;
	ret->left = i[1].i;
	ret->strand = i[2].i;
	ret->ops = i + 3;
	ret->n = v.n / 3 - 1;
	ret->deadline = ret->left == INT64_MAX ? TL_NEVER : tl_after(tl_ns(ret->left));
	for (size_t k = 0; k < ret->n; k++, i += 3)
		if (i[3].type != TL_T_OBJECT || i[4].type != TL_T_TEXT || i[5].type != TL_T_LIST)
			return false;
	return true;
}

/* -- waiting */

static void leave(struct object *o, struct waiter *w, int why)
{
	if (w->done)
		return;
	object_leave(o, w, why);
	object_settle(o);
}

/* What has come from the client of one that waits can only be that it wants its call back. */
static int heed(struct peer *p)
{
	tl_value v = TL_NIL;
	struct turn t;
	int r = link_take(&p->link, &v);

	if (r > 0)
		r = parse(v, &t) && t.kind == REQUEST_CANCEL ? -ECANCELED : -EPIPE;
	tl_value_free(&v);
	return r < 0 && r != -ECANCELED ? -EPIPE : r;
}

/* Wait for one thing: 0, or why it is to leave. */
static int watch(struct peer *p, struct waiter *w, tl_time deadline)
{
	void *at;
	size_t n;
	int r = heed(p);

	if (r == 0)
		r = link_room(&p->link, &at, &n);
	if (r < 0)
		return r;
	tl_case cases[] = { TL_SET(&w->ready), TL_RECV(p->link.stream, at, n) };
	r = tl_select(cases, 2, deadline);
	if (r != 1)
		return r == -ECANCELED ? -EPIPE : r;
	if (cases[1].result <= 0)
		return -EPIPE;
	link_got(&p->link, (size_t)cases[1].result);
	return 0;
}

static int await(struct peer *p, struct call *c, const struct turn *t)
{
	struct waiter w = { .call = c };
	struct object *o = c->object;
	tl_time deadline = t->deadline;
	bool once = t->left == 0;

	object_wait(o, &w);
	p->at = o;
	p->waiter = &w;
	if (c->stage) /* it has given up a lock, say */
		object_settle(o);
	if (once) {
		leave(o, &w, -ECANCELED);
		deadline = TL_NEVER; /* its one try was that */
	}
	while (!w.done) {
		int r = watch(p, &w, deadline);

		if (r == -ETIMEDOUT)
			deadline = TL_NEVER;
		if (r < 0 && !w.done) {
			p->gone |= r != -ETIMEDOUT && r != -ECANCELED;
			leave(o, &w, p->gone ? -EPIPE : r);
		}
	}
	p->waiter = NULL;
	return once && w.r == -ECANCELED ? -EAGAIN : w.r;
}

/* -- calls */

/* Which verb it is, with arguments that it takes. */
static int find_verb(struct call *c, tl_value name)
{
	const struct verb *v;

	if (!c->object)
		return say(c, -ESRCH, "there is no such object");
	v = verb_named(c->object->type, name);
	if (!v)
		return say(c, -EINVAL, "%s has no verb %s", c->object->type->name, name.text);
	if (c->n < v->least || c->n > v->most)
		return say(c, -EINVAL, "%s takes %d to %d arguments, not %zu", v->name, v->least,
			v->most, c->n);
	c->verb = v;
	return 0;
}

int turn_still(struct call *c)
{
	struct peer *p = c->peer;

	if (p && !p->gone)
		p->gone = link_is_cut(&p->link);
	return p && p->gone ? -EPIPE : 0;
}

static struct call call_of(struct peer *p, const struct turn *t, size_t i)
{
	const tl_value *op = t->ops + 3 * i;
	struct server *s = p->server;

	return (struct call){
		.server = s,
		.client = p->client,
		.peer = p,
		.strand = (uint64_t)t->strand,
		.object = op[0].object ? object_at(s, op[0].object) : &s->self,
		.args = op[2].items,
		.n = op[2].n,
	};
}

static void call_end(struct call *c)
{
	if (c->owned)
		tl_value_free(&c->ret);
	free(c->scratch);
}

static int add_answer(struct peer *p, const struct call *c, int r)
{
	int e = link_add(&p->link, TL_INT(r));

	return e < 0 ? e : link_add(&p->link, r < 0 ? TL_STR(c->why) : c->ret);
}

/* Its time is up, its client no longer wants it, or has gone. */
static int is_over(const struct peer *p, const struct turn *t, int r)
{
	if (p->gone)
		return -EPIPE;
	return t->left && (r == -ETIMEDOUT || r == -ECANCELED) ? r : 0;
}

static int run(struct peer *p, struct turn *t, size_t i)
{
	struct call c = call_of(p, t, i);
	tl_value name = t->ops[3 * i + 1];
	bool own = c.object && c.object->type == &type_class, waited = false;
	int r = own ? class_call(&c, name.text) : find_verb(&c, name), e;

	if (r == 0 && !own)
		r = c.verb->fn(&c);
	if (r == -EAGAIN && (t->left || c.stage) && !p->gone) {
		waited = true;
		r = await(p, &c, t);
		t->over = is_over(p, t, r);
	}
	if (p->gone)
		t->over = -EPIPE;
	if (r == 0 && c.took && !waited) /* else it has been done, by object.c */
		r = client_keep_all(p->server, p->client, c.ret);
	e = add_answer(p, &c, r);
	if (!own && c.verb && c.verb->writes && !waited)
		object_settle(c.object);
	call_end(&c);
	return e;
}

static int run_all(struct peer *p, struct turn *t)
{
	static const struct call not_begun;
	int r = link_list(&p->link, (uint32_t)(2 * t->n));

	for (size_t i = 0; r == 0 && i < t->n; i++)
		r = t->over ? add_answer(p, &not_begun, t->over) : run(p, t, i);
	return r;
}

/* -- transactions */

static int attempt(struct peer *p, struct call *c, tl_value name)
{
	int r = c->object && !c->object->type->plain
			? say(c, -ENOTSUP, "%s cannot be part of a transaction",
				  c->object->type->name)
			: find_verb(c, name);

	if (r == 0 && c->verb->writes)
		r = object_save(p->server, c->object);
	return r < 0 ? r : c->verb->fn(c);
}

/* Everybody is told what the one call failed with. */
static int answer_failed(struct peer *p, size_t n, const struct call *c, int r)
{
	int e;

	link_begin(&p->link);
	e = link_list(&p->link, (uint32_t)(2 * n));
	for (size_t i = 0; e == 0 && i < n; i++)
		e = add_answer(p, c, r);
	return e;
}

static int run_atomic(struct peer *p, const struct turn *t)
{
	struct call *calls = calloc(t->n + 1, sizeof *calls);
	int r = 0, e = calls ? link_list(&p->link, (uint32_t)(2 * t->n)) : -ENOMEM;
	size_t n = 0;

	while (e == 0 && r == 0 && n < t->n) {
		struct call *c = &calls[n];

		*c = call_of(p, t, n);
		r = attempt(p, c, t->ops[3 * n++ + 1]);
		e = add_answer(p, c, r);
	}
	if (e < 0) /* an answer for which there is no room */
		r = e;
	object_saved(p->server, r < 0);
	if (r < 0)
		e = n ? answer_failed(p, t->n, &calls[n - 1], r) : e;
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && calls[i].took)
			client_keep_all(p->server, p->client, calls[i].ret);
		call_end(&calls[i]);
	}
	free(calls);
	return e;
}

int turn_request(struct peer *p, tl_value request)
{
	struct turn t;
	int r;

	if (!parse(request, &t))
		return -EPROTO;
	if (t.kind == REQUEST_CANCEL) /* it came too late */
		return 0;
	link_begin(&p->link);
	r = t.kind == REQUEST_ATOMIC ? run_atomic(p, &t) : run_all(p, &t);
	object_sweep(p->server);
	if (r == 0 && !p->gone)
		r = link_send(&p->link, TL_NEVER);
	return p->gone ? -EPIPE : r;
}
