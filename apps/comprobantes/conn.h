/* conn.h - one connection: requests in, answers out. */
#ifndef CONN_H
#define CONN_H
#include "http.h"
#include "service.h"

struct conn {
	struct service *service;
	tl_stream *peer;
	bool keep;      /* after this answer the connection goes on */
	bool unread;    /* the request has a body that nobody will read */
	bool head_only; /* HEAD: the answer has no body */
	bool continued; /* 100 Continue has been sent, or is not wanted */
	struct http http;
	char *rest; /* what was read too much, of this request or the next: malloc'd */
	size_t rest_at, rest_n;
};

/* tl_serve's handler; arg is the service. */
int conn_serve(tl_stream *peer, void *arg);

/* Ask all idle connections to go; those that come later go by themselves. */
void conn_drain(struct service *s);

/* Keep p[0..n), which has been read and is not understood yet.  0 or -ENOMEM. */
int conn_keep_rest(struct conn *c, const char *p, size_t n);
/* The first `used` bytes of it have been understood. */
void conn_drop_rest(struct conn *c, size_t used);

/* -- reply.c: each sends one answer; 0, or < 0: the connection is of no more use. */
struct reply {
	int status;
	const char *headers; /* more of them, each with CR LF; NULL: none */
	const char *type, *body;
	size_t size;
};
int reply_send(struct conn *c, const struct reply *r);
int reply_json(struct conn *c, int status, const char *headers, const char *json);
/* The answer that `why` calls for; text replaces its sentence, if given. */
int reply_why(struct conn *c, enum why why, const char *text);
int reply_continue(struct conn *c);

/* -- upload.c: POST /comprobantes.  As above; c->keep and c->unread are set. */
int upload_receive(struct conn *c, char *query);

/* -- pages.c: what can be asked for with GET. */
int pages_get(struct conn *c, const char *path);
bool pages_has(const char *path);

#endif
