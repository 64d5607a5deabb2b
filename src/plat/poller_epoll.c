/* poller_epoll.c - the poller on epoll(7), edge-triggered.
 *
 * A descriptor is registered once, for both directions, and stays so: a busy stream costs no
 * epoll_ctl.  Edges that come while nobody waits are remembered in `ready`; they may be stale, so a
 * caller tries, and waits again.  The table is indexed by descriptor; the stamp tells a number that
 * was closed and used again from the file it was registered for.  Without a stamp (a descriptor
 * that is not ours, of which we cannot know when it is closed) every wait registers anew.
 *
 * Invariant: an op is in exactly the slots of its events, or in none.  The table belongs to the
 * loop's thread. */
#include "plat/plat.h"
#include "plat/poller.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct slot {
	struct poll_op *in, *out;
	uint32_t stamp, ready;
};

struct set {
	struct poller p;
	int epoll, wake;
	struct slot *slots;
	unsigned n_slots;
};

enum { BATCH = 256, HUNG = 4 }; /* beside POLLER_IN and POLLER_OUT: it will not get better */
static const uint64_t wake_mark = UINT64_MAX;

static struct set *set_of(struct poller *p) { return (struct set *)p; }

static void close_set(struct poller *p)
{
	struct set *s = set_of(p);

	if (s->wake >= 0)
		close(s->wake);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->slots);
	free(s);
}

static int open_set(struct poller **ret)
{
	struct set *s = calloc(1, sizeof *s);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = wake_mark };
	int r;

	if (!s)
		return -ENOMEM;
	s->p.table = &poller_epoll;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->wake = s->epoll < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &ev) < 0) {
		r = -errno;
		close_set(&s->p);
		return r;
	}
	*ret = &s->p;
	return 0;
}

static int slot_for(struct set *p, int fd, struct slot **ret)
{
	unsigned n = p->n_slots ? p->n_slots : 64;
	struct slot *bigger;

	if (fd < 0)
		return -EBADF;
	while (n <= (unsigned)fd)
		n *= 2;
	if (n > p->n_slots) {
		bigger = realloc(p->slots, n * sizeof *bigger);
		if (!bigger)
			return -ENOMEM;
		memset(bigger + p->n_slots, 0, (n - p->n_slots) * sizeof *bigger);
		p->slots = bigger;
		p->n_slots = n;
	}
	*ret = &p->slots[fd];
	return 0;
}

/* See to it that the kernel tells us about this very file.  Registering again where it already was
 * also makes the kernel look again, so no edge is lost. */
static int enroll(struct set *p, struct slot *s, const struct poll_op *op)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	uint32_t stamp = op->stamp ? op->stamp : poller_stamp();

	if (s->stamp == stamp)
		return 0;
	ev.data.u64 = (uint64_t)stamp << 32 | (uint32_t)op->fd;
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, op->fd, &ev) < 0 &&
		(errno != EEXIST || epoll_ctl(p->epoll, EPOLL_CTL_MOD, op->fd, &ev) < 0))
		return -errno;
	s->stamp = stamp;
	s->ready = 0;
	return 0;
}

/* events came for op: is it done?  (A shut Unix listener answers -EAGAIN for ever.) */
static bool finish(struct poll_op *op, int events)
{
	op->result = op->kind == POLLER_READY ? events & op->events : poller_try(op);
	return op->result != -EAGAIN || events & HUNG;
}

static int arm(struct poller *p, struct poll_op *op)
{
	struct slot *s = NULL;
	int r = op->kind >= POLLER_WORD ? -ENOSYS : slot_for(set_of(p), op->fd, &s);
	int events = poller_events(op), now;

	if (r < 0)
		return r;
	if ((events & POLLER_IN && s->in) || (events & POLLER_OUT && s->out))
		return -EBUSY;
	if ((r = enroll(set_of(p), s, op)) < 0)
		return r;
	now = (int)s->ready & (events | HUNG);
	if (now & events) {
		s->ready &= ~(uint32_t)now;
		if (finish(op, now))
			return now & events;
	}
	if (events & POLLER_IN)
		s->in = op;
	if (events & POLLER_OUT)
		s->out = op;
	op->armed = true;
	return 0;
}

