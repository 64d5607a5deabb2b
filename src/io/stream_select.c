/* stream_select.c - a stream's bytes as cases of a select.
 *
 * The select is inside the stream, as its reader or writer, from its first look to its last, so a
 * close meanwhile frees nothing that it will touch.  It waits for readiness only: whatever bytes
 * another case's commit leaves behind stay where they are, in the socket or, received ahead, in the
 * stream, and the look that follows finds both (F2 in plat/poller.h). */
#include "io/stream.h"
#include <errno.h>

static uint32_t direction_of(const struct branch *b)
{
	return b->c->what == TL_W_RECV ? STREAM_READING : STREAM_WRITING;
}

static int enter(struct branch *b)
{
	tl_stream *s = b->c->object;

	return s->fd < 0 ? -ENOTSUP : stream_enter(s, direction_of(b));
}

static void leave(struct branch *b) { stream_leave(b->c->object, direction_of(b)); }

static bool try(struct branch *b)
{
	tl_case *c = b->c;
	size_t n = c->size < INT_MAX ? c->size : INT_MAX;

	if (stream_closed(c->object))
		c->result = -EPIPE;
	else
		c->result = n == 0 ? 0
				   : (int)stream_transfer(
					     c->object, direction_of(b), c->item, n, TL_POLL);
	return c->result != -EAGAIN;
}

static bool enlist(struct branch *b)
{
	const tl_stream *s = b->c->object;
	struct poll_op op = { .fd = s->fd,
		.stamp = s->stamp,
		.events = direction_of(b) == STREAM_READING ? POLLER_IN : POLLER_OUT };

	return select_arm(b, op, false);
}

const struct select_kind stream_kind = { .object = true,
	.enter = enter,
	.leave = leave,
	.try = try,
	.enlist = enlist,
	.withdraw = select_disarm };
