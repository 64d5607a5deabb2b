/* step.h - victims: processes that are killed in a call, after each of its instructions. */
#ifndef TESTS_STEP_H
#define TESTS_STEP_H
#include "kill.h"
#include <sys/ptrace.h>

/* Where the instructions are many, one of so many. */
#if ASAN
enum { STRIDE = 13 };
#elif !defined(__OPTIMIZE__)
enum { STRIDE = 5 };
#else
enum { STRIDE = 1 };
#endif

static _Atomic int *call_over; /* is the victim's? */

/* Stops, and is stepped from there. */
static inline pid_t victim(void (*call)(void))
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		call();
		atomic_store(call_over, 1);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("this system lets nobody trace a process");
	CHECK(WIFSTOPPED(status));
	return pid;
}

/* False: the call was over before. */
static inline bool killed_after(pid_t pid, int steps)
{
	int status;

	for (int i = 0; i < steps && !atomic_load(call_over); i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			SKIP("this system lets nobody step a process");
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSTOPPED(status));
	}
	kill_now(pid);
	return !atomic_load(call_over);
}

/* One processor for both: a step is a switch. */
static inline void share_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof set, &set);
}

/* For each number of steps a new stage and a new victim; after() looks what became of them.
 * Answers how many places there were. */
static inline int everywhere(
	void (*set_stage)(void), void (*call)(void), void (*after)(bool returned))
{
	bool inside = true;
	int n = 0;

	if (TSAN)
		SKIP("the sanitizer sees one process alone, and its own steps take many minutes");
	share_processor();
	call_over = tl_shared(sizeof *call_over);
	CHECK(call_over != NULL);
	for (int steps = 0; inside; steps += STRIDE, n++) {
		set_stage();
		atomic_store(call_over, 0);
		inside = killed_after(victim(call), steps);
		after(!inside);
	}
	return n;
}

#endif
