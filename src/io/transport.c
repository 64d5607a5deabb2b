/* transport.c - streams over functions of the caller's.
 *
 * Who is inside, and who is the last and closes, stream.c knows.  A stream of this kind is the
 * first member of what is kept here, and has no descriptor (-1): so it is told from the others.
 * `until` is the closer's, who writes it before STREAM_CLOSED; whoever closes reads it after. */
#include "io/transport.h"
#include "base/mem.h"
#include <errno.h>

struct over {
	tl_stream stream;
	const tl_transport *t;
	void *arg;
	tl_time until;
};

static struct over *of(tl_stream *s) { return container_of(s, struct over, stream); }

static bool sane(const tl_transport *t)
{
	for (size_t i = 0; i < sizeof t->reserved / sizeof *t->reserved; i++)
		if (t->reserved[i])
			return false;
	return t->read || t->write;
}

int tl_stream_over(tl_stream **ret, const tl_transport *t, void *arg)
{
	struct over *o;

	if (!t || !sane(t))
		return -EINVAL;
	o = mem_zalloc(sizeof *o);
	if (!o)
		return -ENOMEM;
	o->stream.fd = -1;
	o->t = t;
	o->arg = arg;
	*ret = &o->stream;
	return 0;
}

ssize_t transport_move(tl_stream *s, uint32_t direction, void *buf, size_t n, tl_time deadline)
{
	const struct over *o = of(s);
	ssize_t r = -ENOTSUP;

	if (direction == STREAM_READING && o->t->read)
		r = o->t->read(o->arg, buf, n, deadline);
	else if (direction == STREAM_WRITING && o->t->write)
		r = o->t->write(o->arg, buf, n, deadline);
	if (r <= 0 && stream_closed(s))
		return -EPIPE;
	return r > 0 && (size_t)r > n ? -EPROTO : r;
}

int transport_shut(tl_stream *s, int directions)
{
	const struct over *o = of(s);

	return o->t->shut ? o->t->shut(o->arg, directions) : -ENOTSUP;
}

void transport_closing(tl_stream *s, tl_time deadline) { of(s)->until = deadline; }

int transport_close(tl_stream *s)
{
	const struct over *o = of(s);

	return o->t->close ? o->t->close(o->arg, o->until) : 0;
}
