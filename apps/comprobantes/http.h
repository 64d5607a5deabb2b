/* http.h - one HTTP/1.x request at a time, fed in pieces of any size.  Pure: no reading, no memory
 * beyond the struct. */
#ifndef HTTP_H
#define HTTP_H
#include "why.h"
#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_LIMIT (16u << 10)

enum http_event {
	HTTP_NEEDS,  /* all was read; feed on */
	HTTP_HEADED, /* the head is whole: the fields below are filled; feed on for the body */
	HTTP_WHOLE,  /* the request is whole; what was not read belongs to the next one */
	HTTP_BAD     /* see .why; the connection is of no more use */
};

/* Bytes of the body, in the buffer that is being fed.  Other than WHY_NONE ends the request. */
typedef enum why http_sink(void *arg, const char *p, size_t n);

struct http {
	http_parser parser;
	bool begun;   /* its first byte has come */
	bool headed;  /* HTTP_HEADED has been answered */
	bool done;    /* the request is whole */
	bool keep;    /* the connection may carry another request */
	bool chunked; /* the body's length is not known in advance */
	bool expects; /* Expect: 100-continue */
	bool bad_expect;
	uint8_t hosts, types; /* how many of these headers came, up to 2 */
	enum why why;
	uint64_t length; /* of the body, unless chunked */
	http_sink *sink; /* NULL: the body is skipped */
	void *arg;
	size_t url_n, type_n, field_n, value_n;
	bool in_value;
	char field[24], value[24]; /* of the header that is being read; cut */
	char type[160];            /* Content-Type */
	char url[512];
};

void http_begin(struct http *h);

/* Read on; answers how many of the n bytes were read. */
size_t http_feed(struct http *h, const char *p, size_t n, enum http_event *ret);

/* Split the url in place into path (decoded not at all) and query ("" if none).  A full address
 * ("http://host/path") is a path too. */
void http_split(struct http *h, char **path, char **query);

#endif
