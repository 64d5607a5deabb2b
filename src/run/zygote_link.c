/* zygote_link.c - the program's side of its zygotes: making one, telling it to start a process, and
 * a thread that hears how processes end.
 *
 * There is one current zygote.  It is replaced when its rights are no longer ours; the old one is
 * retired, and left when its last process has ended.  line.lock guards current, the list of all and
 * every zygote's list and count of processes.  A zygote's thread is the last to leave it: it frees
 * it when the zygote is gone and its count is 0.
 *
 * Whoever makes one holds line.making, a futex word: others wait for it in the system, with their
 * threads, for milliseconds. */
#include "base/mem.h"
#include "run/bias.h"
#include "run/process.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 60, TRIES = 16, LONG = 300 /* of spin_pause: some 20 s */ };

struct zygote {
	int fd;
	pid_t pid;
	struct zygote *next; /* in the list of all */
	struct node processes;
	unsigned n; /* in the list, or being told of */
	bool retired;
	struct plat_rights rights;
};

static struct {
	struct spin lock;
	struct zygote *current, *all;
	_Atomic uint32_t making; /* 0: nobody; 1: somebody; 2: and others wait */
	int made[2]; /* by whoever makes one: both ends, that a child of fork closes; or 0 */
} line;

/* Before all that start.c may do.  It stands here and not in zygote.c, which nobody would miss when
 * a program is linked with the archive. */
__attribute__((constructor(101))) static void hand_down(void)
{
	plat_instead = zygote_instead_of_main;
}

static void making_begin(void)
{
	uint32_t was = 0;

	if (atomic_compare_exchange_strong_explicit(
		    &line.making, &was, 1, memory_order_acquire, memory_order_relaxed))
		return;
	while (atomic_exchange_explicit(&line.making, 2, memory_order_acquire))
		plat_futex_wait(&line.making, 2, 0, false);
}

static void making_end(void)
{
	if (atomic_exchange_explicit(&line.making, 0, memory_order_release) == 2)
		plat_futex_wake(&line.making, 1, false);
}

/* -- hearing from it */

static bool lives(void *launch)
{
	const struct launch *a = launch;
	uint64_t then = atomic_load_explicit(&a->stamp, memory_order_acquire),
		 now = plat_process_stamp(launch_pid(a));

	return now && (now == then || now == PLAT_RUNS || then == PLAT_RUNS);
}

/* Wait until it is gone.  Without a stamp it was killed in its very first instruction, or has not
 * come to the second yet; its pid may be another's by now, so this wait has a bound. */
static void await_end(struct launch *a)
{
	unsigned turn = 0;

	while (!atomic_load_explicit(&a->stamp, memory_order_acquire) && turn < LONG &&
		plat_process_stamp(launch_pid(a)))
		spin_pause(&turn);
	while (lives(a)) {
		plat_process_signal(launch_pid(a), SIGKILL, lives, a);
		spin_pause(&turn);
	}
}

/* It never began: once more, with the next zygote.  Descriptors that it was to be given may be
 * closed by now, or others.  Nobody rings the old one's bell while its strand is held. */
static void relaunch(struct process *p, struct zygote *z)
{
	bool visitor = strand_hold(p->strand);
	int r;

	spin_lock(&line.lock);
	list_remove(&p->link);
	z->n--;
	atomic_store_explicit(&p->zygote, NULL, memory_order_release);
	spin_unlock(&line.lock);
	strand_let(p->strand, visitor);
	p->lost++;
	r = process_send(p, NULL);
	if (r < 0)
		process_failed(p, r);
}

/* Its zygote is gone, and with it the process, or soon: but for one that has changed its user. */
static void lose(struct process *p, struct zygote *z)
{
	struct launch *a = p->launch;
	bool begun = !launch_move(a, LAUNCH_NEW + p->lost, LAUNCH_LOST, 0);

	if (!begun && !a->given && p->lost < TRIES) {
		relaunch(p, z);
		return;
	}
	if (begun)
		await_end(a);
	process_ended(p, -1);
}

static struct process *next_lost(struct zygote *z)
{
	struct process *found = NULL;

	spin_lock(&line.lock);
	list_each(n, &z->processes)
	{
		struct process *p = container_of(n, struct process, link);

		if (!p->sending) {
			found = p;
			break;
		}
	}
	spin_unlock(&line.lock);
	return found;
}

static void unlink_zygote(struct zygote *z)
{
	for (struct zygote **at = &line.all; *at; at = &(*at)->next)
		if (*at == z) {
			*at = z->next;
			return;
		}
}

