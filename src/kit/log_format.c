/* log_format.c - Python's "%(name)-10s", read once into a list of pieces, which make each line.
 *
 * A piece is a literal or a field.  Texts are padded and cut by hand, as most are neither; numbers
 * go through snprintf with a conversion that was checked here: no user's format reaches it.
 * Immutable once open; any strand may use it. */
#include "log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar/strand.h>

enum class { LITERAL, TEXT, WHOLE, REAL };

enum field {
	F_MESSAGE,
	F_LEVEL_NAME,
	F_LOGGER,
	F_FILE_NAME,
	F_PATH_NAME,
	F_FUNCTION,
	F_STRAND_NAME,
	F_THREAD_NAME,
	F_TASK_NAME,
	F_PROCESS_NAME,
	F_TIME,
	F_LEVEL,
	F_LINE,
	F_PROCESS,
	F_THREAD,
	F_STRAND,
	F_CREATED,
	F_MSECS,
	F_RELATIVE,
	FIELDS
};

static const struct {
	const char *name;
	enum class class;
	unsigned needs;
} fields[FIELDS] = {
	[F_MESSAGE] = { "message", TEXT, 0 },
	[F_LEVEL_NAME] = { "levelname", TEXT, 0 },
	[F_LOGGER] = { "name", TEXT, 0 },
	[F_FILE_NAME] = { "filename", TEXT, 0 },
	[F_PATH_NAME] = { "pathname", TEXT, 0 },
	[F_FUNCTION] = { "funcName", TEXT, 0 },
	[F_STRAND_NAME] = { "strandName", TEXT, NEED_STRAND },
	[F_THREAD_NAME] = { "threadName", TEXT, NEED_STRAND | NEED_THREAD },
	[F_TASK_NAME] = { "taskName", TEXT, NEED_STRAND },
	[F_PROCESS_NAME] = { "processName", TEXT, 0 },
	[F_TIME] = { "asctime", TEXT, 0 },
	[F_LEVEL] = { "levelno", WHOLE, 0 },
	[F_LINE] = { "lineno", WHOLE, 0 },
	[F_PROCESS] = { "process", WHOLE, 0 },
	[F_THREAD] = { "thread", WHOLE, NEED_OS_ID },
	[F_STRAND] = { "strand", WHOLE, NEED_STRAND },
	[F_CREATED] = { "created", REAL, 0 },
	[F_MSECS] = { "msecs", REAL, 0 },
	[F_RELATIVE] = { "relativeCreated", REAL, 0 },
};

struct piece {
	enum class class;
	enum field field;
	bool left;       /* of a text */
	int width, most; /* of a text; most < 0: all */
	bool whole;      /* a REAL shown without its fraction */
	char spec[32];   /* of a number */
	char *literal;   /* of a literal */
	size_t size;
};

/* -- reading a format */

static int wrong(char *why, size_t cap, const char *what, const char *at, size_t n)
{
	if (cap)
		snprintf(why, cap, "%s%.*s", what, (int)(n < 60 ? n : 60), at);
	return -EINVAL;
}

static const char *digits(const char *s)
{
	while (*s >= '0' && *s <= '9')
		s++;
	return s;
}

static bool suits(enum class class, char conversion)
{
	static const char *const may[] = {
		[LITERAL] = "", [TEXT] = "s", [WHOLE] = "sdiuxXo", [REAL] = "sdieEfFgG"
	};

	return conversion && strchr(may[class], conversion);
}

