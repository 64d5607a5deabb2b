/* Values: what is read is read by libcbor, too, as one whole item; written and read again it gives
 * the same bytes, which are as many as were told; a copy is the same; what is refused is refused
 * with a reason, and leaves nothing. */
#include "../../../src/kit/value_cbor.c"
#include "../../../src/kit/value_text.c"

#include "../../../src/kit/value.c"
#include "fuzz.h"

static bool libcbor_reads(const uint8_t *data, size_t n)
{
	struct cbor_load_result result;
	cbor_item_t *item = cbor_load(data, n, &result);

	if (!item)
		return false;
	cbor_decref(&item);
	return result.read == n;
}

static void check_text(tl_value v)
{
	char part[8];
	int n = tl_value_text(v, NULL, 0);
	char *text = malloc((size_t)n + 1);

	MUST(n > 0 && text);
	MUST(tl_value_text(v, text, (size_t)n + 1) == n && strlen(text) == (size_t)n);
	MUST(tl_value_text(v, part, sizeof part) == n);
	MUST(strncmp(text, part, strlen(part)) == 0 && strlen(part) < sizeof part);
	free(text);
}

/* The bytes of v, which the caller frees. */
static uint8_t *written(tl_value v, int *ret_n)
{
	uint8_t *bytes;

	*ret_n = tl_value_encode(v, NULL, 0);
	MUST(*ret_n > 0);
	bytes = malloc((size_t)*ret_n);
	MUST(bytes && tl_value_encode(v, bytes, (size_t)*ret_n) == *ret_n);
	return bytes;
}

static void check_again(tl_value v)
{
	tl_value same = TL_NIL, copy = TL_NIL;
	int n, m;
	uint8_t *once = written(v, &n), *twice;

	MUST(tl_value_decode(once, (size_t)n, &same) == 0);
	MUST(tl_value_copy(v, &copy) == 0);
	tl_value_free(&v);
	twice = written(same, &m);
	MUST(n == m && memcmp(once, twice, (size_t)n) == 0);
	free(twice);
	twice = written(copy, &m);
	MUST(n == m && memcmp(once, twice, (size_t)n) == 0);
	check_text(copy);
	tl_value_free(&same);
	tl_value_free(&copy);
	free(once);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *exact = (uint8_t *)fuzz_text(data, n);
	tl_value v = TL_INT(12345);
	char why[80];
	int r = tl_value_decode(exact, n, &v);

	MUST(r == 0 || r == -EPROTO);
	MUST(tl_value_check(exact, n, why, sizeof why) == r);
	MUST((r == 0) == (why[0] == 0));
	if (r < 0) {
		MUST(v.type == TL_T_INT && v.i == 12345);
		MUST(!strstr(why, "in the middle") || !libcbor_reads(exact, n));
	} else {
		MUST(libcbor_reads(exact, n));
		check_again(v);
	}
	free(exact);
	return 0;
}
