/* spawn.c - this program once more, as a process that is nobody's child.
 *
 * Two steps, both with the caller's memory and both gone from it before clone answers: a child that
 * the system's SIGCHLD and waitpid(-1) do not know (its exit signal is 0), and its child, which
 * executes the program and is left an orphan.  So whoever waits for all his children waits for none
 * of ours.  CLONE_FS makes the current directory and the umask one for both, for good: what the
 * program sets later is what a process begins with, and nobody need ask for it.
 *
 * Between clone and execve only raw system calls: the memory is the caller's, errno is too, and
 * sanitizers must not count these functions' calls.  __clone: some sanitizers take clone for a
 * fork.
 *
 * Source: clone(2), vfork(2), execve(2), proc(5). */
#include "plat/linux.h"
#include "plat/plat.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 64 << 10, FIRST = 3, MOST = 8 };
#define BARE __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

struct spawn {
	char *stack; /* two of them */
	char **argv, **envp;
	const int *fds;
	int high[MOST];
	unsigned n;
	int r;
};

BARE static int execute(void *arg)
{
	struct spawn *s = arg;

	/* First to numbers above those that they are to get, so that none is overwritten.  Not in
	 * the program: the child of a fork there, just now, would keep them. */
	for (unsigned i = 0; i < s->n; i++) {
		s->high[i] = (int)syscall(SYS_fcntl, s->fds[i], F_DUPFD_CLOEXEC, FIRST + MOST);
		if (s->high[i] < 0)
			goto failed;
	}
	for (unsigned i = 0; i < s->n; i++)
		if (syscall(SYS_dup3, s->high[i], FIRST + (int)i, 0) < 0)
			goto failed;
	syscall(SYS_close_range, FIRST + s->n, ~0u, 0);
	syscall(SYS_execve, "/proc/self/exe", s->argv, s->envp);
failed:
	s->r = errno == EINVAL ? -EMFILE : -errno; /* a number beyond the limit */
	syscall(SYS_exit, 0);
	return 0;
}

BARE static int step(void *arg)
{
	struct spawn *s = arg;

	if (__clone(execute, s->stack + 2 * STACK, CLONE_VM | CLONE_VFORK | CLONE_FS | SIGCHLD, s) <
		0)
		s->r = -errno;
	syscall(SYS_exit, 0);
	return 0;
}

static int run(struct spawn *s)
{
	sigset_t all, old;
	pid_t pid;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* no handler may run in there */
	pid = __clone(step, s->stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FS, s);
	r = pid < 0 ? -errno : s->r;
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static char **environment(const char *mark)
{
	size_t n = 0;
	char **envp;

	while (environ && environ[n])
		n++;
	envp = malloc((n + 2) * sizeof *envp);
	if (!envp)
		return NULL;
	if (n)
		memcpy(envp, environ, n * sizeof *envp);
	envp[n] = (char *)mark;
	envp[n + 1] = NULL;
	return envp;
}

int plat_spawn_self(const char *mark, const int *fds, unsigned n)
{
	char *argv[] = { program_invocation_name, NULL };
	struct spawn s = { .argv = argv, .fds = fds, .n = n };
	int r;

	if (n > MOST)
		return -EINVAL;
	s.envp = environment(mark);
	s.stack = s.envp ? malloc(2 * STACK) : NULL;
	r = s.stack ? run(&s) : -ENOMEM;
	free(s.stack);
	free(s.envp);
	return r;
}

/* Its executable is hidden from us where it has just given up its rights: then the user must do. */
bool plat_peer_is_us(int fd)
{
	struct stat mine, its;
	struct ucred peer;
	socklen_t size = sizeof peer;
	char path[40];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
		return false;
	snprintf(path, sizeof path, "/proc/%d/exe", (int)peer.pid);
	if (stat("/proc/self/exe", &mine) < 0)
		return false;
	if (stat(path, &its) < 0)
		return errno == EACCES;
	return mine.st_dev == its.st_dev && mine.st_ino == its.st_ino;
}

bool plat_is_line(int fd)
{
	int type = 0;
	socklen_t size = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int plat_above_stdio(int fd)
{
	int r = fd;

	if (fd < 0 || fd >= FIRST)
		return fd;
	r = fcntl(fd, F_DUPFD_CLOEXEC, FIRST);
	close(fd);
	return r;
}

void plat_rights(struct plat_rights *ret)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2] = { 0 };
	gid_t groups[256];
	int n;

	memset(ret, 0, sizeof *ret);
	getresuid(&ret->ids[0], &ret->ids[1], &ret->ids[2]);
	getresgid(&ret->ids[3], &ret->ids[4], &ret->ids[5]);
	n = getgroups(256, groups);
	ret->groups = (uint32_t)n;
	for (int i = 0; i < n; i++)
		ret->groups_sum = ret->groups_sum * 31 + groups[i];
	if (syscall(SYS_capget, &head, caps) == 0)
		memcpy(ret->caps, caps, sizeof caps);
	ret->no_new_privs = (uint32_t)prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	ret->seccomp = (uint32_t)prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	if (ret->seccomp)
		ret->filters = plat_filter_count();
}

/* A number of filters that cannot be told any more, /proc being gone, is taken for what it was. */
bool plat_rights_same(const struct plat_rights *a, const struct plat_rights *b)
{
	struct plat_rights c = *b;

	if (!a->filters || !b->filters)
		c.filters = a->filters;
	return memcmp(a, &c, sizeof c) == 0;
}

/* -- messages */

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(PLAT_FDS * sizeof(int))];
};

int plat_tell(int fd, const void *message, size_t size, const int *fds, unsigned n, bool now)
{
	struct iovec v = { (void *)message, size };
	union control c = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t r;

	if (n) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(n * sizeof *fds);
		c.head.cmsg_level = SOL_SOCKET;
		c.head.cmsg_type = SCM_RIGHTS;
		c.head.cmsg_len = CMSG_LEN(n * sizeof *fds);
		memcpy(CMSG_DATA(&c.head), fds, n * sizeof *fds);
	}
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL | (now ? MSG_DONTWAIT : 0));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

ssize_t plat_hear(int fd, void *message, size_t size, int *ret_fds, unsigned *n)
{
	struct iovec v = { message, size };
	union control c;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	unsigned came = 0;
	ssize_t r;

	if (n) {
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
	}
	do
		r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *h = n ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		came = (unsigned)((h->cmsg_len - CMSG_LEN(0)) / sizeof *ret_fds);
		memcpy(ret_fds, CMSG_DATA(h), came * sizeof *ret_fds);
	}
	if (n)
		*n = came;
	return r;
}

/* -- other processes */

int plat_process_signal(pid_t pid, int sig, bool (*still)(void *arg), void *arg)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (!still(arg))
		r = -ESRCH;
	else if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}
