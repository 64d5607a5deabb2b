/* conn.c - the connection's task: wait, read a head, route, answer, again.
 *
 * An idle connection is a task that waits on a descriptor and nothing else: its state is allocated
 * when bytes come, and freed when it is idle again.  All connections are tasks of one thread, so
 * the service's loop fields and the seats need no lock; scratch is used only between two waits.
 *
 * A connection that will not go on is closed only after the client has had a moment to read the
 * answer: closing with unread bytes would reset the connection and take the answer with it. */
#include "conn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER      tl_s(2)    /* how long the rest of a refused body is read */
#define LINGER_READ (8u << 20) /* and how much of it */

/* -- bytes that were read too much */

int conn_keep_rest(struct conn *c, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	c->rest = malloc(n);
	if (!c->rest)
		return -ENOMEM;
	memcpy(c->rest, p, n);
	c->rest_at = 0;
	c->rest_n = n;
	return 0;
}

void conn_drop_rest(struct conn *c, size_t used)
{
	c->rest_at += used;
	c->rest_n -= used;
	if (c->rest_n == 0) {
		free(c->rest);
		c->rest = NULL;
	}
}

/* -- the head */

/* Read until *event is another than HTTP_NEEDS.  0: the connection is at its end. */
static int read_head(struct conn *c, enum http_event *event)
{
	struct service *s = c->service;
	tl_time deadline = tl_after(s->opts.idle);
	ssize_t n;
	size_t used;
	int r;

	*event = HTTP_NEEDS;
	while (c->rest && *event == HTTP_NEEDS)
		conn_drop_rest(c, http_feed(&c->http, c->rest + c->rest_at, c->rest_n, event));
	while (*event == HTTP_NEEDS) {
		n = tl_read(c->peer, s->scratch, sizeof s->scratch, TL_POLL);
		if (n == -EAGAIN) {
			r = tl_fd_wait(tl_stream_fd(c->peer), TL_IN, deadline);
			if (r < 0)
				return r;
			continue;
		}
		if (n <= 0)
			return (int)n;
		used = http_feed(&c->http, s->scratch, (size_t)n, event);
		if (*event != HTTP_BAD)
			r = conn_keep_rest(c, s->scratch + used, (size_t)n - used);
		else
			r = 0;
		if (r < 0)
			return r;
	}
	return 1;
}

/* -- one request */

static int no_method(struct conn *c, const char *allow) { return reply_why(c, WHY_METHOD, allow); }

static int route(struct conn *c)
{
	bool get = c->http.parser.method == HTTP_GET || c->http.parser.method == HTTP_HEAD;
	char *path, *query;

	c->head_only = c->http.parser.method == HTTP_HEAD;
	http_split(&c->http, &path, &query);
	if (strcmp(path, "/comprobantes") == 0) {
		if (c->http.parser.method != HTTP_POST)
			return no_method(c, "Allow: POST\r\n");
		return upload_receive(c, query);
	}
	if (!pages_has(path))
		return reply_why(c, WHY_PATH, NULL);
	return get ? pages_get(c, path) : no_method(c, "Allow: GET, HEAD\r\n");
}

/* The head did not come: say why, if there is somebody who has begun to speak. */
static int no_head(struct conn *c, int r)
{
	c->keep = false;
	c->unread = true;
	if (r == -ENOMEM)
		return reply_why(c, WHY_NO_MEMORY, NULL);
	if (c->http.begun && r == 0)
		return reply_why(c, WHY_CUT, NULL);
	if (c->http.begun && r == -ETIMEDOUT)
		return reply_why(c, WHY_SLOW, NULL);
	return r;
}

/* Answers < 0 when nothing more can be said on this connection. */
static int request(struct conn *c)
{
	enum http_event event;
	int r;

	http_begin(&c->http);
	c->head_only = c->unread = c->continued = false;
	r = read_head(c, &event);
	if (r <= 0)
		return no_head(c, r);
	metrics_add(&c->service->metrics.requests);
	c->keep = event != HTTP_BAD && c->http.keep;
	c->unread = !c->http.done;
	if (event == HTTP_BAD)
		return reply_why(c, c->http.why, NULL);
	return route(c);
}

/* Let the client read the answer: no more is written, the rest of what it sends is thrown away. */
static void linger(struct conn *c)
{
	struct service *s = c->service;
	tl_time deadline = tl_after(LINGER);
	size_t all = 0;
	ssize_t n = 1;

	if (tl_shut(c->peer) < 0)
		return;
	while (n > 0 && all < LINGER_READ) {
		n = tl_read(c->peer, s->bin, sizeof s->bin, deadline);
		all += n > 0 ? (size_t)n : 0;
	}
}

/* Requests until there is none at hand.  1: the connection may wait for another. */
__attribute__((noinline)) static int talk(struct service *s, tl_stream *peer)
{
	struct conn *c = calloc(1, sizeof *c);
	bool keep = false;
	int r;

	if (!c) {
		static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
					   "Connection: close\r\nContent-Length: 0\r\n\r\n";
		metrics_add(&s->metrics.rejected[WHY_NO_MEMORY]);
		return tl_write_all(peer, text, sizeof text - 1, NULL, tl_after(s->opts.idle));
	}
	c->service = s;
	c->peer = peer;
	do {
		r = request(c);
		keep = r >= 0 && c->keep;
		/* Who sends one request behind the other takes turns with the rest. */
	} while (keep && c->rest && tl_yield() == 0);
	if (r >= 0 && c->http.begun && (c->unread || c->rest || s->draining))
		linger(c);
	free(c->rest);
	free(c);
	return keep;
}

/* -- idle connections */

static int wait_idle(struct service *s, int fd)
{
	struct seat seat = { .next = s->seats, .link = &s->seats, .fd = fd };
	int r;

	if (s->seats)
		s->seats->link = &seat.next;
	s->seats = &seat;
	r = tl_fd_wait(fd, TL_IN, s->draining ? TL_POLL : tl_after(s->opts.keep));
	*seat.link = seat.next;
	if (seat.next)
		seat.next->link = seat.link;
	return r;
}

void conn_drain(struct service *s)
{
	s->draining = true;
	/* They read the end of the stream, after what had come before; none leaves the list here.
	 */
	for (struct seat *seat = s->seats; seat; seat = seat->next)
		shutdown(seat->fd, SHUT_RD);
}

int conn_serve(tl_stream *peer, void *arg)
{
	struct service *s = arg;
	int fd = tl_stream_fd(peer), r = 1;

	s->connections++;
	metrics_add(&s->metrics.connections);
	while (r > 0 && wait_idle(s, fd) > 0)
		r = talk(s, peer);
	s->connections--;
	return 0;
}
