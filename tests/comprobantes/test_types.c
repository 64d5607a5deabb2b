/* Whole files pass; the same files cut at any byte before their end do not. */
#include "../../apps/comprobantes/types.c"
#include "check.h"
#include <stdlib.h>
#include <sys/mman.h>

static uint8_t window[4096];

static enum why check(enum type type, const void *bytes, size_t n)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	enum why why;

	CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	why = types_check(type, fd, n, window, sizeof window);
	close(fd);
	return why;
}

static size_t put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> (24 - 8 * i);
	return 4;
}

/* A chunk with a CRC computed bit by bit, apart from the tables under test. */
static size_t put_chunk(uint8_t *p, const char *type, const uint8_t *data, size_t n)
{
	uint32_t crc = ~0u;

	put32(p, n);
	memcpy(p + 4, type, 4);
	if (n)
		memcpy(p + 8, data, n);
	for (size_t i = 4; i < 8 + n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	put32(p + 8 + n, ~crc);
	return n + 12;
}

static uint8_t png[20000];

static size_t make_png(void)
{
	static const uint8_t head[13] = { 0, 0, 0, 1, 0, 0, 0, 1, 8 };
	static uint8_t data[9001];
	size_t n = 8;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = i * 7;
	memcpy(png, "\x89PNG\r\n\x1a\n", 8);
	n += put_chunk(png + n, "IHDR", head, 13);
	n += put_chunk(png + n, "IDAT", data, sizeof data);
	n += put_chunk(png + n, "IDAT", data, 3);
	return n + put_chunk(png + n, "IEND", NULL, 0);
}

TEST(a_png_is_whole_or_broken)
{
	size_t n = make_png();

	CHECK_EQ(check(TYPE_PNG, png, n), WHY_NONE);
	for (size_t cut = 0; cut < n; cut += cut < 100 || cut > n - 100 ? 1 : 97)
		CHECK_EQ(check(TYPE_PNG, png, cut), WHY_BROKEN_PNG);
	CHECK_EQ(check(TYPE_PNG, png, n + 5), WHY_NONE); /* after the end: nobody's business */
}

TEST(one_bit_breaks_a_png)
{
	size_t n = make_png();

	for (size_t at = 0; at < n; at += 41) {
		png[at] ^= 4;
		CHECK_EQ(check(TYPE_PNG, png, n), WHY_BROKEN_PNG);
		png[at] ^= 4;
	}
}

static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1,
	0, 1, 0, 0, 0xff, 0xfe, 0, 6, 0xff, 0xd9, 0xff, 0xd9,  /* an end mark inside a comment */
	0xff, 0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, /* a fill byte before it */
	0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 5, 0xff, 0xff, 0xd9 };

TEST(a_jpeg_is_whole_or_broken)
{
	uint8_t longer[sizeof jpeg + 3] = { 0 };

	CHECK_EQ(check(TYPE_JPEG, jpeg, sizeof jpeg), WHY_NONE);
	for (size_t cut = 0; cut < sizeof jpeg; cut++)
		CHECK_EQ(check(TYPE_JPEG, jpeg, cut), WHY_BROKEN_JPEG);
	memcpy(longer, jpeg, sizeof jpeg);
	CHECK_EQ(check(TYPE_JPEG, longer, sizeof longer), WHY_NONE);
}

TEST(a_jpeg_needs_a_picture)
{
	CHECK_EQ(check(TYPE_JPEG, "\xff\xd8\xff\xd9", 4), WHY_BROKEN_JPEG);
	CHECK_EQ(check(TYPE_JPEG, "\xff\xd8\xff\xfe\0\1\xff\xd9", 8), WHY_BROKEN_JPEG);
	CHECK_EQ(check(TYPE_JPEG, "\xff\xd8 noise", 8), WHY_BROKEN_JPEG);
}

static size_t make_pdf(char *p, size_t cap, size_t filling, const char *end)
{
	return snprintf(p, cap, "%%PDF-1.4\n%0*d\n%s", (int)filling, 1, end);
}

TEST(a_pdf_is_whole_or_broken)
{
	static char pdf[8192];
	size_t n = make_pdf(pdf, sizeof pdf, 5000, "startxref\n17\n%%EOF\n");

	CHECK_EQ(check(TYPE_PDF, pdf, n), WHY_NONE);
	CHECK_EQ(check(TYPE_PDF, pdf, n - 1), WHY_NONE); /* only the last line feed is gone */
	for (size_t cut = 0; cut < n - 1; cut += cut < n - 60 ? 113 : 1)
		CHECK_EQ(check(TYPE_PDF, pdf, cut), WHY_BROKEN_PDF);
}

TEST(the_end_of_a_pdf)
{
	static const struct {
		const char *end;
		enum why why;
	} table[] = {
		{ "startxref\r\n0\r\n%%EOF", WHY_NONE },
		{ "startxref\n17\n%%EOF\n\n\n   \n", WHY_NONE },
		{ "startxref\n99999\n%%EOF", WHY_BROKEN_PDF },
		{ "startxref\n\n%%EOF", WHY_BROKEN_PDF },
		{ "startxref\n17\n%%EO", WHY_BROKEN_PDF },
		{ "%%EOF", WHY_BROKEN_PDF },
		{ "%%EOF\nstartxref\n17\n", WHY_BROKEN_PDF },
	};
	char pdf[1024];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		CHECK_EQ(check(TYPE_PDF, pdf, make_pdf(pdf, sizeof pdf, 50, table[i].end)),
			table[i].why);
	CHECK_EQ(check(TYPE_PDF, "no header startxref 0 %%EOF", 27), WHY_BROKEN_PDF);
}

TEST(types_by_name)
{
	CHECK_EQ(types_of_mime(""), TYPE_ANY);
	CHECK_EQ(types_of_mime("application/octet-stream"), TYPE_ANY);
	CHECK_EQ(types_of_mime("Application/PDF; x=y"), TYPE_PDF);
	CHECK_EQ(types_of_mime("image/png"), TYPE_PNG);
	CHECK_EQ(types_of_mime("image/jpg"), TYPE_JPEG);
	CHECK_EQ(types_of_mime("image/gif"), TYPE_OTHER);
	CHECK_EQ(types_of_mime("image/pngx"), TYPE_OTHER);
	for (enum type t = TYPE_PDF; t <= TYPE_JPEG; t++)
		CHECK_EQ(types_of_mime(types_mime(t)), t);
}
