/* poller.c - which poller this process uses, and the calls that are the same for both. */
#include "plat/uring_feed.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct poller_table *_Atomic chosen; /* NULL: not yet */
static _Atomic int refusal;

/* A kernel before Linux 6.1 has not what we need, and refuses nothing. */
static void note(int r)
{
	if (r != -EINVAL)
		atomic_store_explicit(&refusal, r, memory_order_relaxed);
}

/* Threads that come here together find the same. */
static const struct poller_table *choose(void)
{
	const char *wish = getenv("TELAR_POLLER");
	const struct poller_table *t = &poller_uring;
	struct poller *p;
	int r;

	if (wish && strcmp(wish, poller_epoll.name) == 0)
		t = &poller_epoll;
	else if ((r = poller_uring.open(&p)) == 0)
		poller_uring.close(p);
	else {
		t = &poller_epoll;
		note(r);
	}
	atomic_store_explicit(&chosen, t, memory_order_relaxed);
	return t;
}

static const struct poller_table *table(void)
{
	const struct poller_table *t = atomic_load_explicit(&chosen, memory_order_relaxed);

	return t ? t : choose();
}

const char *poller_name(void) { return table()->name; }
int poller_refused(void) { return atomic_exchange_explicit(&refusal, 0, memory_order_relaxed); }

/* A ring may be refused also later, for want of memory: then this loop has the other kind. */
int poller_open(struct poller **ret)
{
	const struct poller_table *t = table();
	int r = t->open(ret);

	if (r < 0 && t == &poller_uring) {
		note(r);
		r = poller_epoll.open(ret);
	}
	return r;
}

void poller_close(struct poller *p)
{
	if (p)
		p->table->close(p);
}

int poller_arm(struct poller *p, struct poll_op *op) { return p->table->arm(p, op); }
bool poller_disarm(struct poller *p, struct poll_op *op) { return p->table->disarm(p, op); }
void poller_wait(struct poller *p, int64_t deadline) { p->table->wait(p, deadline); }
void poller_wake(struct poller *p) { p->table->wake(p); }
void poller_drop(struct poller *p, int fd) { p->table->drop(p, fd); }
void poller_let_go(struct poller *p) { p->table->let_go(p); }

/* After a fork the kernel's side of a feed is the parent's: here it just ends. */
bool poller_stop(struct poller *p, struct poll_feed *f)
{
	if (f->pid == getpid())
		return p && atomic_load_explicit(&f->poller, memory_order_relaxed) == p &&
		       p->table->stop(p, f);
	uring_feed_end(f);
	return true;
}
int poller_fd(struct poller *p) { return p->table->fd(p); }
bool poller_rest(struct poller *p) { return p->table->rest(p); }

uint32_t poller_stamp(void)
{
	static _Atomic uint32_t last;
	uint32_t s;

	do
		s = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
	while (s == 0);
	return s;
}

ssize_t poller_try(const struct poll_op *op)
{
	ssize_t r;

	do
		switch (op->kind) {
		case POLLER_RECV: r = recv(op->fd, op->buf, op->size, MSG_DONTWAIT); break;
		case POLLER_SEND:
			r = send(op->fd, op->buf, op->size, MSG_DONTWAIT | MSG_NOSIGNAL);
			break;
		case POLLER_ACCEPT:
			r = accept4(op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
			break;
		default: return -EINVAL;
		}
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}
