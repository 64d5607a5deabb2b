/* join.c - waiting for the end of strands, for a time, and for one's turn.
 *
 * Joiners wait on the strand's life word, having set LIFE_WAITED in it; a joiner also sets
 * LIFE_KEPT, so that the ending is there when it comes to read it. */
#include "base/mem.h"
#include "run/bias.h"
#include <errno.h>
#include <string.h>

int strand_ended(tl_strand t, struct strand **ret, uint32_t *ret_life)
{
	struct strand *s = slot_find(t);
	uint32_t life;

	if (!s)
		return -ESRCH;
	life = atomic_load_explicit(&s->life, memory_order_acquire);
	if (atomic_load_explicit(&s->id, memory_order_acquire) != t.id)
		return -ESRCH;
	*ret = s;
	*ret_life = life;
	return (life & LIFE_ENDED) != 0;
}

/* The same, and how it ended: 1 only if that was its own end, not of the next in its record. */
static int ending(tl_strand t, tl_end *ret)
{
	struct strand *s;
	uint32_t life;
	int r = strand_ended(t, &s, &life);

	if (r <= 0)
		return r;
	*ret = (tl_end){ (enum tl_how)LOOK(s->how), LOOK(s->result) };
	return strand_ended(t, &s, &life);
}

/* The generation in the word keeps us from changing another strand's. */
bool strand_relive(struct strand *s, uint32_t *life, uint32_t changed)
{
	bool visitor, same;

	if (changed == *life)
		return true;
	visitor = strand_hold(s);
	same = atomic_load_explicit(&s->life, memory_order_relaxed) == *life;
	if (same)
		atomic_store_explicit(&s->life, *life = changed, memory_order_seq_cst);
	strand_let(s, visitor);
	return same;
}

/* Mark the word as waited on. */
static bool mark(struct strand *s, uint32_t *life)
{
	return strand_relive(s, life, *life | LIFE_WAITED | LIFE_KEPT);
}

bool strand_mark(tl_strand t, struct strand **ret, uint32_t *ret_life)
{
	while (strand_ended(t, ret, ret_life) == 0)
		if (mark(*ret, ret_life))
			return true;
	return false;
}

static const char joins[] = "join";

/* Wait while s lives; who is woken by its end is told it in *end, since the scope that keeps it may
 * be closed before we have our turn. */
static int await_end(struct strand *s, uint32_t life, tl_end *end, tl_time deadline)
{
	struct waiter w = { .object = &s->life, .what = joins, .data = end };
	struct wait_list *b = word_bucket(&s->life);

	spin_lock(&b->lock);
	if (atomic_load_explicit(&s->life, memory_order_seq_cst) != life) {
		spin_unlock(&b->lock);
		return 0;
	}
	return wait_park(&w, &b->head, &b->lock, deadline);
}

void join_tell(struct strand *s)
{
	struct wait_list *b = word_bucket(&s->life);
	struct waiter *w;

	spin_lock(&b->lock);
	while ((w = word_first(b, &s->life))) {
		struct parker *who = w->who;
		enum wait_claim c;

		list_remove(&w->link);
		c = wait_claim(w);
		if (c != WAIT_LOST)
			w->result = 0; /* commits a select: t may be gone when it looks */
		if (c != WAIT_LOST && w->what == joins)
			*(tl_end *)w->data = (tl_end){ (enum tl_how)s->how, s->result };
		wait_finish(who, c);
	}
	spin_unlock(&b->lock);
}

int tl_join(tl_strand t, tl_end *ret_end, tl_time deadline)
{
	struct strand *me = strand_self(), *s;
	tl_end end = { 0 };
	uint32_t life;
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(me);

	if (r < 0)
		return r;
	while (!end.how && (r = strand_ended(t, &s, &life)) == 0) {
		if (s == me)
			return -EDEADLK;
		if (deadline.ns == TL_POLL.ns)
			return -EAGAIN;
		if (!deadline.ns && place_join(me, s, &end))
			break;
		if (mark(s, &life) && (r = await_end(s, life, &end, deadline)) < 0)
			return r;
	}
	if (!end.how && r > 0)
		r = ending(t, &end);
	if (r < 0)
		return r;
	if (ret_end)
		*ret_end = end;
	return 0;
}

/* -- many at once */

struct place {
	struct waiter w;
	struct strand *s;
};

/* Stable partition: those that have ended to the front, by way of rest, which holds n.  Answers how
 * many have; < 0: one is not known, and set is as it was. */
