/* test_rush_files.c - are the files of a rush what they claim to be, and are its shares exact?
 *
 * The formats are walked here by code of their own, from their specifications, not by what made
 * them; `file` (libmagic) must name each, as the service will. */
#include "../../apps/comprobantes/rush_files.c"
#include "../../apps/comprobantes/rush_plan.c"
#include "check.h"

static struct rush_pool pool;
static struct rush_file made;
static uint8_t bytes[3 << 20];

static const size_t sizes[] = { RUSH_MIN_SIZE, RUSH_MIN_SIZE + 1, 10300, 11263, 12345, 17408, 18432,
	18433, 65536, 100000, 345678, RUSH_MAX_SIZE - 1, RUSH_MAX_SIZE, (2 << 20) + 65536 };
#define SIZES (sizeof sizes / sizeof *sizes)

/* All of the file into bytes[], in pieces of an odd size. */
static size_t make(enum rush_kind kind, size_t size)
{
	size_t at = 0, n;

	rush_file_make(&made, &pool, kind, size * 31 + kind, size, "Estudiante 2026-00007");
	while ((n = rush_file_read(&made, at, bytes + at, 777)) > 0)
		at += n;
	CHECK_EQ(at, size);
	return at;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* CRC-32 bit by bit, as PNG's appendix defines it. */
static uint32_t slow_crc(const uint8_t *p, size_t n)
{
	uint32_t c = 0xffffffff;

	while (n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
	}
	return ~c;
}

/* A zlib stream of stored blocks: what is in it, over itself.  Answers its length. */
static size_t inflate_stored(uint8_t *z, size_t n)
{
	uint32_t a = 1, b = 0;
	size_t at = 2, out = 0;
	bool last = false;

	CHECK(n > 6);
	CHECK_EQ((z[0] * 256 + z[1]) % 31, 0);
	CHECK_EQ(z[0] & 15, 8);
	while (!last) {
		CHECK(at + 5 <= n);
		size_t k = z[at + 1] | z[at + 2] << 8;
		last = z[at] & 1;
		CHECK_EQ(z[at] & 6, 0);
		CHECK_EQ((z[at + 3] | z[at + 4] << 8) ^ k, 0xffff);
		CHECK(at + 5 + k + 4 <= n);
		memmove(z + out, z + at + 5, k);
		out += k;
		at += 5 + k;
	}
	for (size_t i = 0; i < out; i++) {
		a = (a + z[i]) % 65521;
		b = (b + a) % 65521;
	}
	CHECK_EQ(get32(z + at), b << 16 | a);
	CHECK_EQ(at + 4, n);
	return out;
}

static void check_png(size_t n)
{
	static uint8_t z[3 << 20];
	size_t at = 8, zn = 0, pixels;
	uint32_t width = 0, height = 0;

	CHECK(memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0);
	for (bool end = false; !end; at += get32(bytes + at) + 12) {
		CHECK(at + 12 <= n);
		uint32_t k = get32(bytes + at);
		const uint8_t *type = bytes + at + 4;
		CHECK(at + 12 + k <= n);
		CHECK_EQ(get32(type + 4 + k), slow_crc(type, k + 4));
		if (memcmp(type, "IHDR", 4) == 0) {
			width = get32(type + 4);
			height = get32(type + 8);
			CHECK(memcmp(type + 12, "\10\0\0\0\0", 5) == 0);
		} else if (memcmp(type, "IDAT", 4) == 0) {
			memcpy(z + zn, type + 4, k);
			zn += k;
		}
		end = memcmp(type, "IEND", 4) == 0;
	}
	CHECK_EQ(at, n);
	pixels = inflate_stored(z, zn);
	CHECK_EQ(pixels, (size_t)height * (width + 1));
	for (size_t row = 0; row < height; row++)
		CHECK(z[row * (width + 1)] <= 4);
}

static void check_jpeg(size_t n)
{
	size_t at = 2;
	int segments = 0;

	CHECK(bytes[0] == 0xff && bytes[1] == 0xd8);
	while (bytes[at + 1] != 0xda) {
		CHECK_EQ(bytes[at], 0xff);
		CHECK(bytes[at + 1] >= 0xc0);
		at += 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
		CHECK(at + 4 < n);
		CHECK(++segments < 50);
	}
	at += 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
	while (bytes[at] != 0xff)
		CHECK(++at < n);
	CHECK_EQ(bytes[at + 1], 0xd9);
	CHECK_EQ(at + 2, n);
}

static void check_pdf(size_t n)
{
	const char *text = (const char *)bytes, *at;
	char *end;
	size_t xref, length;

	CHECK(memcmp(text, "%PDF-1.4\n", 9) == 0);
	CHECK(memcmp(text + n - 6, "%%EOF\n", 6) == 0);
	at = memmem(text + n - 64, 64, "startxref\n", 10);
	CHECK(at != NULL);
	xref = strtoul(at + 10, NULL, 10);
	CHECK(xref < n);
	CHECK(memcmp(text + xref, "xref\n0 7\n", 9) == 0);
	for (int i = 1; i < 7; i++) {
		char object[16];
		size_t place = strtoul(text + xref + 9 + 20 * i, &end, 10);
		CHECK(memcmp(end, " 00000 n \n", 10) == 0);
		int k = snprintf(object, sizeof object, "%d 0 obj\n", i);
		CHECK(place + k < n);
		CHECK(memcmp(text + place, object, k) == 0);
		if (i < 5)
			continue;
		at = memmem(text + place, n - place, "/Length ", 8);
		CHECK(at != NULL);
		length = strtoul(at + 8, &end, 10);
		CHECK(memcmp(end, " >>\nstream\n", 11) == 0);
		CHECK(memcmp(end + 11 + length, "\nendstream\nendobj\n", 18) == 0);
	}
}

TEST(png_is_whole)
{
	rush_pool_fill(&pool, 7);
	for (size_t i = 0; i < SIZES; i++)
		check_png(make(RUSH_PNG, sizes[i]));
}

TEST(jpeg_is_whole)
{
	rush_pool_fill(&pool, 7);
	for (size_t i = 0; i < SIZES; i++)
		check_jpeg(make(RUSH_JPEG, sizes[i]));
}

TEST(pdf_is_whole)
{
	rush_pool_fill(&pool, 7);
	for (size_t i = 0; i < SIZES; i++)
		check_pdf(make(RUSH_PDF, sizes[i]));
}

/* What `file` says of bytes[0..n). */
static void ask_file(size_t n, char said[64])
{
	char path[] = "/tmp/test_rush_files-XXXXXX", command[100];
	int fd = mkstemp(path);
	FILE *p;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, bytes, n), n);
	close(fd);
	snprintf(command, sizeof command, "file --brief --mime-type %s", path);
	p = popen(command, "r");
	CHECK(p != NULL);
	CHECK(fgets(said, 64, p) != NULL);
	said[strcspn(said, "\n")] = 0;
	CHECK_EQ(pclose(p), 0);
	unlink(path);
}

