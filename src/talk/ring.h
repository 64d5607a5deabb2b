/* ring.h - records of bytes of any length, first in, first out, in one buffer that grows as needed.
 */
#ifndef TELAR_TALK_RING_H
#define TELAR_TALK_RING_H
#include <stddef.h>
#include <stdint.h>

struct ring {
	char *buf;
	size_t size;       /* of buf: a power of two, or 0 */
	size_t head, tail; /* bytes taken and put since the beginning */
	size_t n;          /* records */
};

int ring_put(struct ring *g, const void *item, size_t size); /* 0, -ENOMEM */
size_t ring_peek(struct ring *g);                            /* size of the oldest; n > 0 */
void ring_take(struct ring *g, void *buf);                   /* buf holds ring_peek() bytes */
void ring_free(struct ring *g);

#endif
