/* rush_files.c - real PDF, PNG and JPEG files out of a seed, at the price of a memcpy.
 *
 * A file is head, lead, units, tail.  A unit is a stretch of the pool, wrapped in the frame that
 * its format wants: nothing (PDF stream), an IDAT chunk with one stored deflate block (PNG), a COM
 * segment (JPEG; seven blocks, because libmagic gives up after 50 segments).  The lead is what does
 * not fill a unit; the last odd bytes go into a text field of the head, so that the size is exact.
 *
 * Invariants.  A pool is filled once and then only read, by any number of threads.  Byte 0 of every
 * row of RUSH_ROW bytes is 0, PNG's "no filter", so that any block is eight rows of a picture.
 * Checksums of whole blocks are the pool's: laying out a file costs no pass over its bytes. */
#include "rush_files.h"
#include <stdio.h>
#include <string.h>

uint64_t rush_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t rush_mix(uint64_t seed, uint64_t index)
{
	uint64_t state = seed;

	state = rush_random(&state) ^ (index * 0xd1342543de82ef95u);
	return rush_random(&state);
}

/* Four bytes at a time (slicing); the table is the same for all, so it is made once, at the first
 * pool, before there is a second thread. */
static uint32_t crc_table[4][256];

static void crc_table_fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0);
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int t = 1; t < 4; t++) {
			uint32_t c = crc_table[t - 1][i];
			crc_table[t][i] = (c >> 8) ^ crc_table[0][c & 255];
		}
	}
}

uint32_t rush_crc32(uint32_t crc, const void *buf, size_t n)
{
	const uint8_t *p = buf;

	crc = ~crc;
	for (; n >= 4; n -= 4, p += 4) {
		crc = crc_table[3][(crc ^ p[0]) & 255] ^ crc_table[2][((crc >> 8) ^ p[1]) & 255] ^
		      crc_table[1][((crc >> 16) ^ p[2]) & 255] ^ crc_table[0][(crc >> 24) ^ p[3]];
	}
	while (n--)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *p++) & 255];
	return ~crc;
}

uint32_t rush_adler32(uint32_t adler, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	uint32_t a = adler & 0xffff, b = adler >> 16;

	while (n) {
		size_t k = n < 5552 ? n : 5552; /* as many as cannot overflow b */
		n -= k;
		while (k--) {
			a += *p++;
			b += a;
		}
		a %= 65521;
		b %= 65521;
	}
	return b << 16 | a;
}

/* The Adler-32 of two stretches in a row, the second n bytes long. */
static uint32_t adler_join(uint32_t first, uint32_t second, size_t n)
{
	uint32_t a1 = first & 0xffff, b1 = first >> 16, len = n % 65521;
	uint32_t a = (a1 + (second & 0xffff) + 65521 - 1) % 65521;
	uint64_t b = (uint64_t)len * a1 + b1 + (second >> 16) + 65521 - len;

	return (uint32_t)(b % 65521) << 16 | a;
}

static size_t put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> (24 - 8 * i);
	return 4;
}

/* A stored deflate block of n bytes: its five bytes of header. */
static size_t put_stored(uint8_t *p, size_t n, bool last)
{
	p[0] = last;
	p[1] = n & 255;
	p[2] = n >> 8;
	p[3] = ~n & 255;
	p[4] = (~n >> 8) & 255;
	return 5;
}

void rush_pool_fill(struct rush_pool *pool, uint64_t seed)
{
	static const char line[] = "Recibo de pago pendiente de revision por tesoreria.\n";
	uint8_t idat[9] = "IDAT";

	crc_table_fill();
	put_stored(idat + 4, RUSH_BLOCK, false);
	for (size_t i = 0; i < RUSH_BLOCKS; i++) {
		uint64_t state = rush_mix(seed, i);
		uint8_t *b = pool->block[i];
		for (size_t at = 0; at < RUSH_BLOCK; at += 8) {
			uint64_t v = rush_random(&state);
			for (int k = 0; k < 8; k++)
				b[at + k] = v >> (8 * k);
			if (at % RUSH_ROW == 0)
				b[at] = 0;
		}
		pool->idat_crc[i] = rush_crc32(rush_crc32(0, idat, sizeof idat), b, RUSH_BLOCK);
		pool->adler[i] = rush_adler32(1, b, RUSH_BLOCK);
	}
	for (size_t at = 0; at < RUSH_BLOCK; at++)
		pool->text[at] = line[at % (sizeof line - 1)];
}

static size_t block_index(const struct rush_file *f, size_t i)
{
	return rush_mix(f->seed, i) % (RUSH_BLOCKS + 1 - f->unit / RUSH_BLOCK);
}

static const uint8_t *block_data(const struct rush_file *f, size_t i)
{
	return f->kind == RUSH_TEXT ? f->pool->text : f->pool->block[block_index(f, i)];
}

/* One PNG chunk at p; answers its whole length. */
static size_t put_chunk(uint8_t *p, const char *type, const void *data, size_t n)
{
	put32(p, n);
	memcpy(p + 4, type, 4);
	if (n)
		memmove(p + 8, data, n);
	put32(p + 8 + n, rush_crc32(0, p + 4, n + 4));
	return n + 12;
}

