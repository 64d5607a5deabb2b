/* poller.h - wait for descriptors and do what they become ready for: one contract, two tables
 * (io_uring, epoll), one poller per loop.
 *
 * Who may call: poller_wake from any thread and poller_drop from any thread; all else only the
 * loop's own thread.  An operation, and the bytes it points to, belong to the poller from
 * poller_arm until its done was called or poller_disarm has answered.
 *
 * How long poller_disarm may take: epoll tries once more (0.3 us).  On a ring the kernel must first
 * give the operation back: one system call asks for it and receives the answer (0.7 us), because
 * what a socket or a listener does for us it does inside our own calls, not beside us.  By that a
 * ring delays a deadline or a cancel. */
#ifndef TELAR_POLLER_H
#define TELAR_POLLER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct poller;
enum { POLLER_IN = 1, POLLER_OUT = 2, POLLER_LAST = 1 << 30 };

enum poller_kind {
	POLLER_READY,  /* the first of events that comes; result: which */
	POLLER_RECV,   /* a socket's bytes into buf; result: how many, 0: the end */
	POLLER_SEND,   /* the other way */
	POLLER_ACCEPT, /* a connection; result: its descriptor, non-blocking; plus POLLER_LAST:
			  trying for the next is vain */
	POLLER_WORD,   /* a wake of the shared word at buf, which holds size; result: 0, or -EAGAIN:
			  it holds something else */
	POLLER_WORDS,  /* the same of any of the size words at buf, which are struct plat_wait;
			  result: which was woken */
};

struct poll_feed;
struct poll_op {
	int fd;
	uint32_t stamp; /* from poller_stamp: says which file this number meant; 0: unknown, look
			   again */
	enum poller_kind kind;
	int events; /* of POLLER_READY: POLLER_IN, POLLER_OUT or both */
	void *buf;
	size_t size;
	struct poll_feed *feed; /* of POLLER_RECV: receive through it if that can be, or NULL */
	ssize_t result;         /* valid once it is done; < 0: the system's error */
	bool armed;             /* the poller's */
	void (*done)(struct poll_op *op);
};

/* A receive that stays from one reader's wait to the next.  What comes goes through the ring's own
 * buffers into the reader's, so that a deadline need not wait for the kernel to give one back, and
 * an idle descriptor holds none.
 *
 * It takes bytes only in a look that begins with a reader's op armed through it (F1): a feed that
 * nobody reads is called back in the very system call that looks, before the kernel works on
 * anything.  So between two looks the descriptor may be read directly, by any thread.  What came
 * beyond the reader's wish in that one look is kept here, and is to be read first (F2).
 *
 * From held(f, true) to held(f, false) the feed, and the open file, belong to the poller of one
 * loop, whose thread alone touches the fields marked "ring's". */
struct poll_feed {
	void (*held)(struct poll_feed *f, bool yes); /* no: the last touch, f may go */
	struct poll_piece *first, **last;            /* the reader's: kept, oldest first */
	ssize_t error;                               /* the reader's: what came after them, < 0 */
	bool full; /* the reader's: the last to come filled its buffer */
	enum { FEED_OFF, FEED_READ, FEED_LOOSE, FEED_ENDING } state; /* ring's, as what follows */
	struct poll_op *reader;                                      /* of FEED_READ */
	struct poll_feed *next, **at; /* in the ring's list of LOOSE or of ENDING */
	struct poller *_Atomic poller;
	int fd, pid;
};

int poller_open(struct poller **ret);
void poller_close(struct poller *p);
/* "uring" or "epoll": what poller_open makes in this process.  TELAR_POLLER in the environment
 * says what it should be; a kernel that has no io_uring, or refuses it, gets epoll. */
const char *poller_name(void);
/* The error with which the kernel refused a ring that it should have given; asked again, 0. */
int poller_refused(void);
/* A name for one open file, so that a number used again is not taken for the old file. */
uint32_t poller_stamp(void);
/* Do it now, if that needs no waiting.  The result, or -EAGAIN.  Not for POLLER_READY. */
ssize_t poller_try(const struct poll_op *op);
/* 0: armed, done will be called once, from poller_wait or another's poller_disarm.  > 0: done at
 * once and not armed, op->result is there (of POLLER_READY it is the answer, and may be of an old
 * edge).  -EBUSY (epoll): somebody waits for the same descriptor and direction; -ENOSYS: no
 * words here; -ENOMEM.  Files
 * that never block and bad descriptors are -EPERM and -EBADF here, or op->result. */
int poller_arm(struct poller *p, struct poll_op *op);
/* Take it back.  True: too late, it is done, and op->result is there; done was or will not be
 * called.  Without effect on one that is not armed. */
bool poller_disarm(struct poller *p, struct poll_op *op);
/* Read what f keeps: how much, the error that came after it, or -EAGAIN: nothing. */
ssize_t poller_kept(struct poll_feed *f, void *buf, size_t n);
void poller_forget(struct poll_feed *f); /* what it keeps; before its file is closed */
bool poller_keeps(int fd);               /* does a feed of fd keep anything to read? */
/* End f, which nobody reads, before its file is closed.  False: it is another loop's, or read; then
 * it is ended by who holds it.  One that a forked child has inherited is ended, too. */
bool poller_stop(struct poller *p, struct poll_feed *f);
/* Nobody will look for a while: hold nothing until then that nobody waits for. */
void poller_let_go(struct poller *p);
/* Call done for all that is ready.  deadline: 0 none, < 0 do not wait.  Comes back early when
 * woken. */
void poller_wait(struct poller *p, int64_t deadline);
void poller_wake(struct poller *p);
/* For a loop whose thread waits elsewhere: a descriptor, the poller's own, that becomes readable
 * when poller_wait has something to do; and before each such wait, poller_rest: what is armed by
 * now reaches the kernel, and the descriptor tells of all that comes from here on.  False:
 * something has come already. */
int poller_fd(struct poller *p);
bool poller_rest(struct poller *p);
/* The file fd is about to be closed: forget it (it may live on in a forked child). */
void poller_drop(struct poller *p, int fd);

/* -- between the tables and poller.c */

struct poller_table {
	const char *name;
	bool levels; /* what is armed also sees what came before; an edge is told once */
	int (*open)(struct poller **ret);
	void (*close)(struct poller *p);
	int (*arm)(struct poller *p, struct poll_op *op);
	bool (*disarm)(struct poller *p, struct poll_op *op);
	void (*wait)(struct poller *p, int64_t deadline);
	void (*wake)(struct poller *p);
	void (*drop)(struct poller *p, int fd);
	bool (*stop)(struct poller *p, struct poll_feed *f);
	void (*let_go)(struct poller *p);
	int (*fd)(struct poller *p);
	bool (*rest)(struct poller *p);
};
struct poller {
	const struct poller_table *table;
	uint32_t looks; /* how often it has looked for what has come */
};
extern const struct poller_table poller_epoll, poller_uring;

/* May a caller who expects to wait arm without trying first? */
static inline bool poller_levels(const struct poller *p) { return p && p->table->levels; }

static inline int poller_events(const struct poll_op *op)
{
	return op->kind == POLLER_READY  ? op->events
	       : op->kind == POLLER_SEND ? POLLER_OUT
					 : POLLER_IN;
}

#endif
