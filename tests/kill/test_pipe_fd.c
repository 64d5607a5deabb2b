/* test_pipe_fd.c - descriptors through a pipe, when one of the two is killed: it has come or it has
 * not, none is left over, and the next who send and receive do. */
#include "step.h"
#include "talk/pipe.h"
#include <fcntl.h>
#include <poll.h>

#define SEES_ALL() \
	(TSAN ? SKIP("the sanitizer sees one process alone, and its own steps take many minutes") \
	      : (void)0)

/* Between one victim's death and the next one's: some places only, for the receiver looks a quarter
 * of a second later what became of an offer. */
enum { FAR = 499 * STRIDE };

static struct {
	tl_pipe *from, *to;
	int pair[2]; /* pair[1] goes through; pair[0] tells when no copy of it is left */
	int other;   /* what others send */
} stage;

/* We use both ends, too: with the victim neither is closed. */
static void set_stage(void)
{
	int fd;

	CHECK_EQ(tl_pipe_open(&stage.from, &stage.to,
			 &(tl_pipe_opts){ .shared = true, .one_way = true }),
		0);
	CHECK_EQ(pipe2(stage.pair, O_CLOEXEC), 0);
	CHECK_EQ(stage.other = open("/dev/null", O_RDONLY | O_CLOEXEC), stage.pair[1] + 1);
	CHECK_EQ(tl_pipe_send_fd(stage.from, stage.other, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_pipe_recv_fd(stage.to, &fd, TL_POLL), -EAGAIN);
	call_over = tl_shared(sizeof *call_over);
	CHECK(call_over != NULL);
}

static void clear_stage(void)
{
	struct pollfd p = { .fd = stage.pair[0], .events = POLLIN };

	close(stage.pair[1]);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK(p.revents & POLLHUP); /* nobody has one any more */
	close(stage.pair[0]);
	close(stage.other);
	stage.from = tl_pipe_close(stage.from);
	stage.to = tl_pipe_close(stage.to);
	tl_shared_free((void *)call_over);
}

static bool writable(int fd) { return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY; }

/* One step, or none if its call is over. */
static bool step(pid_t pid)
{
	int status;

	if (atomic_load(call_over))
		return false;
	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
		SKIP("this system lets nobody step a process");
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSTOPPED(status));
	return true;
}

static void run_steps(pid_t pid, int steps)
{
	while (steps-- && step(pid))
		;
}

/* -- the sender is killed */

static void sends(void) { CHECK_EQ(tl_pipe_send_fd(stage.from, stage.pair[1], TL_NEVER), 0); }

/* What came, or why nothing did. */
static int receives(void *arg)
{
	int fd, r = tl_pipe_recv_fd(arg, &fd, TL_NEVER);

	return r < 0 ? r : fd;
}

static tl_strand receiver(tl_scope *s)
{
	tl_strand t;

	tl_scope_open(s);
	CHECK_EQ(tl_thread_start(s, receives, stage.to, &(tl_opts){ .ret = &t }), 0);
	await_blocked(t);
	return t;
}

/* The receiver has got the victim's, or gets ours. */
static void after_the_sender(tl_scope *s, tl_strand t, bool returned)
{
	tl_end end;
	int r = -ETIMEDOUT;

	if (!returned)
		while (r < 0 && tl_alive(t)) {
			r = tl_pipe_send_fd(stage.from, stage.other, tl_after(tl_ms(5)));
			CHECK(r == 0 || r == -ETIMEDOUT);
		}
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK(end.value >= 0);
	CHECK_EQ(writable(end.value), r < 0);
	close(end.value);
	CHECK_EQ(tl_scope_close(s), 0);
}

static bool is_claimed(void)
{
	uint64_t is = atomic_load(&stage.to->offers.place[0]);

	return is && !(is >> 63);
}

/* A victim that has claimed the place beside a receiver. */
static pid_t claims(tl_scope *s, tl_strand *ret_receiver)
{
	pid_t pid;

	set_stage();
	pid = victim(sends);
	*ret_receiver = receiver(s);
	while (!is_claimed() && step(pid))
		;
	return pid;
}

/* Claim: W102 */
TEST_LIMIT(sender_killed_with_an_offer_in_hand, 30)
{
	tl_scope s = { 0 };
	tl_strand t;
	pid_t pid;

	SEES_ALL();
	pid = claims(&s, &t);
	CHECK(is_claimed() && tl_alive(t));
	kill_now(pid);
	after_the_sender(&s, t, false);
	clear_stage();
}

TEST_LIMIT(sender_killed_when_it_has_come, 30)
{
	tl_scope s = { 0 };
	tl_strand t;
	pid_t pid;

	SEES_ALL();
	pid = claims(&s, &t);
	for (bool gone = false; !gone; step(pid)) { /* until the put has woken the receiver */
		for (int i = 0; i < 3 && !gone; i++) {
			gone = !tl_alive(t);
			sched_yield();
		}
		if (!is_claimed())
			break;
	}
	kill_now(pid);
	after_the_sender(&s, t, true);
	t = receiver(&s); /* in the dead one's place, or another */
	after_the_sender(&s, t, false);
	clear_stage();
}

/* The victim is killed in call after so many steps, for each number of them, beside a strand at the
 * other end; after() closes the scope. */
static void anywhere(void (*call)(void), tl_strand (*other)(tl_scope *s),
	void (*after)(tl_scope *s, tl_strand t, bool returned))
{
	bool inside = true;

	SEES_ALL();
	for (int steps = 0; inside; steps += FAR) {
		tl_scope s = { 0 };
		tl_strand t;
		pid_t pid;

		set_stage();
		pid = victim(call);
		t = other(&s);
		run_steps(pid, steps);
		inside = !atomic_load(call_over);
		kill_now(pid);
		after(&s, t, !inside);
		clear_stage();
	}
}

TEST_LIMIT(sender_killed_anywhere, 60) { anywhere(sends, receiver, after_the_sender); }

/* -- the receiver is killed */

static void receives_one(void)
{
	int fd;

	CHECK_EQ(tl_pipe_recv_fd(stage.to, &fd, TL_NEVER), 0);
}

static int sends_it(void *arg) { return tl_pipe_send_fd(arg, stage.pair[1], TL_NEVER); }
static tl_strand sender(tl_scope *s)
{
	tl_strand t;

	tl_scope_open(s);
	CHECK_EQ(tl_thread_start(s, sends_it, stage.from, &(tl_opts){ .ret = &t }), 0);
	return t;
}

/* It had come when he died, and was closed with him, or it is ours. */
static void after_the_receiver(tl_scope *s, tl_strand t, bool returned)
{
	tl_end end;
	int fd = -1;

	(void)returned;
	while (fd < 0 && tl_alive(t)) {
		int r = tl_pipe_recv_fd(stage.to, &fd, tl_after(tl_ms(5)));

		CHECK(r == 0 || r == -ETIMEDOUT);
	}
	CHECK(fd < 0 || writable(fd));
	if (fd >= 0)
		close(fd);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 0);
	CHECK_EQ(tl_scope_close(s), 0);
}

TEST_LIMIT(receiver_killed_anywhere, 60) { anywhere(receives_one, sender, after_the_receiver); }
