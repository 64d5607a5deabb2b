/* Receipts: the answer does not depend on how much is read at once, nor, for pictures, on what
 * stands after their end. */
#include "../../../apps/comprobantes/types.c"
#include "fuzz.h"
#include <sys/mman.h>

static enum why check(enum type type, int fd, uint64_t size, size_t window)
{
	char *buf = malloc(window);
	enum why why;

	MUST(buf);
	why = types_check(type, fd, size, buf, window);
	free(buf);
	return why;
}

static void check_mime(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n), more[80];
	enum type type = types_of_mime(text);

	if (type != TYPE_ANY && type != TYPE_OTHER) {
		MUST(types_of_mime(types_mime(type)) == type);
		snprintf(more, sizeof more, "%.*s; a=b", (int)strcspn(text, "; \t"), text);
		MUST(types_of_mime(more) == type);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char tail[] = "what a phone has appended\xff\xd8";
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("receipt", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 0) == 0);
	MUST(pwrite(fd, data, n, 0) == (ssize_t)n);
	check_mime(data, n);
	MUST(types_check(TYPE_OTHER, fd, n, NULL, 0) == WHY_TYPE);
	for (enum type type = TYPE_PDF; type <= TYPE_JPEG; type++) {
		enum why why = check(type, fd, n, 4096);
		MUST(why == WHY_NONE || why == WHY_BROKEN_PDF || why == WHY_BROKEN_PNG ||
			why == WHY_BROKEN_JPEG);
		MUST(why == check(type, fd, n, 4099) && why == check(type, fd, n, 65536));
		/* One that is cut off by a byte and whole had its end before that. */
		if (type == TYPE_PDF || why != WHY_NONE)
			continue;
		MUST(pwrite(fd, tail, sizeof tail, (off_t)n) == sizeof tail);
		MUST(check(type, fd, n + sizeof tail, 4096) == WHY_NONE);
		MUST(ftruncate(fd, (off_t)n) == 0);
	}
	return 0;
}
