/* run.h - who runs: strands, their scopes, and the loop of each thread.  For the floors above, the
 * part that matters is at the end; everything else is between the files of this folder.
 *
 * Which thread may touch what: a strand's record and body belong to the thread of its loop, but for
 * the fields marked with a lock, atomic or shown.  Records are never given back to the system, so a
 * stale pointer reads a live record of another generation, never freed memory. */
#ifndef TELAR_RUN_H
#define TELAR_RUN_H
#include "plat/switch.h"
#include "telar/generator.h"
#include "telar/report.h"
#include "telar/scope.h"
#include "wait/wait.h"

struct loop;
struct body;

/* A shown field: who owns it reads it plainly and writes it with SHOW, others may LOOK at any time.
 * What they see may be of the next generation already; then they see its id too if they look there
 * afterwards (hence the orders), and what a shown pointer leads to was written before. */
#define SHOW(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)
#define LOOK(field)        __atomic_load_n(&(field), __ATOMIC_ACQUIRE)

/* life: the low half of the word that joiners wait on; its high half is the generation's low bits,
 * so that a word of one generation is never taken for another's. */
enum {
	LIFE_ENDED = 1,  /* result and how are valid */
	LIFE_WAITED = 2, /* somebody waits on the word */
	LIFE_KEPT = 4,   /* the ending is kept until the scope closes */
	LIFE_DAEMON = 8,
	LIFE_ASKED = 16,  /* asked to stop, by itself or through its scope, before it began */
	LIFE_PAUSED = 32, /* waits for tl_resume */
	LIFE_FREE = 64,   /* the record is nobody's, or of a strand still in the making */
	LIFE_FLAGS = 0xffff
};

/* One per strand, 128 bytes: a million that have not begun are a million of these. */
struct strand {
	struct parker park;
	struct spin lock;      /* guards body's scopes, block and name against the eyes of others */
	_Atomic uint64_t id;   /* 24 bits of slot, 40 of generation */
	_Atomic uint32_t life; /* see above */
	uint32_t alarm;        /* see timer.c; 0: none; shown */
	struct strand *next;   /* in a run queue, an inbox or a free list */
	tl_scope *scope;       /* its owner; NULL: none (main, adopted); shown */
	struct node sibling;   /* in its owner; guarded by the owner's lock */
	struct loop *loop;     /* shown */
	tl_fn *fn;
	void *arg;
	struct body *body;   /* NULL: has not begun, or has ended; guarded by lock for others */
	struct extra *extra; /* what few strands need, or NULL; shown, but freed under lock */
	const void *site;    /* shown, like all down to number */
	union {
		int64_t rings; /* when, while there is an alarm; not shown */
		struct {       /* once it has ended */
			int result;
			uint8_t how;
		};
	};
	uint8_t kind;
	bool foreign, begun; /* but for this one */
	bool at_home;        /* it will never change its loop */
	uint32_t number;     /* of the default name */
	int64_t planned;     /* .at, and the next call of .every; shown */
};
_Static_assert(sizeof(struct strand) == 128, "two cache lines");

/* What a strand stands on: its own stack, or a generator's. */
struct ground {
	struct ground *from; /* a generator's: where its strand came from; NULL: the strand's own */
	tl_scope *base;      /* a generator's: the innermost scope then */
	const char *floor;   /* no child is run in place below this; NULL: none at all */
	struct switch_note note;
};

/* A strand that has begun: at the top of a task's stack, or in a thread's loop. */
struct body {
	tl_scope outer;     /* closes when the function returns */
	tl_scope *inner;    /* the innermost open one; guarded by strand.lock for others */
	void *sp;           /* where plat_switch left it */
	uint64_t lock_word; /* what this strand writes into a tl_lock it holds */
	uintptr_t held;     /* the locks it holds, linked through their second word */
	uint32_t reads;     /* read-write locks acquired to read */
	const char *_Atomic waits;
	const void *_Atomic object;
	_Atomic int64_t since;
	struct locals *locals; /* what it has set: see local.c; NULL: nothing */
	char name[32];         /* for tl_my_name */
	bool name_stale;       /* it is to be fetched again; shown */
	bool placed;           /* a child runs on this strand's stack; shown */
	bool deaf;         /* inside a wait that no cancel ends: closing a scope, holding a lock */
	struct ground *on; /* where it is now */
	struct ground own;
	tl_gen *gens; /* its open generators, the newest first */
};

