/* reply.c - answers on the wire.
 *
 * An answer is formed in a buffer of the service's, not in the task's frame: a stack page that was
 * touched once stays, times the connections.  It is sent at once or, what the socket does not take,
 * from a copy.  Every error has the body {"error":"one sentence"}. */
#include "conn.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The Date header's value, made once a second. */
static const char *date(void)
{
	static char text[32];
	static time_t made;
	time_t now = time(NULL);
	struct tm tm;

	if (now != made) {
		made = now;
		gmtime_r(&now, &tm);
		strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return text;
}

static const char *connection(const struct conn *c)
{
	if (!c->keep)
		return "Connection: close\r\n";
	return c->http.parser.http_minor == 0 ? "Connection: keep-alive\r\n" : "";
}

/* Send p[0..n), which may change as soon as this waits. */
static int put(struct conn *c, const char *p, size_t n)
{
	ssize_t k = tl_write(c->peer, p, n, TL_POLL);
	size_t done = k > 0 ? (size_t)k : 0;
	char *copy;
	int r;

	if (done == n || (k < 0 && k != -EAGAIN))
		return done == n ? 0 : (int)k;
	copy = malloc(n - done);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, p + done, n - done);
	r = tl_write_all(c->peer, copy, n - done, NULL, tl_after(c->service->opts.idle));
	free(copy);
	return r;
}

int reply_send(struct conn *c, const struct reply *a)
{
	char *text = c->service->out;
	size_t cap = sizeof c->service->out, n, body;
	int r;

	/* No promise is made beyond this answer once the service is on its way out. */
	if (c->service->draining || c->unread)
		c->keep = false;
	n = (size_t)snprintf(text, cap,
		"HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
		a->status, http_status_str((enum http_status)a->status), date(), a->type, a->size,
		connection(c), a->headers ? a->headers : "");
	if (n >= cap)
		return -EMSGSIZE;
	body = c->head_only ? 0 : a->size;
	if (body <= cap - n) {
		memcpy(text + n, a->body, body);
		return put(c, text, n + body);
	}
	r = put(c, text, n);
	return r < 0 ? r : put(c, a->body, body);
}

int reply_json(struct conn *c, int status, const char *headers, const char *json)
{
	return reply_send(
		c, &(struct reply){ status, headers, "application/json", json, strlen(json) });
}

int reply_why(struct conn *c, enum why why, const char *text)
{
	const struct why_info *info = &why_info[why];
	const char *headers = NULL;
	char *json = c->service->json;

	metrics_add(&c->service->metrics.rejected[why]);
	if (why == WHY_BUSY || why == WHY_NO_MEMORY || why == WHY_DRAINING)
		headers = "Retry-After: 1\r\n";
	if (why == WHY_METHOD)
		headers = text;
	if (why == WHY_METHOD || !text)
		text = info->text;
	snprintf(json, sizeof c->service->json, "{\"error\":\"%s\"}\n", text);
	return reply_json(c, info->status, headers, json);
}

int reply_continue(struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->continued || !c->http.expects || c->http.parser.http_minor == 0)
		return 0;
	c->continued = true;
	return put(c, text, sizeof text - 1);
}
