/* types.h - is a file whole?  By its own structure, from its first byte to its end mark. */
#ifndef TYPES_H
#define TYPES_H
#include "why.h"
#include <stddef.h>
#include <stdint.h>

enum type { TYPE_ANY, TYPE_PDF, TYPE_PNG, TYPE_JPEG, TYPE_OTHER };

/* "application/pdf" ...; TYPE_ANY for a text that declares nothing ("", octet-stream), TYPE_OTHER
 * for one that declares what is not taken. */
enum type types_of_mime(const char *mime);
const char *types_mime(enum type type);

/* Read the file of `size` bytes through fd, with pread(2), in pieces of cap bytes (at least 4096)
 * at buf.  Answers WHY_NONE, the WHY_BROKEN_* of its type, or WHY_INTERNAL (it cannot be read). */
enum why types_check(enum type type, int fd, uint64_t size, void *buf, size_t cap);

#endif
