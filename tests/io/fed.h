/* fed.h - connections whose reader is fed ahead.  A reader that keeps coming back earns a feed, so
 * each case begins with one that does. */
#ifndef FED_H
#define FED_H
#include "io/pair.h"

enum { WARM = 20 };

static inline char pattern(size_t i) { return (char)(i * 7 + i / 251); }

static inline int echo(void *arg)
{
	char buf[100];
	ssize_t n;
	int r = 0;

	for (int i = 0; r == 0 && i < WARM; i++) {
		n = tl_read(arg, buf, sizeof buf, TL_NEVER);
		CHECK(n > 0);
		r = tl_write_all(arg, buf, (size_t)n, NULL, TL_NEVER);
	}
	return r;
}

static inline void warm(struct pair p)
{
	tl_scope s = { 0 };
	char c;

	tl_scope_open(&s);
	tl_task_start(&s, echo, p.b, NULL);
	for (int i = 0; i < WARM; i++) {
		CHECK_EQ(tl_write(p.a, "w", 1, TL_NEVER), 1);
		CHECK_EQ(tl_read(p.a, &c, 1, TL_NEVER), 1);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

static inline struct pair connected(void)
{
	tl_listener *l;
	char address[64];
	struct pair p;

	CHECK_EQ(tl_listen(&l, ":0"), 0);
	CHECK(tl_listener_address(l, address, sizeof address) > 0);
	CHECK_EQ(tl_connect(&p.b, address, TL_NEVER), 0);
	CHECK_EQ(tl_accept(&p.a, l, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	return p;
}

static inline struct pair fed(void)
{
	struct pair p = connected();

	warm(p);
	return p;
}

/* The peer writes n; a's reader has read the first `some` of it in one wait. */
static struct {
	tl_stream *s;
	size_t n;
} later;

static inline int write_later(void *arg)
{
	char text[4000];

	(void)arg;
	for (size_t i = 0; i < later.n; i++)
		text[i] = pattern(i);
	return tl_write_all(later.s, text, later.n, NULL, TL_NEVER);
}

static inline void keep(struct pair p, size_t n, size_t some)
{
	tl_scope s = { 0 };
	char buf[4000];

	later.s = p.b;
	later.n = n;
	tl_scope_open(&s);
	tl_task_start(&s, write_later, NULL, NULL);
	CHECK_EQ(tl_read_all(p.a, buf, some, NULL, TL_NEVER), 0);
	for (size_t i = 0; i < some; i++)
		CHECK_EQ(buf[i], pattern(i));
	CHECK_EQ(tl_scope_close(&s), 0);
}

static inline void rest_is(tl_stream *s, size_t from, size_t n)
{
	char buf[4000];

	CHECK_EQ(tl_read_all(s, buf, n, NULL, TL_NEVER), 0);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(buf[i], pattern(from + i));
}

#endif
