/* select.c - the first of several things, and exactly that one.
 *
 * Try each case, from a random one; if none can be done now, link a waiter for each, all with the
 * strand's one word, so that one waker wins; block; unlink all.  A waker that hands something over
 * (an item, a unit, an event's set, a descriptor's readiness) has done the case: the waiter's
 * result is no longer SELECT_NOTHING.  A waker that only says "look again" (a future, the end of a
 * strand, a stream) leaves a state that stays, so trying again finds it; where it told one alone (a
 * lock, a listener), that kind passes it on when it leaves.  Nothing is taken from a case that is
 * not committed (W2).
 *
 * What a case waits for, and how, its kind knows: select_kinds.c, and files of the floors above. */
#include "talk/select.h"
#include <errno.h>

enum { MOST = 64 };

static bool sane(const tl_case *cases, size_t n)
{
	if (n == 0 || n > MOST)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned what = cases[i].what;

		if (what >= TL_W_KINDS || !select_kinds[what] ||
			(select_kinds[what]->object && !cases[i].object))
			return false;
	}
	return true;
}

/* Who has entered is in *ret_in.  >= 0: this one cannot, which is its result; -EAGAIN: all have. */
static int enter_all(struct branch *b, tl_case *cases, size_t n, size_t *ret_in)
{
	for (size_t i = 0; i < n; i++) {
		*ret_in = i;
		b[i].c = &cases[i];
		b[i].kind = select_kinds[cases[i].what];
		if (!b[i].kind->enter)
			continue;
		cases[i].result = b[i].kind->enter(&b[i]);
		if (cases[i].result < 0)
			return (int)i;
	}
	*ret_in = n;
	return -EAGAIN;
}

static void leave_all(struct branch *b, size_t in)
{
	for (size_t i = 0; i < in; i++)
		if (b[i].kind->leave)
			b[i].kind->leave(&b[i]);
}

/* Cheap numbers for a fair start; quality does not matter, speed does. */
static size_t chance(size_t n)
{
	static _Thread_local uint32_t x;

	x = x * 1664525 + 1013904223;
	return (x >> 8) % n;
}

static int try_all(struct branch *b, size_t n)
{
	size_t i = chance(n);

	for (size_t left = n; left > 0; left--) {
		if (b[i].kind->try(&b[i]))
			return (int)i;
		i = i + 1 < n ? i + 1 : 0;
	}
	return -EAGAIN;
}

static bool enlist(struct branch *b, int64_t *look)
{
	b->w = (struct waiter){
		.who = wait_me, .object = b->c->object, .what = "select", .result = SELECT_NOTHING
	};
	list_init(&b->w.link);
	b->until = 0;
	if (!b->kind->enlist(b))
		return false;
	if (b->until && (!*look || b->until < *look))
		*look = b->until;
	return true;
}

/* Is it then, rather than at the deadline?  What has come beats the deadline. */
static bool first(int64_t look, tl_time deadline)
{
	return look && (!deadline.ns || look <= deadline.ns);
}

/* The branch that a waker has done, or that never can be, or -EAGAIN. */
static int committed(struct branch *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i].w.result != SELECT_NOTHING) {
			b[i].c->result = b[i].w.result;
			return (int)i;
		}
	return -EAGAIN;
}

/* Wait on all.  >= 0: this one was done; -EAGAIN: look again; else why not. */
static int wait_all(struct branch *b, size_t n, tl_time deadline)
{
	int64_t look = 0;
	size_t in = 0;
	int r = 0;

	wait_begin();
	while (in < n && enlist(&b[in], &look))
		in++;
	if (in == n)
		r = wait_block(&b[0].w, first(look, deadline) ? (tl_time){ look } : deadline);
	else
		wait_withdraw();
	for (size_t i = 0; i < in; i++)
		if (b[i].kind->withdraw)
			b[i].kind->withdraw(&b[i]);
	if (r == -ETIMEDOUT && first(look, deadline))
		return -EAGAIN;
	return r < 0 ? r : committed(b, in < n ? in + 1 : n);
}

int tl_select(tl_case *cases, size_t n, tl_time deadline)
{
	struct branch b[MOST];
	size_t in, again = 0;
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	if (!sane(cases, n))
		return -EINVAL;
	r = enter_all(b, cases, n, &in);
	while (r == -EAGAIN) {
		r = try_all(b, n);
		if (r != -EAGAIN || deadline.ns == TL_POLL.ns)
			break;
		/* What seems possible may fail again and again: beside one that is stopped, say. */
		r = again > 1 ? wait_ops->interrupted(wait_me, deadline.ns) : 0;
		if (r == 0)
			r = wait_all(b, n, deadline);
		/* Who holds what we look at may be a task of this very loop. */
		if (r == -EAGAIN && again++)
			loop_yield(strand_self()->loop);
	}
	leave_all(b, in);
	return r;
}
