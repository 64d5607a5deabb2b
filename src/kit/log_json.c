/* log_json.c - a record as one line of JSON (RFC 8259): always valid UTF-8, without control
 * characters, and an object that is whole even where the message had to be cut. */
#include "log.h"
#include <stdio.h>
#include <string.h>

/* How many bytes of well-formed UTF-8 stand at s (RFC 3629, table of section 4); 0: none. */
static size_t utf8(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || s[0] > 0xf4 || left < n)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f; /* no surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (s[i] < low || s[i] > high)
			return 0;
	return n;
}

static bool plain(unsigned char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

/* A piece that would be cut in its middle is left out: nothing is put any more after it. */
static void put_whole(struct text *t, const char *bytes, size_t n)
{
	size_t before = t->n;

	text_put(t, bytes, n);
	if (t->cut)
		t->n = before;
}

static void put_special(struct text *t, unsigned char c)
{
	static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
	const char *known = c ? strchr(from, c) : NULL;
	char buf[8];

	if (known)
		snprintf(buf, sizeof buf, "\\%c", to[known - from]);
	else
		snprintf(buf, sizeof buf, "\\u%04x", c);
	put_whole(t, buf, strlen(buf));
}

static void put_escaped(struct text *t, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + n;

	while (s < end && !t->cut) {
		const unsigned char *from = s;
		size_t size;

		while (s < end && plain(*s))
			s++;
		text_put(t, (const char *)from, (size_t)(s - from));
		if (s == end)
			return;
		size = utf8(s, (size_t)(end - s));
		if (*s < 0x80)
			put_special(t, *s);
		else if (size)
			put_whole(t, (const char *)s, size);
		else
			put_whole(t, "\\ufffd", 6);
		s += size ? size : 1;
	}
}

static void put_text(struct text *t, const char *key, const char *value)
{
	text_putf(t, "\"%s\":\"", key);
	put_escaped(t, value, strlen(value));
	text_put(t, "\",", 2);
}

void json_record(struct text *t, const struct record *rec)
{
	char level[24];

	text_putf(t, "{\"created\":%lld.%06ld,\"level\":%d,", (long long)rec->at.tv_sec,
		rec->at.tv_nsec / 1000, rec->level);
	put_text(t, "levelname", log_level_name(rec->level, level));
	put_text(t, "name", rec->logger);
	put_text(t, "pathname", rec->file);
	put_text(t, "funcName", rec->func);
	text_putf(t, "\"lineno\":%d,\"process\":%d,\"thread\":%d,\"strand\":%llu,", rec->line,
		(int)rec->process, (int)rec->thread, (unsigned long long)rec->strand);
	put_text(t, "strandName", rec->strand_name);
	put_text(t, "threadName", rec->thread_name);
	if (rec->task_name)
		put_text(t, "taskName", rec->task_name);
	else
		text_put(t, "\"taskName\":null,", 16);
	text_put(t, "\"message\":\"", 11);
	put_escaped(t, rec->message, rec->size);
	text_end(t, t->cut ? " [cut]\"}" : "\"}");
}
