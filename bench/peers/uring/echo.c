/* A tuned io_uring loop: multishot accept and receive into provided buffers, one submission per
 * turn,
 * completions run in this thread when it waits (DEFER_TASKRUN). */
#include "../echo.h"
#include <liburing.h>

enum { ENTRIES = 8192, BUFFERS = 8192, SIZE = 256, ACCEPT = 0, RECV = 1, SEND = 2 };

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char (*room)[SIZE];

static struct io_uring_sqe *next(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	bench_check(sqe != NULL, "io_uring_get_sqe");
	return sqe;
}

/* After the prep call, which clears it. */
static void tag(struct io_uring_sqe *sqe, int what, int fd, int buffer)
{
	sqe->user_data = (uint64_t)what << 56 | (uint64_t)buffer << 32 | (uint32_t)fd;
}

static void receive(int fd)
{
	struct io_uring_sqe *sqe = next();

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 0;
	tag(sqe, RECV, fd, 0);
}

static void give_back(int buffer)
{
	io_uring_buf_ring_add(buffers, room[buffer], SIZE, (unsigned short)buffer,
		io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(buffers, 1);
}

static void on_receive(struct io_uring_cqe *cqe, int fd)
{
	int buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

	if (cqe->res > 0) {
		struct io_uring_sqe *sqe = next();
		io_uring_prep_send(sqe, fd, room[buffer], (size_t)cqe->res, MSG_NOSIGNAL);
		tag(sqe, SEND, fd, buffer);
	} else if (cqe->flags & IORING_CQE_F_BUFFER) {
		give_back(buffer);
	}
	if (cqe->flags & IORING_CQE_F_MORE)
		return;
	if (cqe->res > 0 || cqe->res == -ENOBUFS)
		receive(fd);
	else
		close(fd);
}

static void on_cqe(struct io_uring_cqe *cqe)
{
	int what = cqe->user_data >> 56, fd = (int)(uint32_t)cqe->user_data;

	if (what == ACCEPT) {
		bench_check(cqe->res >= 0 && cqe->flags & IORING_CQE_F_MORE, "accept");
		receive(cqe->res);
	} else if (what == RECV) {
		on_receive(cqe, fd);
	} else {
		give_back(cqe->user_data >> 32 & 0xffff);
	}
}

static void set_up(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * ENTRIES };
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS };

	bench_check(io_uring_queue_init_params(ENTRIES, &ring, &p) == 0, "io_uring");
	bench_check(posix_memalign(
			    (void **)&buffers, 4096, BUFFERS * sizeof(struct io_uring_buf)) == 0 &&
			    posix_memalign((void **)&room, 4096, BUFFERS * SIZE) == 0,
		"memory");
	reg.ring_addr = (uint64_t)buffers;
	bench_check(io_uring_register_buf_ring(&ring, &reg, 0) == 0, "buffers");
	io_uring_buf_ring_init(buffers);
	for (int i = 0; i < BUFFERS; i++)
		give_back(i);
}

int main(void)
{
	int listener = echo_listen();
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	unsigned head, n;

	set_up();
	sqe = next();
	io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	tag(sqe, ACCEPT, listener, 0);
	for (;;) {
		io_uring_submit_and_wait(&ring, 1);
		n = 0;
		io_uring_for_each_cqe(&ring, head, cqe)
		{
			on_cqe(cqe);
			n++;
		}
		io_uring_cq_advance(&ring, n);
	}
}
