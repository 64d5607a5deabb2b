/* pipe_fd.c - descriptors through a pipe, from hand to hand: who receives opens a box
 * (plat_box_open) and offers it; who sends puts the descriptor in.  So none is ever under way
 * without a receiver, and what a receiver leaves behind the kernel closes with its box.
 *
 * The offers of an end lie in places, each one word:
 *
 *	0		free; so is what a dead process has left in it
 *	KEY | ...	the second half of an open box's name, with its receiver's number
 *	a number	of the process that has claimed the offer and is at work on it
 *
 *	who receives                         who sends
 *	----------------------------------   -------------------------------------
 *	free -> key, ring                    key -> own number: nobody else puts
 *	... sleep on the box ...             put; the box is no more: on to the next
 *	take; else is the offer still out?   own number -> 0, or -> key: not put
 *	key -> 0, seal the box, take
 *
 * The put is the commit (W100): a box is sealed before its receiver gives up, and then looked into
 * once more; so it gives up exactly if nothing was put or will be.  One put for an offer, since who
 * puts has claimed it (W101).  A claim of the dead is void: the receiver, who looks from time to
 * time, offers again, unless something is in the box by then, which was put by the dead (W102). */
#include "run/run.h"
#include "talk/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define KEY (1ull << 63)
enum { WHO_SHIFT = 36, TRIES = 16 };

/* A receiver's. */
struct box {
	int fd, spare; /* spare: a number kept free for what comes; < 0: none */
	uint64_t key;
	_Atomic uint64_t *place; /* where it is, or was, offered; NULL: nowhere yet */
};

void pipe_fd_prepare(tl_pipe *p)
{
	plat_random(&p->offers.name, sizeof p->offers.name);
	plat_random(&p->offers.secret, sizeof p->offers.secret);
}

static int ended(const tl_queue *way)
{
	if (atomic_load_explicit(&way->head.state, memory_order_acquire) & QUEUE_ENDED)
		return -EPIPE;
	return 0;
}

static bool left_by_the_dead(tl_pipe *p, uint64_t word)
{
	return word && window_gone(p, (uint32_t)(word & KEY ? (word & ~KEY) >> WHO_SHIFT : word));
}

/* -- receiving */

static int open_box(tl_pipe *p, struct box *b)
{
	uint64_t any, name[2] = { p->offers.name };
	int r = -EADDRINUSE;

	for (int i = 0; r == -EADDRINUSE && i < TRIES; i++) {
		plat_random(&any, sizeof any);
		name[1] =
			KEY | (uint64_t)window_participant() << WHO_SHIFT | any >> (64 - WHO_SHIFT);
		r = plat_box_open(name);
	}
	if (r < 0)
		return r;
	b->fd = r;
	b->key = name[1];
	b->spare = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
	if (b->spare >= 0)
		return 0;
	r = -errno;
	close(b->fd);
	return r;
}

static int take(tl_pipe *p, struct box *b)
{
	int r;

	if (b->spare >= 0)
		close(b->spare);
	r = plat_box_take(b->fd, p->offers.secret);
	b->spare = r < 0 ? fcntl(b->fd, F_DUPFD_CLOEXEC, 0) : -1;
	return r;
}

/* It is still out, or somebody who may put something in is at work there. */
static bool is_offered(tl_pipe *p, const struct box *b)
{
	uint64_t is = b->place ? atomic_load_explicit(b->place, memory_order_acquire) : 0;

	return is == b->key || (is && !(is & KEY) && !left_by_the_dead(p, is));
}

static int offer(tl_pipe *p, struct box *b)
{
	for (int i = 0; i < PIPE_OFFERS; i++) {
		_Atomic uint64_t *place = &p->offers.place[i];
		uint64_t is = atomic_load_explicit(place, memory_order_relaxed);

		if ((is && !left_by_the_dead(p, is)) ||
			!atomic_compare_exchange_strong_explicit(
				place, &is, b->key, memory_order_release, memory_order_relaxed))
			continue;
		b->place = place;
		plat_fence();
		bell_ring(&p->offers.bell, INT_MAX);
		return 0;
	}
	return -EMFILE;
}

