/* The HTTP reader: heads and bodies cut anywhere, pipelining, and what is refused. */
#include "check.h"
#if !__has_include(<http_parser.h>)
TEST(http) { SKIP("libhttp-parser-dev is not installed"); }
#else
#include "../../apps/comprobantes/http.c"

static char body[4096];
static size_t body_n;
static struct http h;

static enum why collect(void *arg, const char *p, size_t n)
{
	size_t limit = *(size_t *)arg;

	CHECK(body_n + n <= sizeof body);
	memcpy(body + body_n, p, n);
	body_n += n;
	return body_n > limit ? WHY_TOO_LARGE : WHY_NONE;
}

static size_t limit = sizeof body;

/* Feed text in pieces of `step` bytes until an event other than HTTP_NEEDS; *at moves on. */
static enum http_event next(const char *text, size_t n, size_t *at, size_t step)
{
	enum http_event event = HTTP_NEEDS;

	while (*at < n && event == HTTP_NEEDS) {
		size_t k = n - *at < step ? n - *at : step;
		size_t used = http_feed(&h, text + *at, k, &event);
		CHECK(event == HTTP_BAD || used == k || event != HTTP_NEEDS);
		*at += used;
	}
	return event;
}

static void begin(void)
{
	http_begin(&h);
	h.sink = collect;
	h.arg = &limit;
	body_n = 0;
}

#define HOST "Host: x\r\n"

TEST(a_request_without_body)
{
	static const char text[] = "GET /healthz?x=1 HTTP/1.1\r\n" HOST "\r\n";
	char *path, *query;

	for (size_t step = 1; step <= sizeof text; step++) {
		size_t at = 0;
		begin();
		CHECK_EQ(next(text, sizeof text - 1, &at, step), HTTP_HEADED);
		CHECK(h.done && h.keep && !h.expects);
		CHECK_EQ(at, sizeof text - 1);
		http_split(&h, &path, &query);
		CHECK_STR(path, "/healthz");
		CHECK_STR(query, "x=1");
	}
}

TEST(a_body_of_known_length)
{
	static const char text[] = "POST /comprobantes HTTP/1.1\r\n" HOST
				   "CONTENT-TYPE: image/png\r\nContent-Length: 5\r\n"
				   "Expect: 100-Continue\r\n\r\nhello";

	for (size_t step = 1; step <= sizeof text; step++) {
		size_t at = 0;
		begin();
		CHECK_EQ(next(text, sizeof text - 1, &at, step), HTTP_HEADED);
		CHECK(!h.done && h.expects && !h.chunked);
		CHECK_EQ(h.length, 5);
		CHECK_EQ(h.parser.content_length, 5);
		CHECK_STR(h.type, "image/png");
		CHECK_EQ(next(text, sizeof text - 1, &at, step), HTTP_WHOLE);
		CHECK_EQ(body_n, 5);
		CHECK(memcmp(body, "hello", 5) == 0);
	}
}

TEST(chunks_and_trailers)
{
	static const char text[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
				   "3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nContent-Type: no\r\n\r\n";

	for (size_t step = 1; step <= sizeof text; step++) {
		size_t at = 0;
		begin();
		CHECK_EQ(next(text, sizeof text - 1, &at, step), HTTP_HEADED);
		CHECK(h.chunked);
		CHECK_EQ(next(text, sizeof text - 1, &at, step), HTTP_WHOLE);
		CHECK_EQ(at, sizeof text - 1);
		CHECK_EQ(body_n, 4);
		CHECK(memcmp(body, "abcd", 4) == 0);
		CHECK_STR(h.type, "");
	}
}

TEST(pipelined_requests_wait_their_turn)
{
	static const char text[] = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxy"
				   "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n"
				   "GET /c HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
	size_t at = 0;

	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, sizeof text), HTTP_HEADED);
	CHECK_EQ(next(text, sizeof text - 1, &at, sizeof text), HTTP_WHOLE);
	CHECK_EQ(body_n, 2);
	CHECK(strncmp(text + at, "\r\nGET /b", 8) == 0);
	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, sizeof text), HTTP_HEADED);
	CHECK(h.done && h.keep);
	CHECK_EQ(h.url_n, 2);
	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, sizeof text), HTTP_HEADED);
	CHECK(h.done && !h.keep);
	CHECK_EQ(at, sizeof text - 1);
}

