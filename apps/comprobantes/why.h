/* why.h - every reason for an answer that is not a success: its status, its label in the metrics
 * and its sentence, in one table. */
#ifndef WHY_H
#define WHY_H

#define WHY_TABLE(X) \
	X(NONE, 200, "none", "") \
	X(MALFORMED, 400, "malformed", "This is not a well-formed HTTP/1.1 request.") \
	X(CUT, 400, "cut", "The connection ended before the request was whole.") \
	X(HOST, 400, "malformed", "An HTTP/1.1 request needs exactly one Host header.") \
	X(STUDENT, 400, "fields", \
		"The field student is missing or wrong: 1 to 32 of A-Z a-z 0-9 . _ - are needed.") \
	X(NAME, 400, "fields", \
		"The field name is missing or wrong: 1 to 100 bytes of UTF-8 text are needed.") \
	X(BOUNDARY, 400, "form", "The Content-Type multipart/form-data has no usable boundary.") \
	X(FORM, 400, "form", "The form is not well-formed.") \
	X(EMPTY, 400, "empty", "The file has no bytes.") \
	X(PATH, 404, "path", "There is nothing at this path; receipts go to /comprobantes.") \
	X(UNKNOWN, 404, "unknown", "There is no receipt with this id.") \
	X(METHOD, 405, "method", "This path does not know this method; see Allow.") \
	X(SLOW, 408, "slow", "The request came too slowly.") \
	X(DUPLICATE, 409, "duplicate", "Another student has already sent this very file.") \
	X(TOO_LARGE, 413, "too_large", "The file is larger than this service takes.") \
	X(LONG_URL, 414, "head", "The address of the request is too long.") \
	X(DECLARED, 415, "type", "This Content-Type is not taken: send PDF, PNG, JPEG or a form.") \
	X(TYPE, 415, "type", "The file is neither PDF, PNG nor JPEG.") \
	X(MISMATCH, 415, "type", "The file is not of the type that was declared.") \
	X(EXPECT, 417, "expect", "Only Expect: 100-continue is known.") \
	X(BROKEN_PDF, 422, "broken", \
		"The PDF is not whole: its end or cross-reference is missing.") \
	X(BROKEN_PNG, 422, "broken", "The PNG is not whole: a chunk is missing or damaged.") \
	X(BROKEN_JPEG, 422, "broken", "The JPEG is not whole: a segment or its end is missing.") \
	X(LONG_HEAD, 431, "head", "The header of the request is larger than 16 KiB.") \
	X(INTERNAL, 500, "internal", "The service could not store the file; its log says why.") \
	X(BUSY, 503, "busy", "The service is full at this moment; try again.") \
	X(NO_MEMORY, 503, "memory", "The service is short of memory at this moment; try again.") \
	X(DRAINING, 503, "draining", "The service is about to stop; try again.") \
	X(VERSION, 505, "malformed", "Only HTTP/1.0 and HTTP/1.1 are spoken here.") \
	X(DISK_FULL, 507, "disk_full", "The disk of the service is full; nothing was stored.")

enum why {
#define WHY_NAME(name, status, label, text) WHY_##name,
	WHY_TABLE(WHY_NAME)
#undef WHY_NAME
		WHY_COUNT
};

struct why_info {
	int status;
	const char *label, *text;
};
extern const struct why_info why_info[WHY_COUNT];

/* The reason that stands for a failure r < 0 of memory or disk. */
enum why why_of(int r);

#endif
