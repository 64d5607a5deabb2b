/* telar/process.h - processes: strands with an address space of their own.
 *
 * A process is a fresh image of the program: constructors have run, main has not.  It sees none of
 * the program's variables as they are now; what it is to know comes by its argument, or lies in
 * memory of tl_shared, which is at the same address in every process.  It begins with the program's
 * environment, current directory, umask and standard streams of the moment, with no signal blocked,
 * and with limits, priority and the dispositions of signals (default or ignored) as they were when
 * the first process was started.
 *
 * Processes are forked by a zygote: a small copy of the program that is executed with the first of
 * them and waits in front of main.  So a start costs the same whatever the program's size, threads
 * and locks.  Processes end with the strand's scope, and at the latest with their program, even if
 * that is killed. */
#ifndef TELAR_PROCESS_H
#define TELAR_PROCESS_H
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_process_opts {
	const char *cwd; /* its current directory; NULL: the program's */
	const int *fds;  /* descriptors that it gets copies of: tl_given_fd */
	size_t n_fds;    /* how many, at most 32 */
	bool group;      /* a process group of its own; what it leaves behind in there is killed */
	uint64_t reserved[4];
} tl_process_opts;

/* Start fn(arg) in a new process.  As tl_task_start; also .process, but no .every, .stack and
 * .thread (-EINVAL).
 * arg: with .copy its bytes go along; else an address in memory of tl_shared, NULL, or a small
 * number (below 65536): other addresses mean nothing there (-EINVAL).  fn: of the program or of a
 * shared library, which is loaded there if it is not yet.
 * How it ends (tl_join): TL_RETURNED with what fn answered, the whole int, or TL_CANCELLED;
 * TL_EXITED with the code if it left by exit(3); TL_SIGNALLED with the signal; TL_UNKNOWN if its
 * zygote was killed, which takes it along.  All but a return >= 0 and exit(0) are failures of the
 * scope, those without a status of their own -EOWNERDEAD; an ending that the library itself brought
 * about, because the process was asked to stop and did not, is none.
 * Asked to stop (tl_cancel, its scope), its cancel points answer -ECANCELED.  If it still runs
 * after half of its scope's .grace it gets SIGTERM, after nine tenths SIGKILL.
 * Not a cancel point; the first start takes milliseconds, while the zygote comes up.  Errors also:
 * -ENOTSUP (no zygote can be had: telar was loaded with dlopen(3) into a program that was not
 * linked with it, the program has gained privileges by its file, or /proc is missing), -ENOSPC (the
 * shared window is full), -EMFILE.  A fork that the system refuses (-EAGAIN, -ENOMEM), or of
 * more than some 4,090 processes at once (-EAGAIN), is the process's own failure.
 * Source: fork(2), PR_SET_PDEATHSIG in prctl(2).  Example: examples/process_hello.c. */
TL_API int tl_process_start(tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o);

/* Start the zygote now: before the program locks itself into a folder without /proc (chroot(2)), or
 * cannot spare the milliseconds.  A program whose user, groups, capabilities, no_new_privs or
 * seccomp filters have changed gets a new one with its next process, so that what it gave up its
 * processes do not have; where it may not execute itself any more, it has no more processes
 * (-ENOTSUP).  Other fences that it builds around itself later (landlock(7), namespaces of
 * unshare(2), control groups, limits) do not hold the processes: build them first, or in the
 * process.
 * Not a cancel point.  Errors: as tl_process_start. */
TL_API int tl_zygote_start(void);

/* Send signal sig to process t; 0 only asks.  Waits for it to be forked, which is about to happen.
 * Not a cancel point.  Errors: -ESRCH (it has ended), -EINVAL (t is no process, no such signal),
 * -EPERM.  Source: pidfd_send_signal(2). */
TL_API int tl_signal(tl_strand t, int sig);

/* The system's id: of a process its own, of a thread its own, of a task the thread's it runs on.
 * Waits for a process to be forked, which is about to happen; of one that has ended the id is told
 * as long as its ending is kept, and may be another's by then.  Not a cancel point.  Errors:
 * -ESRCH, -EAGAIN (a thread or task that has not begun, a process that never did). */
TL_API pid_t tl_os_id(tl_strand t);

/* In a process: the process id of who started it, which is not its parent for the system.
 * Elsewhere: getppid(2).  Not a cancel point; cannot fail. */
TL_API pid_t tl_parent_pid(void);

/* In a process: its copy of .fds[i], which is closed by an exec.  Not a cancel point.  Error:
 * -EBADF (there is no such). */
TL_API int tl_given_fd(unsigned i);

/* A function as 8 bytes that mean the same in every process of the program: they may go through
 * shared memory, queues and pipes.  { 0 } is none. */
typedef struct tl_func {
	uint64_t id;
} tl_func;

/* fn as a value.  { 0 }: fn is NULL, or there is no memory to note the library it is of.  Not a
 * cancel point. */
TL_API tl_func tl_func_of(tl_fn *fn);

/* Call f(arg) here, and answer what it answers.  A library that is not loaded in this process is
 * loaded.  As long, and as much a cancel point, as the function is.  Errors also: -EINVAL ({ 0 },
 * or no function of this program), -ENOTSUP (its library cannot be loaded here).
 * Source: dlopen(3). */
TL_API int tl_func_call(tl_func f, void *arg);

#ifdef __cplusplus
}
#endif
#endif
