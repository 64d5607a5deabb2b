/* Forms: the first line is the boundary, the rest the body.  Cut into any pieces it is the same
 * form; and what is taken for the file stands in the body, between a head and a delimiter. */
#include "../../../apps/comprobantes/multipart.c"
#include "../../../apps/comprobantes/text.c"
#include "fuzz.h"

struct form {
	struct multipart m;
	const char *bad;
	char file[1 << 16];
	size_t file_n;
};

static void collect(void *arg, const char *p, size_t n, const char *before)
{
	struct form *f = arg;

	MUST(n > 0 && n <= sizeof f->file - f->file_n);
	if (before)
		memcpy((char *)before - n, p, n); /* must be room that was read already */
	memcpy(f->file + f->file_n, p, n);
	f->file_n += n;
}

/* cut 0: in one piece. */
static bool read_form(struct form *f, const char *type, const uint8_t *body, size_t n, uint32_t cut)
{
	f->file_n = 0;
	f->bad = NULL;
	if (!multipart_begin(&f->m, type, collect, f))
		return false;
	for (size_t at = 0, k; at < n && !f->bad; at += k) {
		char *piece;
		k = cut ? fuzz_piece(&cut, n - at) : n - at;
		piece = malloc(MULTIPART_CARRY + k);
		MUST(piece);
		memcpy(piece + MULTIPART_CARRY, body + at, k);
		f->bad = multipart_feed(&f->m, piece + MULTIPART_CARRY, k);
		free(piece);
	}
	if (!f->bad)
		f->bad = multipart_end(&f->m);
	return true;
}

static void must_be_same(const struct form *a, const struct form *b)
{
	MUST(a->bad == b->bad || (a->bad && b->bad && strcmp(a->bad, b->bad) == 0));
	MUST(a->file_n == b->file_n && memcmp(a->file, b->file, a->file_n) == 0);
	MUST(a->m.student_n == b->m.student_n && a->m.name_n == b->m.name_n);
	MUST(memcmp(a->m.student, b->m.student, a->m.student_n) == 0);
	MUST(memcmp(a->m.name, b->m.name, a->m.name_n) == 0);
	MUST(strcmp(a->m.type, b->m.type) == 0);
}

/* Somewhere in the body: the end of a head, these bytes, and what ends a part. */
static bool stands_in(const uint8_t *body, size_t n, const struct form *f, const char *end)
{
	size_t end_n = strlen(end), all = 4 + f->file_n + end_n;
	const uint8_t *p = body, *last = body + n;

	while (last - p >= (ptrdiff_t)all && (p = memmem(p, last - p, "\r\n\r\n", 4))) {
		if (last - p >= (ptrdiff_t)all && memcmp(p + 4, f->file, f->file_n) == 0 &&
			memcmp(p + 4 + f->file_n, end, end_n) == 0)
			return true;
		p++;
	}
	return false;
}

static void check_file(const struct form *f, const uint8_t *body, size_t n, const char *type)
{
	char boundary[MULTIPART_BOUNDARY + 1], end[MULTIPART_BOUNDARY + 5];

	MUST(text_param(type, "boundary", boundary, sizeof boundary) > 0);
	snprintf(end, sizeof end, "\r\n--%s", boundary);
	MUST(!memmem(f->file, f->file_n, end, strlen(end)));
	/* An empty file's delimiter may begin with the end of its head. */
	MUST(f->file_n == 0 || stands_in(body, n, f, end));
	MUST(f->m.student_n <= TEXT_STUDENT + 1 && f->m.name_n <= TEXT_NAME + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct form one, other;
	const uint8_t *line;
	char type[256];
	uint32_t cut;

	if (n < 1 || n > sizeof one.file)
		return 0;
	cut = *data++ + 1u;
	n--;
	line = memchr(data, '\n', n);
	if (!line || line - data > 150)
		return 0;
	snprintf(type, sizeof type, "multipart/form-data; boundary=%.*s", (int)(line - data),
		(const char *)data);
	n -= line + 1 - data;
	MUST(multipart_usable(type) == read_form(&one, type, line + 1, n, 0));
	if (!read_form(&other, type, line + 1, n, cut))
		return 0;
	must_be_same(&one, &other);
	if (!one.bad)
		check_file(&one, line + 1, n, type);
	return 0;
}
