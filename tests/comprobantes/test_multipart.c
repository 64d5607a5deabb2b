/* The form parser: every way to cut a body into pieces gives the same bytes, and what is wrong with
 * a form is said. */
#include "../../apps/comprobantes/multipart.c"
#include "../../apps/comprobantes/text.c"
#include "check.h"

#define TYPE "multipart/form-data; boundary=XyZ"

static char file[4096];
static size_t file_n;

/* Collects as the service does: in place, with what was held back put before it. */
static void collect(void *arg, const char *p, size_t n, const char *before)
{
	(void)arg;
	CHECK(file_n + n <= sizeof file);
	if (before)
		memcpy((char *)before - n, p, n); /* must be room that was read already */
	memcpy(file + file_n, p, n);
	file_n += n;
}

/* Feed body[0..n) in pieces of `step` bytes, each in a buffer with headroom before it. */
static const char *feed(
	struct multipart *m, const char *type, const char *body, size_t n, size_t step)
{
	char buffer[MULTIPART_CARRY + 4096];
	const char *bad = NULL;

	file_n = 0;
	CHECK(multipart_begin(m, type, collect, NULL));
	for (size_t at = 0; at < n && !bad; at += step) {
		size_t k = n - at < step ? n - at : step;
		memcpy(buffer + MULTIPART_CARRY, body + at, k);
		bad = multipart_feed(m, buffer + MULTIPART_CARRY, k);
	}
	return bad ? bad : multipart_end(m);
}

static const char *feed_text(struct multipart *m, const char *body, size_t step)
{
	return feed(m, TYPE, body, strlen(body), step);
}

#define FIELD(name, value) \
	"--XyZ\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_HEAD \
	"--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.pdf\"\r\n" \
	"Content-Type: application/pdf\r\n\r\n"
#define TAIL "\r\n--XyZ--\r\n"

/* Bytes that look like a delimiter, in every way but the last. */
#define TRICKY "\r\n--Xy\r\n--X\r\r\n\r\n--\r\n-\r\n--XyQ\r\n--XYZ\r\n-- XyZ\r"

TEST(every_cut_gives_the_same_file)
{
	static const char body[] = FIELD("student", "2026-1") FILE_HEAD TRICKY TAIL;
	struct multipart m;

	for (size_t step = 1; step <= sizeof body; step++) {
		CHECK(feed_text(&m, body, step) == NULL);
		CHECK_EQ(file_n, sizeof TRICKY - 1);
		CHECK(memcmp(file, TRICKY, file_n) == 0);
		CHECK_EQ(m.student_n, 6);
		CHECK(memcmp(m.student, "2026-1", 6) == 0);
		CHECK_STR(m.type, "application/pdf");
	}
}

TEST(fields_may_follow_the_file)
{
	static const char body[] =
		FILE_HEAD "%PDF"
			  "\r\n" FIELD("name", "Luc\u00eda")
				  FIELD("otra", "cosa") "--XyZ\r\nContent-Disposition: form-data; "
							"name=student\r\n\r\n7" TAIL;
	struct multipart m;

	for (size_t step = 1; step <= sizeof body; step++) {
		CHECK(feed_text(&m, body, step) == NULL);
		CHECK_EQ(file_n, 4);
		CHECK_EQ(m.name_n, 6);
		CHECK_EQ(m.student_n, 1);
	}
}

TEST(zeros_and_an_empty_file)
{
	static const char body[] = FILE_HEAD "\0\r\n\0" TAIL;
	struct multipart m;

	CHECK(feed(&m, TYPE, body, sizeof body - 1, 5) == NULL);
	CHECK_EQ(file_n, 4);
	CHECK(memcmp(file, "\0\r\n\0", 4) == 0);
	CHECK(feed_text(&m, FILE_HEAD TAIL, 3) == NULL);
	CHECK_EQ(file_n, 0);
}

TEST(preamble_epilogue_and_blanks_are_ignored)
{
	struct multipart m;

	CHECK(feed_text(&m,
		      "preamble\r\n--XyZ  \r\nContent-Disposition: form-data; name=\"f\"; "
		      "filename=\"\"\r\n\r\nabc\r\n--XyZ-- epilogue --XyZ\r\n",
		      2) == NULL);
	CHECK_EQ(file_n, 3);
	CHECK(feed(&m, "Multipart/Form-Data; charset=utf-8; boundary=\"XyZ\"", FILE_HEAD "q" TAIL,
		      strlen(FILE_HEAD "q" TAIL), 100) == NULL);
	CHECK_EQ(file_n, 1);
}