/* It is needed soon: both its cache lines. */
static inline void strand_near(const struct strand *s)
{
	__builtin_prefetch(s, 1);
	__builtin_prefetch((const char *)s + PLAT_LINE, 1);
}

static inline struct strand *strand_of(struct parker *p)
{
	return container_of(p, struct strand, park);
}

/* -- telar's part of a tl_scope.  Written by its owner's thread under strand.lock of the owner (so
 * that a canceller sees a still picture), strands and counts under lock.  Lock order, downwards in
 * the tree of strands: strand.lock, lock of one of its scopes, strand.lock of one in that scope ...
 */
enum {
	SCOPE_OPEN = 1,
	SCOPE_CANCELLED = 2, /* told: everything inside answers -ECANCELED */
	SCOPE_ASKED = 4, /* by tl_scope_cancel or a failure of its own, so close does not mind */
	SCOPE_FIRED = 8  /* its own deadline was felt by somebody inside */
};
struct scope {
	struct strand *owner;
	tl_scope *up, *down; /* enclosing and enclosed scope of the same strand */
	struct node strands; /* of struct strand.sibling: the live and the kept */
	struct spin lock;
	_Atomic uint32_t flags;
	uint32_t live, daemons; /* not ended; shown */
	_Atomic int64_t eff;   /* the deadline that counts inside: its own or an enclosing one; 0 */
	int64_t shielded_at;   /* when it reached a shield */
	int64_t asked_at;      /* when cancellation reached it: stragglers are counted from here */
	struct waiter *closer; /* who waits for the counts to sink; its size: 1 for daemons too */
	int first;             /* the first failure */
	bool used, shared;     /* a strand was admitted; other threads come here, too; shown */
	void *signals;         /* telar/signal.h's, ended at close */
	void (*signals_end)(void *);
} __attribute__((may_alias));
_Static_assert(sizeof(struct scope) <= sizeof((tl_scope *)0)->_, "fits what telar/scope.h leaves");

static inline struct scope *scope_of(tl_scope *s) { return (struct scope *)s->_; }
/* tl_scope_move may change it under the eyes of another thread. */
static inline int64_t scope_deadline(const tl_scope *s)
{
	return __atomic_load_n(&s->deadline.ns, __ATOMIC_RELAXED);
}

/* -- files of this folder, each in one paragraph; see there */

/* slot.c */
struct strand *slot_take(void);        /* a fresh record with a new id; NULL: no memory */
void slot_give(struct strand *s);      /* any thread */
struct strand *slot_find(tl_strand t); /* NULL: gone */
struct strand *slot_at(uint32_t slot); /* NULL: there is no such slot */
uint32_t slot_count(void);
void slot_flush(void); /* the thread ends */
/* The calling process has just been forked to live its own life, and s is its only strand: ids of
 * its own from here on, so that none is that of a strand in another process. */
void slot_anew(struct strand *s);

/* strand.c */
int strand_init(struct strand *s, int kind, struct loop *l, tl_fn *fn, void *arg, const tl_opts *o,
	void (*unborn)(void *arg), const void *site);