/* flags, width, precision and conversion at s, of the field p->field. */
static const char *read_spec(struct piece *p, const char *s)
{
	const char *flags = s, *width, *dot;
	char conversion;

	s += strspn(s, "-+ #0");
	width = s;
	s = digits(s);
	dot = s;
	if (*s == '.')
		s = digits(s + 1);
	conversion = *s;
	/* Three digits are enough, and keep atoi and spec[] within bounds. */
	if (!suits(p->class, conversion) || dot - width > 3 || s - dot > 4 || width - flags > 5)
		return NULL;
	p->left = memchr(flags, '-', (size_t)(width - flags)) != NULL;
	p->width = atoi(width);
	p->most = *dot == '.' ? atoi(dot + 1) : -1;
	p->whole = p->class == REAL && strchr("di", conversion);
	if (p->class == REAL && conversion == 's')
		conversion = 'f';
	if (p->class == WHOLE && conversion == 's')
		conversion = 'd';
	snprintf(p->spec, sizeof p->spec, "%%%.*s%s%c", (int)(s - flags), flags,
		p->class == WHOLE || p->whole ? "ll" : "", conversion);
	return s + 1;
}

/* One placeholder, from its '%'; NULL: it is wrong. */
static const char *read_field(struct piece *p, const char *s, char *why, size_t cap)
{
	const char *name = s + 2, *end = s[1] == '(' ? strchr(name, ')') : NULL, *after;
	size_t n;

	if (!end)
		return wrong(why, cap, "not a placeholder: ", s, strlen(s)), NULL;
	n = (size_t)(end - name);
	for (p->field = 0; p->field < FIELDS; p->field++)
		if (strlen(fields[p->field].name) == n &&
			memcmp(fields[p->field].name, name, n) == 0)
			break;
	if (p->field == FIELDS)
		return wrong(why, cap, "there is no ", s, n + 3), NULL;
	p->class = fields[p->field].class;
	after = read_spec(p, end + 1);
	if (!after) {
		n += 3 + strspn(end + 1, "-+ #0123456789.");
		if (strchr(" ])}:,|", s[n])) /* the end, or what would stand after it */
			wrong(why, cap, "no conversion, as s, follows ", s, n);
		else
			wrong(why, cap, "cannot be shown so: ", s, n + 1);
	}
	return after;
}

static const char *read_literal(struct piece *p, const char *s)
{
	size_t n = 0;

	p->class = LITERAL;
	p->literal = malloc(strlen(s) + 1);
	if (!p->literal)
		return NULL;
	while (*s && (*s != '%' || s[1] == '%')) {
		s += *s == '%';
		p->literal[n++] = *s++;
	}
	p->size = n;
	return s;
}

/* Every piece takes at least one byte of the format. */
int format_open(struct format *ret, const char *format, const char *date, char *why, size_t cap)
{
	struct format f = { .pieces = calloc(strlen(format) + 1, sizeof(struct piece)) };
	const char *s = format;
	int r = f.pieces ? 0 : -ENOMEM;

	if (cap)
		*why = 0;
	while (r == 0 && *s) {
		struct piece *p = &f.pieces[f.n++];

		if (*s != '%' || s[1] == '%') {
			s = read_literal(p, s);
			r = s ? 0 : -ENOMEM;
		} else {
			s = read_field(p, s, why, cap);
			r = s ? 0 : -EINVAL;
			f.needs |= r ? 0 : fields[p->field].needs;
		}
	}
	if (r == 0 && date && !(f.date = strdup(date)))
		r = -ENOMEM;
	if (r < 0)
		format_close(&f);
	else
		*ret = f;
	return r;
}

void format_close(struct format *f)
{
	for (size_t i = 0; f->pieces && i < f->n; i++)
		free(f->pieces[i].literal);
	free(f->pieces);
	free(f->date);
	*f = (struct format){ 0 };
}

int tl_format_check(const char *format, char *why, size_t cap)
{
	struct format f;
	int r = format_open(&f, format, NULL, why, cap);

	if (r == 0)
		format_close(&f);
	return r;
}

/* -- showing a record */

static void put_padded(struct text *t, const struct piece *p, const char *s, size_t n)
{
	size_t pad;

	if (p->most >= 0 && n > (size_t)p->most)
		n = (size_t)p->most;
	pad = n < (size_t)p->width ? (size_t)p->width - n : 0;
	if (pad && !p->left)
		text_putf(t, "%*s", (int)pad, "");
	text_put(t, s, n);
	if (pad && p->left)
		text_putf(t, "%*s", (int)pad, "");
}

