/* select_kinds.c - the kinds of cases of this floor and those below: queues, futures, strands,
 * events, locks, semaphores, descriptors and points in time.
 *
 * See select.h for what each function of a kind is to do, and the file of the thing itself for how
 * it is waited for. */
#include "talk/event.h"
#include "talk/future.h"
#include "talk/pipe.h"
#include "talk/select.h"
#include "talk/sem.h"
#include "talk/shared_queue.h"
#include <errno.h>

/* -- waiters in a word's bucket */

static void withdraw_word(struct branch *b)
{
	struct wait_list *l = word_bucket(b->w.object);

	spin_lock(&l->lock);
	list_remove(&b->w.link);
	spin_unlock(&l->lock);
}

/* Into the bucket of a word that says what it is waiting for, unless it says something else by now.
 */
static bool enlist_word(struct branch *b, _Atomic uint32_t *word, uint32_t expected)
{
	struct wait_list *l = word_bucket(word);
	bool in;

	b->w.object = word;
	spin_lock(&l->lock);
	in = atomic_load_explicit(word, memory_order_seq_cst) == expected;
	if (in)
		list_append(&l->head, &b->w.link);
	spin_unlock(&l->lock);
	return in;
}

/* -- queues */

static bool try_get(struct branch *b)
{
	tl_case *c = b->c;

	c->result = tl_queue_get(c->object, c->item, c->size, TL_POLL);
	return c->result != -EAGAIN;
}

static bool try_put(struct branch *b)
{
	tl_case *c = b->c;

	c->result = tl_queue_put(c->object, c->item, c->size, TL_POLL);
	return c->result != -EAGAIN;
}

static bool enlist_in(struct branch *b, tl_queue *q, bool get)
{
	if (queue_shared(q)) {
		b->until = plat_now() + BELL_LOOK_AGAIN_NS;
		return shared_queue_enlist(q, &b->w, get, b->c->size);
	}
	b->w.data = b->c->item;
	b->w.size = b->c->size;
	return queue_enlist(q, &b->w, get);
}

static bool enlist_queue(struct branch *b)
{
	return enlist_in(b, b->c->object, b->c->what == TL_W_GET);
}

/* Who was given something, or the end, has left the queue: it may be gone. */
static void withdraw_from(struct branch *b, tl_queue *q, bool get)
{
	if (b->w.result != SELECT_NOTHING)
		return;
	if (queue_shared(q))
		shared_queue_withdraw(q, &b->w, get);
	else
		queue_withdraw(q, &b->w);
}

static void withdraw_queue(struct branch *b)
{
	withdraw_from(b, b->c->object, b->c->what == TL_W_GET);
}

static const struct select_kind get = {
	.object = true, .try = try_get, .enlist = enlist_queue, .withdraw = withdraw_queue
};
static const struct select_kind put = {
	.object = true, .try = try_put, .enlist = enlist_queue, .withdraw = withdraw_queue
};

/* -- pipes */

static bool try_recv(struct branch *b)
{
	tl_case *c = b->c;

	c->result = tl_pipe_recv(c->object, c->item, c->size, TL_POLL);
	return c->result != -EAGAIN;
}

static bool try_send(struct branch *b)
{
	tl_case *c = b->c;

	c->result = tl_pipe_send(c->object, c->item, c->size, TL_POLL);
	return c->result != -EAGAIN;
}

static bool receives(const struct branch *b) { return b->c->what == TL_W_PIPE_RECV; }

static tl_queue *way_of(const struct branch *b)
{
	tl_pipe *p = b->c->object;

	return receives(b) ? p->in : p->out;
}

static bool enlist_pipe(struct branch *b)
{
	return pipe_peer_gone(b->c->object) == 0 && enlist_in(b, way_of(b), receives(b));
}

static void withdraw_pipe(struct branch *b) { withdraw_from(b, way_of(b), receives(b)); }

static const struct select_kind recv = {
	.object = true, .try = try_recv, .enlist = enlist_pipe, .withdraw = withdraw_pipe
};
static const struct select_kind send = {
	.object = true, .try = try_send, .enlist = enlist_pipe, .withdraw = withdraw_pipe
};

/* -- futures, strands and events */

static bool try_done(struct branch *b)
{
	if (!tl_future_done(b->c->object))
		return false;
	b->c->result = future_read(b->c->object, NULL);
	return true;
}

static bool enlist_done(struct branch *b)
{
	uint32_t word;

	return future_mark(b->c->object, &word) && enlist_word(b, future_word(b->c->object), word);
}

static bool try_joined(struct branch *b)
{
	struct strand *s;
	uint32_t life;
	int r = strand_ended(b->c->strand, &s, &life);

	if (r == 0 && s == strand_self())
		r = -EDEADLK;
	b->c->result = r < 0 ? r : 0;
	return r != 0;
}

static bool enlist_joined(struct branch *b)
{
	struct strand *s;
	uint32_t life;

	return strand_mark(b->c->strand, &s, &life) && enlist_word(b, &s->life, life);
}

static bool try_set(struct branch *b)
{
	b->c->result = 0;
	return tl_event_is_set(b->c->object);
}

static bool enlist_set(struct branch *b) { return event_enlist(b->c->object, &b->w); }

/* An event whose place may serve others later: item is the word that says whose it is, strand what
 * it then holds. */
