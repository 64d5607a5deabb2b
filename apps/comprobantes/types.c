/* types.c - the end of a PDF, the chunks of a PNG, the segments of a JPEG.
 *
 * PNG and JPEG are walked from front to back through a window of the caller's; of a PDF only the
 * two ends are read.  What stands after the end mark of a picture is nobody's business: phones
 * append data of their own.  Pure but for pread(2); each call uses only its own frame and buffer.
 * Sources: ISO 32000-1 section 7.5; the PNG specification, sections 5 and 11; ITU-T T.81 annex B.
 */
#include "types.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *const mimes[] = { [TYPE_ANY] = "application/octet-stream",
	[TYPE_PDF] = "application/pdf",
	[TYPE_PNG] = "image/png",
	[TYPE_JPEG] = "image/jpeg",
	[TYPE_OTHER] = "" };

const char *types_mime(enum type type) { return mimes[type]; }

enum type types_of_mime(const char *mime)
{
	char bare[64];
	size_t n = strcspn(mime, "; \t");

	if (n == 0)
		return TYPE_ANY;
	if (n >= sizeof bare)
		return TYPE_OTHER;
	memcpy(bare, mime, n);
	bare[n] = 0;
	for (enum type t = TYPE_ANY; t < TYPE_OTHER; t++) {
		if (strcasecmp(bare, mimes[t]) == 0)
			return t;
	}
	if (strcasecmp(bare, "image/jpg") == 0 || strcasecmp(bare, "image/pjpeg") == 0)
		return TYPE_JPEG;
	return strcasecmp(bare, "application/x-pdf") == 0 ? TYPE_PDF : TYPE_OTHER;
}

/* -- a window that walks over the file */

struct walk {
	int fd;
	bool failed; /* the system could not read */
	uint64_t at, size;
	uint8_t *buf, *p, *end; /* p..end: the bytes from .at on that are here */
	size_t cap;
};

/* Have at least one byte at w->p, or answer 0 at the end of the file. */
static size_t more(struct walk *w)
{
	ssize_t n;

	if (w->p < w->end)
		return w->end - w->p;
	n = w->at < w->size ? pread(w->fd, w->buf, w->cap, (off_t)w->at) : 0;
	w->failed |= n < 0;
	w->p = w->buf;
	w->end = w->buf + (n > 0 ? n : 0);
	return w->end - w->p;
}

static void step(struct walk *w, size_t n)
{
	w->p += n;
	w->at += n;
}

static int byte(struct walk *w)
{
	int c;

	if (more(w) == 0)
		return -1;
	c = *w->p;
	step(w, 1);
	return c;
}

/* n bytes, most significant first. */
static bool number(struct walk *w, int n, uint32_t *ret)
{
	*ret = 0;
	while (n--) {
		int c = byte(w);
		if (c < 0)
			return false;
		*ret = *ret << 8 | (uint32_t)c;
	}
	return true;
}

static bool skip(struct walk *w, uint64_t n)
{
	if (n > w->size - w->at)
		return false;
	if (n < (uint64_t)(w->end - w->p)) {
		step(w, n);
	} else {
		w->at += n;
		w->p = w->end;
	}
	return true;
}

/* -- PNG */

/* CRC-32, eight bytes at a time. */
static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int t = 1; t < 8; t++) {
			uint32_t c = crc_table[t - 1][i];
			crc_table[t][i] = c >> 8 ^ crc_table[0][c & 255];
		}
	}
}

static uint32_t crc_more(uint32_t c, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t a = c ^ (p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
		c = crc_table[7][a & 255] ^ crc_table[6][a >> 8 & 255] ^
		    crc_table[5][a >> 16 & 255] ^ crc_table[4][a >> 24] ^ crc_table[3][p[4]] ^
		    crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
	}
	while (n--)
		c = crc_table[0][(c ^ *p++) & 255] ^ c >> 8;
	return c;
}

/* The type (already read) and n bytes of a chunk have the CRC that follows them. */
static bool chunk_sound(struct walk *w, uint32_t type, uint64_t n)
{
	uint8_t name[4] = { type >> 24, type >> 16, type >> 8, type };
	uint32_t crc = crc_more(~0u, name, 4), told;

	while (n > 0) {
		size_t k = more(w);
		if (k == 0)
			return false;
		if (k > n)
			k = n;
		crc = crc_more(crc, w->p, k);
		step(w, k);
		n -= k;
	}
	return number(w, 4, &told) && told == ~crc;
}

