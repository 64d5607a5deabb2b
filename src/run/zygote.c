/* zygote.c - in the zygote: forking, reaping, and ending those that do not stop.
 *
 * It runs in front of main, in its only thread, until the program has closed its end of the line.
 * All signals are blocked for good, so that a Ctrl-C meant for the program's group does not end it;
 * SIGCHLD alone interrupts its wait.  Its children are bound to it by PR_SET_PDEATHSIG: when it
 * goes, they go.
 *
 * A child's pid is its own until it is reaped, and it is reaped here; so the signals below reach
 * nobody else.  Before that its launch says gone, for the program's signals (process.c). */
#include "base/mem.h"
#include "run/process.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 16 /* orders: a line holds many times that */ };

struct child {
	pid_t pid;
	struct launch *launch;
	void *cookie;
	int64_t term_at, kill_at; /* 0: it was not asked, or has got that */
};

static struct {
	struct child *at;
	size_t n, room;
	unsigned orders;      /* since all were looked at */
	struct sigaction old; /* for SIGCHLD */
	sigset_t waiting;     /* blocked while it waits */
	volatile sig_atomic_t died;
} zygote;

static void on_child(int sig)
{
	(void)sig;
	zygote.died = 1;
}

static void tell(struct news news) { plat_tell(ZYGOTE_LINE, &news, sizeof news, NULL, 0, false); }

static void send(const struct child *c, int sig)
{
	if (c->launch->group)
		kill(-c->pid, sig);
	kill(c->pid, sig);
}

static _Noreturn void leave(void)
{
	for (size_t i = 0; i < zygote.n; i++)
		send(&zygote.at[i], SIGKILL);
	_exit(0);
}

/* -- those that are asked to stop */

/* Half of the grace is for those who hear it, and a tenth is left for what is reported then. */
static void look_at(struct child *c, int64_t now)
{
	int64_t grace = c->launch->grace;

	if (c->kill_at || !atomic_load_explicit(&c->launch->asked, memory_order_seq_cst))
		return;
	c->term_at = now + grace / 2;
	c->kill_at = now + grace / 10 * 9;
}

static void look_at_all(void)
{
	int64_t now = plat_now();

	zygote.orders = 0;
	for (size_t i = 0; i < zygote.n; i++)
		look_at(&zygote.at[i], now);
}

/* Send what is due.  Answers when the next is; 0: nothing. */
static int64_t stop_those_due(void)
{
	int64_t now = 0, next = 0;

	for (size_t i = 0; i < zygote.n; i++) {
		struct child *c = &zygote.at[i];
		int64_t *due = c->term_at ? &c->term_at : &c->kill_at;

		if (!*due)
			continue;
		if (!now)
			now = plat_now();
		if (*due <= now) {
			send(c, due == &c->term_at ? SIGTERM : SIGKILL);
			*due = due == &c->term_at ? 0 : INT64_MAX;
			due = &c->kill_at;
		}
		if (!next || *due < next)
			next = *due;
	}
	return next == INT64_MAX ? 0 : next;
}

/* -- reaping */

static struct child *child_of(pid_t pid)
{
	for (size_t i = 0; i < zygote.n; i++)
		if (zygote.at[i].pid == pid)
			return &zygote.at[i];
	return NULL;
}

static void reap(void)
{
	siginfo_t info = { 0 };
	struct child *c;
	bool any = false;
	int status;

	zygote.died = 0;
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		c = child_of(info.si_pid);
		if (c && c->launch->group)
			kill(-c->pid, SIGKILL); /* what it has left behind in there */
		if (c)
			atomic_store_explicit(&c->launch->gone, 1, memory_order_seq_cst);
		if (waitpid(info.si_pid, &status, 0) != info.si_pid)
			status = -1;
		info.si_pid = 0;
		any = true;
		if (!c)
			continue; /* a constructor's */
		tell((struct news){ .what = NEWS_ENDED, .value = status, .cookie = c->cookie });
		*c = zygote.at[--zygote.n];
	}
	if (any)
		window_died(); /* who waits for what they held need not find out by itself */
}

/* -- forking */

/* Standard streams that the program has not got are not to be ours either. */
static void take_stdio(uint32_t has, int *fds)
{
	unsigned n = 0;

	for (int fd = 0; fd < 3; fd++)
		if (has & 1u << fd) {
			dup2(fds[n], fd);
			close(fds[n++]);
		} else {
			close(fd);
		}
}

static void take_environment(const struct launch *a)
{
	char **env = mem_alloc((a->n_env + 1) * sizeof *env + a->env_size);
	char *text = env ? (char *)(env + a->n_env + 1) : NULL;

	if (!env)
		_exit(127);
	memcpy(text, a->bytes + a->env, a->env_size);
	for (uint32_t i = 0; i < a->n_env; i++) {
		env[i] = text;
		text += strlen(text) + 1;
	}
	env[a->n_env] = NULL;
	environ = env;
}

