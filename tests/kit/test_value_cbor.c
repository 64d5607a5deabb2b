/* Values as CBOR: the bytes of the RFC, there and back; and what a stranger may send. */
#include <errno.h>
#include <stdlib.h>
#include <telar/value.h>

#include "check.h"

static size_t bytes_of(const char *hex, unsigned char *ret)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1] };

		ret[i] = (unsigned char)strtol(two, NULL, 16);
	}
	return n;
}

static const char *hex_of(tl_value v)
{
	static char hex[400];
	unsigned char bytes[200];
	int n = tl_value_encode(v, bytes, sizeof bytes);

	if (n == -ENOTSUP)
		SKIP("this build has no libcbor");
	CHECK(n >= 0 && n <= (int)sizeof bytes);
	for (int i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return hex;
}

/* Read, in a block of just their size; its answer. */
static int read_hex(const char *hex, tl_value *ret)
{
	unsigned char *p = malloc(strlen(hex) / 2 + 1), *exact;
	size_t n = bytes_of(hex, p);
	int r;

	exact = memcpy(malloc(n ? n : 1), p, n);
	r = tl_value_decode(exact, n, ret);
	free(exact);
	free(p);
	if (r == -ENOTSUP)
		SKIP("this build has no libcbor");
	return r;
}

/* Appendix A of RFC 8949. */
TEST(bytes_of_the_rfc)
{
	tl_value list[] = { TL_INT(1), TL_INT(2), TL_INT(3) };
	tl_value pairs[] = { TL_STR("a"), TL_INT(1), TL_STR("b"), TL_LIST(list, 3) };

	CHECK_STR(hex_of(TL_INT(0)), "00");
	CHECK_STR(hex_of(TL_INT(23)), "17");
	CHECK_STR(hex_of(TL_INT(24)), "1818");
	CHECK_STR(hex_of(TL_INT(1000000000000)), "1b000000e8d4a51000");
	CHECK_STR(hex_of(TL_INT(-1)), "20");
	CHECK_STR(hex_of(TL_INT(-1000)), "3903e7");
	CHECK_STR(hex_of(TL_INT(INT64_MIN)), "3b7fffffffffffffff");
	CHECK_STR(hex_of(TL_NUM(1.1)), "fb3ff199999999999a");
	CHECK_STR(hex_of(TL_BOOL(true)), "f5");
	CHECK_STR(hex_of(TL_NIL), "f6");
	CHECK_STR(hex_of(TL_STR("\xc3\xbc")), "62c3bc");
	CHECK_STR(hex_of(TL_BYTES("\1\2\3\4", 4)), "4401020304");
	CHECK_STR(hex_of(TL_LIST(list, 3)), "83010203");
	CHECK_STR(hex_of(TL_MAP(pairs, 2)), "a2616101616283010203");
	CHECK_STR(hex_of((tl_value){ .type = TL_T_OBJECT, .object = 5 }), "d82705");
}

TEST(there_and_back)
{
	static const char *const all[] = { "00", "3b7fffffffffffffff", "f4", "f6", "60", "40",
		"fb3ff199999999999a", "80", "a0", "d8271bffffffffffffffff", "a2616101616283010203",
		"8480a0826040f6" };
	tl_value v;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		CHECK_EQ(read_hex(all[i], &v), 0);
		CHECK_STR(hex_of(v), all[i]);
		tl_value_free(&v);
	}
	CHECK_EQ(read_hex("f93400", &v), 0); /* a half */
	CHECK(v.type == TL_T_FLOAT && v.f == 0.25);
	CHECK_EQ(read_hex("fa47c35000", &v), 0); /* a single */
	CHECK(v.type == TL_T_FLOAT && v.f == 100000.0);
}

static void wrong(const char *hex, const char *reason)
{
	unsigned char p[200];
	size_t n = bytes_of(hex, p);
	tl_value v = TL_INT(7);
	char why[100];

	CHECK_EQ(read_hex(hex, &v), -EPROTO);
	CHECK_EQ(v.i, 7);
	CHECK_EQ(tl_value_check(p, n, why, sizeof why), -EPROTO);
	CHECK_STR(why, reason);
}