#define PNG_CHUNK(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static bool png_whole(struct walk *w)
{
	static const uint8_t sign[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 26, '\n' };
	bool first = true, data = false;
	uint32_t n, type;

	pthread_once(&crc_once, crc_fill);
	for (size_t i = 0; i < sizeof sign; i++) {
		if (byte(w) != sign[i])
			return false;
	}
	while (number(w, 4, &n) && number(w, 4, &type)) {
		bool head = type == PNG_CHUNK('I', 'H', 'D', 'R');
		if (n > INT32_MAX || n > w->size - w->at || head != first || (head && n != 13))
			return false;
		if (!chunk_sound(w, type, n))
			return false;
		if (type == PNG_CHUNK('I', 'E', 'N', 'D'))
			return data && n == 0;
		data |= type == PNG_CHUNK('I', 'D', 'A', 'T');
		first = false;
	}
	return false;
}

/* -- JPEG */

/* From inside the coded data on to the next marker that is not part of it; -1: there is none. */
static int jpeg_scan(struct walk *w)
{
	size_t n;

	while ((n = more(w)) > 0) {
		uint8_t *mark = memchr(w->p, 0xff, n);
		int c;
		if (!mark) {
			step(w, n);
			continue;
		}
		step(w, mark - w->p + 1);
		do {
			c = byte(w);
		} while (c == 0xff);
		if (c != 0 && !(c >= 0xd0 && c <= 0xd7)) /* a stuffed byte; a restart */
			return c;
	}
	return -1;
}

/* The next marker; between segments only fill bytes may stand before it. */
static int jpeg_marker(struct walk *w)
{
	int c = byte(w);

	if (c != 0xff)
		return -1;
	while (c == 0xff)
		c = byte(w);
	return c;
}

static bool jpeg_whole(struct walk *w)
{
	bool frame = false, scan = false;
	int c;

	if (byte(w) != 0xff || byte(w) != 0xd8)
		return false;
	c = jpeg_marker(w);
	while (c > 0 && c != 0xd9) {
		uint32_t n;
		if (c == 0xd8)
			return false;
		if (c == 0x01 || (c >= 0xd0 && c <= 0xd7)) { /* stand alone */
			c = jpeg_marker(w);
			continue;
		}
		if (!number(w, 2, &n) || n < 2 || !skip(w, n - 2))
			return false;
		frame |= c >= 0xc0 && c <= 0xcf && c != 0xc4 && c != 0xc8 && c != 0xcc;
		scan |= c == 0xda;
		c = c == 0xda ? jpeg_scan(w) : jpeg_marker(w);
	}
	return c == 0xd9 && frame && scan;
}

/* -- PDF */

/* Where the last `what` begins in p[0..n), or NULL. */
static const uint8_t *find_last(const uint8_t *p, size_t n, const char *what)
{
	size_t k = strlen(what);

	for (size_t i = n; i >= k; i--) {
		if (memcmp(p + i - k, what, k) == 0)
			return p + i - k;
	}
	return NULL;
}

/* "startxref", blanks, an offset inside the file, blanks, and then the end mark. */
static bool xref_named(const uint8_t *p, const uint8_t *end, uint64_t size)
{
	uint64_t at = 0;
	bool digits = false;

	p += strlen("startxref");
	while (p < end && strchr(" \t\r\n", *p) && *p)
		p++;
	for (; p < end && *p >= '0' && *p <= '9' && at < size; p++) {
		at = at * 10 + (*p - '0');
		digits = true;
	}
	return digits && at < size;
}

static bool pdf_whole(struct walk *w)
{
	size_t n = w->size < 2048 ? w->size : 2048;
	const uint8_t *mark, *xref;
	ssize_t got = pread(w->fd, w->buf, 1024 + 5, 0);

	w->failed = got < 0;
	if (got < 5 || !memmem(w->buf, got, "%PDF-", 5))
		return false;
	got = pread(w->fd, w->buf, n, (off_t)(w->size - n));
	w->failed = got < 0;
	if (got < 0 || (size_t)got != n)
		return false;
	mark = find_last(w->buf, n, "%%EOF");
	if (!mark || w->buf + n - mark > 1024 + 5)
		return false;
	xref = find_last(w->buf, mark - w->buf, "startxref");
	return xref && xref_named(xref, mark, w->size);
}

enum why types_check(enum type type, int fd, uint64_t size, void *buf, size_t cap)
{
	struct walk w = { .fd = fd, .size = size, .buf = buf, .p = buf, .end = buf, .cap = cap };
	enum why broken = WHY_BROKEN_PDF;
	bool whole;

	switch (type) {
	case TYPE_PDF: whole = pdf_whole(&w); break;
	case TYPE_PNG:
		whole = png_whole(&w);
		broken = WHY_BROKEN_PNG;
		break;
	case TYPE_JPEG:
		whole = jpeg_whole(&w);
		broken = WHY_BROKEN_JPEG;
		break;
	default: return WHY_TYPE;
	}
	if (w.failed)
		return WHY_INTERNAL;
	return whole ? WHY_NONE : broken;
}