/* Share `room` bytes, what the fixed parts leave, among units, a lead in whole rows of `row` bytes
 * with its own frame, and the slack (answered) that fits neither. */
static size_t share(struct rush_file *f, size_t room, size_t row)
{
	size_t frame = f->before + f->after, rest = room % (f->unit + frame);

	f->units = room / (f->unit + frame);
	f->lead = rest > frame ? (rest - frame) / row * row : 0;
	return rest - (f->lead ? f->lead + frame : 0);
}

/* A text of exactly n bytes: the label, then dots. */
static void put_text(uint8_t *p, size_t n, const char *label)
{
	size_t k = strlen(label);

	memset(p, '.', n);
	memcpy(p, label, k);
}

static void make_png(struct rush_file *f, const char *label)
{
	static const uint8_t sign[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 26, '\n' };
	uint8_t ihdr[13] = { 0 }, text[2048], *h = f->head;
	uint32_t adler = 1;
	size_t slack, n = 8 + strlen(label);

	f->before = 8 + put_stored(f->frame + 8, RUSH_BLOCK, false);
	put32(f->frame, RUSH_BLOCK + 5);
	memcpy(f->frame + 4, "IDAT", 4);
	f->after = 4;
	f->tail_size = 12 + 9 + 12;
	slack = share(f, f->size - (8 + 25 + 12 + n + 14) - f->tail_size, RUSH_ROW);

	memcpy(h, sign, 8);
	h += 8;
	put32(ihdr, RUSH_ROW - 1);
	put32(ihdr + 4, (f->lead + f->units * f->unit) / RUSH_ROW);
	ihdr[8] = 8; /* bits, one channel of grey */
	h += put_chunk(h, "IHDR", ihdr, 13);
	memcpy(text, "Comment", 8);
	put_text(text + 8, n - 8 + slack, label);
	h += put_chunk(h, "tEXt", text, n + slack);
	h += put_chunk(h, "IDAT", "\x78\x01", 2);
	if (f->lead) {
		const uint8_t *data = block_data(f, f->units);
		put32(h, f->lead + 5);
		memcpy(h + 4, "IDAT", 4);
		put_stored(h + 8, f->lead, false);
		put32(f->lead_crc, rush_crc32(rush_crc32(0, h + 4, 9), data, f->lead));
		adler = rush_adler32(1, data, f->lead);
		h += f->before;
	}
	f->head_size = h - f->head;

	for (size_t i = 0; i < f->units; i++)
		adler = adler_join(adler, f->pool->adler[block_index(f, i)], RUSH_BLOCK);
	put_stored(text, 0, true);
	put32(text + 5, adler);
	h = f->tail + put_chunk(f->tail, "IDAT", text, 9);
	put_chunk(h, "IEND", NULL, 0);
}

/* A grey square of 32 by 32: 16 blocks, each "no difference, end of block", one bit each. */
static const uint8_t jpeg_start[] = { 0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0,
	0, 1, 0, 1, 0, 0 };
static const uint8_t jpeg_frame[] = { 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32, 1, 1, 0x11, 0, /* SOF0 */
	0xff, 0xc4, 0, 20, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* DC */
	0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* AC */
	0xff, 0xda, 0, 8, 1, 1, 0x00, 0, 63, 0, 0, 0, 0, 0, 0xff, 0xd9 };

/* The four bytes that begin a JPEG segment with n bytes of content. */
static size_t put_segment(uint8_t *p, uint8_t marker, size_t n)
{
	p[0] = 0xff;
	p[1] = marker;
	p[2] = (n + 2) >> 8;
	p[3] = (n + 2) & 255;
	return 4;
}

static void make_jpeg(struct rush_file *f, const char *label)
{
	uint8_t *h = f->head, *t = f->tail;
	size_t slack, n = strlen(label);

	f->unit = 7 * RUSH_BLOCK;
	f->before = put_segment(f->frame, 0xfe, f->unit);
	f->tail_size = 4 + 65 + sizeof jpeg_frame;
	slack = share(f, f->size - (sizeof jpeg_start + 4 + n) - f->tail_size, 1);

	memcpy(h, jpeg_start, sizeof jpeg_start);
	h += sizeof jpeg_start;
	h += put_segment(h, 0xfe, n + slack);
	put_text(h, n + slack, label);
	h += n + slack;
	if (f->lead)
		h += put_segment(h, 0xfe, f->lead);
	f->head_size = h - f->head;

	t += put_segment(t, 0xdb, 65);
	memset(t, 16, 65);
	t[0] = 0;
	memcpy(t + 65, jpeg_frame, sizeof jpeg_frame);
}