/* D14: what a stranger sends is refused with a reason: depth, lengths, ends, keys twice */
TEST(hostile)
{
	char deep[2 * 66 + 1] = { 0 };

	wrong("", "byte 0: it ends in the middle");
	wrong("8119", "byte 1: it ends in the middle");
	wrong("8301", "byte 0: more items than bytes are left");
	wrong("62c3", "byte 0: it ends in the middle");
	wrong("0102", "byte 1: bytes after the value");
	wrong("9a7fffffff00", "byte 0: more items than bytes are left");
	wrong("bb7fffffffffffffff00", "byte 0: more items than bytes are left");
	wrong("82820000", "byte 1: more items than bytes are left");
	wrong("5bffffffffffffffff00", "byte 0: it ends in the middle");
	wrong("62c328", "byte 0: a text that is no UTF-8");
	wrong("63eda080", "byte 0: a text that is no UTF-8");
	wrong("62c080", "byte 0: a text that is no UTF-8");
	wrong("a2010201f6", "byte 5: a key that is there twice");
	wrong("a20101f93c00f6", "byte 7: a key that is there twice");
	wrong("a1f97e0001", "byte 1: a key that can be none");
	wrong("a18001", "byte 1: a key that can be none");
	wrong("1bffffffffffffffff", "byte 0: a whole number beyond 64 bits");
	wrong("3bffffffffffffffff", "byte 0: a whole number beyond 64 bits");
	wrong("9f01ff", "byte 0: a length that is told later");
	wrong("7f6161ff", "byte 0: a length that is told later");
	wrong("c001", "byte 0: a tag, which is no value here");
	wrong("d827d82701", "byte 2: a tag, which is no value here");
	wrong("d8276161", "byte 2: an object's id that is no number");
	wrong("f7", "byte 0: undefined, which is no value here");
	wrong("ff", "byte 0: an end without a beginning");
	wrong("1c", "byte 0: no CBOR");
	for (int i = 0; i < 64; i++)
		strcat(deep, "81");
	strcat(deep, "80");
	wrong(deep, "byte 64: nested too deep");
}

TEST(as_deep_as_allowed)
{
	char deep[2 * 64 + 1] = { 0 };
	tl_value v;

	for (int i = 0; i < 63; i++)
		strcat(deep, "81");
	strcat(deep, "80");
	CHECK_EQ(read_hex(deep, &v), 0);
	CHECK_STR(hex_of(v), deep);
	tl_value_free(&v);
}

TEST(many_keys)
{
	enum { N = 100000 };
	tl_value *pairs = calloc(2 * N, sizeof *pairs), v;
	int n;
	void *bytes;

	for (int i = 0; i < N; i++)
		pairs[2 * i] = TL_INT(i);
	n = tl_value_encode(TL_MAP(pairs, N), NULL, 0);
	if (n == -ENOTSUP)
		SKIP("this build has no libcbor");
	bytes = malloc((size_t)n);
	CHECK_EQ(tl_value_encode(TL_MAP(pairs, N), bytes, (size_t)n), n);
	CHECK_EQ(tl_value_decode(bytes, (size_t)n, &v), 0);
	CHECK_EQ(v.n, N);
	tl_value_free(&v);
	pairs[2 * (N - 1)] = TL_NUM(17);
	n = tl_value_encode(TL_MAP(pairs, N), NULL, 0);
	bytes = realloc(bytes, (size_t)n);
	CHECK_EQ(tl_value_encode(TL_MAP(pairs, N), bytes, (size_t)n), n);
	CHECK_EQ(tl_value_decode(bytes, (size_t)n, &v), -EPROTO);
	free(bytes);
	free(pairs);
}

TEST(encode_says_how_much)
{
	char buf[4] = "....";

	if (tl_value_encode(TL_NIL, NULL, 0) == -ENOTSUP)
		SKIP("this build has no libcbor");
	CHECK_EQ(tl_value_encode(TL_STR("abcdef"), buf, sizeof buf), 7);
	CHECK_EQ(tl_value_encode(TL_STR("abc"), buf, sizeof buf), 4);
	CHECK(memcmp(buf, "cabc", 4) == 0);
	CHECK_EQ(tl_value_encode(TL_STR("\xff"), buf, sizeof buf), -EINVAL);
	CHECK_EQ(tl_value_encode(TL_LIST(NULL, 3), buf, sizeof buf), -EINVAL);
}