static int sort(tl_strand *set, size_t n, tl_strand *rest, bool *failed)
{
	size_t front = 0, behind = 0;

	for (size_t i = 0; i < n; i++) {
		tl_end end;
		int ended = ending(set[i], &end);

		if (ended < 0)
			return ended;
		if (ended) {
			*failed |= strand_status(end) < 0;
			rest[front++] = set[i];
		}
	}
	for (size_t i = 0, at = 0; i < n; i++)
		if (at < front && set[i].id == rest[at].id)
			at++;
		else
			rest[front + behind++] = set[i];
	memcpy(set, rest, n * sizeof *set);
	return (int)front;
}

/* Link into the bucket of a strand's life word, unless it has ended. */
static bool enlist(struct place *p, tl_strand t)
{
	struct wait_list *b;
	uint32_t life;
	bool in = false;

	*p = (struct place){ 0 };
	list_init(&p->w.link);
	while (strand_ended(t, &p->s, &life) == 0 && !in) {
		if (!mark(p->s, &life))
			continue;
		p->w.object = &p->s->life;
		p->w.what = "wait";
		p->w.who = wait_me;
		b = word_bucket(p->w.object);
		spin_lock(&b->lock);
		if (atomic_load_explicit(&p->s->life, memory_order_seq_cst) == life) {
			list_append(&b->head, &p->w.link);
			in = true;
		}
		spin_unlock(&b->lock);
	}
	return in;
}

static void withdraw(struct place *p)
{
	struct wait_list *b;

	if (!p->s)
		return;
	b = word_bucket(&p->s->life);
	spin_lock(&b->lock);
	list_remove(&p->w.link);
	spin_unlock(&b->lock);
}

/* Block until any of set[0..n) ends. */
static int any(tl_strand *set, size_t n, struct place *places, tl_time deadline)
{
	size_t k = 0;
	int r;

	wait_begin();
	while (k < n && enlist(&places[k], set[k]))
		k++;
	if (k == n)
		r = wait_block(&places[0].w, deadline);
	else
		wait_withdraw(), r = 0;
	for (size_t i = 0; i < k; i++)
		withdraw(&places[i]);
	return r;
}

static bool enough(enum tl_until until, int ended, size_t n, bool failed)
{
	return (size_t)ended == n || (until == TL_FIRST && ended > 0) ||
	       (until == TL_FIRST_FAILED && failed);
}

/* One after the other: for all of them the order does not matter. */
static int all(tl_strand *set, size_t n, struct place *place, tl_time deadline)
{
	struct strand *s;
	uint32_t life;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		while (r == 0 && strand_ended(set[i], &s, &life) == 0)
			r = any(&set[i], 1, place, deadline);
	return r;
}

static int wait_for(tl_strand *set, size_t n, enum tl_until until, struct place *places,
	tl_strand *rest, tl_time deadline)
{
	bool failed = false;
	int r = 0, ended = sort(set, n, rest, &failed);

	while (r == 0 && ended >= 0 && !enough(until, ended, n, failed)) {
		if (deadline.ns == TL_POLL.ns)
			break;
		r = until == TL_ALL ? all(set + ended, n - (size_t)ended, places, deadline)
				    : any(set + ended, n - (size_t)ended, places, deadline);
		ended = sort(set, n, rest, &failed);
	}
	return r == -ECANCELED && !enough(until, ended, n, failed) ? r : ended;
}

int tl_wait(tl_strand *set, size_t n, enum tl_until until, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	struct place *places;
	tl_strand *rest;

	if (r < 0)
		return r;
	if (!n || until < TL_ALL || until > TL_FIRST_FAILED)
		return -EINVAL;
	places = mem_alloc(n * sizeof *places);
	rest = mem_alloc(n * sizeof *rest);
	r = places && rest ? wait_for(set, n, until, places, rest, deadline) : -ENOMEM;
	mem_free(places);
	mem_free(rest);
	return r;
}

/* -- time and turns */

int strand_sleep(const char *what, int64_t until)
{
	struct waiter w = { .what = what };
	int r;

	wait_begin();
	r = wait_block(&w, (tl_time){ until });
	return r == -ETIMEDOUT ? 0 : r;
}

int tl_sleep_until(tl_time t)
{
	int r = strand_checkpoint(strand_self());

	return r < 0 ? r : t.ns < 0 ? tl_yield() : strand_sleep("sleep", t.ns);
}

int tl_sleep(tl_span length)
{
	return length.ns <= 0 ? tl_yield() : tl_sleep_until(tl_after(length));
}

int tl_yield(void)
{
	struct strand *me = strand_self();
	int r = strand_checkpoint(me);

	if (r == 0)
		loop_yield(me->loop);
	return r;
}

int tl_checkpoint(void) { return strand_checkpoint(strand_self()); }
bool tl_cancelled(void) { return strand_cancelled(strand_self()) < 0; }
