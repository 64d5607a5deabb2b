/* queue_end.c - how a queue comes to its end, and who waits until all that was put is done.
 *
 * What is unfinished is derived: what was put, which the ring or the pile counts anyway and
 * `handed` completes, less what was told done or dropped.  So puts and gets do nothing for it.
 *
 * While nobody joins, done is one compare-and-swap, and its last touch: who sees the count
 * at zero may close the queue.  Who joins sets JOINED in the same word, with both locks held, and
 * from then on the count changes only under the locks; so between the joiner's look and its place
 * in the list nothing is missed, and who brings the count to zero finds everybody who waits for
 * that.
 * A put may raise it again at any time: joiners return for the moment at which it was zero. */
#include "talk/shared_queue.h"
#include <errno.h>
#include <limits.h>

enum { JOINED = 1, ONE = 2 };

static int as_int(size_t n) { return n > INT_MAX ? INT_MAX : (int)n; }

/* All of list get this result; nobody is let go before the locks are, for the first to return may
 * close the queue (W6). */
static void dismiss(struct tl_queue *q, struct node *list, int result, struct node *won)
{
	struct node *n;

	while ((n = list_pop(list))) {
		struct waiter *w = container_of(n, struct waiter, link);

		if (wait_win(w, won))
			w->result = result;
		else
			q->leaving++;
	}
}

/* -- what is unfinished */

/* With both locks held exactly; else at least what is known to be done, since whoever tells that a
 * thing is done has seen its put, and we have seen that it was told. */
static size_t all(struct tl_queue *q)
{
	_Atomic size_t *stored = queue_piled(q) ? &q->pile.puts : &q->ring.in.told_n;

	return atomic_load_explicit(stored, memory_order_relaxed) +
	       atomic_load_explicit(&q->handed, memory_order_relaxed);
}

/* As of some moment during the call: both only grow, and done stays behind. */
static size_t unfinished(struct tl_queue *q)
{
	size_t done = atomic_load_explicit(&q->done, memory_order_acquire) / ONE;

	return all(q) - done;
}

/* With both locks held: answers how many are unfinished, and until thaw nobody else makes it
 * fewer. */
static size_t freeze(struct tl_queue *q)
{
	return all(q) - atomic_fetch_or_explicit(&q->done, JOINED, memory_order_acquire) / ONE;
}

static void thaw(struct tl_queue *q)
{
	if (list_empty(&q->joiners))
		atomic_fetch_and_explicit(&q->done, ~(size_t)JOINED, memory_order_release);
}

/* Frozen: n of those that are left are done. */
static void finish(struct tl_queue *q, size_t n, size_t left, struct node *won)
{
	atomic_fetch_add_explicit(&q->done, n * ONE, memory_order_release);
	if (n == left)
		dismiss(q, &q->joiners, 0, won);
}

static int overdone(struct tl_queue *q)
{
	report(TL_R_MISUSE, strand_self(), -EINVAL, "tells more done than was put into queue '%s'",
		q->head.name);
	return -EINVAL;
}

static int done_joined(struct tl_queue *q)
{
	struct node won;
	size_t left;

	list_init(&won);
	queue_lock(q);
	left = freeze(q);
	if (left)
		finish(q, 1, left, &won);
	thaw(q);
	queue_unlock(q);
	wait_let_go(&won);
	return left ? 0 : overdone(q);
}

int tl_queue_done(tl_queue *q)
{
	size_t was;

	strand_self();
	if (queue_shared(q))
		return shared_queue_done(shared_of(q));
	was = atomic_load_explicit(&q->done, memory_order_acquire);
	do {
		if (was & JOINED)
			return done_joined(q);
		if (was / ONE == all(q))
			return overdone(q);
	} while (!atomic_compare_exchange_weak_explicit(
		&q->done, &was, was + ONE, memory_order_acq_rel, memory_order_acquire));
	return 0;
}

static int join(struct tl_queue *q, tl_time deadline)
{
	struct waiter w = { .who = wait_me, .object = q, .what = "queue join" };
	int r = 0;

	queue_lock(q);
	if (freeze(q)) {
		wait_begin();
		list_append(&q->joiners, &w.link);
		queue_unlock(q);
		r = wait_block(&w, deadline);
		if (r == 0)
			return 0;
		queue_lock(q);
		queue_unlink(q, &w);
	}
	thaw(q);
	queue_unlock(q);
	return r;
}

int tl_queue_join(tl_queue *q, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0 || !tl_queue_unfinished(q))
		return r;
	if (deadline.ns == TL_POLL.ns)
		return -EAGAIN;
	return queue_shared(q) ? shared_queue_join(shared_of(q), deadline) : join(q, deadline);
}

int tl_queue_unfinished(tl_queue *q)
{
	return as_int(queue_shared(q) ? shared_queue_unfinished(shared_of(q)) : unfinished(q));
}

int tl_queue_count(tl_queue *q)
{
	if (queue_shared(q))
		return as_int(shared_queue_count(shared_of(q)));
	return as_int(queue_piled(q) ? pile_count(&q->pile) : ring_count(&q->ring));
}

/* -- the end */

static void end(struct tl_queue *q, struct node *won)
{
	atomic_fetch_or_explicit(&q->head.state, QUEUE_ENDED, memory_order_relaxed);
	dismiss(q, &q->getters, -EPIPE, won);
	dismiss(q, &q->putters, -EPIPE, won);
}

void tl_queue_end(tl_queue *q)
{
	struct node won;

	if (queue_shared(q)) {
		shared_queue_end(shared_of(q));
		return;
	}
	list_init(&won);
	queue_lock(q);
	end(q, &won);
	queue_unlock(q);
	wait_let_go(&won);
}

/* Answers how many were in it. */
static size_t clear(struct tl_queue *q)
{
	size_t n = queue_piled(q) ? q->pile.n : ring_n(&q->ring);

	if (queue_piled(q))
		pile_clear(&q->pile);
	else
		ring_clear(&q->ring);
	return n;
}

int tl_queue_drop(tl_queue *q)
{
	struct node won;
	size_t lost, left;

	if (queue_shared(q))
		return shared_queue_drop(shared_of(q));
	list_init(&won);
	queue_lock(q);
	end(q, &won);
	lost = clear(q);
	left = freeze(q);
	if (left) /* some of what is lost may have been told done before it was got */
		finish(q, lost < left ? lost : left, left, &won);
	thaw(q);
	queue_unlock(q);
	wait_let_go(&won);
	return as_int(lost);
}
