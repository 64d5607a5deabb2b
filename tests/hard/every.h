/* every.h - hostile tests: each call of the library to the system fails once, one after the other.
 *
 * What is in this folder:
 *
 *	inject/         a copy of the library whose calls to the system fail when told to
 *	every.h         runs a scenario with the n-th call failing, for n = 1, 2, 3 ... until there
 *	                is no n-th call any more
 *	test_fail_*.c   the scenarios
 *	test_service_fail.py  the same for the service, for some n
 *	noguard.c       runs a program under a kernel that refuses guard pages
 *
 * The build that yields at every legal point is -Dhostile=yield, see src/plat/hostile.h.
 *
 *	FAULTS(name) { ... return r; }	// three cases: name_once, name_on, name_odd (see inject.h)
 *
 * A scenario is a strand function that uses telar, keeps no state, and answers 0 or the error that
 * stopped it.  For each n it runs in a fresh process, in a thread of telar's: with the fault, then
 * again without.  Whatever the fault, then: it ends; its answer is 0 or fits the fault; no misuse
 * or deadlock is reported; every strand that began has ended; and the second run answers 0 and
 * leaves as many descriptors and strands as there were before both, and (with a sanitizer, which
 * sees every 5th n) no memory.  EVERY_N=17 runs one n only, in this process, as for gdb. */
#ifndef EVERY_H
#define EVERY_H
#include "check.h"
#include "inject/inject.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <telar.h>
#include <time.h>