static void two(char *at, int n)
{
	at[0] = (char)('0' + n / 10);
	at[1] = (char)('0' + n % 10);
}

static size_t put_time(const char *format, const struct timespec *at, char *buf, size_t cap)
{
	int offset, ms = (int)(at->tv_nsec / 1000000);
	struct tm tm;

	log_local(at, &tm, &offset);
	if (format)
		return strftime(buf, cap, format, &tm);
	memcpy(buf, "YYYY-MM-DD HH:MM:SS,mmm", 24);
	two(buf, (tm.tm_year + 1900) / 100 % 100);
	two(buf + 2, tm.tm_year % 100);
	two(buf + 5, tm.tm_mon + 1);
	two(buf + 8, tm.tm_mday);
	two(buf + 11, tm.tm_hour);
	two(buf + 14, tm.tm_min);
	two(buf + 17, tm.tm_sec);
	buf[20] = (char)('0' + ms / 100);
	two(buf + 21, ms % 100);
	return 23;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *process_name(char *buf, size_t cap)
{
	if (tl_kind(tl_main()) != TL_PROCESS || tl_name(tl_main(), buf, cap) < 0)
		return "MainProcess";
	return buf;
}

static void put_text(
	const struct format *f, struct text *t, const struct piece *p, const struct record *rec)
{
	const char *s = "";
	char buf[200];

	switch (p->field) {
	case F_MESSAGE: put_padded(t, p, rec->message, rec->size); return;
	case F_TIME: put_padded(t, p, buf, put_time(f->date, &rec->at, buf, sizeof buf)); return;
	case F_LEVEL_NAME: s = log_level_name(rec->level, buf); break;
	case F_LOGGER: s = rec->logger; break;
	case F_FILE_NAME: s = base_name(rec->file); break;
	case F_PATH_NAME: s = rec->file; break;
	case F_FUNCTION: s = rec->func; break;
	case F_STRAND_NAME: s = rec->strand_name; break;
	case F_THREAD_NAME: s = rec->thread_name; break;
	case F_TASK_NAME: s = rec->task_name ? rec->task_name : ""; break;
	default: s = process_name(buf, sizeof buf); break;
	}
	put_padded(t, p, s, strlen(s));
}

static long long whole_of(enum field f, const struct record *rec)
{
	switch (f) {
	case F_LEVEL: return rec->level;
	case F_LINE: return rec->line;
	case F_PROCESS: return rec->process;
	case F_THREAD: return rec->thread;
	default: return (long long)rec->strand;
	}
}

static struct timespec begun; /* this library was loaded */
__attribute__((constructor(101))) static void begin(void) { clock_gettime(CLOCK_REALTIME, &begun); }

static double real_of(enum field f, const struct record *rec)
{
	double ns = (double)rec->at.tv_nsec;

	switch (f) {
	case F_CREATED: return (double)rec->at.tv_sec + ns / 1e9;
	case F_MSECS: return ns / 1e6;
	default:
		return (double)(rec->at.tv_sec - begun.tv_sec) * 1e3 +
		       (ns - (double)begun.tv_nsec) / 1e6;
	}
}

/* The conversions were checked when they were read. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void format_record(const struct format *f, struct text *t, const struct record *rec)
{
	for (const struct piece *p = f->pieces; p < f->pieces + f->n; p++)
		switch (p->class) {
		case LITERAL: text_put(t, p->literal, p->size); break;
		case TEXT: put_text(f, t, p, rec); break;
		case WHOLE: text_putf(t, p->spec, whole_of(p->field, rec)); break;
		case REAL:
			if (p->whole)
				text_putf(t, p->spec, (long long)real_of(p->field, rec));
			else
				text_putf(t, p->spec, real_of(p->field, rec));
		}
}
