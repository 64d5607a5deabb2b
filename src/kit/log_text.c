/* log_text.c - a text that grows, from the stack to the heap, and is cut rather than fail. */
#include "log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_init(struct text *t, size_t most)
{
	t->at = t->begin;
	t->n = 0;
	t->cap = sizeof t->begin - LOG_TAIL;
	t->most = most;
	t->cut = false;
}

void text_free(struct text *t)
{
	if (t->at != t->begin)
		free(t->at);
}

/* Bytes that fit where it is.  One that was ended may stand in the room for the tail. */
static size_t left(const struct text *t) { return t->n < t->cap ? t->cap - t->n : 0; }

/* Room for n more bytes, or for as many as there can be: how many. */
static size_t room(struct text *t, size_t n)
{
	size_t cap = t->cap, want = n < t->most - t->n ? t->n + n : t->most;
	char *more;

	while (cap < want)
		cap *= 2;
	if (cap > t->cap) {
		more = t->at == t->begin ? malloc(cap + LOG_TAIL) : realloc(t->at, cap + LOG_TAIL);
		if (more) {
			if (t->at == t->begin)
				memcpy(more, t->begin, t->n);
			t->at = more;
			t->cap = cap;
		}
	}
	return want - t->n < left(t) ? want - t->n : left(t);
}

void text_put(struct text *t, const char *bytes, size_t n)
{
	size_t fits = n;

	if (t->cut)
		return;
	if (n > left(t) || n > t->most - t->n)
		fits = room(t, n);
	memcpy(t->at + t->n, bytes, fits);
	t->n += fits;
	t->cut = fits < n;
}

/* vsnprintf also writes a zero: for that the tail has room. */
void text_vputf(struct text *t, const char *fmt, va_list args)
{
	va_list again;
	size_t fits;
	int n;

	if (t->cut)
		return;
	va_copy(again, args);
	n = vsnprintf(t->at + t->n, left(t) + 1, fmt, args);
	if (n < 0) { /* what cannot be converted is shown as it stands */
		text_put(t, fmt, strlen(fmt));
	} else {
		fits = (size_t)n;
		if (fits > left(t) || fits > t->most - t->n) {
			fits = room(t, fits);
			vsnprintf(t->at + t->n, fits + 1, fmt, again);
		}
		t->n += fits;
		t->cut = fits < (size_t)n;
	}
	va_end(again);
}

void text_putf(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vputf(t, fmt, args);
	va_end(args);
}

void text_end(struct text *t, const char *tail)
{
	size_t n = strlen(tail);

	memcpy(t->at + t->n, tail, n);
	t->n += n;
}
