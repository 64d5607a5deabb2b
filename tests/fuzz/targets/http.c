/* HTTP requests: one after the other in one piece, and cut into pieces, are the same requests; and
 * what was read is, printed again, read as the same. */
#include "../../../apps/comprobantes/http.c"
#include "fuzz.h"

static char body[1 << 16];
static size_t body_n;

static enum why collect(void *arg, const char *p, size_t n)
{
	(void)arg;
	MUST(n <= sizeof body - body_n);
	memcpy(body + body_n, p, n);
	body_n += n;
	return WHY_NONE;
}

/* Read one request; cut 0: in one piece.  Answers how it ended, and how much was read. */
static enum http_event read_one(
	struct http *h, const uint8_t *data, size_t n, uint32_t cut, size_t *used)
{
	enum http_event event = HTTP_NEEDS;

	memset(h, 0x5a, sizeof *h);
	http_begin(h);
	h->sink = collect;
	body_n = *used = 0;
	while (*used < n && (event == HTTP_NEEDS || (event == HTTP_HEADED && !h->done))) {
		size_t k = cut ? fuzz_piece(&cut, n - *used) : n - *used;
		char *piece = fuzz_text(data + *used, k);
		size_t took = http_feed(h, piece, k, &event);
		MUST(took <= k);
		MUST(event != HTTP_NEEDS || took == k);
		*used += took;
		free(piece);
	}
	return h->done ? HTTP_WHOLE : event;
}

/* Of a request that is whole. */
struct seen {
	unsigned method, minor;
	bool keep, chunked, expects;
	uint64_t length;
	size_t url_n, type_n, body_n;
	char url[512], type[160], body[sizeof body];
};

static void look(struct seen *s, const struct http *h)
{
	memset(s, 0, offsetof(struct seen, body));
	s->method = h->parser.method;
	s->minor = h->parser.http_minor;
	s->keep = h->keep;
	s->chunked = h->chunked;
	s->expects = h->expects;
	s->length = h->length;
	MUST(h->url_n < sizeof h->url && h->type_n < sizeof h->type);
	MUST(h->hosts <= 1 && h->parser.http_major == 1 && s->minor <= 1);
	MUST(h->chunked || body_n == h->length);
	memcpy(s->url, h->url, s->url_n = h->url_n);
	memcpy(s->type, h->type, s->type_n = h->type_n);
	memcpy(s->body, body, s->body_n = body_n);
}

static bool same(const struct seen *a, const struct seen *b)
{
	return memcmp(a, b, offsetof(struct seen, body)) == 0 &&
	       memcmp(a->body, b->body, a->body_n) == 0;
}

static size_t print(const struct seen *s, char *to, size_t cap)
{
	int n = snprintf(to, cap, "%s %.*s HTTP/1.%u\r\nHost: x\r\nConnection: %s\r\n",
		http_method_str(s->method), (int)s->url_n, s->url, s->minor,
		s->keep ? "keep-alive" : "close");

	if (s->type_n)
		n += snprintf(to + n, cap - n, "Content-Type: %.*s\r\n", (int)s->type_n, s->type);
	if (s->expects)
		n += snprintf(to + n, cap - n, "Expect: 100-continue\r\n");
	if (s->chunked)
		n += snprintf(to + n, cap - n, "Transfer-Encoding: chunked\r\n\r\n");
	else
		n += snprintf(to + n, cap - n, "Content-Length: %zu\r\n\r\n", s->body_n);
	if (s->chunked && s->body_n)
		n += snprintf(to + n, cap - n, "%zx\r\n", s->body_n);
	memcpy(to + n, s->body, s->body_n);
	n += (int)s->body_n;
	if (s->chunked)
		n += snprintf(to + n, cap - n, s->body_n ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
	return (size_t)n;
}

static void check_printing(const struct seen *first)
{
	static char text[sizeof body + 8192];
	static struct seen again;
	struct http h;
	size_t used, n = print(first, text, sizeof text);

	MUST(read_one(&h, (uint8_t *)text, n, 0, &used) == HTTP_WHOLE && used == n);
	look(&again, &h);
	MUST(same(first, &again));
}

static void check_split(struct http *h)
{
	char *path, *query, *end = h->url + h->url_n;

	http_split(h, &path, &query);
	MUST(path >= h->url && query >= h->url && path + strlen(path) <= end);
	MUST(query + strlen(query) <= end && !strpbrk(path, "?#") && !strchr(query, '#'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct seen one, other;
	struct http h;
	size_t used, used_cut;
	uint32_t cut;

	if (n < 1 || n > sizeof body)
		return 0;
	cut = *data++ + 1u;
	for (n--; n > 0; n -= used, data += used) {
		enum http_event event = read_one(&h, data, n, 0, &used);
		if (event == HTTP_WHOLE) {
			look(&one, &h);
			check_split(&h);
			check_printing(&one);
		}
		MUST(read_one(&h, data, n, cut, &used_cut) == event);
		/* What is wrong may be seen sooner or later. */
		MUST(event != HTTP_BAD || h.why != WHY_NONE);
		if (event != HTTP_WHOLE)
			break;
		look(&other, &h);
		MUST(used == used_cut && used > 0 && same(&one, &other));
	}
	return 0;
}
