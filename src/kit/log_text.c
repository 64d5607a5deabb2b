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
	if (want > t->cap)
		want = t->cap;
	return want - t->n;
}

void text_put(struct text *t, const char *bytes, size_t n)
{
	size_t fits = n;

	if (t->cut)
		return;
	if (n > t->cap - t->n || n > t->most - t->n)
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
	n = vsnprintf(t->at + t->n, t->cap - t->n + 1, fmt, args);
	if (n < 0) { /* what cannot be converted is shown as it stands */
		text_put(t, fmt, strlen(fmt));
	} else {
		fits = (size_t)n;
		if (fits > t->cap - t->n || fits > t->most - t->n) {
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
