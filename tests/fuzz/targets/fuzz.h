/* fuzz.h - what the targets share.
 *
 * A target is one function, called with any bytes.  It holds what it reads against an oracle: read
 * in pieces it is the same, printed again it is read as the same.  A first byte says how to cut.
 */
#ifndef FUZZ_H
#define FUZZ_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(condition) \
	((condition) ? (void)0 \
		     : (dprintf(2, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), \
			       abort()))

/* The bytes as a string of its own, so that a sanitizer sees who reads beyond it. */
static inline char *fuzz_text(const void *data, size_t n)
{
	char *text = malloc(n + 1);

	MUST(text);
	if (n)
		memcpy(text, data, n);
	text[n] = 0;
	return text;
}

/* The length of the next piece: a walk that `cut` begins, of pieces from 1 to 16 bytes. */
static inline size_t fuzz_piece(uint32_t *cut, size_t left)
{
	size_t n;

	*cut = *cut * 1664525u + 1013904223u;
	n = 1 + (*cut >> 28);
	return n < left ? n : left;
}

#endif
