/* listen.c - listeners.
 *
 * Any number of strands may accept from one listener.  Epoll lets one strand of a loop wait
 * for a descriptor, so the others of that loop stand in `others`; whoever leaves tl_accept, with a
 * connection or without, sends the next one in.  Invariant: while somebody stands in `others`,
 * somebody waits in a poller or is on his way out.  (One edge may announce many connections: each
 * that is sent in tries before it waits, and sends in the next.)
 *
 * A select is inside like one who accepts, from its first look to its last, but its op in the
 * poller only tells it to look, for the connection may be another's to take.
 *
 * refs: the owner and everyone inside; the last one frees. */
#include "base/mem.h"
#include "io/address.h"
#include "io/stream.h"
#include "run/run.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 65535 }; /* the system lowers it to net.core.somaxconn */

struct tl_listener {
	int fd;
	uint32_t stamp;
	_Atomic uint32_t refs;
	_Atomic bool closed;
	_Atomic bool dry; /* the poller took the last that there was: trying first is vain */
	struct wait_list others;
	struct address address;
	dev_t dev; /* of the path of a Unix socket, and the process that made it */
	ino_t ino;
	pid_t maker;
};

/* -- making */

/* Is there a socket at path that nobody listens on? */
static bool deserted(const struct address *a)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(address_path(a), &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, &a->any, a->size) < 0)
		r = -errno;
	close(fd);
	return r == -ECONNREFUSED;
}

static int bind_to(int fd, const struct address *a)
{
	const char *path = address_path(a);

	if (bind(fd, &a->any, a->size) == 0)
		return 0;
	if (errno != EADDRINUSE || !path)
		return -errno;
	if (!deserted(a))
		return -EADDRINUSE;
	unlink(path);
	return bind(fd, &a->any, a->size) < 0 ? -errno : 0;
}

/* Its real address; and which path is ours. */
static int learn(tl_listener *l)
{
	const char *path;
	struct stat st;

	l->address.size = sizeof l->address.un;
	if (getsockname(l->fd, &l->address.any, &l->address.size) < 0)
		return -errno;
	path = address_path(&l->address);
	if (!path)
		return 0;
	if (lstat(path, &st) < 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->maker = getpid();
	return 0;
}

/* l listens on a from now on; what accept(2) makes inherits its options. */
static int prepare(tl_listener *l, const struct address *a)
{
	int fd = l->fd, one = 1, r;

	if (a->any.sa_family != AF_UNIX) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	}
	r = bind_to(fd, a);
	if (r < 0)
		return r;
	r = listen(fd, BACKLOG) < 0 ? -errno : learn(l);
	if (r < 0 && address_path(a))
		unlink(address_path(a));
	return r;
}

int tl_listen(tl_listener **ret, const char *address)
{
	struct address a;
	tl_listener *l;
	int r = address_parse(address, &a);

	if (r < 0)
		return r;
	l = mem_zalloc(sizeof *l);
	if (!l)
		return -ENOMEM;
	l->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = l->fd < 0 ? -errno : prepare(l, &a);
	if (r < 0) {
		if (l->fd >= 0)
			close(l->fd);
		mem_free(l);
		return r;
	}
	l->stamp = poller_stamp();
	list_init(&l->others.head);
	atomic_store_explicit(&l->refs, 1, memory_order_relaxed);
	*ret = l;
	return 0;
}

int tl_listener_address(const tl_listener *l, char *buf, size_t cap)
{
	return address_format(&l->address, buf, cap);
}

/* -- closing */

static int unref(tl_listener *l)
{
	int r = 0;

	if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1) {
		r = close(l->fd) < 0 ? -errno : 0;
		mem_free(l);
	}
	return r;
}

/* Another may have taken the path over, and a forked child does not take it from its parent. */
static bool path_is_ours(const tl_listener *l)
{
	struct stat st;

	return l->maker == getpid() && lstat(address_path(&l->address), &st) == 0 &&
	       st.st_dev == l->dev && st.st_ino == l->ino;
}

int tl_listener_close(tl_listener *l, tl_time deadline)
{
	(void)deadline; /* nothing to wait for */
	if (!l)
		return 0;
	if (address_path(&l->address) && path_is_ours(l))
		unlink(address_path(&l->address));
	/* Pairs with the load in tl_accept: who enters later sees it, who waits is woken.  A child
	 * that closes its copy must not shut the parent's socket, so only if somebody is inside. */
	atomic_store_explicit(&l->closed, true, memory_order_seq_cst);
	if (atomic_load_explicit(&l->refs, memory_order_seq_cst) > 1)
		shutdown(l->fd, SHUT_RDWR);
	return unref(l);
}

