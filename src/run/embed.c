/* embed.c - the loop of a thread whose own waiting is done by a loop of somebody else's.
 *
 * That host waits for one descriptor, an epoll set of three: what the poller has for poller_wait;
 * a timer; and a bell, by which this thread tells itself.  (The poller's own wake would not do: a
 * wait in telar between two turns hears it.  A timer due at once costs sixteen times as much.)
 *
 * Invariant, whenever the host's code runs: either `hosted`, then all that could make a strand
 * ready makes the descriptor readable too (others by the mark of sleep, which is up as if the loop
 * slept in its poller, W13); or the descriptor is readable until the next turn.  A turn ends by
 * going from the second to the first: it raises the mark first, and looks second.  Back goes the
 * thread itself, by loop_touch, as soon as it makes a strand ready, starts one, or waits in telar.
 *
 * All of it belongs to the loop's thread. */
#include "base/mem.h"
#include "run/run.h"
#include "telar/loop.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct embed {
	int fd, timer, bell;
	bool rings;
	int64_t at; /* what the timer is set to; 0: nothing */
};

static void set(struct embed *e, int64_t at)
{
	struct itimerspec t = { .it_value = { at / 1000000000, at % 1000000000 } };

	if (at != e->at)
		timerfd_settime(e->timer, TFD_TIMER_ABSTIME, &t, NULL);
	e->at = at;
}

static void ring(struct embed *e, bool on)
{
	uint64_t count = 1;
	bool was = e->rings;

	if (on && !was)
		e->rings = write(e->bell, &count, sizeof count) > 0;
	if (!on && was)
		e->rings = read(e->bell, &count, sizeof count) < 0;
}

/* Set for later than now and early enough, it may stay: at worst the host looks once for nothing.
 * So deadlines that come and go, and never pass, cost no system call. */
static bool serves(int64_t at, int64_t next, int64_t now)
{
	return at > now && (!next || at <= next);
}

void embed_touch(struct loop *l)
{
	l->hosted = false;
	loop_awake(l);
	ring(l->embed, true);
}

static bool busy(struct loop *l)
{
	return l->first || work_own(l) || !loop_quiet(l) || timer_due(l);
}

/* The end of a turn.  True: the host may rest; false: the descriptor is readable as it is. */
static bool rest(struct loop *l)
{
	bool quiet = poller_rest(l->poller);
	int64_t next;

	atomic_store_explicit(&l->sleeping, LOOP_POLL, memory_order_seq_cst);
	if (!quiet || busy(l)) {
		loop_awake(l);
		ring(l->embed, true);
		return false;
	}
	next = timer_next(l);
	if (!serves(l->embed->at, next, l->now))
		set(l->embed, next);
	ring(l->embed, false);
	l->hosted = true;
	return true;
}

static void take_back(struct loop *l)
{
	if (l->hosted)
		loop_awake(l);
	l->hosted = false;
}

static void let_go(struct embed *e)
{
	if (e->bell >= 0)
		close(e->bell);
	if (e->timer >= 0)
		close(e->timer);
	if (e->fd >= 0)
		close(e->fd);
	mem_free(e);
}

void embed_close(struct loop *l)
{
	if (!l->embed)
		return;
	take_back(l);
	let_go(l->embed);
	l->embed = NULL;
}

static bool watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static int embed_open(struct embed **ret, int poller)
{
	struct embed *e = mem_alloc(sizeof *e);
	int r;

	if (!e)
		return -ENOMEM;
	*e = (struct embed){ .fd = epoll_create1(EPOLL_CLOEXEC), .timer = -1, .bell = -1 };
	if (e->fd >= 0)
		e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (e->timer >= 0)
		e->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->bell < 0 || !watch(e->fd, e->timer) || !watch(e->fd, e->bell) ||
		!watch(e->fd, poller)) {
		r = -errno;
		let_go(e);
		return r;
	}
	ring(e, true); /* there is a first turn to do */
	*ret = e;
	return 0;
}

int tl_loop_fd(void)
{
	struct loop *l = strand_self()->loop;
	int r = 0;

	if (!l->embed)
		r = loop_poller(l);
	if (r == 0 && !l->embed)
		r = poller_fd(l->poller);
	if (r >= 0 && !l->embed)
		r = embed_open(&l->embed, r);
	return r < 0 ? r : l->embed->fd;
}

/* Only the thread's own strand is the host, and only between turns. */
static bool misused(struct loop *l, const char *call)
{
	if (l->now_runs == l->zero && !l->turning)
		return false;
	report(TL_R_MISUSE, l->now_runs, -EDEADLK, "called %s from inside the loop", call);
	return true;
}

static void run_one_turn(struct loop *l)
{
	l->turning = true;
	l->turn = 0;
	loop_take_in(l);
	if (l->poller)
		poller_wait(l->poller, -1);
	l->now = plat_now();
	timer_fire(l, l->now);
	loop_leave(l, l->zero);
}

int tl_loop_turn(void)
{
	struct loop *l = strand_self()->loop;

	if (misused(l, "tl_loop_turn"))
		return -EDEADLK;
	take_back(l);
	run_one_turn(l);
	return l->embed ? !rest(l) : busy(l);
}

int tl_loop_close(void)
{
	struct loop *l = strand_self()->loop;

	if (misused(l, "tl_loop_close"))
		return -EDEADLK;
	embed_close(l);
	return 0;
}