/* With the lock held. */
static void no_more_current(struct zygote *z)
{
	if (line.current == z)
		line.current = NULL;
}

static bool is_left(struct zygote *z)
{
	bool left;

	spin_lock(&line.lock);
	no_more_current(z);
	left = z->n == 0;
	if (left)
		unlink_zygote(z);
	spin_unlock(&line.lock);
	return left;
}

static void hear(void *arg)
{
	struct zygote *z = arg;
	struct process *p;
	struct news news;
	unsigned turn = 0;

	while (plat_hear(z->fd, &news, sizeof news, NULL, NULL) == sizeof news)
		if (news.what == NEWS_ENDED)
			process_ended(news.cookie, news.value);
		else if (news.what == NEWS_FAILED)
			process_failed(news.cookie, news.value);
	while (!is_left(z)) {
		if ((p = next_lost(z)))
			lose(p, z);
		else
			spin_pause(&turn); /* one is being told of: that fails at once */
	}
	close(z->fd);
	mem_free(z);
	slot_flush();
}

/* -- making one */

/* Its pid, by its first word, or why there is none. */
static int first_news(int fd, uint64_t nonce)
{
	struct timeval patience = { .tv_sec = PATIENCE_S }, never = { 0 };
	struct news news = { 0 };
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	n = plat_hear(fd, &news, sizeof news, NULL, NULL);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof never);
	if (n == sizeof news && news.what == NEWS_READY && news.nonce == nonce)
		return news.value;
	if (n == sizeof news && news.what == NEWS_REFUSED)
		return news.value;
	return -ENOTSUP;
}

static int spawn(struct zygote *z)
{
	int *pair = line.made, window_fd, fds[2], r;
	void *window = window_open(&window_fd);
	char mark[80];
	uint64_t nonce;

	if (!window)
		return -ENOSPC;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pair[0] = plat_above_stdio(pair[0]);
	pair[1] = plat_above_stdio(pair[1]);
	plat_random(&nonce, sizeof nonce);
	snprintf(mark, sizeof mark, ZYGOTE_MARK "=%llx:%llx", (unsigned long long)nonce,
		(unsigned long long)(uintptr_t)window);
	fds[0] = pair[1];
	fds[1] = window_fd;
	r = plat_spawn_self(mark, fds, 2);
	pair[1] = 0;
	close(fds[0]);
	if (r == 0)
		r = first_news(pair[0], nonce);
	z->fd = pair[0];
	z->pid = r;
	if (r < 0) {
		pair[0] = 0;
		close(z->fd);
	}
	return r;
}

static int status_of(int r)
{
	bool known = r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -EAGAIN || r == -ENOSPC;

	return r == -ENFILE ? -EMFILE : known ? r : -ENOTSUP;
}

static int make(const struct plat_rights *rights)
{
	struct zygote *z = mem_zalloc(sizeof *z);
	int r = z ? -EEXIST : -ENOMEM;

	/* Where the system lays a zygote's memory over the window's place, the next one's is
	 * elsewhere. */
	for (int i = 0; r == -EEXIST && i < TRIES; i++)
		r = spawn(z);
	if (r < 0) {
		mem_free(z);
		return status_of(r);
	}
	z->rights = *rights;
	list_init(&z->processes);
	spin_lock(&line.lock);
	z->next = line.all;
	line.all = line.current = z;
	line.made[0] = 0;
	spin_unlock(&line.lock);
	r = plat_thread_begin(hear, z, "tl-zygote");
	if (r == 0)
		return 0;
	is_left(z);
	close(z->fd);
	mem_free(z);
	return r;
}

/* With the lock held. */
static void leave_if_done(struct zygote *z)
{
	if (z->retired && z->n == 0)
		shutdown(z->fd, SHUT_RDWR); /* its thread does the rest */
}

/* Is there one with our rights?  One with others is retired. */
static bool have(const struct plat_rights *rights)
{
	struct zygote *z;
	bool same;

	spin_lock(&line.lock);
	z = line.current;
	same = z && plat_rights_same(&z->rights, rights);
	if (z && !same) {
		z->retired = true;
		line.current = NULL;
		leave_if_done(z);
	}
	spin_unlock(&line.lock);
	return same;
}

/* Why there cannot be one; NULL: there can.  A mark that is still there: we should be a zygote and
 * are not; nor would another be. */
static const char *obstacle(void)
{
	if (!plat_instead_possible)
		return "the program was not linked with telar";
	if (getauxval(AT_SECURE))
		return "the program's file gives it privileges";
	return getenv(ZYGOTE_MARK) ? "the program was marked as a zygote" : NULL;
}

