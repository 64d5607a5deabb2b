/* uring.c - the queues of an io_uring.  Source: io_uring(7), io_uring_setup(2), io_uring_enter(2).
 *
 * Orders: the kernel reads the submission tail after we have filled the entry (release), and moves
 * the head when it has read it (acquire); completions the other way round. */
#include "plat/uring.h"
#include "plat/plat.h"
#include <errno.h>
#include <linux/time_types.h>
#include <string.h>
#include <unistd.h>

static int setup(unsigned n, struct io_uring_params *p)
{
	int fd = (int)syscall(SYS_io_uring_setup, n, p);

	return fd < 0 ? -errno : fd;
}

static int map(struct uring *u, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;

	u->rings_size = sq > cq ? sq : cq;
	u->sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
	u->rings = mmap(NULL, u->rings_size, prot, flags, u->fd, IORING_OFF_SQ_RING);
	if (u->rings == MAP_FAILED)
		return -errno;
	u->sqes = mmap(NULL, u->sqes_size, prot, flags, u->fd, IORING_OFF_SQES);
	return u->sqes == MAP_FAILED ? -errno : 0;
}

static void *in_rings(const struct uring *u, uint32_t offset) { return (char *)u->rings + offset; }

static void find(struct uring *u, const struct io_uring_params *p)
{
	uint32_t *array = in_rings(u, p->sq_off.array);

	u->sq_head = in_rings(u, p->sq_off.head);
	u->sq_tail = in_rings(u, p->sq_off.tail);
	u->sq_flags = in_rings(u, p->sq_off.flags);
	u->cq_head = in_rings(u, p->cq_off.head);
	u->cq_tail = in_rings(u, p->cq_off.tail);
	u->cqes = in_rings(u, p->cq_off.cqes);
	u->sq_size = p->sq_entries;
	u->sq_mask = p->sq_entries - 1;
	u->cq_mask = p->cq_entries - 1;
	for (uint32_t i = 0; i < p->sq_entries; i++)
		array[i] = i; /* entries are used in their order, always */
}

static uint32_t queued(const struct uring *u)
{
	return u->tail - atomic_load_explicit(u->sq_head, memory_order_acquire);
}

/* Linux 5.18: a number for this thread's calls alone, which saves them the table of descriptors. */
static void shorten(struct uring *u)
{
	struct io_uring_rsrc_update up = { .offset = UINT32_MAX, .data = (uint32_t)u->fd };

	if (syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_RING_FDS, &up, 1) == 1)
		u->short_fd = (int)up.offset;
}

static void lengthen(struct uring *u)
{
	struct io_uring_rsrc_update up = { .offset = (uint32_t)u->short_fd };

	if (u->short_fd >= 0)
		syscall(SYS_io_uring_register, u->fd, IORING_UNREGISTER_RING_FDS, &up, 1);
}

static long enter(struct uring *u, unsigned n, unsigned flags, const void *arg, size_t size)
{
	bool is_short = u->short_fd >= 0;

	atomic_store_explicit(u->sq_tail, u->tail, memory_order_release);
	return syscall(SYS_io_uring_enter, is_short ? u->short_fd : u->fd, queued(u), n,
		flags | (is_short ? IORING_ENTER_REGISTERED_RING : 0), arg, size);
}

int uring_open(struct uring *u, unsigned sq_size, unsigned cq_size)
{
	const uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG |
				IORING_FEAT_FAST_POLL;
	struct io_uring_params p = { .cq_entries = cq_size,
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_CQSIZE };
	int r;

	*u = (struct uring){ .short_fd = -1, .rings = MAP_FAILED, .sqes = MAP_FAILED };
	u->fd = setup(sq_size, &p);
	if (u->fd < 0)
		return u->fd;
	r = (p.features & needed) == needed ? map(u, &p) : -EINVAL;
	if (r < 0) {
		uring_close(u);
		return r;
	}
	find(u, &p);
	shorten(u);
	return 0;
}

void uring_close(struct uring *u)
{
	if (u->sqes != MAP_FAILED)
		munmap(u->sqes, u->sqes_size);
	if (u->rings != MAP_FAILED)
		munmap(u->rings, u->rings_size);
	if (u->fd < 0)
		return;
	lengthen(u);
	close(u->fd);
}

bool uring_knows(const struct uring *u, int opcode)
{
	_Alignas(struct io_uring_probe) char
		room[sizeof(struct io_uring_probe) + 64 * sizeof(struct io_uring_probe_op)] = { 0 };
	const struct io_uring_probe *p = (void *)room;

	return syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_PROBE, room, 64) == 0 &&
	       opcode <= p->last_op && p->ops[opcode].flags & IO_URING_OP_SUPPORTED;
}

struct io_uring_sqe *uring_sqe(struct uring *u)
{
	struct io_uring_sqe *e;

	if (queued(u) == u->sq_size) {
		enter(u, 0, 0, NULL, 0);
		if (queued(u) == u->sq_size)
			return NULL;
	}
	e = &u->sqes[u->tail++ & u->sq_mask];
	memset(e, 0, sizeof *e);
	return e;
}

bool uring_cancel(struct uring *u, uint64_t user_data, uint64_t answer)
{
	struct io_uring_sqe *e = uring_sqe(u);

	if (!e)
		return false;
	e->opcode = IORING_OP_ASYNC_CANCEL;
	e->addr = user_data;
	e->user_data = answer;
	return true;
}

int uring_enter(struct uring *u, unsigned n, int64_t deadline)
{
	int64_t left = deadline ? deadline - plat_now() : 0;
	struct __kernel_timespec ts = { 0 };
	struct io_uring_getevents_arg arg = { .ts = deadline ? (uintptr_t)&ts : 0 };
	long r;

	if (left > 0)
		ts = (struct __kernel_timespec){ left / 1000000000, left % 1000000000 };
	r = enter(u, n, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
	return r < 0 ? -errno : 0;
}

bool uring_pending(const struct uring *u)
{
	return queued(u) || atomic_load_explicit(u->sq_flags, memory_order_relaxed) &
				    (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

bool uring_empty(const struct uring *u)
{
	return atomic_load_explicit(u->cq_head, memory_order_relaxed) ==
	       atomic_load_explicit(u->cq_tail, memory_order_acquire);
}

bool uring_take(struct uring *u, struct io_uring_cqe *ret)
{
	uint32_t head = atomic_load_explicit(u->cq_head, memory_order_relaxed);
	const struct io_uring_cqe *c = &u->cqes[head & u->cq_mask];

	if (uring_empty(u))
		return false;
	ret->user_data = c->user_data;
	ret->res = c->res;
	ret->flags = c->flags;
	atomic_store_explicit(u->cq_head, head + 1, memory_order_release);
	return true;
}

int uring_send(int ring_fd, uint64_t user_data)
{
	struct io_uring_sqe e = { .opcode = IORING_OP_MSG_RING,
		.fd = ring_fd,
		.addr = IORING_MSG_DATA,
		.off = user_data };

	return syscall(SYS_io_uring_register, -1, PLAT_URING_SEND, &e, 1) < 0 ? -errno : 0;
}