static bool try_job(struct branch *b)
{
	const _Atomic uint64_t *owner = b->c->item;

	if (atomic_load_explicit(owner, memory_order_acquire) != b->c->strand.id)
		b->c->result = -ESRCH;
	else if (tl_event_is_set(b->c->object))
		b->c->result = 0;
	else
		return false;
	return true;
}

/* It may have ended, been got, and its place be another's by now: that has a new owner then, who
 * was written before the event was cleared. */
static bool enlist_job(struct branch *b)
{
	const _Atomic uint64_t *owner = b->c->item;

	if (!enlist_set(b))
		return false;
	if (atomic_load_explicit(owner, memory_order_seq_cst) == b->c->strand.id)
		return true;
	withdraw_word(b);
	return false;
}

/* What other processes can wake is not waited for in a bucket of ours. */
static int enter_private(struct branch *b) { return window_holds(b->c->object) ? -ENOTSUP : 0; }

static const struct select_kind done = { .object = true,
	.enter = enter_private,
	.try = try_done,
	.enlist = enlist_done,
	.withdraw = withdraw_word };
static const struct select_kind joined = {
	.try = try_joined, .enlist = enlist_joined, .withdraw = withdraw_word
};
static const struct select_kind set = { .object = true,
	.enter = enter_private,
	.try = try_set,
	.enlist = enlist_set,
	.withdraw = withdraw_word };

static const struct select_kind job = {
	.object = true, .try = try_job, .enlist = enlist_job, .withdraw = withdraw_word
};

/* -- locks and semaphores */

static int enter_lock(struct branch *b)
{
	b->claim = (struct lock_claim){ 0 };
	return enter_private(b);
}

static bool try_lock(struct branch *b)
{
	b->c->result = tl_lock_acquire(b->c->object, TL_POLL);
	return b->c->result != -EAGAIN;
}

static bool enlist_lock(struct branch *b) { return lock_enlist(b->c->object, &b->w, &b->claim); }

static void withdraw_lock(struct branch *b) { lock_withdraw(b->c->object, &b->w); }

static bool try_sem(struct branch *b)
{
	b->c->result = tl_sem_acquire(b->c->object, TL_POLL);
	return b->c->result != -EAGAIN;
}

static bool enlist_sem(struct branch *b) { return sem_enlist(b->c->object, &b->w); }
static void withdraw_sem(struct branch *b) { sem_withdraw(b->c->object, &b->w); }

static const struct select_kind lock = { .object = true,
	.enter = enter_lock,
	.try = try_lock,
	.enlist = enlist_lock,
	.withdraw = withdraw_lock };
static const struct select_kind sem = { .object = true,
	.enter = enter_private,
	.try = try_sem,
	.enlist = enlist_sem,
	.withdraw = withdraw_sem };

/* -- descriptors */

static int events_of(const tl_case *c) { return c->what == TL_W_READABLE ? POLLER_IN : POLLER_OUT; }

static bool try_fd(struct branch *b)
{
	b->c->result = loop_fd_now(b->c->fd, events_of(b->c));
	return b->c->result != 0;
}

static bool enlist_fd(struct branch *b)
{
	struct poll_op op = { .fd = b->c->fd, .events = events_of(b->c) };

	return select_arm(b, op, true);
}

static const struct select_kind fd = {
	.try = try_fd, .enlist = enlist_fd, .withdraw = select_disarm
};

static void wake(struct poll_op *op, bool commits)
{
	struct branch *b = container_of(op, struct branch, op);
	struct parker *who = b->w.who;
	enum wait_claim how = wait_claim(&b->w);

	if (how != WAIT_LOST && (commits || op->result < 0))
		b->w.result = (int)op->result;
	wait_finish(who, how);
}

static void commit(struct poll_op *op) { wake(op, true); }
static void look_again(struct poll_op *op) { wake(op, false); }

bool select_arm(struct branch *b, struct poll_op op, bool commits)
{
	struct loop *l = strand_self()->loop;
	int r = loop_poller(l);

	b->op = op;
	b->op.done = commits ? commit : look_again;
	if (r == 0)
		r = poller_arm(l->poller, &b->op);
	if (r == 0) {
		l->polling++;
		return true;
	}
	if (r < 0 || commits)
		b->w.result = r;
	b->op.done = NULL;
	return false;
}

void select_disarm(struct branch *b)
{
	struct loop *l = strand_self()->loop;

	if (!b->op.done)
		return;
	poller_disarm(l->poller, &b->op);
	l->polling--;
}

/* -- points in time */

static int64_t at_of(const tl_case *c) { return (int64_t)c->size; }

static bool try_at(struct branch *b)
{
	int64_t at = at_of(b->c);

	b->c->result = 0;
	return at && at <= plat_now();
}

static bool enlist_at(struct branch *b)
{
	b->until = at_of(b->c);
	return true;
}

static const struct select_kind at = { .try = try_at, .enlist = enlist_at };

/* -- */

const struct select_kind *select_kinds[TL_W_KINDS] = { [TL_W_GET] = &get,
	[TL_W_PUT] = &put,
	[TL_W_DONE] = &done,
	[TL_W_JOINED] = &joined,
	[TL_W_READABLE] = &fd,
	[TL_W_WRITABLE] = &fd,
	[TL_W_SET] = &set,
	[TL_W_JOB] = &job,
	[TL_W_LOCK] = &lock,
	[TL_W_SEM] = &sem,
	[TL_W_AT] = &at,
	[TL_W_PIPE_RECV] = &recv,
	[TL_W_PIPE_SEND] = &send };