static int refuse(int r, const char *why)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set_explicit(&told, memory_order_relaxed))
		report(TL_R_DEGRADED, NULL, r, "no processes: %s", why);
	return r;
}

int zygote_ready(void)
{
	const char *why = obstacle();
	struct plat_rights rights;
	int r = 0;

	if (why)
		return refuse(-ENOTSUP, why);
	plat_rights(&rights);
	if (have(&rights))
		return 0;
	making_begin();
	if (!have(&rights))
		r = make(&rights);
	making_end();
	return r == -ENOTSUP ? refuse(r, "the program, executed again, does not answer") : r;
}

int tl_zygote_start(void)
{
	strand_self();
	return zygote_ready();
}

/* -- telling it */

static struct zygote *begin_sending(struct process *p)
{
	struct zygote *z;

	spin_lock(&line.lock);
	z = line.current;
	if (z) {
		z->n++;
		p->sending = true;
		list_append(&z->processes, &p->link);
		atomic_store_explicit(&p->zygote, z, memory_order_release);
	}
	spin_unlock(&line.lock);
	return z;
}

static bool lost(int r) { return r == -EPIPE || r == -ECONNRESET; }

/* From here on, if it was told, the process and its end are the hearing thread's. */
static void end_sending(struct process *p, struct zygote *z, int r)
{
	spin_lock(&line.lock);
	p->sending = false;
	if (lost(r))
		no_more_current(z);
	if (r < 0) {
		list_remove(&p->link);
		atomic_store_explicit(&p->zygote, NULL, memory_order_release);
		z->n--;
	}
	spin_unlock(&line.lock);
}

/* While it is, its pid is nobody else's. */
static bool is_up(void *zygote) { return !(plat_poll(((struct zygote *)zygote)->fd, 0) & POLLHUP); }

static void wake_up(struct zygote *z) { plat_process_signal(z->pid, SIGCONT, is_up, z); }

/* Where the line is full, or a user may not have more descriptors under way, the zygote has to take
 * some in first; it may have been stopped. */
static int tell(struct zygote *z, const struct order *o, const int *fds, unsigned n)
{
	for (unsigned turn = 0;;) {
		int r = plat_tell(z->fd, o, sizeof *o, fds, n, turn == 0);

		if (r != -EAGAIN && (r != -ETOOMANYREFS || turn == LONG))
			return r;
		if (turn == 0)
			wake_up(z);
		spin_pause(&turn);
	}
}

int zygote_send(struct process *p, const int *fds, unsigned n)
{
	struct order order = { ORDER_START, LAUNCH_NEW + p->lost, p->launch, p };
	int r;

	for (int i = 0; i < TRIES; i++) {
		struct zygote *z = begin_sending(p);

		r = z ? tell(z, &order, fds, n) : zygote_ready();
		if (z)
			end_sending(p, z, r);
		if (z ? !lost(r) : r < 0)
			return r;
	}
	return -EAGAIN;
}

/* A full line is no harm: the zygote looks at all of its own when it has emptied it.  One that
 * somebody has stopped goes on, or it would neither end them nor say that they have ended. */
void zygote_bell(struct zygote *z)
{
	plat_tell(
		z->fd, &(struct order){ .what = ORDER_LOOK }, sizeof(struct order), NULL, 0, true);
	wake_up(z);
}

/* Its end may be heard of before its starter is back from telling. */
void zygote_settle(struct process *p)
{
	unsigned turn = 0;
	bool sending;

	do {
		spin_lock(&line.lock);
		sending = p->sending;
		spin_unlock(&line.lock);
		if (sending)
			spin_pause(&turn);
	} while (sending);
}

void zygote_drop(struct process *p)
{
	struct zygote *z = atomic_load_explicit(&p->zygote, memory_order_relaxed);

	if (!z)
		return;
	spin_lock(&line.lock);
	list_remove(&p->link);
	z->n--;
	leave_if_done(z);
	spin_unlock(&line.lock);
}

/* In the child of a foreign fork: they must see our parent's end when it ends. */
void process_forked(void)
{
	for (struct zygote *z = line.all; z; z = z->next)
		close(z->fd);
	for (int i = 0; i < 2; i++)
		if (line.made[i])
			close(line.made[i]);
	line.made[0] = line.made[1] = 0;
	line.lock = (struct spin){ 0 };
	line.current = line.all = NULL;
	atomic_store_explicit(&line.making, 0, memory_order_relaxed);
}
