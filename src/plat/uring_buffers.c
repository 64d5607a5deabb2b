/* uring_buffers.c - a ring of provided buffers.  Source: io_uring_register(2),
 * IORING_REGISTER_PBUF_RING (Linux 5.19).
 *
 * Order: the kernel reads the tail after we have filled the entry (release).  The ring itself lies
 * in shared memory, so that after a fork the parent's pages stay those that the kernel knows. */
#include "plat/uring_buffers.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static size_t ring_size(void) { return BUFFERS * sizeof(struct io_uring_buf); }

void uring_buffers_back(struct uring_buffers *b, unsigned id)
{
	struct io_uring_buf *e = &b->ring->bufs[b->tail % BUFFERS];

	e->addr = (uintptr_t)b->at[id]->bytes; /* not e->resv: the first one's is the tail */
	e->len = BUFFER_SIZE;
	e->bid = (uint16_t)id;
	__atomic_store_n(&b->ring->tail, ++b->tail, __ATOMIC_RELEASE);
}

static void fill(struct uring_buffers *b)
{
	for (unsigned id = 0; id < BUFFERS && b->n < BUFFERS; id++) {
		if (b->at[id])
			continue;
		b->at[id] = malloc(sizeof *b->at[id]);
		if (!b->at[id])
			return;
		b->n++;
		uring_buffers_back(b, id);
	}
}

struct poll_piece *uring_buffers_keep(struct uring_buffers *b, unsigned id)
{
	struct poll_piece *piece = b->at[id];

	b->at[id] = NULL;
	b->n--;
	fill(b);
	return piece;
}

static int open_ring(struct uring_buffers *b, struct uring *u)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS };
	void *ring =
		mmap(NULL, ring_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (ring == MAP_FAILED)
		return -errno;
	reg.ring_addr = (uintptr_t)ring;
	if (syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_PBUF_RING, &reg, 1) < 0) {
		r = -errno;
		munmap(ring, ring_size());
		return r;
	}
	b->ring = ring;
	return 0;
}

int uring_buffers_lend(struct uring_buffers *b, struct uring *u)
{
	int r = b->ring ? 0 : open_ring(b, u);

	if (r < 0)
		return r;
	fill(b);
	return b->n ? 0 : -ENOMEM;
}

void uring_buffers_free(struct uring_buffers *b)
{
	if (b->ring)
		munmap(b->ring, ring_size());
	for (unsigned id = 0; id < BUFFERS; id++)
		free(b->at[id]);
}