/* The head of a PDF but for the padding; at[1..6] is where its objects begin. */
static size_t pdf_head(char *h, size_t cap, const char *label, size_t padding, size_t at[7])
{
	static const char *const fixed[] = { "<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
		"<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>" };
	char page[512];
	size_t n = snprintf(h, cap, "%%PDF-1.4\n%%\xe2\xe3\xcf\xd3\n");
	int k = snprintf(page, sizeof page,
		"BT /F1 18 Tf 60 780 Td (Comprobante de pago) Tj 0 -30 Td (%s) Tj ET", label);

	for (int i = 0; i < 4; i++) {
		at[i + 1] = n;
		n += snprintf(h + n, cap - n, "%d 0 obj\n%s\nendobj\n", i + 1, fixed[i]);
	}
	at[5] = n;
	n += snprintf(h + n, cap - n, "5 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n",
		k, page);
	at[6] = n;
	n += snprintf(h + n, cap - n, "6 0 obj\n<< /Length %010zu >>\nstream\n", padding);
	return n;
}

/* The tail of a PDF; all its numbers have a fixed width. */
static size_t pdf_tail(char *t, size_t cap, const size_t at[7], size_t xref)
{
	static const char end[] = "\nendstream\nendobj\n";
	size_t n = snprintf(t, cap, "%sxref\n0 7\n0000000000 65535 f \n", end);

	for (int i = 1; i < 7; i++)
		n += snprintf(t + n, cap - n, "%010zu 00000 n \n", at[i]);
	return n + snprintf(t + n, cap - n,
			   "trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%010zu\n%%%%EOF\n",
			   xref + sizeof end - 1);
}

static void make_pdf(struct rush_file *f, const char *label)
{
	char *h = (char *)f->head, *t = (char *)f->tail;
	size_t at[7], n;

	n = pdf_head(h, sizeof f->head, label, 0, at); /* a dry run, for the lengths */
	f->tail_size = pdf_tail(t, sizeof f->tail, at, 0);
	share(f, f->size - n - f->tail_size, 1);
	pdf_head(h, sizeof f->head, label, f->lead + f->units * f->unit, at);
	f->head_size = n;
	pdf_tail(t, sizeof f->tail, at, f->size - f->tail_size);
}

/* What a student sends by mistake: its first bytes say what it is, the rest is filling. */
static void make_other(struct rush_file *f, const char *label)
{
	static const uint8_t gif[] = { 'G', 'I', 'F', '8', '9', 'a', 64, 0, 64, 0, 0x80, 0, 0 };
	static const uint8_t zip[30] = { 'P', 'K', 3, 4, 20, 0 };
	size_t n = f->kind == RUSH_GIF ? sizeof gif : f->kind == RUSH_ZIP ? sizeof zip : 0;

	if (n)
		memcpy(f->head, f->kind == RUSH_GIF ? gif : zip, n);
	put_text(f->head + n, strlen(label), label);
	n += strlen(label);
	f->head[n++] = '\n';
	f->head_size = n;
	share(f, f->size - n, 1);
}

void rush_file_make(struct rush_file *f, const struct rush_pool *pool, enum rush_kind kind,
	uint64_t seed, size_t size, const char *label)
{
	f->pool = pool;
	f->kind = kind;
	f->seed = seed;
	f->size = size;
	f->unit = RUSH_BLOCK;
	f->before = f->after = f->tail_size = 0;
	switch (kind) {
	case RUSH_PDF: make_pdf(f, label); break;
	case RUSH_PNG: make_png(f, label); break;
	case RUSH_JPEG: make_jpeg(f, label); break;
	default: make_other(f, label); break;
	}
}

/* The bytes that lie contiguously at `at`, inside f: where, and (answered) how many. */
static size_t piece(const struct rush_file *f, size_t at, const uint8_t **p, uint8_t crc[4])
{
	size_t lead_end = f->head_size + f->lead, begin = lead_end + (f->lead ? f->after : 0);
	size_t stride = f->before + f->unit + f->after, i, o;

	if (at < f->head_size)
		return *p = f->head + at, f->head_size - at;
	if (at < lead_end)
		return *p = block_data(f, f->units) + (at - f->head_size), lead_end - at;
	if (at < begin)
		return *p = f->lead_crc + (at - lead_end), begin - at;
	i = (at - begin) / stride;
	o = (at - begin) % stride;
	if (i >= f->units) {
		at -= begin + f->units * stride;
		return *p = f->tail + at, f->tail_size - at;
	}
	if (o < f->before)
		return *p = f->frame + o, f->before - o;
	o -= f->before;
	if (o < f->unit)
		return *p = block_data(f, i) + o, f->unit - o;
	o -= f->unit;
	put32(crc, f->pool->idat_crc[block_index(f, i)]);
	return *p = crc + o, f->after - o;
}

size_t rush_file_read(const struct rush_file *f, size_t at, void *buf, size_t n)
{
	uint8_t crc[4], *out = buf;
	const uint8_t *p;
	size_t done = 0;

	if (at >= f->size)
		return 0;
	if (n > f->size - at)
		n = f->size - at;
	while (done < n) {
		size_t k = piece(f, at + done, &p, crc);
		if (k > n - done)
			k = n - done;
		memcpy(out + done, p, k);
		done += k;
	}
	return n;
}

const char *rush_kind_mime(enum rush_kind kind)
{
	static const char *const mime[] = { "application/pdf", "image/png", "image/jpeg",
		"image/gif", "application/zip", "text/plain" };

	return mime[kind];
}