/* 0: something is in the box, or it is time to look. */
static int wait_for(struct box *b, tl_time deadline)
{
	tl_time look = { plat_now() + BELL_LOOK_AGAIN_NS };
	bool mine = deadline.ns && deadline.ns <= look.ns;
	int r = loop_fd_wait(b->fd, 0, POLLER_IN, "descriptor from a pipe", mine ? deadline : look);

	return r == -ETIMEDOUT && !mine ? 0 : r < 0 ? r : 0;
}

static int receive(tl_pipe *p, struct box *b, tl_time deadline)
{
	int r = 0;

	while (r == 0) {
		bool offered = is_offered(p, b); /* before the look into the box: W102 */

		r = b->place ? take(p, b) : -EAGAIN;
		if (r != -EAGAIN)
			return r;
		r = ended(p->in);
		if (r == 0)
			r = pipe_peer_gone(p);
		if (r == 0 && !offered)
			r = offer(p, b);
		if (r == 0)
			r = wait_for(b, deadline);
	}
	return r;
}

/* Nobody puts anything in any more; what was put in until now, in spite of r, counts. */
static int close_box(tl_pipe *p, struct box *b, int r)
{
	uint64_t key = b->key;
	int last;

	if (b->place)
		atomic_compare_exchange_strong_explicit(
			b->place, &key, 0, memory_order_relaxed, memory_order_relaxed);
	hostile_pause();
	if (r < 0) {
		plat_box_seal(b->fd);
		last = take(p, b);
		r = last == -EAGAIN ? r : last;
	}
	if (b->spare >= 0)
		close(b->spare);
	close(b->fd);
	return r;
}

int tl_pipe_recv_fd(tl_pipe *p, int *ret, tl_time deadline)
{
	struct box b = { 0 };
	int r = pipe_begin(p, p->in, deadline);

	if (r < 0)
		return r;
	if (deadline.ns == TL_POLL.ns)
		return ended(p->in) < 0 || pipe_ended_meanwhile(p, -EAGAIN) ? -EPIPE : -EAGAIN;
	r = open_box(p, &b);
	if (r < 0)
		return r;
	r = close_box(p, &b, receive(p, &b, deadline));
	if (r < 0)
		return r;
	*ret = r;
	return 0;
}

/* -- sending */

static bool is_no_more(int r) { return r == -ECONNREFUSED || r == -EPIPE; }

/* -EAGAIN: this offer is no more, or another sender's. */
static int put(struct pipe_offers *o, _Atomic uint64_t *place, int fd)
{
	uint64_t key = atomic_load_explicit(place, memory_order_relaxed);
	uint64_t name[2] = { o->name, key };
	int r;

	if (!(key & KEY) ||
		!atomic_compare_exchange_strong_explicit(place, &key, window_participant(),
			memory_order_acquire, memory_order_relaxed))
		return -EAGAIN;
	hostile_pause();
	r = plat_box_put(name, o->secret, fd);
	if (r == 0 || is_no_more(r)) {
		atomic_store_explicit(place, 0, memory_order_release);
		return r == 0 ? 0 : -EAGAIN;
	}
	atomic_store_explicit(place, key, memory_order_release);
	if (r == -EAGAIN) /* strangers have filled the box: who waits looks again in a while */
		return r;
	plat_fence();
	bell_ring(&o->bell, INT_MAX); /* others have seen it claimed */
	return r;
}

static int put_anywhere(struct pipe_offers *o, int fd)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < PIPE_OFFERS; i++)
		r = put(o, &o->place[i], fd);
	return r;
}

static int hand_over(tl_pipe *p, int fd, tl_time deadline)
{
	struct pipe_offers *o = &p->peer->offers;

	for (;;) {
		uint32_t heard = bell_listen(&o->bell);
		int r = ended(p->out);

		if (r == 0)
			r = put_anywhere(o, fd);
		if (r != -EAGAIN || deadline.ns == TL_POLL.ns)
			return r;
		r = bell_wait(&o->bell, heard, "descriptor to a pipe", &o->bell, deadline);
		if (r == BELL_SILENT)
			r = pipe_peer_gone(p);
		if (r < 0)
			return r;
	}
}

int tl_pipe_send_fd(tl_pipe *p, int fd, tl_time deadline)
{
	int r = pipe_begin(p, p->out, deadline);

	if (r < 0)
		return r;
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	r = hand_over(p, fd, deadline);
	return pipe_ended_meanwhile(p, r) ? -EPIPE : r;
}
