/* uring_buffers.h - buffers lent to the kernel, which picks one for each receive that asks for it.
 *
 * A buffer is a piece of its own on the heap: one whose bytes nobody has read yet leaves the ring
 * with them, and another takes its place; so unread bytes belong to who keeps them, whatever
 * becomes of the ring. */
#ifndef TELAR_URING_BUFFERS_H
#define TELAR_URING_BUFFERS_H
#include "plat/uring.h"

enum { BUFFERS = 64, BUFFER_SIZE = 2048 - 16 }; /* more than one look of Linux 6.14 brings */

struct poll_piece {
	struct poll_piece *next;
	uint32_t at, end; /* unread: bytes[at..end) */
	char bytes[BUFFER_SIZE];
};

struct uring_buffers {
	struct io_uring_buf_ring *ring; /* NULL: not there yet */
	uint16_t tail;
	unsigned n; /* pieces; those that are missing were refused by the heap */
	struct poll_piece *at[BUFFERS];
};

/* Lend all to u, as its group 0; or what is missing.  < 0: there are none. */
int uring_buffers_lend(struct uring_buffers *b, struct uring *u);
void uring_buffers_free(struct uring_buffers *b); /* when u is closed */
/* The kernel has used buffer id: give it back, or keep it (and lend another). */
void uring_buffers_back(struct uring_buffers *b, unsigned id);
struct poll_piece *uring_buffers_keep(struct uring_buffers *b, unsigned id);

#endif
