/* text.c - decoding what strangers send, encoding what they get.  Pure: no state, no memory. */
#include "text.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool text_is_student(const char *text, size_t n)
{
	static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-";

	if (n < 1 || n > TEXT_STUDENT)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!text[i] || !strchr(legal, text[i]))
			return false;
	}
	return true;
}

/* The length of the UTF-8 character at p, of at most n bytes; 0: it is none, or a control
 * character.  Source: Unicode 15, table 3-7. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint8_t low = 0x80, high = 0xbf;

	if (length == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (p[0] < 0xc2 || p[0] > 0xf4 || length > n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	if (p[0] == 0xf0)
		low = 0x90;
	if (p[0] == 0xed)
		high = 0x9f; /* no surrogates */
	if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high || (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

bool text_is_name(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;

	if (n < 1 || n > TEXT_NAME)
		return false;
	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_length(p + i, n - i);
		if (k == 0)
			return false;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode p[0..n); -1: a bad escape, a zero byte, or too long. */
static int decode(const char *p, size_t n, char *ret, size_t cap)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		int c = p[i];
		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (n - i < 3 || hex_digit(p[i + 1]) < 0 || hex_digit(p[i + 2]) < 0)
				return -1;
			c = hex_digit(p[i + 1]) << 4 | hex_digit(p[i + 2]);
			i += 2;
		}
		if (c == 0 || k + 1 >= cap)
			return -1;
		ret[k++] = (char)c;
	}
	ret[k] = 0;
	return (int)k;
}

int text_query(const char *query, const char *key, char *ret, size_t cap)
{
	size_t key_n = strlen(key);
	int found = -1;

	while (*query) {
		size_t n = strcspn(query, "&");
		if (n > key_n && query[key_n] == '=' && memcmp(query, key, key_n) == 0) {
			if (found >= 0)
				return -1;
			found = decode(query + key_n + 1, n - key_n - 1, ret, cap);
			if (found < 0)
				return -1;
		}
		query += n + (query[n] == '&');
	}
	return found;
}

/* Copy a parameter's value at p, quoted or not, or with ret NULL skip it; *end is where it ends. */
static int unquote(const char *p, char *ret, size_t cap, const char **end)
{
	bool quoted = *p == '"';
	size_t k = 0;

	for (p += quoted; *p && (quoted ? *p != '"' : !strchr("; \t", *p)); p++) {
		/* Browsers escape a quote as %22 and send backslashes as they are; RFC 9110
		 * escapes with a backslash.  Both are read right when only \" and \\ are escapes.
		 */
		if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		if (!ret)
			continue;
		if (k + 1 >= cap)
			return -1;
		ret[k++] = *p;
	}
	if (quoted && *p != '"')
		return -1;
	if (ret)
		ret[k] = 0;
	*end = p + quoted;
	return (int)k;
}

int text_param(const char *value, const char *key, char *ret, size_t cap)
{
	size_t key_n = strlen(key);
	const char *p = strchr(value, ';');

	while (p) {
		bool wanted;
		p += strspn(p, "; \t");
		wanted = strncasecmp(p, key, key_n) == 0 && p[key_n] == '=';
		p += strcspn(p, "=;");
		if (*p == 0)
			return -1;
		if (*p == ';')
			continue;
		if (wanted)
			return unquote(p + 1, ret, cap, &p);
		if (unquote(p + 1, NULL, 0, &p) < 0)
			return -1;
		p = strchr(p, ';');
	}
	return -1;
}

char *text_json(const char *text, char *ret, size_t cap)
{
	size_t k = 0;

	for (const char *p = text; *p; p++) {
		char piece[8] = { *p };
		if (*p == '"' || *p == '\\')
			snprintf(piece, sizeof piece, "\\%c", *p);
		else if ((uint8_t)*p < 0x20)
			snprintf(piece, sizeof piece, "\\u%04x", (uint8_t)*p);
		if (k + strlen(piece) >= cap)
			break;
		memcpy(ret + k, piece, strlen(piece));
		k += strlen(piece);
	}
	ret[k] = 0;
	return ret;
}
