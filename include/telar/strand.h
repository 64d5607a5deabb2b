/* telar/strand.h - what runs.  A strand is a task (on its thread's loop), a thread or a process
 * (telar/process.h); it has a name, an owner (its scope) and an ending.
 *
 * A tl_strand is a value: copy it, log it, keep it.  A verb on a strand that is gone answers
 * -ESRCH, never crashes. A thread becomes the loop of the tasks started on it: they run whenever
 * that thread waits in telar.  Started tasks stay on their thread.  All calls here may be made from
 * any thread and any task. */
#ifndef TELAR_STRAND_H
#define TELAR_STRAND_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_strand {
	uint64_t id;
} tl_strand;                      /* { 0 } names none */
typedef int tl_fn(void *arg);     /* a result < 0 is a failure of the strand's scope */
typedef struct tl_scope tl_scope; /* telar/scope.h */

enum tl_kind { TL_TASK = 1, TL_THREAD, TL_PROCESS };
enum tl_state { TL_CREATED = 1, TL_READY, TL_RUNNING, TL_BLOCKED, TL_ENDED };
enum tl_how {
	TL_RETURNED = 1,
	TL_CANCELLED, /* was asked to stop, and answered -ECANCELED */
	TL_EXITED,    /* a process left by exit(3) */
	TL_SIGNALLED, /* a process was ended by a signal */
	TL_UNKNOWN    /* a process is gone, and nobody knows how */
};

typedef struct tl_end {
	enum tl_how how;
	int value; /* what its function answered; the exit code; the signal; 0 */
} tl_end;

typedef struct tl_thread_opts {
	const void *cpus; /* a cpu_set_t; NULL: inherited */
	size_t cpus_size; /* its size in bytes */
	int nice;         /* -20 (first) to 19; 0: its starter's; see setpriority(2) for who may */
	uint64_t reserved[4];
} tl_thread_opts;

/* What becomes of the planned times of an .every that have passed before their turn came. */
enum tl_missed {
	TL_SKIP = 0, /* dropped: the next call is at the next planned time */
	TL_BURST,    /* made up for at once, one call each */
	TL_DELAY /* the next call is one period after the late one began: all later ones shift */
};

typedef struct tl_opts {
	const char *name;      /* copied, at most 31 bytes; NULL: "Task-N", "Thread-N" ... */
	tl_strand *ret;        /* a handle; the ending is then kept until the scope closes */
	size_t copy;           /* the strand gets its own copy of this many bytes of *arg */
	bool daemon;           /* does not keep its scope open */
	bool paused;           /* waits for tl_resume */
	bool anywhere;         /* a task that may begin on any worker, see tl_workers */
	enum tl_missed missed; /* with .every */
	tl_time at;            /* does not begin before; a task waiting for it is a timer */
	tl_span every;         /* runs fn again and again, see tl_task_start */
	tl_span slack;         /* a task may begin up to so much later, together with others */
	size_t stack;          /* bytes; 0: 256 KiB for a task, the system's default for a thread */
	const tl_thread_opts *thread;
	const struct tl_process_opts *process; /* telar/process.h */
} tl_opts;

/* Start fn(arg) as a task on the calling thread's loop.
 * scope: its owner; NULL is the caller's innermost open scope.  o: NULL is all defaults.  With
 * .every the task calls fn first at .at (else after one period) and then once per period until it
 * is cancelled (fn itself may: tl_cancel(tl_self())) or fn answers < 0; each call counts from the
 * planned time, not from the end of the one before; what becomes of missed ones says .missed.
 * Calls of one .every strand never overlap.
 * Tasks that wait for the same time begin in the order of their starts.  With .slack a task that
 * waits for its time may begin up to so much later, never earlier: whenever the loop is up, all
 * begin whose time has come, and it wakes for the first whose slack is over.
 * Not a cancel point.  The result may be ignored: a failed start is also a failure of the scope.
 * Errors: -ENOMEM, -EINVAL (NULL scope on a foreign thread; misuse: a scope that was never opened;
 * an option that makes no sense or would have no effect, which report and failure name), -ECANCELED
 * (the scope is cancelled; not a failure).  Ownership: *arg stays the caller's unless .copy is
 * given.  On failure *o->ret is { 0 }.  Example: examples/hello.c. */
TL_API int tl_task_start(tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o);

/* How many processors .anywhere tasks may use: the loop they are started on, and n - 1 worker
 * threads, which are made with the first of them.  0: tl_cpu_count().  An .anywhere task begins
 * where there is nothing else to run, and stays there once it has begun.  Not a cancel point.
 * Error: -EBUSY (there are workers already). */
TL_API int tl_workers(unsigned n);

/* Start fn(arg) in a new thread.  As tl_task_start; .every is for tasks only (-EINVAL).  The system
 * sees the first 15 bytes of the name.  Errors also: -EAGAIN (the system starts no more threads).
 * A .nice that the system refuses is the thread's own failure, -EPERM: fn is not called.  Source:
 * pthread_create(3).  Example: examples/threads_args.c. */
