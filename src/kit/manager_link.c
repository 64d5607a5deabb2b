/* manager_link.c - messages over a stream.  A link is used by one strand at a time.
 *
 * in[0..have) are bytes that came and were not taken yet; a message is taken when it is whole.  The
 * length of a message is believed only up to `most`; memory grows with what has really come. */
#include "manager.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { HEAD = 4, FIRST = 4096 };

void link_close(struct link *l)
{
	tl_close(l->stream, TL_NEVER);
	free(l->in);
	free(l->out);
	*l = (struct link){ 0 };
}

bool link_is_cut(const struct link *l)
{
	struct pollfd p = { .fd = tl_stream_fd(l->stream), .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

static int grow(unsigned char **p, size_t *cap, size_t need)
{
	size_t more = *cap ? *cap : FIRST;
	unsigned char *q;

	if (need <= *cap)
		return 0;
	while (more < need)
		more *= 2;
	q = realloc(*p, more);
	if (!q)
		return -ENOMEM;
	*p = q;
	*cap = more;
	return 0;
}

static void put_be(unsigned char *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(x >> (24 - 8 * i));
}

static uint32_t get_be(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* -- out */

void link_begin(struct link *l) { l->n = HEAD; }

int link_list(struct link *l, uint32_t n)
{
	int r = grow(&l->out, &l->out_cap, l->n + 5);

	if (r < 0)
		return r;
	l->out[l->n] = 0x9a; /* a list whose length is in four bytes */
	put_be(l->out + l->n + 1, n);
	l->n += 5;
	return 0;
}

int link_add(struct link *l, tl_value v)
{
	int n = tl_value_encode(v, l->out + l->n, l->out_cap - l->n), r;

	if (n < 0 || (size_t)n <= l->out_cap - l->n) {
		l->n += n < 0 ? 0 : (size_t)n;
		return n < 0 ? n : 0;
	}
	r = grow(&l->out, &l->out_cap, l->n + (size_t)n);
	return r < 0 ? r : link_add(l, v);
}

int link_send(struct link *l, tl_time deadline)
{
	l->put = 0;
	put_be(l->out, (uint32_t)(l->n - HEAD));
	return tl_write_all(l->stream, l->out, l->n, &l->put, deadline);
}

/* -- in */

int link_room(struct link *l, void **ret, size_t *ret_n)
{
	int r = l->cap - l->have >= FIRST / 2 ? 0 : grow(&l->in, &l->cap, l->have + FIRST);

	if (r < 0)
		return r;
	*ret = l->in + l->have;
	*ret_n = l->cap - l->have;
	return 0;
}

void link_got(struct link *l, size_t n) { l->have += n; }

int link_take(struct link *l, tl_value *ret)
{
	size_t n;
	int r;

	if (l->have < HEAD)
		return 0;
	n = get_be(l->in);
	if (n > l->most)
		return -EMSGSIZE;
	if (l->have - HEAD < n)
		return 0;
	r = tl_value_decode(l->in + HEAD, n, ret);
	l->have -= HEAD + n;
	memmove(l->in, l->in + HEAD + n, l->have);
	return r < 0 ? r : 1;
}

int link_recv(struct link *l, tl_value *ret, tl_time deadline)
{
	for (;;) {
		int r = link_take(l, ret);
		void *at;
		size_t n;
		ssize_t got;

		if (r)
			return r < 0 ? r : 0;
		r = link_room(l, &at, &n);
		if (r < 0)
			return r;
		got = tl_read(l->stream, at, n, deadline);
		if (got <= 0)
			return got < 0 ? (int)got : -EPIPE;
		link_got(l, (size_t)got);
	}
}