void strand_born(struct strand *s);                  /* from here on it can be found */
void strand_begin(struct strand *s, struct body *b); /* open its outermost scope */
int strand_run(struct strand *s);                    /* call its function, close its scopes */
int strand_close(struct strand *s, int r);           /* it has: close its scopes */
tl_end strand_end(struct strand *s, int result);     /* the last touch of s; how it ended */
void strand_end_soon(struct strand *s, int result);  /* its scope may learn of it a little later */
tl_end strand_ending(struct strand *s, int result);  /* how it would end */
/* The end of a strand that ran elsewhere; bad: its scope is to know. */
void strand_end_as(struct strand *s, tl_end end, bool bad);
static inline tl_end strand_has_ended(const struct strand *s)
{
	return (tl_end){ (enum tl_how)s->how, s->result };
}
int strand_status(tl_end end); /* what its scope is told: < 0 is a failure */
int strand_state(struct strand *s);
void strand_forget(struct strand *s);     /* it was never admitted anywhere */
enum { STRAND_FOREIGN = TL_PROCESS + 1 }; /* for strand_init: a thread that telar did not start */
extern const char strand_begins[];        /* what a strand waits for that has yet to begin */
int strand_sleep(const char *what, int64_t until);
/* Told when a strand ends with locks held; set by the floor that has locks. */
extern void (*strand_lost)(struct strand *s);
/* Its function has returned: its generators are closed, what it still holds is lost. */
void strand_lose(struct strand *s);

/* name.c */
uint32_t name_number(int kind); /* the next of the default names */
const char *strand_name(struct strand *s, char buf[32]);
const char *strand_kind_name(const struct strand *s);  /* the default, but for the number */
void name_cut(char *to, size_t cap, const char *from); /* at the end of a UTF-8 character */
void name_tell_system(struct strand *s, tl_strand t, pid_t thread); /* of the thread that t is */

/* local.c */
int local_inherit(struct strand *me, struct strand *s); /* s, in the making: me's, copied */
void local_free(struct locals *t);                      /* and drop what is in it, here and now */
void local_drop(struct strand *s);                      /* the calling one, which has some, ends */
int local_unborn(void *arg); /* what runs of a task that will never begin */

/* What few strands need, in one allocation with the copy of *arg. */
struct extra {
	tl_span every, slack;
	enum tl_missed missed;
	size_t stack;
	tl_thread_opts thread;
	bool has_thread;
	bool called; /* an .every, and not for the first time; shown */
	void (*unborn)(void *arg); /* called in place of fn if it never begins; must not block */
	struct locals *locals;     /* while it has no body */
	char name[32];             /* "": the default */
	_Alignas(max_align_t) char copy[];
};

/* scope.c */
int scope_admit(tl_scope *scope, struct strand *s); /* from here on it can be found */
void scope_dismiss(struct strand *s);               /* s has ended: uncount it; its last touch */
void scope_dismiss_soon(struct strand *s); /* the same, now or when its loop has a moment: */
void scope_dismiss_held(struct loop *l);   /* those that the loop holds back; there are some */
bool scope_waits_for(const struct loop *l, const struct strand *next); /* let them wait on */
void scope_failed(struct strand *s); /* s has failed, and is still counted */
/* The calling strand could not start one in s, for a reason that stays. */
void scope_refused(tl_scope *s, int r, const char *why);
void scope_begin(tl_scope *scope, struct strand *owner, tl_scope *up);
int scope_end(tl_scope *scope, bool give_up); /* wait, unlink; -EBUSY: gave up */
bool scope_counted(struct scope *in, struct parker **who);
bool scope_opened(tl_scope *s, const char *does); /* false: never, which is reported as misuse */
void scope_shut(tl_scope *scope);                 /* nothing starts in it any more */
int scope_interrupted(struct strand *s);
int64_t scope_grace(const tl_scope *s);
tl_scope *scope_outside(const tl_scope *s); /* the enclosing one, also across strands; NULL */

/* cancel.c */
void cancel_scope(tl_scope *scope, uint32_t why); /* any thread, while scope is open */
void cancel_strand(struct strand *s, uint64_t id);
void cancel_moved(tl_scope *scope, int64_t deadline);         /* its deadline changes */
bool cancel_derive(tl_scope *scope, const tl_scope *outside); /* true: something is new */

/* task.c */
bool task_settle(struct strand *s); /* not begun: may it now?  Else it ends, or waits on */
int task_begin(struct strand *s);   /* give it a stack; < 0: it has ended without */

/* generator.c */
void gen_end(struct body *b); /* its strand ends: close those that it left open */

/* place.c */
bool place_join(struct strand *me, struct strand *s, tl_end *ret); /* s has run, here */