TEST(what_is_refused)
{
	static const struct {
		const char *text;
		enum why why;
	} table[] = {
		{ "GET /\r\n\r\n", WHY_VERSION },
		{ "GARBAGE\r\n\r\n", WHY_MALFORMED },
		{ "GET / HTTP/2.0\r\nHost: x\r\n\r\n", WHY_VERSION },
		{ "GET / HTTP/1.1\r\n\r\n", WHY_HOST },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", WHY_HOST },
		{ "GET / HTTP/1.1\r\nHost x\r\n\r\n", WHY_MALFORMED },
		{ "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", WHY_EXPECT },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", WHY_MALFORMED },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", WHY_MALFORMED },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
			WHY_MALFORMED },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
			WHY_MALFORMED },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
			WHY_MALFORMED },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", WHY_MALFORMED },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		for (size_t step = 1; step < 200; step += 13) {
			size_t at = 0;
			begin();
			CHECK_EQ(next(table[i].text, strlen(table[i].text), &at, step), HTTP_BAD);
			if (h.why != table[i].why)
				fprintf(stderr, "case %zu\n", i);
			CHECK_EQ(h.why, table[i].why);
		}
	}
}

TEST(a_zero_in_a_header_is_refused)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "Content-Type: \0image/png\r\n\r\n";

	for (size_t step = 1; step <= sizeof text; step++) {
		size_t at = 0;
		begin();
		CHECK_EQ(next(text, sizeof text - 1, &at, step), HTTP_BAD);
		CHECK_EQ(h.why, WHY_MALFORMED);
	}
}

TEST(headers_that_make_no_sense_are_refused)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n" HOST "Content-Type: \001image/png\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "Content-Type: a\r\nContent-Type: b\r\n\r\n",
	};

	for (size_t i = 0; i < 2; i++)
		for (size_t step = 1; step <= strlen(texts[i]); step++) {
			size_t at = 0;
			begin();
			CHECK_EQ(next(texts[i], strlen(texts[i]), &at, step), HTTP_BAD);
			CHECK_EQ(h.why, WHY_MALFORMED);
		}
}

TEST(a_bad_chunk_ends_it)
{
	static const char text[] =
		"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n";
	size_t at = 0;

	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, 7), HTTP_HEADED);
	CHECK_EQ(next(text, sizeof text - 1, &at, 7), HTTP_BAD);
	CHECK_EQ(h.why, WHY_MALFORMED);
}

TEST(the_sink_may_refuse)
{
	static const char text[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n123456789";
	size_t at = 0;

	limit = 4;
	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, 3), HTTP_HEADED);
	CHECK_EQ(next(text, sizeof text - 1, &at, 3), HTTP_BAD);
	CHECK_EQ(h.why, WHY_TOO_LARGE);
}

TEST(limits_of_the_head)
{
	static char text[40000];
	size_t at = 0;
	int n = snprintf(text, sizeof text, "GET /%01000d HTTP/1.1\r\n", 1);

	begin();
	CHECK_EQ(next(text, n, &at, 100), HTTP_BAD);
	CHECK_EQ(h.why, WHY_LONG_URL);

	n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "X: %016000d\r\n\r\n", 1);
	at = 0;
	begin();
	CHECK_EQ(next(text, n, &at, 1000), HTTP_HEADED);
	n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "X: %017000d\r\n\r\n", 1);
	at = 0;
	begin();
	CHECK_EQ(next(text, n, &at, 1000), HTTP_BAD);
	CHECK_EQ(h.why, WHY_LONG_HEAD);
}

TEST(upgrades_are_not_taken_up)
{
	static const char text[] =
		"GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET";
	size_t at = 0;

	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, sizeof text), HTTP_HEADED);
	CHECK(h.done);
	CHECK_EQ(at, sizeof text - 4);
}

TEST(old_clients)
{
	static const char text[] = "GET / HTTP/1.0\r\n\r\n";
	size_t at = 0;

	begin();
	CHECK_EQ(next(text, sizeof text - 1, &at, sizeof text), HTTP_HEADED);
	CHECK(h.done && !h.keep);
}
#endif