TEST_LIMIT(libmagic_names_each_kind, 60)
{
	char said[64];

	if (system("file --version >/dev/null 2>&1") != 0)
		SKIP("the program `file` is not installed");
	rush_pool_fill(&pool, 3);
	for (int kind = RUSH_PDF; kind <= RUSH_TEXT; kind++) {
		for (size_t i = 0; i < SIZES; i += 3) {
			ask_file(make(kind, sizes[i]), said);
			CHECK_STR(said, rush_kind_mime(kind));
		}
	}
}

/* The same on every machine: FNV-1a sums, noted when this was written. */
TEST(same_seed_same_bytes)
{
	static const uint64_t sums[] = { 0x133501aa3589cf62u, 0x61a1f3a1eb512ea8u,
		0xf11524c166a6783fu, 0xeb1974b46bc72772u, 0x7524c7b345433aaau,
		0x6d07afcf920146b1u };

	rush_pool_fill(&pool, 42);
	for (int kind = RUSH_PDF; kind <= RUSH_TEXT; kind++) {
		uint64_t h = 0xcbf29ce484222325u;
		size_t n = make(kind, 77777);
		for (size_t i = 0; i < n; i++)
			h = (h ^ bytes[i]) * 0x100000001b3u;
		CHECK_EQ(h, sums[kind]);
	}
}