/* -- accepting */

/* The peer was gone before it was taken; accept(2): "treat like EAGAIN". */
static bool passing(int r)
{
	switch (-r) {
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH: return true;
	default: return false;
	}
}

static int stand_by(tl_listener *l, tl_time deadline)
{
	struct waiter w = { .what = "accept", .object = l };

	/* Between the poller's -EBUSY and this line no other strand of this loop has run, so who
	 * waits in its poller is still there and will send us in. */
	spin_lock(&l->others.lock);
	return wait_park(&w, &l->others.head, &l->others.lock, deadline);
}

static void send_next(tl_listener *l)
{
	spin_lock(&l->others.lock);
	wait_wake(&l->others, SELECT_NOTHING); /* a look is all that a select is given */
	spin_unlock(&l->others.lock);
}

static int note_last(tl_listener *l, int r)
{
	bool last = r >= 0 && r & POLLER_LAST;

	if (atomic_load_explicit(&l->dry, memory_order_relaxed) != last)
		atomic_store_explicit(&l->dry, last, memory_order_relaxed);
	return last ? r & ~POLLER_LAST : r;
}

static int accept_or_wait(tl_listener *l, tl_time deadline)
{
	struct poll_op op = { .fd = l->fd, .stamp = l->stamp, .kind = POLLER_ACCEPT };
	struct loop *here = strand_self()->loop;
	bool poll = deadline.ns == TL_POLL.ns;
	bool vain = atomic_load_explicit(&l->dry, memory_order_relaxed) &&
		    poller_levels(here->poller) && (!deadline.ns || deadline.ns > here->now);
	int r;

	for (;; vain = false) {
		r = vain ? -EAGAIN : (int)poller_try(&op);
		if (r == -EAGAIN && !poll)
			r = (int)loop_fd_do(op, "accept", deadline);
		if (r == -EBUSY && (r = stand_by(l, deadline)) == 0)
			r = -EAGAIN;
		if (atomic_load_explicit(&l->closed, memory_order_seq_cst)) {
			if (r >= 0)
				close(r & ~POLLER_LAST);
			return -EPIPE;
		}
		if (!passing(r) && (r != -EAGAIN || poll))
			return note_last(l, r);
	}
}

static void come_in(tl_listener *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_seq_cst);
}

static void go_out(tl_listener *l)
{
	send_next(l);
	unref(l);
}

/* For one who is inside. */
static int accept_one(tl_stream **ret, tl_listener *l, tl_time deadline)
{
	tl_stream *s = stream_room(); /* before a connection is taken that there is no room for */
	int fd;

	if (!s)
		return -ENOMEM;
	fd = accept_or_wait(l, deadline);
	if (fd < 0) {
		mem_free(s);
		return fd;
	}
	*ret = stream_fill(s, fd, true);
	return 0;
}

int tl_accept(tl_stream **ret, tl_listener *l, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	come_in(l);
	r = accept_one(ret, l, deadline);
	go_out(l);
	return r;
}

/* -- accepting in a select */

static int enter(struct branch *b)
{
	if (!b->c->item)
		return -EINVAL;
	come_in(b->c->object);
	return 0;
}

static void leave(struct branch *b) { go_out(b->c->object); }

static bool try(struct branch *b)
{
	b->c->result = accept_one(b->c->item, b->c->object, TL_POLL);
	return b->c->result != -EAGAIN;
}

static bool enlist(struct branch *b)
{
	tl_listener *l = b->c->object;
	struct poll_op op = { .fd = l->fd, .stamp = l->stamp, .events = POLLER_IN };

	if (select_arm(b, op, false))
		return true;
	if (b->w.result != -EBUSY)
		return false;
	b->w.result = SELECT_NOTHING;
	spin_lock(&l->others.lock); /* no other strand has run: see stand_by */
	list_append(&l->others.head, &b->w.link);
	spin_unlock(&l->others.lock);
	return true;
}

static void withdraw(struct branch *b)
{
	tl_listener *l = b->c->object;

	select_disarm(b);
	spin_lock(&l->others.lock);
	list_remove(&b->w.link);
	spin_unlock(&l->others.lock);
}

static const struct select_kind kind = { .object = true,
	.enter = enter,
	.leave = leave,
	.try = try,
	.enlist = enlist,
	.withdraw = withdraw };

__attribute__((constructor(101))) static void begin(void) { select_kinds[TL_W_ACCEPT] = &kind; }
