/* process.h - processes: what the program and its zygote say to each other, and what lies in the
 * shared window between a program and a process of its.
 *
 * The players: the program, one of whose strands starts a process; the zygote, the same program
 * executed once more, which waits in front of main and forks; the process, its child.  In the
 * program a process is a strand without a body (struct process); in itself it is the first strand.
 */
#ifndef TELAR_RUN_PROCESS_H
#define TELAR_RUN_PROCESS_H
#include "run/run.h"
#include "telar/process.h"

/* Who sets it: NEW (and a number: for the how manieth time) the program; BEGUN the process, before
 * any code of the user's; DONE the process, with result and how; LOST the program, when the zygote
 * is gone. */
enum { LAUNCH_BEGUN = 1, LAUNCH_DONE, LAUNCH_LOST, LAUNCH_NEW };

/* In the shared window, from the start to the end. */
struct launch {
	_Atomic uint64_t word; /* the state, and in its high half from BEGUN on the process's pid */
	_Atomic uint32_t asked;  /* 1: to stop; a futex word of the process's listener */
	_Atomic uint32_t paused; /* a futex word */
	_Atomic uint32_t
		gone; /* the zygote's: about to be reaped, from here on pid may be another */
	int result, how;
	pid_t parent;
	int64_t at;    /* .at */
	int64_t grace; /* ns */
	tl_func fn;
	void *arg;
	char name[32], family[32]; /* "1:" of Process-1, for names of its own processes */
	_Atomic uint64_t stamp;    /* the process's, see plat_process_stamp */
	bool group, has_cwd;
	uint32_t stdio,
		given;  /* of the descriptors that come along: bits of 0 to 2; how many more */
	uint32_t n_env; /* strings, one after the other, each with its 0 ... */
	size_t env_size, env, cwd;          /* ... and where they begin in bytes */
	_Alignas(max_align_t) char bytes[]; /* the copy of *arg first */
};

static inline uint32_t launch_state(const struct launch *a)
{
	return (uint32_t)atomic_load_explicit(&a->word, memory_order_acquire);
}

static inline pid_t launch_pid(const struct launch *a) /* 0: not yet */
{
	return (pid_t)(atomic_load_explicit(&a->word, memory_order_acquire) >> 32);
}

/* Its pid as a futex word, which is 0 until it begins and woken then.  Little-endian, as all of
 * x86-64 and aarch64 Linux is. */
static inline _Atomic uint32_t *launch_pid_word(struct launch *a)
{
	return (_Atomic uint32_t *)&a->word + 1;
}

/* From state `from`, without a pid, to `to`.  False: somebody else was first. */
static inline bool launch_move(struct launch *a, uint64_t from, uint32_t to, pid_t pid)
{
	return atomic_compare_exchange_strong_explicit(&a->word, &from,
		(uint64_t)(uint32_t)pid << 32 | to, memory_order_acq_rel, memory_order_acquire);
}

#define ZYGOTE_MARK "TELAR_ZYGOTE"           /* in its environment: NONCE:ADDRESS OF THE WINDOW */
enum { ZYGOTE_LINE = 3, ZYGOTE_WINDOW = 4 }; /* its descriptors */

/* Program to zygote. */
enum { ORDER_START = 1, ORDER_LOOK };
struct order {
	uint32_t what, state; /* of the launch, if it is for this order to begin */
	struct launch *launch;
	void *cookie;
};

/* Zygote to program. */
enum { NEWS_READY = 1, NEWS_REFUSED, NEWS_ENDED, NEWS_FAILED };
struct news {
	uint32_t what;
	int value; /* READY: its pid; REFUSED, FAILED: a status; ENDED: as waitpid's */
	void *cookie;
	uint64_t nonce; /* READY */
};

struct zygote;

/* In the program. */
struct process {
	struct node link; /* in its zygote's */
	struct zygote *_Atomic zygote;
	struct strand *strand;
	struct launch *launch;
	bool sending;  /* a thread is telling the zygote */
	uint32_t lost; /* how often it was lost with its zygote before it began */
};

/* zygote.c: in the zygote, in place of main; comes back if this is none */
void zygote_instead_of_main(void);

/* zygote_link.c */
int zygote_ready(void); /* there is one, and it has our rights */
int process_send(struct process *p, const tl_process_opts *o);
int zygote_send(struct process *p, const int *fds, unsigned n);
void zygote_bell(struct zygote *z); /* some of its processes are asked to stop; any lock held */
/* Its end is known: status as waitpid's, or < 0: TL_UNKNOWN. */
void process_ended(struct process *p, int status);
void process_failed(struct process *p, int r); /* it never was */
void zygote_settle(struct process *p);         /* nobody is telling of it any more */
void zygote_drop(struct process *p);           /* it has ended */

/* process_child.c: in the process, after the fork */
_Noreturn void process_live(struct launch *a, const int *fds, unsigned n);

/* func.c */
tl_fn *func_find(tl_func f, int *ret_r);

#endif