TEST(what_is_wrong_is_said)
{
	static const struct {
		const char *body, *word;
	} table[] = {
		{ "", "last boundary" },
		{ "--XyZ", "last boundary" },
		{ FILE_HEAD "abc", "last boundary" },
		{ FILE_HEAD "abc\r\n--XyZ", "last boundary" },
		{ FIELD("student", "1") "--XyZ--\r\n", "no file" },
		{ FILE_HEAD "a\r\n" FILE_HEAD "b" TAIL, "more than one file" },
		{ FIELD("student", "1") FIELD("student", "2") FILE_HEAD "b" TAIL,
			"more than once" },
		{ FIELD("name", "1") FIELD("name", "2") FILE_HEAD "b" TAIL, "more than once" },
		{ "--XyZ\r\nno colon\r\n\r\nx" TAIL, "colon" },
		{ "--XyZ\nContent-Disposition: form-data\n\nx" TAIL, "boundary" },
		{ "--XyZ\r\nContent-Disposition: form-data\n\r\nx" TAIL, "CR LF" },
		{ "--XyZx\r\n", "boundary" },
	};
	struct multipart m;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		for (size_t step = 1; step < 200; step += 11) {
			const char *bad = feed_text(&m, table[i].body, step);
			if (!bad || !strstr(bad, table[i].word))
				fprintf(stderr, "case %zu, step %zu: %s\n", i, step,
					bad ? bad : "-");
			CHECK(bad && strstr(bad, table[i].word));
		}
	}
}

TEST(a_head_has_limits)
{
	char body[4096];
	struct multipart m;
	int n = snprintf(body, sizeof body, "--XyZ\r\nX: %0600d\r\n\r\n", 1);

	CHECK(strstr(feed(&m, TYPE, body, n, 64), "too long") != NULL);
	n = snprintf(body, sizeof body, "--XyZ\r\n");
	for (int i = 0; i < 20; i++)
		n += snprintf(body + n, sizeof body - n, "X: y\r\n");
	CHECK(strstr(feed(&m, TYPE, body, n, 64), "too many") != NULL);
}

TEST(a_field_that_is_too_long_is_seen_as_such)
{
	struct multipart m;

	CHECK(feed_text(&m,
		      FIELD("student", "123456789012345678901234567890123456789012345") FILE_HEAD
		      "b" TAIL,
		      7) == NULL);
	CHECK(!text_is_student(m.student, m.student_n));
}

TEST(a_boundary_is_needed)
{
	struct multipart m;
	char type[160];

	CHECK(!multipart_begin(&m, "multipart/form-data", collect, NULL));
	CHECK(!multipart_begin(&m, "multipart/form-data; boundary=", collect, NULL));
	CHECK(!multipart_begin(&m, "multipart/form-data; boundary=\"x", collect, NULL));
	snprintf(type, sizeof type, "multipart/form-data; boundary=%071d", 1);
	CHECK(!multipart_begin(&m, type, collect, NULL));
	snprintf(type, sizeof type, "multipart/form-data; boundary=%070d", 1);
	CHECK(multipart_begin(&m, type, collect, NULL));
}

TEST(text_of_strangers)
{
	char buf[40];

	CHECK(text_is_student("A.b_c-9", 7) && !text_is_student("", 0));
	CHECK(!text_is_student("a b", 3) && !text_is_student("a\0b", 3));
	CHECK(text_is_name("Luc\u00eda N\u00fa\u00f1ez", strlen("Luc\u00eda N\u00fa\u00f1ez")));
	CHECK(!text_is_name("a\nb", 3) && !text_is_name("\xc3", 1) && !text_is_name("", 0));
	CHECK(!text_is_name("\xc0\xaf", 2) && !text_is_name("\xed\xa0\x80", 3));
	CHECK(!text_is_name("\xc2\x85", 2) && !text_is_name("\xf4\x90\x80\x80", 4));
	CHECK(text_is_name("\xf0\x9f\x98\x80", 4) && !text_is_name("\x7f", 1));
	CHECK_EQ(text_query("a=1&name=x%20y+z&b", "name", buf, sizeof buf), 5);
	CHECK_STR(buf, "x y z");
	CHECK_EQ(text_query("nam=1&xname=2", "name", buf, sizeof buf), -1);
	CHECK_EQ(text_query("name=%4", "name", buf, sizeof buf), -1);
	CHECK_EQ(text_query("name=%00", "name", buf, sizeof buf), -1);
	CHECK_EQ(text_query("name=a&name=b", "name", buf, sizeof buf), -1);
	CHECK_EQ(text_query("name=1234", "name", buf, 4), -1);
	CHECK_STR(text_json("a\"b\\c\n\u00f1", buf, sizeof buf), "a\\\"b\\\\c\\u000a\u00f1");
	CHECK_STR(text_json("abc\"", buf, 5), "abc");
}
