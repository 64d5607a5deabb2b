/* stall.c - runs a program whose threads lose the processor at any moment, up to half of them at
 * once, for longer than anything should take: what counts on another's being quick fails.
 *
 *	stall PROGRAM [ARGUMENT ...]	TELAR_SEED decides who and when
 *
 * All threads of the program and of its processes are traced.  Every other millisecond or so one is
 * stopped; after 1 to 64 ms it goes on.  Signals reach it as they would.  The exit status is the
 * program's. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, MS = 1000000, EVERY = 2 * MS, LONGEST = 64 };

static struct thread {
	pid_t id;
	bool held, asked;
	int64_t until;
} threads[MOST];
static int count;
static uint64_t seed;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static uint32_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static struct thread *find(pid_t id)
{
	for (int i = 0; i < count; i++)
		if (threads[i].id == id)
			return &threads[i];
	if (count == MOST)
		return NULL;
	threads[count] = (struct thread){ .id = id };
	return &threads[count++];
}

/* Mostly for a moment, seldom for long. */
static int64_t length(void) { return (int64_t)(LONGEST >> chance() % 7) * MS; }

static void stopped(struct thread *t, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_STOP && sig == SIGTRAP && t->asked) {
		t->asked = false;
		t->held = true;
		t->until = now() + length();
	} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		ptrace(PTRACE_LISTEN, t->id, 0, 0); /* stopped by somebody else */
	} else {
		ptrace(PTRACE_CONT, t->id, 0, event ? 0 : sig);
	}
}

static void collect(pid_t program)
{
	int status;
	pid_t id;

	while ((id = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct thread *t = find(id);

		if (WIFSTOPPED(status) && t)
			stopped(t, status);
		else if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, id, 0, 0);
		else if (t)
			*t = threads[--count];
		if (id == program && WIFEXITED(status))
			exit(WEXITSTATUS(status));
		if (id == program && WIFSIGNALED(status)) {
			fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
			exit(1);
		}
	}
}

static void let_go(void)
{
	int64_t t = now();

	for (int i = 0; i < count; i++)
		if (threads[i].held && threads[i].until <= t) {
			threads[i].held = false;
			ptrace(PTRACE_CONT, threads[i].id, 0, 0);
		}
}

static int held(void)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		n += threads[i].held || threads[i].asked;
	return n;
}

static void hold_one(void)
{
	struct thread *t = &threads[chance() % (unsigned)count];

	if (!t->held && !t->asked && ptrace(PTRACE_INTERRUPT, t->id, 0, 0) == 0)
		t->asked = true;
}

static pid_t start(char **command, const sigset_t *old)
{
	pid_t pid = fork();

	if (pid == 0) {
		sigprocmask(SIG_SETMASK, old, NULL);
		raise(SIGSTOP);
		execv(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	waitpid(pid, NULL, WUNTRACED);
	return pid;
}

int main(int argc, char **argv)
{
	long options =
		PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL;
	struct timespec tick = { 0, MS / 2 };
	const char *text = getenv("TELAR_SEED");
	int64_t next = 0; /* when one is to be held again */
	sigset_t set, old;
	pid_t program;

	if (argc < 2)
		return fprintf(stderr, "usage: stall PROGRAM [ARGUMENT ...]\n"), 2;
	seed = (text ? strtoull(text, NULL, 10) : 1) * 0x9E3779B97F4A7C15u + 1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	program = start(argv + 1, &old);
	if (ptrace(PTRACE_SEIZE, program, 0, options) < 0) {
		printf("this system lets nobody trace a process: %d\n", errno);
		kill(program, SIGKILL);
		return 77;
	}
	kill(program, SIGCONT);
	for (;;) {
		collect(program);
		let_go();
		if (now() >= next && count > 0 && held() < (count + 1) / 2) {
			hold_one();
			next = now() + chance() % (2 * EVERY);
		}
		sigtimedwait(&set, NULL, &tick);
	}
}
