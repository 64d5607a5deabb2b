/* loop_fd.c - waiting for descriptors, in the poller of the caller's own loop. */
#include "run/run.h"
#include <errno.h>
#include <poll.h>

struct fd_waiter {
	struct poll_op op;
	struct waiter w;
};

static void done(struct poll_op *op)
{
	struct fd_waiter *f = container_of(op, struct fd_waiter, op);
	struct parker *who = f->w.who;

	wait_finish(who, wait_claim(&f->w));
}

/* f is armed and its strand has begun to wait. */
static ssize_t await(struct loop *l, struct fd_waiter *f, tl_time deadline)
{
	int r;

	l->polling++;
	r = wait_block(&f->w, deadline);
	l->polling--;
	if (r < 0 && !poller_disarm(l->poller, &f->op))
		return r;
	return f->op.result;
}

ssize_t loop_fd_do(struct poll_op op, const char *what, tl_time deadline)
{
	struct loop *l = strand_self()->loop;
	struct fd_waiter f = {
		.op = op,
		.w = { .who = wait_me, .what = what, .object = (void *)(intptr_t)op.fd },
	};
	int r = loop_poller(l);

	f.op.done = done;
	if (r == 0)
		r = poller_arm(l->poller, &f.op);
	if (r != 0)
		return r > 0 ? f.op.result : r;
	wait_begin();
	return await(l, &f, deadline);
}

int loop_word_wait(
	const struct waiter *w, _Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
	struct loop *l = loop_here;
	struct plat_wait words[] = { plat_wait_on((struct plat_word){ word, expected, true }),
		plat_wait_on(window_deaths()) };
	struct fd_waiter f = {
		.op = { .kind = POLLER_WORDS, .buf = words, .size = 2, .done = done },
		.w = { .who = w->who, .what = w->what, .object = w->object },
	};
	int r;

	if (loop_poller(l) < 0 || poller_arm(l->poller, &f.op) < 0)
		return -ENOSYS;
	r = (int)await(l, &f, (tl_time){ deadline });
	return r == -EAGAIN || r > 0 ? 0 : r;
}

int loop_fd_wait(int fd, uint32_t stamp, int events, const char *what, tl_time deadline)
{
	return (int)loop_fd_do(
		(struct poll_op){ .fd = fd, .stamp = stamp, .events = events }, what, deadline);
}

int loop_poller(struct loop *l)
{
	int r, refused;

	if (l->poller)
		return 0;
	r = poller_open(&l->poller);
	refused = poller_refused();
	if (refused)
		report(TL_R_DEGRADED, NULL, refused, "the kernel refuses io_uring: epoll it is");
	return r;
}

const char *tl_poller(void) { return poller_name(); }

int loop_fd_now(int fd, int events)
{
	int r = plat_poll(
		fd, (events & POLLER_IN ? POLLIN : 0) | (events & POLLER_OUT ? POLLOUT : 0));

	if (r == 0 && events & POLLER_IN && poller_keeps(fd))
		return POLLER_IN;
	return r <= 0 ? 0 : r & POLLNVAL ? -EBADF : events;
}
