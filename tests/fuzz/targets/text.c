/* What strangers send as text: decoded, encoded again and decoded it is the same; JSON that is
 * printed is JSON, of the same text. */
#include "../../../apps/comprobantes/text.c"
#include "fuzz.h"

static void check_query(const char *text)
{
	char value[100], again[100], query[400] = "k=";
	int n = text_query(text, "k", value, sizeof value);

	if (n < 0)
		return;
	MUST((size_t)n == strlen(value) && (size_t)n < sizeof value);
	for (int i = 0; i < n; i++)
		snprintf(query + 2 + 3 * i, 4, "%%%02X", (unsigned char)value[i]);
	MUST(text_query(query, "k", again, sizeof again) == n || n == 0);
	MUST(n == 0 || strcmp(value, again) == 0);
	if (n > 0)
		MUST(text_query(text, "k", again, (size_t)n) == -1); /* one byte too few */
}

static void check_param(const char *text)
{
	char value[100], quoted[300] = "x; K=\"", again[100];
	int n = text_param(text, "k", value, sizeof value);
	size_t at = strlen(quoted);

	MUST(n < 0 || text_param(text, "k", NULL, 0) == 0);
	if (n < 0)
		return;
	MUST((size_t)n == strlen(value));
	for (int i = 0; i < n; i++) {
		if (strchr("\"\\", value[i]))
			quoted[at++] = '\\';
		quoted[at++] = value[i];
	}
	strcpy(quoted + at, "\"");
	MUST(text_param(quoted, "k", again, sizeof again) == n && strcmp(value, again) == 0);
}

/* Undo text_json; what is not legal inside of a JSON string is a failure. */
static void check_json(const char *text, size_t cap)
{
	char *json = malloc(cap), piece[8];
	const char *p = text;

	MUST(json && text_json(text, json, cap) == json && strlen(json) < cap);
	for (const char *j = json; *j; p++) {
		unsigned c = (uint8_t)*j;
		size_t n = 1;
		MUST(c >= 0x20 && c != '"');
		if (c == '\\' && j[1] == 'u') {
			snprintf(piece, sizeof piece, "\\u%04x", (uint8_t)*p);
			MUST(strncmp(j, piece, n = 6) == 0 && (uint8_t)*p < 0x20);
		} else if (c == '\\') {
			n = 2;
			MUST((j[1] == '"' || j[1] == '\\') && j[1] == *p);
		} else {
			MUST(*j == *p);
		}
		j += n;
	}
	MUST(*p == 0 || strlen(json) + 7 > cap); /* all of it, or as much as there was room for */
	free(json);
}

/* Is it UTF-8 without control characters?  By decoding, where text.c goes by table. */
static bool is_name(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	size_t at = 0;

	while (at < n) {
		unsigned more = p[at] < 0x80 ? 0 : p[at] >> 5 == 6 ? 1 : p[at] >> 4 == 14 ? 2 : 3;
		uint32_t c = more ? p[at] & (0x3f >> more) : p[at];
		if ((more == 3 && p[at] >> 3 != 30) || n - at <= more)
			return false;
		for (unsigned i = 1; i <= more; i++) {
			if (p[at + i] >> 6 != 2)
				return false;
			c = c << 6 | (p[at + i] & 0x3f);
		}
		if (c < least[more] || c > 0x10ffff || c >> 11 == 0x1b)
			return false;
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
		at += more + 1;
	}
	return n > 0 && n <= TEXT_NAME;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n);

	check_query(text);
	check_param(text);
	check_json(text, n + 1);
	check_json(text, 6 * n + 1);
	MUST(text_is_name((const char *)data, n) == is_name(data, n));
	if (text_is_student(text, n))
		MUST(text_is_name(text, n) && strlen(text) == n && !strpbrk(text, " /%\"\\"));
	free(text);
	return 0;
}