TEST(any_piece_is_the_same)
{
	static uint8_t piece[70000];
	uint64_t state = 5;

	rush_pool_fill(&pool, 9);
	for (int kind = RUSH_PDF; kind <= RUSH_TEXT; kind++) {
		size_t n = make(kind, 234567);
		for (int i = 0; i < 200; i++) {
			size_t at = rush_random(&state) % (n + 10);
			size_t want = rush_random(&state) % sizeof piece;
			size_t due = at >= n ? 0 : want < n - at ? want : n - at;
			CHECK_EQ(rush_file_read(&made, at, piece, want), due);
			CHECK(memcmp(piece, bytes + at, due) == 0);
		}
	}
}

TEST(another_student_other_bytes)
{
	static uint8_t other[65536];

	rush_pool_fill(&pool, 1);
	for (int kind = RUSH_PDF; kind <= RUSH_JPEG; kind++) {
		size_t n = 40000;
		rush_file_make(&made, &pool, kind, 1, n, "Estudiante 2026-00001");
		CHECK_EQ(rush_file_read(&made, 0, bytes, n), n);
		rush_file_make(&made, &pool, kind, 1, n, "Estudiante 2026-00002");
		CHECK_EQ(rush_file_read(&made, 0, other, n), n);
		CHECK(memcmp(bytes, other, n) != 0);
	}
}

TEST(shares_are_exact)
{
	struct rush_plan p;
	uint32_t seen[RUSH_FATES] = { 0 }, octave[7] = { 0 };

	CHECK_EQ(rush_plan_make(&p, 11, 3000, 2 << 20), 0);
	for (uint32_t i = 0; i < p.count; i++) {
		const struct rush_student *s = &p.students[i];
		seen[s->fate]++;
		if (s->fate == RUSH_OVERSIZED) {
			CHECK(s->cut > p.limit);
			continue;
		}
		CHECK(s->whole >= RUSH_MIN_SIZE && s->whole <= RUSH_MAX_SIZE);
		CHECK(s->fate == RUSH_TRUNCATED ? s->cut < s->whole * 9 / 10 + 1
						: s->cut == s->whole);
		octave[63 - __builtin_clzll(s->whole) - 13 > 6
				? 6
				: 63 - __builtin_clzll(s->whole) - 13]++;
	}
	CHECK_EQ(seen[RUSH_TRUNCATED], 60);
	CHECK_EQ(seen[RUSH_OVERSIZED], 30);
	CHECK_EQ(seen[RUSH_MISTYPED], 30);
	CHECK_EQ(seen[RUSH_TWIN], 60);
	CHECK_EQ(seen[RUSH_WHOLE], rush_plan_accepted(&p));
	for (int k = 1; k < 7; k++) /* log-uniform: about 2970 / 6.68 in each whole octave */
		CHECK(octave[k] > 350 && octave[k] < 550);
	rush_plan_free(&p);
}

TEST(twins_come_in_pairs)
{
	struct rush_plan p;
	struct rush_file a, b;

	CHECK_EQ(rush_plan_make(&p, 12, 500, 2 << 20), 0);
	for (uint32_t i = 0; i < p.count; i++) {
		const struct rush_student *s = &p.students[i];
		if (s->fate != RUSH_TWIN)
			continue;
		CHECK(s->twin >= 0 && s->twin != i);
		CHECK_EQ(p.students[s->twin].fate, RUSH_WHOLE);
		CHECK_EQ(p.students[s->twin].twin, i);
		rush_plan_file(&p, i, &a);
		rush_plan_file(&p, s->twin, &b);
		CHECK_EQ(a.size, b.size);
		for (size_t at = 0; at < a.size; at += 60000) {
			size_t n = rush_file_read(&a, at, bytes, 60000);
			CHECK_EQ(rush_file_read(&b, at, bytes + 60000, 60000), n);
			CHECK(memcmp(bytes, bytes + 60000, n) == 0);
		}
	}
	rush_plan_free(&p);
}

TEST(a_few_students_are_all_whole)
{
	struct rush_plan p;

	CHECK_EQ(rush_plan_make(&p, 1, 1, 2 << 20), 0);
	CHECK_EQ(rush_plan_accepted(&p), 1);
	rush_plan_free(&p);
}
