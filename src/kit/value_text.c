/* value_text.c - values as Python's print shows them.
 *
 * A number with a part is written with the fewest digits that read back as the same number, as repr
 * does; the digits are asked of snprintf with %e, whose decimal sign is the locale's, and laid out
 * here. */
#include "value.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct page {
	char *buf;
	size_t cap, n; /* n: of the whole text, also beyond cap */
};

static void show(struct page *o, const char *s, size_t n)
{
	if (o->n < o->cap)
		memcpy(o->buf + o->n, s, n < o->cap - o->n ? n : o->cap - o->n);
	o->n += n;
}

static void show_text(struct page *o, const char *s) { show(o, s, strlen(s)); }

/* -- numbers */

/* The digits of f without a point, and where the point is: 0.25 is "25" and -1. */
static int digits_of(double f, char digits[20])
{
	char text[40];
	int n = 0, exponent = 0;

	for (int most = 0; most < 17; most++) {
		snprintf(text, sizeof text, "%.*e", most, f);
		if (strtod(text, NULL) == f)
			break;
	}
	for (const char *p = text; *p; p++) {
		if (*p == 'e') {
			exponent = atoi(p + 1);
			break;
		}
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	}
	digits[n] = 0;
	return exponent;
}

static void show_zeros(struct page *o, int n)
{
	while (n-- > 0)
		show(o, "0", 1);
}

static void show_exponent(struct page *o, const char *digits, int exponent)
{
	char text[16];

	show(o, digits, 1);
	if (digits[1]) {
		show(o, ".", 1);
		show_text(o, digits + 1);
	}
	snprintf(text, sizeof text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
	show_text(o, text);
}

static void show_float(struct page *o, double f)
{
	char digits[20];
	int n, exponent;

	if (isnan(f))
		return show_text(o, "nan");
	if (signbit(f))
		show(o, "-", 1);
	if (isinf(f))
		return show_text(o, "inf");
	exponent = digits_of(fabs(f), digits);
	n = (int)strlen(digits);
	if (exponent < -4 || exponent >= 16)
		return show_exponent(o, digits, exponent);
	if (exponent < 0) {
		show_text(o, "0.");
		show_zeros(o, -exponent - 1);
		return show_text(o, digits);
	}
	show(o, digits, (size_t)(n <= exponent ? n : exponent + 1));
	show_zeros(o, exponent + 1 - n);
	show(o, ".", 1);
	show_text(o, n > exponent + 1 ? digits + exponent + 1 : "0");
}

static void show_int(struct page *o, int64_t i)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)i);
	show_text(o, text);
}

/* -- texts and bytes */

static char quote_for(const char *s, size_t n)
{
	bool lone = n && memchr(s, '\'', n) && !memchr(s, '"', n);

	return lone ? '"' : '\'';
}

/* What Python does not show as it is; true: it has been put. */
static bool show_escape(struct page *o, unsigned char c, char quote)
{
	const char *plain = c == '\n'   ? "\\n"
			    : c == '\r' ? "\\r"
			    : c == '\t' ? "\\t"
			    : c == '\\' ? "\\\\"
			    : c == '\'' ? "\\'"
			    : c == '"'  ? "\\\""
					: NULL;
	char text[8];

	if (plain && ((c != '\'' && c != '"') || c == (unsigned char)quote))
		return show_text(o, plain), true;
	if (c >= 0x20 && c < 0x7f)
		return false;
	snprintf(text, sizeof text, "\\x%02x", c);
	return show_text(o, text), true;
}

/* Controls of Latin 1 take two bytes in UTF-8: c2 80 to c2 a0, and the soft hyphen. */
static bool is_control(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	return n >= 2 && p[0] == 0xc2 && (p[1] <= 0xa0 || p[1] == 0xad);
}

static void show_string(struct page *o, const char *s, size_t n, bool utf8)
{
	char quote = quote_for(s, n);

	show(o, &quote, 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (utf8 && is_control(s + i, n - i))
			show_escape(o, (unsigned char)s[++i], quote);
		else if ((utf8 && c >= 0x80) || !show_escape(o, c, quote))
			show(o, s + i, 1);
	}
	show(o, &quote, 1);
}

/* -- all of them */

static int show_value(struct page *o, tl_value v, int depth);

static int show_items(struct page *o, tl_value v, int depth)
{
	bool map = v.type == TL_T_MAP;
	int r = depth < TL_VALUE_DEPTH ? 0 : -EINVAL;

	show(o, map ? "{" : "[", 1);
	for (size_t i = 0; r == 0 && i < (map ? 2 * (size_t)v.n : v.n); i++) {
		if (i)
			show_text(o, map && i % 2 ? ": " : ", ");
		r = show_value(o, v.items[i], depth + 1);
	}
	show(o, map ? "}" : "]", 1);
	return r;
}

static int show_object(struct page *o, uint64_t id)
{
	char text[40];

	snprintf(text, sizeof text, "<object %llx>", (unsigned long long)id);
	show_text(o, text);
	return 0;
}

static int show_value(struct page *o, tl_value v, int depth)
{
	bool points = v.type >= TL_T_TEXT && v.type <= TL_T_MAP;

	if (v.type >= TL_T_TYPES || (points && v.n && !v.bytes))
		return -EINVAL;
	switch (v.type) {
	case TL_T_BOOL: show_text(o, v.i ? "True" : "False"); break;
	case TL_T_INT: show_int(o, v.i); break;
	case TL_T_FLOAT: show_float(o, v.f); break;
	case TL_T_TEXT: show_string(o, v.text, v.n, true); break;
	case TL_T_BYTES: show(o, "b", 1), show_string(o, (const char *)v.bytes, v.n, false); break;
	case TL_T_LIST:
	case TL_T_MAP: return show_items(o, v, depth);
	case TL_T_OBJECT: return show_object(o, v.object);
	default: show_text(o, "None");
	}
	return 0;
}

int tl_value_text(tl_value v, char *buf, size_t cap)
{
	struct page o = { buf, cap, 0 };
	int r = show_value(&o, v, 0);

	if (r < 0)
		return r;
	if (cap)
		buf[o.n < cap ? o.n : cap - 1] = 0;
	return o.n < INT_MAX ? (int)o.n : INT_MAX;
}
