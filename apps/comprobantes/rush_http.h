/* rush_http.h - as much of an HTTP/1.1 client as a student's browser needs. */
#ifndef RUSH_HTTP_H
#define RUSH_HTTP_H
#include <telar.h>

struct rush_http {
	tl_stream *peer; /* NULL: not connected */
	size_t have;
	char in[8192]; /* read and not yet understood */
};

struct rush_answer {
	int status;
	bool close;      /* the service will close the connection */
	tl_span retry;   /* Retry-After */
	char body[1024]; /* cut, and always terminated */
};

int rush_http_open(struct rush_http *h, const char *address, tl_time deadline);
void rush_http_close(struct rush_http *h);

/* The next answer, an interim 1xx too.  Cancel point; with TL_POLL -EAGAIN when there is none yet.
 * Errors also: -EPIPE (the connection ended), -EPROTO (not an answer), -EMSGSIZE (too long). */
int rush_http_answer(struct rush_http *h, struct rush_answer *a, tl_time deadline);

/* The value of "key" in a flat JSON text, as text.  Answers whether it is there and fits. */
bool rush_json_text(const char *json, const char *key, char *ret, size_t cap);

#endif
