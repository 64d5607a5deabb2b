/* poller_uring.c - the poller on io_uring.
 *
 * An operation is one entry of the ring while somebody waits for it, and nothing when nobody does:
 * a request that outlives its waiter would hold the file open behind a close, or take bytes that
 * nobody asked for.  Entries are submitted with the next wait, all in one call.
 *
 * Only look enters the kernel to have it work, and it first calls back the feeds that nobody reads
 * (see uring_feed.c).
 *
 * Woken by a message from the other thread to this ring where the kernel can send one from a
 * thread without a ring (Linux 6.13), else through an eventfd that the ring polls.
 *
 * Invariant: op->armed from the entry's making until its completion was taken; the completion's
 * user_data is the op's address, a feed's plus URING_FEED, WAKE, or NOTHING for the answer to a
 * cancel. */
#include "plat/plat.h"
#include "plat/poller.h"
#include "plat/uring_feed.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct ring {
	struct poller p;
	struct uring u;
	int wake;         /* an eventfd; -1: messages do */
	bool watched;     /* it is being polled */
	bool tries_first; /* before Linux 6.10: an accept cannot be told not to */
	int bell; /* an eventfd that the kernel writes to when there is something to do; -1 */
	struct uring_feeds feeds;
};

enum { NOTHING = 0, WAKE = 1 }; /* no op's address; nor is what has the bit URING_FEED */
enum { ENTRIES = 256, COMPLETIONS = 4096, MOST = 1 << 30 };

static struct ring *ring_of(struct poller *p) { return (struct ring *)p; }

/* See to it that poller_wake ends a wait.  False: no room to ask for it now. */
static bool watch(struct ring *r)
{
	struct io_uring_sqe *e;

	if (r->watched || r->wake < 0)
		return true;
	if (!(e = uring_sqe(&r->u)))
		return false;
	e->opcode = IORING_OP_POLL_ADD;
	e->fd = r->wake;
	e->poll32_events = POLLIN;
	e->user_data = WAKE;
	return r->watched = true;
}

