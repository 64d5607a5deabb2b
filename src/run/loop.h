/* loop.h - the loop of a thread: what it does while it waits. */
#ifndef TELAR_RUN_LOOP_H
#define TELAR_RUN_LOOP_H
#include "base/heap.h"
#include "plat/poller.h"
#include "run/run.h"

struct embed;

struct loop {
	/* the thread's own */
	struct strand *now_runs;      /* see loop_runs */
	struct strand *zero;          /* the strand that the thread itself is */
	struct strand *first, **last; /* run queue */
	int budget;                   /* calls that the strand may complete without blocking */
	unsigned turn;                /* strands run since the outside was looked at */
	int64_t now;                  /* the time as of this turn */
	struct heap timers, windows;  /* see timer.c */
	uint64_t turns;               /* of the last alarm */
	uint32_t alarms, claims;      /* set, and strands that may want one */
	struct poller *poller;        /* made at the first wait for a descriptor */
	unsigned polling;             /* strands that wait in it */
	struct stack *dead;           /* of a task that has just switched away for good */
	struct switch_note *left;     /* whom the last switch left */
	struct body body;             /* of zero */
	struct loop *after;           /* in the list of all */
	pid_t os_id;
	struct waiter *drainer; /* zero, when its thread is about to end */
	bool foreign;           /* adopted, not started by telar */
	unsigned suspicious;    /* deadlock.c: how often it has looked again */
	int64_t patience;       /* ns to watch before a sleep ... */
	int64_t spent;          /* ... and how long it was in vain just now */
	_Atomic bool inside;    /* see bias.h */
	unsigned met;           /* bias.c: real locks taken since the way was closed */
	struct strand *held;    /* ended, and not yet dismissed: see scope.c */
	unsigned n_held;
	unsigned shares; /* see loop_share */
	uint32_t stolen; /* work.c: so many in the last theft, and when; how long the */
	int64_t stolen_at, shy, shy_until; /* thief keeps away from tasks that are too short */
	bool rests;                        /* work.c: it has said that it is idle */
	bool takes;   /* .anywhere tasks, when it has nothing else: see work.c; shown */
	bool counted; /* in deadlock.c's loops */
	bool turning; /* zero lets a turn of others run, and goes on after it */
	bool hosted;  /* between two turns: what is to be done must reach embed's fd */
	struct embed *embed;
	/* everybody's, also after the thread has ended */
	struct deque { /* see work.c */
		_Alignas(PLAT_LINE) struct spin lock;
		_Atomic uint32_t head;
		struct strand *_Atomic *at; /* a ring of .anywhere tasks that have not begun */
		uint32_t room;
		_Alignas(PLAT_LINE) _Atomic uint32_t tail;
	} deque;
	_Atomic bool idle; /* a worker that sleeps */
	_Alignas(PLAT_LINE) struct strand *_Atomic inbox;
	_Atomic uint32_t sleeping; /* LOOP_... below; a futex word */
	_Atomic uint32_t kicks;    /* given by those who took the mark of sleep ... */
	uint32_t taken;            /* ... and how often it was taken: the thread's own count */
	_Atomic int kicked_on;     /* of the last kick: the processor ... */
	_Atomic int64_t kicked_at; /* ... and the time */
};

enum { LOOP_AWAKE, LOOP_FUTEX, LOOP_POLL };

extern _Thread_local struct loop *loop_here;

/* s has the processor now.  Others look at it, too (tl_state), and any recent answer will do. */
static inline void loop_runs(struct loop *l, struct strand *s)
{
	__atomic_store_n(&l->now_runs, s, __ATOMIC_RELAXED);
	wait_me = &s->park;
}

struct loop *loop_open(struct strand *zero); /* of the calling thread; NULL: no memory */
void loop_close(struct loop *l);
/* The operations of the wait floor. */
extern const struct wait_ops loop_ops;
void loop_ready(struct parker *p); /* append to the run queue of its loop; any thread */
/* The next strand to run, which has left the run queue; sleeps until there is one. */
struct strand *loop_pick(struct loop *l);
/* The calling strand leaves its processor to `to`; gone: for ever. */
void loop_switch(struct loop *l, struct strand *from, struct strand *to, bool gone);
void loop_arrived(struct loop *l); /* first thing after a switch */
/* Run the tasks that are left on the calling thread's loop until the last has ended. */
void loop_drain(struct loop *l);
void loop_alone(struct loop *l); /* the last has ended */
/* Take s off the run queue, if it is the next on it. */
bool loop_claim(struct loop *l, struct strand *s);
bool loop_quiet(struct loop *l); /* nothing has come in */
/* A strand has completed so many calls without blocking: the others' turn, if there are any. */
void loop_share(struct loop *l);
/* Let the others run once. */
void loop_yield(struct loop *l);
/* The strand that runs here, s, gives way to the next, and comes back when it is that. */
void loop_leave(struct loop *l, struct strand *s);
void loop_take_in(struct loop *l); /* what came in, and what may begin anywhere */
void loop_awake(struct loop *l);   /* take back the mark of sleep */
/* Wake it from its sleep; any thread. */
void loop_wake(struct loop *l);
/* All loops of the process, for fork and dumps. */
bool loop_each(bool (*fn)(struct loop *l, void *arg), void *arg);

/* Do op in the poller of this loop; answers its result, -ETIMEDOUT or -ECANCELED.  The bytes belong
 * to the poller meanwhile; what has come when the deadline passes is returned, not lost. */
ssize_t loop_fd_do(struct poll_op op, const char *what, tl_time deadline);
/* The wait floor's await_shared: in this loop's ring. */
int loop_word_wait(
	const struct waiter *w, _Atomic uint32_t *word, uint32_t expected, int64_t deadline);
/* Wait until fd is ready for events (POLLER_IN, POLLER_OUT); answers which.  stamp: see poller.h.
 */
int loop_fd_wait(int fd, uint32_t stamp, int events, const char *what, tl_time deadline);
/* embed.c: the thread waits outside.  Whatever changes what there is to do comes by here. */
void embed_touch(struct loop *l);
static inline void loop_touch(struct loop *l)
{
	if (__builtin_expect(l->hosted, 0))
		embed_touch(l);
}
void embed_close(struct loop *l);
/* Make the loop's poller, if there is none yet. */
int loop_poller(struct loop *l);
/* Is fd ready now?  Events, 0, or -EBADF. */
int loop_fd_now(int fd, int events);

#endif