TL_API int tl_thread_start(tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o);

/* Let a .paused strand run.  Not a cancel point.  Errors: -ESRCH, -EBUSY (was not paused). */
TL_API int tl_resume(tl_strand t);

/* Make t a daemon, or none, before it begins: while it is .paused, or .at is still to come.  A
 * scope that waits already for those that are no daemons goes by what they are now.  Not a cancel
 * point.  Errors: -EBUSY (it has begun, or ended), -ESRCH.
 * Example: examples/threads_daemon_flag.c. */
TL_API int tl_daemon_set(tl_strand t, bool daemon);

/* Wait until t has ended; one that has not begun is waited for, too.  ret_end (may be NULL): how it
 * ended; untouched on failure.  Joining again answers the same as long as the ending is kept: by
 * .ret until the scope closes, else as long as somebody joins.  Cancel point.  Errors: -ETIMEDOUT,
 * -ECANCELED, -EDEADLK (t is the caller; wider rings are reported, TL_R_DEADLOCK), -ESRCH. */
TL_API int tl_join(tl_strand t, tl_end *ret_end, tl_time deadline);

/* Ask t to stop: all its cancel points answer -ECANCELED from now on; one that has not begun never
 * runs.  Never waits; asking twice is asking once; a strand that is gone is not an error. */
TL_API void tl_cancel(tl_strand t);

enum tl_until { TL_ALL = 1, TL_FIRST, TL_FIRST_FAILED };

/* Wait until all, the first, or the first failed of set[0..n) has ended (a cancelled one has not
 * failed).  Sorts set so that those that have ended come first, in their old order.  Cancels
 * nothing. Cancel point.  Answers how many have ended, also when the deadline passed (possibly 0).
 * Errors: -ECANCELED, -EINVAL (n == 0), -ESRCH (one is not known), -ENOMEM. */
TL_API int tl_wait(tl_strand *set, size_t n, enum tl_until until, tl_time deadline);

/* The calling strand.  A thread that telar has not seen is adopted.  Not a cancel point; cannot
 * fail. */
TL_API tl_strand tl_self(void);
/* The strand of main.  Not a cancel point; cannot fail. */
TL_API tl_strand tl_main(void);
/* The thread that the caller runs on: itself, or the one whose loop runs the task.  Not a cancel
 * point; cannot fail. */
TL_API tl_strand tl_my_thread(void);
/* The calling strand's name, valid until it ends or asks again after it was renamed.  Not a cancel
 * point; cannot fail. */
TL_API const char *tl_my_name(void);
/* Call t `name` from now on: at most 31 bytes are copied, up to the end of a UTF-8 character.  A
 * thread, main included, is shown to the system by the first 15 bytes of it (if the system lets
 * us).  Not a cancel point.  Errors: -EINVAL (no name, or ""), -ENOMEM, -ESRCH (it has ended, or is
 * gone).  Source: prctl(2), PR_SET_NAME; proc_pid_task(5).  */
TL_API int tl_rename(tl_strand t, const char *name);

/* Whether t has not ended yet, as of just now; false also for one that is not known any more.  Not
 * a cancel point. */
TL_API bool tl_alive(tl_strand t);
/* The state of t (enum tl_state), as of just now.  Not a cancel point.  Error: -ESRCH. */
TL_API int tl_state(tl_strand t);
/* What t is (enum tl_kind).  Not a cancel point.  Error: -ESRCH. */
TL_API int tl_kind(tl_strand t);
/* The name of t into buf[0..cap), always terminated, cut if it must be; answers its whole length.
 * Not a cancel point.  Error: -ESRCH. */
TL_API int tl_name(tl_strand t, char *buf, size_t cap);

/* Sleep for a length of time.  Cancel point.  Answers 0 when it is over.  Error: -ECANCELED. */
TL_API int tl_sleep(tl_span length);
/* Sleep until t; until TL_NEVER only a cancel ends it.  Cancel point.  Answers 0 when the time has
 * come.  Error: -ECANCELED. */
TL_API int tl_sleep_until(tl_time t);

/* Let the others on this loop run.  Cancel point: 0 or -ECANCELED. */
TL_API int tl_yield(void);
/* A cancel point that does nothing else: 0 or -ECANCELED. */
TL_API int tl_checkpoint(void);
/* The same question asked without consequence.  Not a cancel point. */
TL_API bool tl_cancelled(void);

/* Run blocking or CPU-bound fn(record) on a helper thread while the caller parks.
 * record, size: fn works on a copy, which is copied back when fn has ended in time.
 * Cancel point: on -ETIMEDOUT and -ECANCELED fn runs on, on its copy, and its result is dropped;
 * one that has not begun is withdrawn.  fn is on a thread outside all strands, and sees no tl_local
 * of its caller's.  Errors also: -ENOMEM, -EAGAIN (no helper thread could be
 * made).  Else: what fn answered. */
TL_API int tl_offload(tl_fn *fn, void *record, size_t size, tl_time deadline);

#ifdef __cplusplus
}
#endif
#endif
