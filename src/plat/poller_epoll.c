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

struct poller {
	int epoll, wake;
	struct slot *slots;
	unsigned n_slots;
};

enum { BATCH = 256 };
static const uint64_t wake_mark = UINT64_MAX;

uint32_t poller_stamp(void)
{
	static _Atomic uint32_t last;
	uint32_t s;

	do
		s = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
	while (s == 0);
	return s;
}

int poller_open(struct poller **ret)
{
	struct poller *p = calloc(1, sizeof *p);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = wake_mark };
	int r;

	if (!p)
		return -ENOMEM;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = p->epoll < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &ev) < 0) {
		r = -errno;
		poller_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

void poller_close(struct poller *p)
{
	if (!p)
		return;
	if (p->wake >= 0)
		close(p->wake);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p->slots);
	free(p);
}

static int slot_for(struct poller *p, int fd, struct slot **ret)
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
static int enroll(struct poller *p, struct slot *s, struct poll_op *op)
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

int poller_arm(struct poller *p, struct poll_op *op)
{
	struct slot *s;
	int r = slot_for(p, op->fd, &s);

	if (r < 0)
		return r;
	if ((op->events & POLLER_IN && s->in) || (op->events & POLLER_OUT && s->out))
		return -EBUSY;
	if ((r = enroll(p, s, op)) < 0)
		return r;
	if (s->ready & (uint32_t)op->events) {
		r = (int)s->ready & op->events;
		s->ready &= ~(uint32_t)r;
		return r;
	}
	if (op->events & POLLER_IN)
		s->in = op;
	if (op->events & POLLER_OUT)
		s->out = op;
	return 0;
}

void poller_disarm(struct poller *p, struct poll_op *op)
{
	struct slot *s = &p->slots[op->fd];

	if (s->in == op)
		s->in = NULL;
	if (s->out == op)
		s->out = NULL;
}

static void tell(struct poller *p, struct slot *s, int events)
{
	struct poll_op *ops[2] = { s->in, s->out };
	int bits[2] = { POLLER_IN, POLLER_OUT };

	for (int i = 0; i < 2; i++) {
		if (!(events & bits[i]))
			continue;
		if (!ops[i]) {
			s->ready |= (uint32_t)bits[i];
			continue;
		}
		ops[i]->result = events & ops[i]->events;
		poller_disarm(p, ops[i]);
		ops[i]->done(ops[i]);
		if (i == 0 && ops[1] == ops[0])
			return; /* one that waited for both is told once, and may be gone by now */
	}
}

/* epoll_pwait2 is Linux 5.11; before it, or where it is refused, a wait ends up to 1 ms late. */
static int wait_events(struct poller *p, struct epoll_event *ev, int64_t deadline)
{
	static atomic_bool refused;
	int64_t left = deadline > 0 ? deadline - plat_now() : 0;
	struct timespec ts = { 0 };
	int n = -1;

	if (left > 0)
		ts = (struct timespec){ left / 1000000000, left % 1000000000 };
	if (!atomic_load_explicit(&refused, memory_order_relaxed)) {
		n = epoll_pwait2(p->epoll, ev, BATCH, deadline ? &ts : NULL, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		atomic_store_explicit(&refused, true, memory_order_relaxed);
	}
	left = deadline == 0                         ? -1
	       : left <= 0                           ? 0
	       : left > INT_MAX * 1000000LL - 999999 ? INT_MAX
						     : (left + 999999) / 1000000;
	return epoll_wait(p->epoll, ev, BATCH, (int)left);
}

void poller_wait(struct poller *p, int64_t deadline)
{
	struct epoll_event ev[BATCH];
	int n = wait_events(p, ev, deadline);

	for (int i = 0; i < n; i++) {
		uint32_t e = ev[i].events;
		int events = (e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? POLLER_IN : 0) |
			     (e & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? POLLER_OUT : 0);
		uint32_t fd = (uint32_t)ev[i].data.u64;
		uint64_t count;

		if (ev[i].data.u64 == wake_mark) {
			if (read(p->wake, &count, sizeof count) < 0)
				continue; /* another wake was already read */
		} else if (p->slots[fd].stamp == ev[i].data.u64 >> 32) {
			tell(p, &p->slots[fd], events);
		}
	}
}

void poller_wake(struct poller *p)
{
	uint64_t one = 1;

	if (write(p->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

void poller_drop(struct poller *p, int fd) { epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL); }