#define FAULTS(name) FAULTS_LIMIT(name, 60)
#define FAULTS_LIMIT(name, seconds) \
	static int name(void *arg); \
	TEST_LIMIT(name##_once, seconds) { every(INJECT_ONCE, name); } \
	TEST_LIMIT(name##_on, seconds) { every(INJECT_ON, name); } \
	TEST_LIMIT(name##_odd, seconds) { every(INJECT_ODD, name); } \
	static int name(__attribute__((unused)) void *arg)

enum { NOTHING_LEFT = 3, AGAIN = 4, HANG_MS = 20000, FAULT_SIZE = 100 };
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static char *every_fault;           /* what a child has met, as it tells its parent */
static bool every_faulty;           /* this is the run with the fault */
static bool every_fails;            /* and that is a failure, so something may never come */
static _Atomic int64_t every_until; /* the end of the shortest patience in this run */
static _Atomic int every_begun, every_ended;

/* Until when to wait for what a failure may keep from ever coming. */
static inline __attribute__((unused)) tl_time every_patience(void)
{
	tl_time until = tl_after(every_fails ? tl_ms(300) : tl_s(60));
	int64_t none = 0;

	atomic_compare_exchange_strong(&every_until, &none, until.ns);
	return until;
}

/* The first and last line of each function that is started as a strand. */
#define BEGINS() atomic_fetch_add(&every_begun, 1)
static inline __attribute__((unused)) int ends(int r)
{
	atomic_fetch_add(&every_ended, 1);
	return r;
}

static void every_hook(const tl_report *r, void *arg)
{
	(void)arg;
	if (r->kind == TL_R_FAILURE || r->kind == TL_R_DEGRADED)
		return;
	fprintf(stderr, "report %d: '%s' %s\n", r->kind, r->name, r->text);
	check_fail(__FILE__, __LINE__, "no such report may be made");
}

/* Without that of the shared window, which stays. */
static int every_count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	char to[100];
	int n = 0;

	CHECK(d != NULL);
	for (struct dirent *e; (e = readdir(d)); n++) {
		ssize_t size = readlinkat(dirfd(d), e->d_name, to, sizeof to);

		n -= size > 12 && memcmp(to, "/memfd:telar", 12) == 0;
	}
	closedir(d);
	return n;
}

/* Without workers, of which a fault may have kept some from being made. */
static int every_count_strands(void)
{
	tl_info all[64];
	int n = tl_list(all, 64), others = 0;

	for (int i = 0; i < n && i < 64; i++)
		others += strncmp(all[i].name, "Worker-", 7) != 0;
	return others;
}

/* A thread is done with a scope a moment before its last descriptors are closed. */
static void every_settle(int (*count)(void), int to)
{
	while (count() != to)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static int every_run(tl_fn *fn)
{
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	tl_thread_start(&s, fn, NULL, &(tl_opts){ .name = "scenario" });
	r = tl_scope_close(&s);
	CHECK_EQ(every_begun, every_ended);
	return r;
}

/* Does answer r fit the fault?  Some come round a corner: a connection breaks, a sibling is
 * cancelled. */
static bool every_fits(int r)
{
	static const int round[] = { ENOMEM, EAGAIN, ECANCELED, EPIPE, ECONNRESET, ENOTCONN,
		ETIMEDOUT, ENOSPC /* of the shared window, which says no more */ };

	if (r >= 0 || (inject_error() && r == -inject_error()))
		return true;
	for (unsigned i = 0; i < sizeof round / sizeof *round; i++)
		if (r == -round[i])
			return inject_error() != 0;
	return false;
}

static void every_child(enum inject_kind kind, unsigned n, tl_fn *fn)
{
	int fds, strands, r;

	tl_on_report(every_hook, NULL);
	tl_self(); /* no memory for main's own record would be the end, see tl_self */
	fds = every_count_fds();
	strands = every_count_strands();
	every_faulty = n != 0;
	every_fails = n != 0 && kind != INJECT_ODD;
	if (n)
		inject_arm(kind, n);
	r = every_run(fn);
	inject_disarm();
	if (r < 0 && every_fails && !inject_done() && every_until && tl_now().ns >= every_until)
		_exit(AGAIN); /* something held it up, and it left before there was a fault */
	every_faulty = every_fails = false;
	if (!every_fits(r) || (kind == INJECT_ODD && r < 0)) {
		fprintf(stderr, "answered %d (%s)\n", r, tl_error_name(r));
		check_fail(__FILE__, __LINE__, "the answer fits the fault");
	}
	CHECK_EQ(every_run(fn), 0);
	every_settle(every_count_strands, strands);
	every_settle(every_count_fds, fds);
	if (__lsan_do_recoverable_leak_check)
		CHECK_EQ(__lsan_do_recoverable_leak_check(), 0);
	_exit(inject_done() || !n ? 0 : NOTHING_LEFT);
}

/* Answers its exit code; < 0: a signal. */
static int every_wait(pid_t pid)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status;

	CHECK(p.fd >= 0);
	if (poll(&p, 1, HANG_MS * (SANITIZED ? 4 : 1)) == 0) {
		fprintf(stderr, "it hangs\n");
		kill(pid, SIGKILL);
	}
	close(p.fd);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int every_one(enum inject_kind kind, unsigned n, tl_fn *fn)
{
	pid_t pid;
	int code;

	inject_tell(every_fault, FAULT_SIZE);
	do {
		every_fault[0] = 0;
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			every_child(kind, n, fn);
		code = every_wait(pid);
	} while (code == AGAIN);
	if (code != 0 && code != NOTHING_LEFT) {
		fprintf(stderr, "EVERY_N=%u (%s): ends with %d\n", n, every_fault, code);
		check_fail(__FILE__, __LINE__, "it survives this fault");
	}
	return code;
}

/* Threads make the count vary a little, so one n without a fault is not yet the end. */
static void every(enum inject_kind kind, tl_fn *fn)
{
	const char *one = getenv("EVERY_N");
	unsigned n = 1, step = SANITIZED ? 5 : 1, beyond = 0, faults = 0;

	every_fault =
		mmap(NULL, FAULT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(every_fault != MAP_FAILED);
	CHECK_EQ(every_one(kind, 0, fn), 0);
	if (one)
		every_child(kind, (unsigned)atoi(one), fn);
	for (; beyond < 3; n += step)
		if (every_one(kind, n, fn) == NOTHING_LEFT)
			beyond++;
		else
			faults++;
	CHECK(faults > 0);
	printf("%u faults\n", faults);
}

#endif