/* How many descriptors come along with its order. */
static unsigned awaited(const struct launch *a)
{
	return (unsigned)__builtin_popcount(a->stdio) + a->given;
}

static _Noreturn void be_child(pid_t parent, const struct order *o, int *fds, unsigned n)
{
	struct launch *a = o->launch;
	unsigned n_stdio = (unsigned)__builtin_popcount(a->stdio);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (!launch_move(a, o->state, LAUNCH_BEGUN, getpid()))
		_exit(127); /* the zygote was already taken for dead, and this for not begun */
	atomic_store_explicit(&a->stamp, window_stamp(), memory_order_release);
	plat_futex_wake(launch_pid_word(a), INT_MAX, true); /* for tl_os_id */
	close(ZYGOTE_LINE);
	if (a->group)
		setpgid(0, 0);
	take_stdio(a->stdio, fds);
	take_environment(a);
	sigaction(SIGCHLD, &zygote.old, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	process_live(a, fds + n_stdio, n - n_stdio);
}

static bool room(void)
{
	size_t more = zygote.room ? 2 * zygote.room : MANY;
	struct child *at;

	if (zygote.n < zygote.room)
		return true;
	at = mem_resize(zygote.at, more * sizeof *at);
	if (!at)
		return false;
	zygote.at = at;
	zygote.room = more;
	return true;
}

static void start(const struct order *o, int *fds, unsigned n)
{
	pid_t me = getpid(), pid = -1;
	struct child *c;

	errno = ENOMEM;
	if (n != awaited(o->launch))
		errno = EMFILE; /* the system gives what there is room for, and drops the rest */
	else if (room())
		pid = fork();
	if (pid == 0)
		be_child(me, o, fds, n);
	if (pid < 0) {
		tell((struct news){ .what = NEWS_FAILED, .value = -errno, .cookie = o->cookie });
		return;
	}
	c = &zygote.at[zygote.n++];
	*c = (struct child){ .pid = pid, .launch = o->launch, .cookie = o->cookie };
	look_at(c, plat_now());
}

static void obey(void)
{
	int fds[PLAT_FDS];
	unsigned n;
	struct order o;

	if (plat_hear(ZYGOTE_LINE, &o, sizeof o, fds, &n) != sizeof o)
		leave();
	if (o.what == ORDER_START)
		start(&o, fds, n);
	while (n)
		close(fds[--n]);
	if (o.what == ORDER_LOOK || ++zygote.orders >= MANY)
		look_at_all();
}

static _Noreturn void serve(void)
{
	for (;;) {
		struct pollfd p = { .fd = ZYGOTE_LINE, .events = POLLIN };
		int64_t next = stop_those_due(), left = next ? next - plat_now() : 0;
		struct timespec t = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };

		if (next && left <= 0)
			continue;
		if (ppoll(&p, 1, next ? &t : NULL, &zygote.waiting) > 0)
			obey();
		if (zygote.died)
			reap();
	}
}

/* -- taking the place of main */

static void refuse(int r)
{
	tell((struct news){ .what = NEWS_REFUSED, .value = r });
	_exit(0);
}

/* Numbers 0 to 2 are never to be taken by what comes over the line. */
static void plug_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

static void settle(void)
{
	struct sigaction a = { .sa_handler = on_child };

	prctl(PR_SET_NAME, "tl-zygote");
	fcntl(ZYGOTE_LINE, F_SETFD, FD_CLOEXEC);
	fcntl(ZYGOTE_WINDOW, F_SETFD, FD_CLOEXEC);
	plug_stdio();
	__fpurge(stdout); /* what constructors have written, the program's own have written too */
	__fpurge(stderr);
	sigfillset(&zygote.waiting);
	sigprocmask(SIG_SETMASK, &zygote.waiting, NULL);
	sigdelset(&zygote.waiting, SIGCHLD);
	sigaction(SIGCHLD, &a, &zygote.old);
	strand_self(); /* children find all of this made */
}

/* The mark says that we are to be the zygote.  Whoever set it, main does not run if there is a line
 * where one belongs: a program that is executed by mistake is worse than one that is not. */
void zygote_instead_of_main(void)
{
	const char *mark = getenv(ZYGOTE_MARK);
	uint64_t nonce, window;
	int r;

	if (!mark || getauxval(AT_SECURE))
		return;
	r = sscanf(mark, "%" SCNx64 ":%" SCNx64, &nonce, &window);
	unsetenv(ZYGOTE_MARK);
	if (r != 2 || !plat_is_line(ZYGOTE_LINE))
		return;
	if (!plat_peer_is_us(ZYGOTE_LINE) || plat_thread_count() != 1)
		refuse(-ENOTSUP);
	r = window_attach(ZYGOTE_WINDOW, (void *)(uintptr_t)window);
	if (r < 0)
		refuse(r);
	settle();
	tell((struct news){ .what = NEWS_READY, .value = getpid(), .nonce = nonce });
	serve();
}
