/* multipart.c - a form's body, fed in pieces of any size.
 *
 * The delimiter is CR LF "--" boundary.  A boundary has no CR, so a match that breaks off can only
 * begin again at the byte that broke it: no table is needed, and what was matched so far is a
 * prefix of the delimiter and need not be kept.  The body begins as if a CR LF stood before it.
 * Source: RFC 7578, RFC 2046 section 5.1. */
#include "multipart.h"
#include <string.h>
#include <strings.h>

#define MAX_LINES 16

bool multipart_usable(const char *type)
{
	char boundary[MULTIPART_BOUNDARY + 1];

	return text_param(type, "boundary", boundary, sizeof boundary) > 0;
}

bool multipart_begin(struct multipart *m, const char *type, multipart_emit *emit, void *arg)
{
	char boundary[MULTIPART_BOUNDARY + 1];
	int n = text_param(type, "boundary", boundary, sizeof boundary);

	if (n < 1)
		return false;
	*m = (struct multipart){ .emit = emit, .arg = arg, .matched = 2 };
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, n);
	m->delimiter_n = 4 + n;
	return true;
}

/* -- a part's head */

static const char *take_disposition(struct multipart *m, const char *value)
{
	char name[64];

	if (text_param(value, "filename", NULL, 0) == 0 ||
		text_param(value, "filename*", NULL, 0) == 0) {
		m->part = MP_FILE;
		m->files++;
		return m->files > 1 ? "The form has more than one file; send one." : NULL;
	}
	if (text_param(value, "name", name, sizeof name) < 0)
		return NULL;
	if (strcmp(name, "student") == 0) {
		m->part = MP_STUDENT;
		return m->students++ ? "The form has the field student more than once." : NULL;
	}
	if (strcmp(name, "name") == 0) {
		m->part = MP_NAME;
		return m->names++ ? "The form has the field name more than once." : NULL;
	}
	return NULL;
}

static const char *take_line(struct multipart *m)
{
	char *value = strchr(m->line, ':');

	if (!value)
		return "A part of the form has a header line without a colon.";
	*value++ = 0;
	value += strspn(value, " \t");
	if (strcasecmp(m->line, "Content-Disposition") == 0)
		return take_disposition(m, value);
	if (strcasecmp(m->line, "Content-Type") == 0) {
		size_t n = strcspn(value, "; \t");
		if (n >= sizeof m->type)
			n = sizeof m->type - 1;
		memcpy(m->type, value, n);
		m->type[n] = 0;
	}
	return NULL;
}

static const char *head_byte(struct multipart *m, char c)
{
	if (c == 0 || m->line_n + 1 >= sizeof m->line)
		return "A part of the form has a header line that is too long or not text.";
	if (c != '\n') {
		m->line[m->line_n++] = c;
		return NULL;
	}
	if (m->line_n == 0 || m->line[m->line_n - 1] != '\r')
		return "A header line in the form does not end in CR LF.";
	m->line[--m->line_n] = 0;
	if (m->line_n == 0) {
		m->state = MP_DATA;
		return NULL;
	}
	m->line_n = 0;
	if (++m->lines > MAX_LINES)
		return "A part of the form has too many header lines.";
	return take_line(m);
}

/* -- a part's data */

static void keep(char *to, size_t cap, size_t *have, const char *p, size_t n)
{
	size_t room = cap - *have;

	/* One byte more than fits tells that it was too long; it is where the zero would stand. */
	if (n > room)
		n = room;
	memcpy(to + *have, p, n);
	*have += n;
}

static void data(struct multipart *m, const char *p, size_t n, const char *before)
{
	if (n == 0 || m->state != MP_DATA)
		return;
	if (m->part == MP_FILE)
		m->emit(m->arg, p, n, before);
	else if (m->part == MP_STUDENT)
		keep(m->student, sizeof m->student, &m->student_n, p, n);
	else if (m->part == MP_NAME)
		keep(m->name, sizeof m->name, &m->name_n, p, n);
}

/* Take what is data at p; answers how much was read, which ends after a delimiter or at n. */
static size_t scan(struct multipart *m, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		if (m->matched == 0) {
			const char *cr = memchr(p + i, '\r', n - i);
			size_t k = cr ? (size_t)(cr - p) - i : n - i;
			data(m, p + i, k, NULL);
			i += k;
		}
		while (i < n && m->matched < m->delimiter_n && p[i] == m->delimiter[m->matched]) {
			m->matched++;
			i++;
		}
		if (m->matched == m->delimiter_n) {
			m->matched = 0;
			m->state = MP_AFTER;
			m->line_n = 0;
			return i;
		}
		if (i < n) {
			data(m, m->delimiter, m->matched, p + i);
			m->matched = 0;
		}
	}
	return i;
}

/* After a delimiter: "--" ends the form; blanks and CR LF begin a part. */
static const char *after_byte(struct multipart *m, char c)
{
	char before = m->line_n ? m->line[0] : 0;

	if (before == '-' && c == '-') {
		m->state = MP_END;
		return NULL;
	}
	if (before == '\r' && c == '\n') {
		m->state = MP_HEAD;
		m->line_n = m->lines = 0;
		m->part = MP_OTHER;
		return NULL;
	}
	if (before || !strchr("-\r \t", c) || c == 0)
		return "The form has a boundary that is followed by something else.";
	if (c == '-' || c == '\r') {
		m->line[0] = c;
		m->line_n = 1;
	}
	return NULL;
}

const char *multipart_feed(struct multipart *m, const char *p, size_t n)
{
	const char *bad = NULL;
	size_t i = 0;

	while (i < n && !bad) {
		switch (m->state) {
		case MP_PREAMBLE:
		case MP_DATA: i += scan(m, p + i, n - i); break;
		case MP_AFTER: bad = after_byte(m, p[i++]); break;
		case MP_HEAD: bad = head_byte(m, p[i++]); break;
		case MP_END: return NULL; /* an epilogue is ignored */
		}
	}
	return bad;
}

const char *multipart_end(const struct multipart *m)
{
	if (m->state != MP_END)
		return "The form ends before its last boundary.";
	if (m->files == 0)
		return "The form has no file; send the receipt as a part with a filename.";
	return NULL;
}