/* work.c */
void work_push(struct loop *l, struct strand *s);
/* It is ours again: nobody took it, and it fits. */
bool work_claim(struct strand *me, struct strand *s,
	bool (*fits)(const struct strand *me, const struct strand *s));
bool work_waits(const struct loop *l); /* some of its own wait to begin */
bool work_own(struct loop *l);         /* some of its own are ready to begin now */
void work_take(struct loop *l);        /* or, if it has nothing to do, of another's */
bool work_look(struct loop *l);
bool work_rest(struct loop *l, int64_t *until);
bool work_roused(const struct loop *l);
void work_up(struct loop *l);
void work_forked(void);

/* watch.c */
/* Nothing to run, but on another processor somebody may be about to make it so that there(arg), or
 * to make one of ours ready: watch for it a moment.  False: it did not come, or is not worth
 * it. */
bool watch_for(struct loop *l, bool (*there)(void *arg), void *arg);
void watch_kicks(struct loop *l);              /* any thread: it is about to wake l */
void watch_ends(struct loop *l, int64_t from); /* it has slept since then */
/* The same, where what ended the sleep came at that time from that processor. */
void watch_told(struct loop *l, int64_t from, int64_t at, int on);

/* timer.c: the heap of a loop, only from its own thread */
int timer_room(struct loop *l);              /* a place for one more strand; -ENOMEM */
void timer_leave(struct loop *l);            /* one less */
void timer_at(struct strand *s, int64_t at); /* at the latest: an earlier one stays */
/* At `at`, or up to slack later together with others; whatever was set before. */
void timer_between(struct strand *s, int64_t at, int64_t slack);
void timer_off(struct strand *s);
void timer_fire(struct loop *l, int64_t now); /* of those whose time has come, the first */
bool timer_due(struct loop *l);               /* there are others */
int64_t timer_next(struct loop *l);           /* 0: none */

/* deadlock.c: counts what could still wake somebody */
int64_t deadlock_sleep(struct loop *l); /* until somebody wakes it; or: look again then */
void deadlock_wake(struct loop *l, bool by_somebody);
void deadlock_loops(int change);
void deadlock_outside(int change); /* offloads, signals: what may wake a strand from outside */

/* crash.c */
void crash_enter(void); /* the calling thread has become a strand */
void crash_leave(void);

