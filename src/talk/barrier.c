/* barrier.c - so many strands wait for one another, again and again.
 *
 * All of it is under the bucket's lock.  A waiter's place tells whether it waits for its round to
 * fill, or, as the last of the round before still runs the action, to enter the next.  The last to
 * arrive gives every waiter of the round its number, and lets all go when it has released the lock,
 * so all return for the same round however late they run, and the barrier serves the next at once.
 *
 * turn counts resets: an action that was overtaken by one releases nobody.
 *
 * In shared memory: shared_barrier.c. */
#include "run/run.h"
#include "talk/shared.h"
#include "telar/sync.h"
#include <errno.h>

enum { BROKEN = 1, ACTING = 2 };

struct inside {
	uint32_t flags, arrived, turn, actor; /* actor: whose action runs, its slot */
};
_Static_assert(sizeof(struct inside) <= sizeof((tl_barrier *)0)->_, "fits what sync.h leaves");

struct place {
	struct waiter w;
	bool entering, gone; /* gone: let go, with number, or a negative status */
	int number;
};

enum { AGAIN = -EAGAIN };

static struct inside *in(tl_barrier *b) { return (struct inside *)b->_; }

static struct place *place_of(struct waiter *w) { return container_of(w, struct place, w); }

/* A slot is one strand's as long as it lives. */
static uint32_t my_slot(void) { return (uint32_t)(strand_self()->body->lock_word >> 40); }

/* Let one go, once the lock is released.  One that is about to leave by itself, and has not got the
 * lock for it yet, finds that it was let go: else its round would lack somebody. */
static void let_go(struct place *p, int number, struct node *won)
{
	list_remove(&p->w.link);
	p->gone = true;
	p->number = number;
	wait_win(&p->w, won);
}

/* The waiting of the round get 0, 1, 2 ... (status 0) or all the same status; those who wait to
 * enter try again, or get the status too. */
static void let_all_go(tl_barrier *b, struct wait_list *l, int status, struct node *won)
{
	int number = 0;
	struct waiter *w;

	while ((w = word_first(l, b))) {
		struct place *p = place_of(w);

		if (p->entering)
			let_go(p, status ? status : AGAIN, won);
		else
			let_go(p, status ? status : number++, won);
	}
	in(b)->arrived = 0;
}

static void broken(tl_barrier *b, struct wait_list *l, struct node *won)
{
	in(b)->flags |= BROKEN;
	let_all_go(b, l, -EPIPE, won);
}

/* The last one has come, with the lock held, which it gives up for the action. */
static int complete(tl_barrier *b, struct wait_list *l, struct node *won)
{
	struct inside *i = in(b);
	uint32_t turn = i->turn;
	int r = 0;

	if (b->action) {
		i->flags |= ACTING;
		i->actor = my_slot();
		spin_unlock(&l->lock);
		r = b->action(b->arg);
		spin_lock(&l->lock);
		if (i->turn != turn)
			return r < 0 ? r : -EPIPE;
		i->flags &= ~(uint32_t)ACTING;
		if (i->flags & BROKEN)
			return r < 0 ? r : -EPIPE;
	}
	if (r < 0) {
		broken(b, l, won);
		return r;
	}
	let_all_go(b, l, 0, won);
	return (int)b->parties - 1;
}

/* Wait to be let go; with the lock held, which is released. */
static int park(tl_barrier *b, struct wait_list *l, bool entering, tl_time deadline)
{
	struct place p = { .w = { .who = wait_me, .object = b, .what = "barrier" },
		.entering = entering };
	struct node won;
	int r;

	list_init(&won);
	wait_begin();
	list_append(&l->head, &p.w.link);
	spin_unlock(&l->lock);
	r = wait_block(&p.w, deadline);
	if (r == 0)
		return p.number;
	spin_lock(&l->lock);
	if (p.gone) {
		r = p.number; /* completion beats deadline and cancel */
	} else {
		list_remove(&p.w.link);
		if (!entering)
			in(b)->arrived--;
		if (r == -ETIMEDOUT && !(in(b)->flags & BROKEN))
			broken(b, l, &won);
	}
	spin_unlock(&l->lock);
	wait_let_go(&won);
	return r;
}

/* Now, with the lock held; AGAIN: it has to wait, to enter or for its round, which counts it. */
static int come_now(tl_barrier *b, struct wait_list *l, bool waits, struct node *won)
{
	struct inside *i = in(b);

	if (i->flags & BROKEN)
		return -EPIPE;
	if (i->flags & ACTING)
		return i->actor == my_slot() ? -EDEADLK : AGAIN; /* from its own action */
	if (i->arrived + 1 < b->parties) {
		i->arrived += waits;
		return AGAIN;
	}
	i->arrived++;
	return complete(b, l, won);
}

static int come(tl_barrier *b, struct wait_list *l, tl_time deadline)
{
	bool waits = deadline.ns != TL_POLL.ns;
	struct node won;
	int r;

	list_init(&won);
	do {
		spin_lock(&l->lock);
		r = come_now(b, l, waits, &won);
		if (r == AGAIN && waits) {
			r = park(b, l, in(b)->flags & ACTING, deadline);
			continue;
		}
		spin_unlock(&l->lock);
		wait_let_go(&won);
		return r;
	} while (r == AGAIN);
	return r;
}

int tl_barrier_wait(tl_barrier *b, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	if (!b->parties)
		return -EINVAL;
	if (window_holds(b))
		return shared_barrier_wait(b, deadline);
	return come(b, word_bucket(b), deadline);
}

void tl_barrier_abort(tl_barrier *b)
{
	struct wait_list *l = word_bucket(b);
	struct node won;

	if (window_holds(b)) {
		shared_barrier_end(b, true);
		return;
	}
	list_init(&won);
	spin_lock(&l->lock);
	broken(b, l, &won);
	spin_unlock(&l->lock);
	wait_let_go(&won);
}

void tl_barrier_reset(tl_barrier *b)
{
	struct wait_list *l = word_bucket(b);
	struct node won;

	if (window_holds(b)) {
		shared_barrier_end(b, false);
		return;
	}
	list_init(&won);
	spin_lock(&l->lock);
	let_all_go(b, l, -EPIPE, &won);
	in(b)->flags = 0;
	in(b)->turn++;
	spin_unlock(&l->lock);
	wait_let_go(&won);
}

int tl_barrier_waiting(const tl_barrier *b)
{
	struct wait_list *l = word_bucket(b);
	struct inside *i = in((tl_barrier *)b);
	int n;

	if (window_holds(b))
		return shared_barrier_waiting(b);
	spin_lock(&l->lock);
	n = i->flags ? 0 : (int)i->arrived;
	spin_unlock(&l->lock);
	return n;
}

bool tl_barrier_broken(const tl_barrier *b)
{
	struct wait_list *l = word_bucket(b);
	bool r;

	if (window_holds(b))
		return shared_barrier_broken(b);
	spin_lock(&l->lock);
	r = in((tl_barrier *)b)->flags & BROKEN;
	spin_unlock(&l->lock);
	return r;
}
