/* Addresses: what is taken is printed, and what is printed is read as the same. */
#include "../../../src/io/address.c"
#include "fuzz.h"

static void check_printing(const struct address *a)
{
	char text[256], again[256], part[8];
	struct address b;
	int n = address_format(a, text, sizeof text);
	const char *path = address_path(a);

	MUST(n > 0 && (size_t)n == strlen(text));
	MUST(address_parse(text, &b) == 0);
	MUST(b.size == a->size && memcmp(&b.any, &a->any, a->size) == 0);
	MUST(address_format(&b, again, sizeof again) == n && strcmp(text, again) == 0);
	MUST(address_format(a, part, sizeof part) == n && strlen(part) < sizeof part);
	MUST(strncmp(part, text, strlen(part)) == 0);
	MUST(address_format(a, NULL, 0) == n);
	MUST(!path || (a->any.sa_family == AF_UNIX && strcmp(path, text + 5) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n);
	struct address a, before;
	int r;

	memset(&a, 0x5a, sizeof a);
	before = a;
	r = address_parse(text, &a);
	MUST(r == 0 || r == -EINVAL);
	if (r == 0)
		check_printing(&a);
	else
		MUST(memcmp(&a, &before, sizeof a) == 0);
	free(text);
	return 0;
}