/* report.c */
void report(enum tl_report_kind kind, struct strand *s, int value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

void report_end(
	enum tl_report_kind kind, tl_strand who, const char *name, const void *site, tl_end end);

/* window.c */
bool window_holds(const void *addr);
uint64_t window_stamp(void); /* this process's, see plat_process_stamp; 0: it is not in there */
uint32_t window_participant(void); /* this process: number and generation, 27 bits, never 0 */
bool window_joined(void);          /* false: there was no number left for this process */
bool window_dead(uint32_t participant);
void *window_open(int *ret_fd);      /* made if need be; NULL: it could not be */
int window_attach(int fd, void *at); /* another's becomes ours; -EEXIST: its place is taken */
enum { WINDOW_PATHS = 255 };
typedef char *_Atomic window_path;
window_path *window_paths(void);      /* WINDOW_PATHS of them, for func.c; NULL: no window */
struct plat_word window_deaths(void); /* there is a window: changes as window_died is called */
/* A process of the program has ended: whoever waits for what it shared looks again, in all of them.
 * Who finds that out first says so; nobody need, for all look once a second. */
void window_died(void);
/* Has the process ended that wrote its number into an object at addr?  In private memory another
 * can only be the parent of a fork. */
static inline bool window_gone(const void *addr, uint32_t participant)
{
	return participant != window_participant() &&
	       (!window_holds(addr) || window_dead(participant));
}

/* process.c; with the strand's lock held but for the first three */
int process_prepare(struct strand *s, const tl_opts *o);
void process_forget(struct strand *s); /* prepared, and never launched */
int process_launch(struct strand *s, const struct tl_process_opts *o);
void process_ask(struct strand *s); /* to stop */
void process_remind(tl_strand t);   /* that it should have stopped; without the lock */
void process_resume(struct strand *s);
int process_state(const struct strand *s);
pid_t process_id(const struct strand *s); /* 0: not yet */
extern char process_family[32];           /* of default names of this process's own */

/* process_child.c.  A started process hears its program's wish that it should stop by a thread,
 * which is made when one of its loops first goes to sleep; until then it looks now and then. */
extern _Atomic bool process_unheard;
void process_hear(void);
void process_listen(void);
static inline void process_looks(void)
{
	if (__builtin_expect(atomic_load_explicit(&process_unheard, memory_order_relaxed), 0))
		process_hear();
}
static inline void process_sleeps(void)
{
	if (__builtin_expect(atomic_load_explicit(&process_unheard, memory_order_relaxed), 0))
		process_listen();
}

/* lease.c: for things in the window that count who holds them */
void lease_take(const void *of);  /* before the count goes up */
void lease_give(const void *of);  /* after it has gone down */
bool lease_lives(const void *of); /* may a process that lives hold one? */

/* fork.c, and what each file does in the child */
void process_forked(void);
void fork_watch(void);
void slot_forked(void);
void stack_forked(void);
void window_forked(void);
void offload_forked(void);
void report_forked(void);
void deadlock_forked(int loops);
void loop_forked(struct loop *l, struct strand *me);
void thread_forked(struct strand *me);
void strand_lock_word(struct strand *s, struct body *b);

/* -- for the floors above */

/* Is the reserved tail of an options struct all zero? */
#define RESERVED_ZERO(o) reserved_zero((o)->reserved, sizeof(o)->reserved / sizeof *(o)->reserved)
static inline bool reserved_zero(const uint64_t *tail, size_t n)
{
	uint64_t any = 0;

	while (n)
		any |= tail[--n];
	return !any;
}

/* Start a strand of a kind; what the public starts share.  unborn, or NULL: called with arg, on any
 * stack, if the strand was taken in and then never began. */
int strand_start(int kind, tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o,
	void (*unborn)(void *arg), const void *site);
int thread_launch(struct strand *s);
void thread_hire(tl_fn *fn, unsigned number); /* a worker, which belongs to no scope */
void thread_prepare(void);                    /* before the first strand; again is nothing */

/* The strand that runs here; a thread that telar has not seen is adopted.  Aborts without memory.
 */
struct strand *strand_adopt(void);
static inline struct strand *strand_self(void)
{
	return __builtin_expect(wait_me != NULL, 1) ? strand_of(wait_me) : strand_adopt();
}
/* The calling strand has ended with r but for its locals; their drops, too, may start strands, open
 * scopes and take locks. */
static inline int strand_part(struct strand *s, int r)
{
	if (__builtin_expect(s->body->locals == NULL, 1))
		return r;
	local_drop(s);
	return strand_close(s, r);
}
/* 0, or -ECANCELED: the first line of every cancel point. */
static inline int strand_checkpoint(struct strand *me);
/* The same, but neither a cancel point nor a turn for others. */
static inline int strand_cancelled(struct strand *me)
{
	struct scope *in = scope_of(me->body->inner);

	if (__builtin_expect(
		    (atomic_load_explicit(&in->flags, memory_order_relaxed) & SCOPE_CANCELLED) ||
			    atomic_load_explicit(&in->eff, memory_order_relaxed),
		    0))
		return scope_interrupted(me);
	return 0;
}
/* Change its life word from *life, under its lock, and *life with it; false: it was another. */
bool strand_relive(struct strand *s, uint32_t *life, uint32_t changed);
void join_tell(struct strand *s); /* s has ended: wake its joiners */
/* Is t a strand that has ended? 1 yes, 0 no, -ESRCH. */
int strand_ended(tl_strand t, struct strand **ret, uint32_t *ret_life);
/* Say that somebody waits for its end; false: it has ended or is gone.  *ret_life: what its life
 * word, which is waited on, holds until then. */
bool strand_mark(tl_strand t, struct strand **ret, uint32_t *ret_life);

#include "run/loop.h"

static inline int strand_checkpoint(struct strand *me)
{
	if (__builtin_expect(--me->loop->budget < 0, 0))
		loop_share(me->loop);
	return strand_cancelled(me);
}

#endif