static int open_ring(struct poller **ret)
{
	struct ring *r = calloc(1, sizeof *r);
	int e;

	if (!r)
		return -ENOMEM;
	r->p.table = &poller_uring;
	e = uring_open(&r->u, ENTRIES, COMPLETIONS);
	if (e < 0) {
		free(r);
		return e;
	}
	r->wake = r->bell = -1;
	if (uring_send(r->u.fd, WAKE) < 0 &&
		(r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		e = -errno;
		uring_close(&r->u);
		free(r);
		return e;
	}
	r->feeds = (struct uring_feeds){ .poller = &r->p, .u = &r->u, .pid = getpid() };
	*ret = &r->p;
	return 0;
}

static short bits_of(int events)
{
	return (short)((events & POLLER_IN ? POLLIN | POLLRDHUP : 0) |
		       (events & POLLER_OUT ? POLLOUT : 0));
}

static int events_of(int bits)
{
	return (bits & (POLLIN | POLLRDHUP | POLLHUP | POLLERR) ? POLLER_IN : 0) |
	       (bits & (POLLOUT | POLLHUP | POLLERR) ? POLLER_OUT : 0);
}

/* Has this kernel IORING_OP_FUTEX_WAIT? */
static bool words(const struct uring *u)
{
	static _Atomic int known; /* 0: not asked yet, 1 yes, -1 no */
	int k = atomic_load_explicit(&known, memory_order_relaxed);

	if (k == 0) {
		k = uring_knows(u, PLAT_URING_FUTEX_WAIT) ? 1 : -1;
		atomic_store_explicit(&known, k, memory_order_relaxed);
	}
	return k > 0;
}

/* Who comes here has found, or knows, that it would block: the kernel need not try again first. */
static int arm(struct poller *p, struct poll_op *op)
{
	struct ring *r = ring_of(p);
	struct uring *u = &r->u;
	struct io_uring_sqe *e;

	if (op->kind >= POLLER_WORD && !words(u))
		return -ENOSYS;
	if (op->feed && uring_feed_arm(&r->feeds, op))
		return 0;
	if (!(e = uring_sqe(u)))
		return -ENOMEM;
	e->fd = op->fd;
	e->user_data = (uintptr_t)op;
	e->addr = (uintptr_t)op->buf;
	e->len = op->size < MOST ? (uint32_t)op->size : MOST;
	switch (op->kind) {
	case POLLER_READY:
		e->opcode = IORING_OP_POLL_ADD;
		e->addr = e->len = 0;
		e->poll32_events = (uint16_t)bits_of(op->events);
		break;
	case POLLER_RECV:
		e->opcode = IORING_OP_RECV;
		e->ioprio = IORING_RECVSEND_POLL_FIRST;
		break;
	case POLLER_SEND:
		e->opcode = IORING_OP_SEND;
		e->ioprio = IORING_RECVSEND_POLL_FIRST;
		e->msg_flags = MSG_NOSIGNAL;
		break;
	case POLLER_ACCEPT:
		e->opcode = IORING_OP_ACCEPT;
		e->ioprio = r->tries_first ? 0 : PLAT_URING_ACCEPT_POLL_FIRST;
		e->addr = e->len = 0;
		e->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
		break;
	case POLLER_WORD:
		e->opcode = PLAT_URING_FUTEX_WAIT;
		e->fd = FUTEX_32; /* not private */
		e->len = 0;
		e->off = op->size;
		e->addr3 = FUTEX_BITSET_MATCH_ANY;
		break;
	case POLLER_WORDS:
		e->opcode = PLAT_URING_FUTEX_WAITV;
		e->fd = 0;
		break;
	}
	op->armed = true;
	return 0;
}

static void wake_came(struct ring *r)
{
	uint64_t count;

	r->watched = false;
	if (r->wake >= 0 && read(r->wake, &count, sizeof count) < 0)
		return; /* it was another's completion that woke us */
}

/* Is the accept done?  One that is refused for a flag tries again without. */
static bool accepted(struct ring *r, struct poll_op *op, const struct io_uring_cqe *c)
{
	if (c->res == -EINVAL && !r->tries_first) {
		r->tries_first = true;
		op->result = -EAGAIN;
		return arm(&r->p, op) < 0;
	}
	if (c->res >= 0 && !(c->flags & IORING_CQE_F_SOCK_NONEMPTY))
		op->result |= POLLER_LAST;
	return true;
}

/* Take what has completed.  mine, whose caller wants it back, is not told.  False: nothing. */
static bool take(struct ring *r, const struct poll_op *mine)
{
	struct io_uring_cqe c;
	bool any = false;

	while (uring_take(&r->u, &c)) {
		struct poll_op *op = (struct poll_op *)(uintptr_t)c.user_data;

		any = true;
		if (c.user_data == WAKE)
			wake_came(r);
		if (c.user_data <= WAKE)
			continue;
		if (c.user_data & URING_FEED) {
			uring_feed_came(&r->feeds, &c, mine);
			continue;
		}
		op->armed = false;
		/* Of work that the kernel gave to a thread of its own: a stop interrupts that. */
		op->result = c.res == -EINTR ? -EAGAIN : c.res;
		if (op->kind == POLLER_READY && c.res >= 0)
			op->result = events_of(c.res) & op->events;
		if (op->kind == POLLER_ACCEPT && !accepted(r, op, &c))
			continue;
		if (op != mine)
			op->done(op);
	}
	return any;
}

/* Submit, let the kernel work, wait for n completions. */
static void look(struct ring *r, unsigned n, int64_t deadline)
{
	uring_feed_call_back(&r->feeds);
	r->p.looks++;
	uring_enter(&r->u, n, deadline);
}

/* What the operation has done by now counts; the kernel answers in the same call, unless it has
 * no room for the request or a signal comes.  A feed's reader only leaves. */
static bool disarm(struct poller *p, struct poll_op *op)
{
	struct ring *r = ring_of(p);
	bool asked = false;

	if (!op->armed)
		return false;
	take(r, op);
	if (op->armed && op->feed && uring_feed_leave(&r->feeds, op))
		return false;
	while (op->armed) {
		asked = asked || uring_cancel(&r->u, (uintptr_t)op, NOTHING);
		look(r, 1, 0);
		take(r, op);
	}
	return op->result != -ECANCELED;
}

static void wait_ring(struct poller *p, int64_t deadline)
{
	struct ring *r = ring_of(p);

	if (take(r, NULL))
		return;
	if (!watch(r))
		deadline = -1;
	if (deadline >= 0 || r->feeds.loose || uring_pending(&r->u))
		look(r, deadline >= 0, deadline > 0 ? deadline : 0);
	take(r, NULL);
}

static void let_go(struct poller *p)
{
	if (ring_of(p)->feeds.loose)
		wait_ring(p, -1);
}

static bool stop(struct poller *p, struct poll_feed *f)
{
	struct ring *r = ring_of(p);

	if (f->state == FEED_READ)
		return false;
	while (f->state != FEED_OFF) {
		look(r, 1, 0);
		take(r, NULL);
	}
	return true;
}

static void close_ring(struct poller *p)
{
	struct ring *r = ring_of(p);
	struct poll_feed *f;

	while ((f = uring_feed_any(&r->feeds))) {
		if (r->feeds.pid != getpid()) {
			uring_feed_end(
				f); /* in a forked child: the kernel's side is the parent's */
			continue;
		}
		look(r, 1, 0);
		take(r, NULL);
	}
	uring_close(&r->u);
	if (r->wake >= 0)
		close(r->wake);
	if (r->bell >= 0)
		close(r->bell);
	uring_buffers_free(&r->feeds.buffers);
	free(r);
}

static void wake_ring(struct poller *p)
{
	struct ring *r = ring_of(p);
	uint64_t one = 1;

	if (r->wake < 0)
		while (uring_send(r->u.fd, WAKE) == -ENOMEM)
			sched_yield(); /* a wake must not be lost */
	else if (write(r->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

/* Whatever was armed for it has been taken back: nothing is left of it. */
static void drop(struct poller *p, int fd)
{
	(void)p;
	(void)fd;
}

/* The ring's own descriptor does not do: with DEFER_TASKRUN who polls it is not woken by what has
 * yet to be worked on (Linux 6.18), and only a look at it would tell. */
static int fd_of(struct poller *p)
{
	struct ring *r = ring_of(p);
	int bell, e = 0;

	if (r->bell >= 0)
		return r->bell;
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell < 0 ||
		syscall(SYS_io_uring_register, r->u.fd, IORING_REGISTER_EVENTFD, &bell, 1) < 0)
		e = -errno;
	if (e < 0 && bell >= 0)
		close(bell);
	return e < 0 ? e : (r->bell = bell);
}

/* The bell is silenced first: what rang it is seen by the look that follows. */
static bool rest(struct poller *p)
{
	struct ring *r = ring_of(p);
	uint64_t count;

	if (!watch(r))
		return false;
	if (r->feeds.loose || uring_pending(&r->u))
		look(r, 0, 0);
	if (read(r->bell, &count, sizeof count) < 0 && errno != EAGAIN)
		return false;
	return uring_empty(&r->u) && !uring_pending(&r->u);
}

const struct poller_table poller_uring = { "uring", true, open_ring, close_ring, arm, disarm,
	wait_ring, wake_ring, drop, stop, let_go, fd_of, rest };
