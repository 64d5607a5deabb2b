/* multipart.h - multipart/form-data as browsers and curl send it, piece by piece.
 *
 * Fields "student" and "name", and one part with a filename, in any order; other fields are
 * ignored.  The file's bytes are handed on as they come, never kept. */
#ifndef MULTIPART_H
#define MULTIPART_H
#include "text.h"

#define MULTIPART_BOUNDARY 70 /* bytes, at most: RFC 2046 */
#define MULTIPART_CARRY    80 /* bytes of a delimiter, at most */

/* n bytes of the file.  before NULL: p lies in the buffer that is being fed.  Else they are what
 * might have been a delimiter; p is not in that buffer, but the n bytes that end at `before` have
 * been read (in this feed or the one before) and may be written over. */
typedef void multipart_emit(void *arg, const char *p, size_t n, const char *before);

struct multipart {
	enum { MP_PREAMBLE, MP_AFTER, MP_HEAD, MP_DATA, MP_END } state;
	enum { MP_OTHER, MP_STUDENT, MP_NAME, MP_FILE } part;
	multipart_emit *emit;
	void *arg;
	char delimiter[MULTIPART_CARRY];
	size_t delimiter_n, matched; /* its length; how much of it has just been seen */
	char line[512];              /* of a part's head */
	size_t line_n;
	unsigned lines; /* of this part's head */
	unsigned students, names, files;
	char student[TEXT_STUDENT + 1], name[TEXT_NAME + 1];
	size_t student_n, name_n; /* may be one more than fits: then it was too long */
	char type[64];            /* the file's declared type; "": none */
};

/* Has the value of a Content-Type header a boundary that multipart_begin can begin with? */
bool multipart_usable(const char *type);

/* Begin with the value of the Content-Type header.  false: no usable boundary in it. */
bool multipart_begin(struct multipart *m, const char *type, multipart_emit *emit, void *arg);

/* Read on.  NULL: well; else a sentence that says what is wrong, and m is of no more use. */
const char *multipart_feed(struct multipart *m, const char *p, size_t n);

/* The body has ended: NULL if the form was whole and has all it needs, else what is wrong. */
const char *multipart_end(const struct multipart *m);

#endif
