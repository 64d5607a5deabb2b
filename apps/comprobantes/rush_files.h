/* rush_files.h - the files of a rush: real PDF, PNG and JPEG, made from a seed, read at any place.
 *
 * The same seed gives the same bytes on every machine.  A file is a head of its own (with the
 * student's data in it), stretches of a common pool of noise, and a tail; no file is ever whole in
 * memory. */
#ifndef RUSH_FILES_H
#define RUSH_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUSH_BLOCK    8192 /* eight rows of a picture */
#define RUSH_ROW      1024
#define RUSH_BLOCKS   128
#define RUSH_MIN_SIZE (10u << 10)
#define RUSH_MAX_SIZE (1u << 20)

enum rush_kind { RUSH_PDF, RUSH_PNG, RUSH_JPEG, RUSH_GIF, RUSH_ZIP, RUSH_TEXT };

struct rush_pool {
	uint8_t block[RUSH_BLOCKS][RUSH_BLOCK];
	uint8_t text[RUSH_BLOCK];
	uint32_t idat_crc[RUSH_BLOCKS]; /* of a PNG chunk that holds just this block */
	uint32_t adler[RUSH_BLOCKS];
};

struct rush_file {
	const struct rush_pool *pool;
	uint64_t seed;
	enum rush_kind kind;
	size_t size, head_size, tail_size;
	size_t lead, units, unit; /* the lead's bytes; how many units; the bytes of one */
	size_t before, after;     /* bytes that frame a unit, and the lead */
	uint8_t frame[16];        /* those before a unit */
	uint8_t lead_crc[4];
	uint8_t head[2048], tail[512];
};

/* The next number of a sequence; state may begin anywhere.  Source: splitmix64, Vigna 2015. */
uint64_t rush_random(uint64_t *state);
/* One number for (seed, index), equally spread. */
uint64_t rush_mix(uint64_t seed, uint64_t index);

void rush_pool_fill(struct rush_pool *pool, uint64_t seed);

/* Lay out a file of exactly `size` bytes (at least RUSH_MIN_SIZE).  `label` is plain ASCII of at
 * most 200 bytes that stands in the file, without brackets or backslashes; it makes the bytes
 * unique. */
void rush_file_make(struct rush_file *f, const struct rush_pool *pool, enum rush_kind kind,
	uint64_t seed, size_t size, const char *label);

/* Copy at most n bytes from offset `at`; answers how many, 0 at the end. */
size_t rush_file_read(const struct rush_file *f, size_t at, void *buf, size_t n);

/* "application/pdf" ... */
const char *rush_kind_mime(enum rush_kind kind);

/* The checksums that PNG needs, over what came before (0 and 1 to begin). */
uint32_t rush_crc32(uint32_t crc, const void *buf, size_t n);
uint32_t rush_adler32(uint32_t adler, const void *buf, size_t n);

#endif
