/* uring.h - one io_uring(7) of the kernel: queues mapped into our memory, and one system call.
 *
 * It belongs to the thread that opened it (SINGLE_ISSUER): nobody else submits, and what completes
 * is only worked on inside that thread's own uring_enter (DEFER_TASKRUN), so a buffer handed over
 * is never written behind the thread's back. */
#ifndef TELAR_URING_H
#define TELAR_URING_H
#include "plat/linux.h"
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uring {
	int fd;
	int short_fd; /* by which the thread's own calls find it sooner; -1: they do not */
	uint32_t
		tail; /* of ours: what lies between the kernel's head and it is not yet submitted */
	uint32_t sq_size, sq_mask, cq_mask;
	_Atomic uint32_t *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *rings;
	size_t rings_size, sqes_size;
};

/* -ENOSYS, -EPERM: refused; -EINVAL: older than Linux 6.1; -ENOMEM ... */
int uring_open(struct uring *u, unsigned sq_size, unsigned cq_size);
void uring_close(struct uring *u);
bool uring_knows(const struct uring *u, int opcode);
/* A clear entry to fill in; the kernel sees it with the next uring_enter, or when the queue is
 * full, but works on completions only in the former.  NULL: it is full and the kernel takes nothing
 * (-EAGAIN, -EBUSY): enter, take completions, ask again. */
struct io_uring_sqe *uring_sqe(struct uring *u);
/* Queue the wish to have the request with this user_data end; answer: that of the answer.  False:
 * no room. */
bool uring_cancel(struct uring *u, uint64_t user_data, uint64_t answer);
/* Submit what is queued, let completions be worked on, and wait for n of them until deadline (0:
 * none).  Answers < 0 for the system's errors; -ETIME and -EINTR among them. */
int uring_enter(struct uring *u, unsigned n, int64_t deadline);
/* Is there anything for uring_enter to do without waiting? */
bool uring_pending(const struct uring *u);
bool uring_empty(const struct uring *u); /* no completion to take */
/* Take the oldest completion; false: none. */
bool uring_take(struct uring *u, struct io_uring_cqe *ret);
/* Have a completion with this user_data and no result appear in the ring of another thread. */
int uring_send(int ring_fd, uint64_t user_data);

#endif
