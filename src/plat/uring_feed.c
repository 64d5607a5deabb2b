/* uring_feed.c - receives that stay from one reader's wait to the next (multishot), and what they
 * bring beyond the reader's wish.
 *
 *	OFF ----> READ <----> LOOSE ----> ENDING ----> OFF
 *	     armed     done,        called       its last
 *	               left         back         completion; from READ and LOOSE, too: the end of
 *	                                         the stream, an error, no buffer, FEED_MOST
 *
 * F1 holds because the calling back is submitted with the look: the kernel takes entries before it
 * works on what has come, and what it works on it does inside our call (DEFER_TASKRUN).  A feed
 * that was called back takes nothing more.  (Only a kernel without memory for the entry breaks
 * this; then a loose feed goes on filling its FEED_MOST.)
 *
 * How much can be kept: what one look brings to one reader, which is FEED_MOST, or 33 buffers on
 * kernels that cannot be told.  How long a deadline can be delayed: not at all, the reader leaves
 * and the buffer was never its own. */
#include "plat/uring_feed.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FEED_MOST = 2 * BUFFER_SIZE, SHOWN = 1 << 20, NOTHING = 0 };

/* -- which descriptors have kept bytes, for those who only have the number */

static _Atomic uint64_t shown[SHOWN / 64];

static void show(const struct poll_feed *f)
{
	uint64_t bit = (uint64_t)1 << f->fd % 64;

	if (f->first || f->error)
		atomic_fetch_or_explicit(&shown[f->fd / 64], bit, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&shown[f->fd / 64], ~bit, memory_order_relaxed);
}

bool poller_keeps(int fd)
{
	return (unsigned)fd < SHOWN &&
	       atomic_load_explicit(&shown[fd / 64], memory_order_relaxed) >> fd % 64 & 1;
}

/* -- from state to state */

static void enlist(struct poll_feed **head, struct poll_feed *f)
{
	f->next = *head;
	f->at = head;
	if (f->next)
		f->next->at = &f->next;
	*head = f;
}

static void unlist(struct poll_feed *f)
{
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
}

static bool begin(struct uring_feeds *s, struct poll_feed *f, int fd)
{
	struct io_uring_sqe *e;

	if (s->none || (unsigned)fd >= SHOWN || uring_buffers_lend(&s->buffers, s->u) < 0 ||
		!(e = uring_sqe(s->u)))
		return false;
	e->opcode = IORING_OP_RECV;
	e->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
	e->flags = IOSQE_BUFFER_SELECT;
	e->fd = fd;
	e->file_index = s->uncapped ? 0 : FEED_MOST; /* of a receive: how many bytes in all */
	e->user_data = (uintptr_t)f | URING_FEED;
	f->fd = fd;
	f->pid = s->pid;
	atomic_store_explicit(&f->poller, s->poller, memory_order_relaxed);
	f->held(f, true);
	return true;
}

bool uring_feed_arm(struct uring_feeds *s, struct poll_op *op)
{
	struct poll_feed *f = op->feed;

	if (f->state == FEED_ENDING || (f->state == FEED_OFF && !begin(s, f, op->fd)))
		return false;
	if (f->state == FEED_LOOSE)
		unlist(f);
	f->state = FEED_READ;
	f->reader = op;
	return op->armed = true;
}

bool uring_feed_leave(struct uring_feeds *s, struct poll_op *op)
{
	struct poll_feed *f = op->feed;

	if (f->reader != op)
		return false;
	op->armed = false;
	f->reader = NULL;
	f->state = FEED_LOOSE;
	enlist(&s->loose, f);
	return true;
}

void uring_feed_call_back(struct uring_feeds *s)
{
	struct poll_feed *f;

	while ((f = s->loose) && uring_cancel(s->u, (uintptr_t)f | URING_FEED, NOTHING)) {
		unlist(f);
		f->state = FEED_ENDING;
		enlist(&s->ending, f);
	}
}

struct poll_feed *uring_feed_any(const struct uring_feeds *s)
{
	return s->loose ? s->loose : s->ending;
}

void uring_feed_end(struct poll_feed *f)
{
	if (f->state != FEED_READ)
		unlist(f);
	f->state = FEED_OFF;
	f->reader = NULL;
	f->held(f, false);
}

/* -- what has come */

/* Bytes from..n of buffer id have no reader yet. */
static void keep(struct uring_feeds *s, struct poll_feed *f, unsigned id, size_t from, size_t n)
{
	struct poll_piece *piece = uring_buffers_keep(&s->buffers, id);

	piece->next = NULL;
	piece->at = (uint32_t)from;
	piece->end = (uint32_t)n;
	if (!f->first)
		f->last = &f->first;
	*f->last = piece;
	f->last = &piece->next;
	show(f);
}

/* n bytes have come in buffer id: to the reader, if it still waits, and the rest is kept. */
static size_t deliver(struct uring_feeds *s, struct poll_feed *f, unsigned id, size_t n)
{
	size_t wish = f->reader ? f->reader->size : 0, done = n < wish ? n : wish;

	if (done)
		memcpy(f->reader->buf, s->buffers.at[id]->bytes, done);
	if (done < n)
		keep(s, f, id, done, n);
	else
		uring_buffers_back(&s->buffers, id);
	return done;
}

/* A kernel before Linux 6.17 cannot be told when to stop, and one before 6.0 does not stay. */
static void learn(struct uring_feeds *s, int result)
{
	if (result == -EINVAL && !s->uncapped)
		s->uncapped = true;
	else if (result == -EINVAL)
		s->none = true;
}

/* Where there are no feeds, or no buffers, the reader tries in another way. */
void uring_feed_came(
	struct uring_feeds *s, const struct io_uring_cqe *c, const struct poll_op *mine)
{
	struct poll_feed *f = (struct poll_feed *)(uintptr_t)(c->user_data - URING_FEED);
	bool more = c->flags & IORING_CQE_F_MORE;
	struct poll_op *op = f->reader;
	ssize_t r = c->res;

	learn(s, c->res);
	if (r > 0) {
		f->full = r == BUFFER_SIZE || !more;
		r = (ssize_t)deliver(s, f, c->flags >> IORING_CQE_BUFFER_SHIFT, (size_t)r);
	}
	if (r == -ENOBUFS || r == -EINVAL || r == -EINTR)
		r = -EAGAIN;
	if (op) {
		uring_feed_leave(s, op);
		op->result = r;
		if (op != mine)
			op->done(op);
	} else if (r < 0 && r != -ECANCELED && r != -EAGAIN) {
		f->error = r;
		show(f);
	}
	if (!more)
		uring_feed_end(f);
}

/* -- reading what is kept */

ssize_t poller_kept(struct poll_feed *f, void *buf, size_t n)
{
	struct poll_piece *piece = f->first;
	ssize_t r = f->error;

	if (!piece && !r)
		return -EAGAIN;
	if (!piece) {
		f->error = 0;
		show(f);
		return r;
	}
	r = (ssize_t)(n < piece->end - piece->at ? n : piece->end - piece->at);
	memcpy(buf, piece->bytes + piece->at, (size_t)r);
	piece->at += (uint32_t)r;
	if (piece->at == piece->end) {
		f->first = piece->next;
		free(piece);
		show(f);
	}
	return r;
}

void poller_forget(struct poll_feed *f)
{
	char waste[BUFFER_SIZE];

	while (poller_kept(f, waste, sizeof waste) != -EAGAIN)
		;
}
