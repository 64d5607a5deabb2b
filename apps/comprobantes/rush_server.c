/* rush_server.c - the service under test as a child process: start, measure, stop, kill.
 *
 * It runs in a process group of its own, so that Ctrl-C reaches rush alone, which then stops it by
 * its id.  Its end is seen through a pidfd; it is reaped here and nowhere else.  Memory is read
 * from VmHWM while it lives: rusage's maxrss would begin at the size of the process that spawned
 * it. */
#include "rush.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_PATIENCE 30 /* seconds until it must listen */

extern char **environ;

/* Spawn the program with argv; its stdout goes to the pipe. */
static int spawn(pid_t *pid, const char *path, char *const argv[], int pipe[2])
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t set;
	int r;

	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGPIPE); /* rush ignores it; the service decides for itself */
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn_file_actions_adddup2(&fa, pipe[1], STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(pid, path ? path : "/proc/self/exe", &fa, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return -r;
}

int rush_spawn(pid_t *pid, tl_stream **out, const char *path, char *const argv[])
{
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	r = spawn(pid, path, argv, p);
	close(p[1]);
	if (r == 0)
		r = tl_stream_adopt(out, p[0]);
	if (r < 0)
		close(p[0]);
	return r;
}

/* The line "comprobantes: listening on ADDRESS". */
static int read_address(struct rush_server *s, tl_time deadline)
{
	char line[256], *at;
	size_t n = 0;

	while (n + 1 < sizeof line) {
		ssize_t k = tl_read(s->out, line + n, sizeof line - 1 - n, deadline);
		if (k <= 0)
			return k < 0 ? (int)k : -EPIPE;
		n += k;
		line[n] = 0;
		if (!strchr(line, '\n'))
			continue;
		*strchr(line, '\n') = 0;
		at = strstr(line, "listening on ");
		if (!at)
			return -EPROTO;
		snprintf(s->address, sizeof s->address, "%.60s", at + strlen("listening on "));
		return 0;
	}
	return -EPROTO;
}

struct watched {
	struct rush_run *run;
	tl_stream *out;
	pid_t pid;
};

/* A daemon per service process: reads what it prints, until it ends; then that must be expected. */
static int watch(void *arg)
{
	struct watched *w = arg;
	struct rush_server *s = &w->run->server;
	char buf[512];
	ssize_t n;

	while ((n = tl_read(w->out, buf, sizeof buf, TL_NEVER)) > 0)
		continue;
	tl_close(w->out, TL_NEVER);
	if (n != -ECANCELED && s->pid == w->pid && !s->stopping)
		rush_fail(w->run, "the service ended by itself in the middle of the rush");
	return 0;
}

static bool is_free(unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;

	if (fd >= 0)
		close(fd);
	return free;
}

/* Below the ports that the system gives to clients: while the service is dead, a client that tries
 * its port again and again may be given that very port, connect to itself, and keep it (see
 * ip_local_port_range in ip(7)). */
const char *rush_server_place(char *buf, size_t cap)
{
	enum { FIRST = 10240, LAST = 32000 };

	for (unsigned i = 0; i < 200; i++) {
		unsigned port = FIRST + ((unsigned)getpid() * 7 + i * 97) % (LAST - FIRST);

		if (is_free(port)) {
			snprintf(buf, cap, "127.0.0.1:%u", port);
			return buf;
		}
	}
	return "127.0.0.1:0";
}

int rush_server_start(struct rush_run *run, const char *listen)
{
	struct rush_server *s = &run->server;
	char limit[16];
	char *argv[] = { "comprobantes", "serve", "--data", run->dir, "--listen", (char *)listen,
		"--limit", limit, NULL };
	int r;

	snprintf(limit, sizeof limit, "%u", RUSH_LIMIT);
	s->stopping = false;
	s->pidfd = -1;
	r = rush_spawn(&s->pid, &s->out, run->opts->server, argv);
	if (r == 0 && (s->pidfd = pidfd_open(s->pid, 0)) < 0)
		r = -errno;
	if (r == 0)
		r = read_address(s, tl_after(tl_s(START_PATIENCE)));
	if (r < 0) {
		if (r != -ECANCELED)
			rush_fail(run, "the service did not start on %s: %s", listen,
				r == -EPIPE ? "it ended (its reason is above)" : tl_error_name(r));
		return r;
	}
	r = tl_task_start(run->scope, watch, &(struct watched){ run, s->out, s->pid },
		&(tl_opts){ .name = "watch", .copy = sizeof(struct watched), .daemon = true });
	if (r >= 0)
		s->out = NULL; /* the watcher's now */
	return r;
}

void rush_server_sample(struct rush_server *s)
{
	char path[64], line[128];
	unsigned long long kib;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", s->pid);
	f = s->pid ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "VmHWM: %llu", &kib) == 1 && kib > s->peak_kib)
			s->peak_kib = kib;
	}
	if (f)
		fclose(f);
}

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

int rush_server_end(struct rush_server *s, int signal, tl_span patience)
{
	struct rusage use;
	int status = 0;

	if (!s->pid)
		return 0;
	s->stopping = true;
	rush_server_sample(s);
	kill(s->pid, signal);
	/* A service without a pidfd never began to serve: it is not waited for. */
	if (s->pidfd < 0 || tl_fd_wait(s->pidfd, TL_IN, tl_after(patience)) < 0)
		kill(s->pid, SIGKILL);
	while (wait4(s->pid, &status, 0, &use) < 0 && errno == EINTR)
		continue;
	s->cpu_s += seconds(use.ru_utime) + seconds(use.ru_stime);
	if (s->pidfd >= 0)
		close(s->pidfd);
	tl_close(s->out, TL_NEVER);
	s->out = NULL;
	s->pid = 0;
	s->pidfd = -1;
	return status;
}
