/* rush_http.c - reading answers.
 *
 * Invariant: in[0..have) is what has been read and belongs to no answer given out yet, so that a
 * call that found half an answer by its deadline has consumed nothing. */
#include "rush_http.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int rush_http_open(struct rush_http *h, const char *address, tl_time deadline)
{
	h->have = 0;
	return tl_connect(&h->peer, address, deadline);
}

void rush_http_close(struct rush_http *h)
{
	tl_close(h->peer, TL_NEVER);
	h->peer = NULL;
	h->have = 0;
}

/* One header line into a; answers its content length, or SIZE_MAX if it says none. */
static size_t take_header(struct rush_answer *a, const char *line)
{
	if (strncasecmp(line, "Content-Length:", 15) == 0)
		return strtoul(line + 15, NULL, 10);
	if (strncasecmp(line, "Retry-After:", 12) == 0)
		a->retry = tl_s(atof(line + 12));
	if (strncasecmp(line, "Connection:", 11) == 0)
		a->close = strcasestr(line, "close") != NULL;
	return SIZE_MAX;
}

/* The head in in[0..end) into a.  Answers the length of the body, SIZE_MAX for "until the end", or
 * -EPROTO. */
static int take_head(struct rush_http *h, size_t end, struct rush_answer *a, size_t *length)
{
	char head[sizeof h->in + 1], *line = head, *next;
	int minor;

	memcpy(head, h->in, end);
	head[end] = 0;
	*a = (struct rush_answer){ 0 };
	if (sscanf(head, "HTTP/1.%d %d", &minor, &a->status) != 2 || a->status < 100)
		return -EPROTO;
	a->close = minor == 0;
	*length = a->status < 200 || a->status == 204 ? 0 : SIZE_MAX;
	while ((next = strstr(line, "\r\n")) && next[2]) {
		size_t n = take_header(a, line = next + 2);
		if (n != SIZE_MAX)
			*length = n;
	}
	return 0;
}

/* A whole answer out of what is there, with the stream at its end or not.  Answers 1 if there is
 * one. */
static int take_answer(struct rush_http *h, struct rush_answer *a, bool at_end)
{
	char *mark = memmem(h->in, h->have, "\r\n\r\n", 4);
	size_t end, length, keep;
	int r;

	if (!mark)
		return h->have == sizeof h->in ? -EMSGSIZE : 0;
	end = mark + 4 - h->in;
	r = take_head(h, end, a, &length);
	if (r < 0)
		return r;
	if (length == SIZE_MAX && at_end)
		length = h->have - end;
	if (length > sizeof h->in - end)
		return length == SIZE_MAX ? 0 : -EMSGSIZE;
	if (h->have < end + length)
		return 0;
	keep = length < sizeof a->body - 1 ? length : sizeof a->body - 1;
	memcpy(a->body, h->in + end, keep);
	a->body[keep] = 0;
	h->have -= end + length;
	memmove(h->in, h->in + end + length, h->have);
	return 1;
}

int rush_http_answer(struct rush_http *h, struct rush_answer *a, tl_time deadline)
{
	int r = take_answer(h, a, false);

	while (r == 0) {
		ssize_t n = tl_read(h->peer, h->in + h->have, sizeof h->in - h->have, deadline);
		if (n < 0)
			return n;
		h->have += n;
		r = take_answer(h, a, n == 0);
		if (n == 0 && r == 0)
			return -EPIPE;
	}
	return r < 0 ? r : 0;
}

bool rush_json_text(const char *json, const char *key, char *ret, size_t cap)
{
	char quoted[48];
	const char *p;
	size_t n;

	snprintf(quoted, sizeof quoted, "\"%s\"", key);
	p = strstr(json, quoted);
	if (!p)
		return false;
	p += strlen(quoted);
	p += strspn(p, " \t\r\n");
	if (*p++ != ':')
		return false;
	p += strspn(p, " \t\r\n");
	n = *p == '"' ? strcspn(++p, "\"") : strcspn(p, ",}] \t\r\n");
	if (n == 0 || n >= cap)
		return false;
	memcpy(ret, p, n);
	ret[n] = 0;
	return true;
}
