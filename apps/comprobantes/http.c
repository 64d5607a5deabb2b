/* http.c - http_parser's callbacks turned into events.
 *
 * The parser is paused when the head is whole and when the request is whole, so that the caller
 * decides in between, and so that a pipelined request is not touched before its turn.  A struct is
 * used by one connection's task only. */
#include "http.h"
#include <string.h>
#include <strings.h>

const struct why_info why_info[WHY_COUNT] = {
#define WHY_INFO(name, status, label, text) [WHY_##name] = { status, label, text },
	WHY_TABLE(WHY_INFO)
};

static int refuse(struct http *h, enum why why)
{
	if (h->why == WHY_NONE)
		h->why = why;
	return 1;
}

static int on_begin(http_parser *p)
{
	((struct http *)p->data)->begun = true;
	return 0;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (n >= sizeof h->url - h->url_n)
		return refuse(h, WHY_LONG_URL);
	memcpy(h->url + h->url_n, at, n);
	h->url_n += n;
	return 0;
}

/* Append what fits. */
static void append(char *to, size_t cap, size_t *have, const char *at, size_t n)
{
	if (n > cap - 1 - *have)
		n = cap - 1 - *have;
	memcpy(to + *have, at, n);
	*have += n;
	to[*have] = 0;
}

/* A header is whole. */
static void take_header(struct http *h)
{
	if (h->in_value && strcasecmp(h->field, "host") == 0 && h->hosts < 2)
		h->hosts++;
	if (h->in_value && strcasecmp(h->field, "content-type") == 0 && h->types < 2)
		h->types++;
	if (h->in_value && strcasecmp(h->field, "expect") == 0) {
		h->expects = strcasecmp(h->value, "100-continue") == 0;
		h->bad_expect |= !h->expects;
	}
	h->in_value = false;
	h->field_n = h->value_n = 0;
	h->field[0] = h->value[0] = 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (h->headed)
		return 0; /* a trailer */
	if (h->in_value)
		take_header(h);
	append(h->field, sizeof h->field, &h->field_n, at, n);
	return 0;
}

/* The parser lets some pass at the beginning of a value: RFC 9110, 5.5. */
static bool has_control(const char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)at[i] < ' ' && at[i] != '\t') || at[i] == 0x7f)
			return true;
	return false;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (h->headed)
		return 0;
	if (has_control(at, n))
		return refuse(h, WHY_MALFORMED);
	h->in_value = true;
	append(h->value, sizeof h->value, &h->value_n, at, n);
	if (strcasecmp(h->field, "content-type") == 0) {
		if (n >= sizeof h->type - h->type_n)
			return refuse(h, WHY_DECLARED);
		append(h->type, sizeof h->type, &h->type_n, at, n);
	}
	return 0;
}

static int on_head(http_parser *p)
{
	struct http *h = p->data;

	take_header(h);
	h->headed = true;
	h->keep = http_should_keep_alive(p);
	h->chunked = (p->flags & F_CHUNKED) != 0;
	h->length = p->content_length == UINT64_MAX ? 0 : p->content_length;
	p->upgrade = 0; /* offers of another protocol are not taken up */
	if (p->http_major != 1 || p->http_minor > 1)
		return -refuse(h, WHY_VERSION);
	if (h->hosts > 1 || (p->http_minor == 1 && h->hosts == 0))
		return -refuse(h, WHY_HOST);
	if (h->types > 1) /* which of them it is nobody can tell */
		return -refuse(h, WHY_MALFORMED);
	if (h->bad_expect)
		return -refuse(h, WHY_EXPECT);
	http_parser_pause(p, 1);
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct http *h = p->data;
	enum why why = h->sink ? h->sink(h->arg, at, n) : WHY_NONE;

	return why == WHY_NONE ? 0 : refuse(h, why);
}

static int on_done(http_parser *p)
{
	((struct http *)p->data)->done = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_done,
};

void http_begin(struct http *h)
{
	memset(h, 0, offsetof(struct http, url) + 1);
	http_parser_set_max_header_size(HTTP_HEAD_LIMIT);
	http_parser_init(&h->parser, HTTP_REQUEST);
	h->parser.data = h;
}

size_t http_feed(struct http *h, const char *p, size_t n, enum http_event *ret)
{
	bool headed = h->headed;
	size_t used = http_parser_execute(&h->parser, &settings, p, n);

	if (h->why == WHY_NONE && HTTP_PARSER_ERRNO(&h->parser) == HPE_PAUSED) {
		http_parser_pause(&h->parser, 0);
		/* Paused at the head's last line feed, which it has not taken: with it comes the
		 * end of a request without a body. */
		if (h->headed && !headed)
			used += http_parser_execute(&h->parser, &settings, p + used, 1);
		if (h->done)
			http_parser_pause(&h->parser, 0);
	}
	if (h->why == WHY_NONE && HTTP_PARSER_ERRNO(&h->parser) != HPE_OK) {
		h->why = HTTP_PARSER_ERRNO(&h->parser) == HPE_HEADER_OVERFLOW ? WHY_LONG_HEAD
									      : WHY_MALFORMED;
	}
	if (h->why != WHY_NONE)
		*ret = HTTP_BAD;
	else if (h->headed && !headed)
		*ret = HTTP_HEADED;
	else
		*ret = h->done ? HTTP_WHOLE : HTTP_NEEDS;
	return used;
}

void http_split(struct http *h, char **path, char **query)
{
	char *p = h->url, *mark;

	h->url[h->url_n] = 0;
	mark = strstr(p, "://");
	if (*p != '/' && mark) {
		p = strchr(mark + 3, '/');
		if (!p)
			p = h->url + h->url_n; /* "http://host": no path */
	}
	mark = p + strcspn(p, "?#");
	*query = *mark == '?' ? mark + 1 : h->url + h->url_n;
	*mark = 0;
	*path = p;
	(*query)[strcspn(*query, "#")] = 0;
}