static void release(struct poller *p, struct poll_op *op)
{
	struct slot *s = &set_of(p)->slots[op->fd];

	op->armed = false;
	if (s->in == op)
		s->in = NULL;
	if (s->out == op)
		s->out = NULL;
}

/* What has come by now counts, also what no wait has told yet. */
static bool disarm(struct poller *p, struct poll_op *op)
{
	if (!op->armed)
		return false;
	release(p, op);
	return op->kind != POLLER_READY && finish(op, 0);
}

static void tell(struct poller *p, struct slot *s, int events)
{
	struct poll_op *ops[2] = { s->in, s->out };
	int bits[2] = { POLLER_IN, POLLER_OUT };

	for (int i = 0; i < 2; i++) {
		if (!(events & bits[i]))
			continue;
		if (!ops[i]) {
			s->ready |= (uint32_t)(bits[i] | (events & HUNG));
			continue;
		}
		if (!finish(ops[i], events))
			continue;
		release(p, ops[i]);
		ops[i]->done(ops[i]);
		if (i == 0 && ops[1] == ops[0])
			return; /* one that waited for both is told once, and may be gone by now */
	}
}

/* epoll_pwait2 is Linux 5.11; before it, or where it is refused, a wait ends up to 1 ms late. */
static int wait_events(struct set *s, struct epoll_event *ev, int64_t deadline)
{
	static atomic_bool refused;
	int64_t left = deadline > 0 ? deadline - plat_now() : 0;
	struct timespec ts = { 0 };
	int n = -1;

	if (left > 0)
		ts = (struct timespec){ left / 1000000000, left % 1000000000 };
	if (!atomic_load_explicit(&refused, memory_order_relaxed)) {
		n = epoll_pwait2(s->epoll, ev, BATCH, deadline ? &ts : NULL, NULL);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return n;
		atomic_store_explicit(&refused, true, memory_order_relaxed);
	}
	left = deadline == 0                         ? -1
	       : left <= 0                           ? 0
	       : left > INT_MAX * 1000000LL - 999999 ? INT_MAX
						     : (left + 999999) / 1000000;
	return epoll_wait(s->epoll, ev, BATCH, (int)left);
}

static void wait_set(struct poller *p, int64_t deadline)
{
	struct set *s = set_of(p);
	struct epoll_event ev[BATCH];
	int n = wait_events(s, ev, deadline);

	for (int i = 0; i < n; i++) {
		uint32_t e = ev[i].events;
		int events = (e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? POLLER_IN : 0) |
			     (e & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? POLLER_OUT : 0) |
			     (e & (EPOLLHUP | EPOLLERR) ? HUNG : 0);
		uint32_t fd = (uint32_t)ev[i].data.u64;
		uint64_t count;

		if (ev[i].data.u64 == wake_mark) {
			if (read(s->wake, &count, sizeof count) < 0)
				continue; /* another wake was already read */
		} else if (s->slots[fd].stamp == ev[i].data.u64 >> 32) {
			tell(p, &s->slots[fd], events);
		}
	}
}

static void wake_set(struct poller *p)
{
	uint64_t one = 1;

	if (write(set_of(p)->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

static void drop(struct poller *p, int fd) { epoll_ctl(set_of(p)->epoll, EPOLL_CTL_DEL, fd, NULL); }

/* There are no feeds here. */
static bool stop(struct poller *p, struct poll_feed *f)
{
	(void)p;
	(void)f;
	return true;
}

static void let_go(struct poller *p) { (void)p; }

static int fd_of(struct poller *p) { return set_of(p)->epoll; }

/* All is with the kernel from the moment it is armed. */
static bool rest(struct poller *p)
{
	(void)p;
	return true;
}

const struct poller_table poller_epoll = { "epoll", false, open_set, close_set, arm, disarm,
	wait_set, wake_set, drop, stop, let_go, fd_of, rest };
