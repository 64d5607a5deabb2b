/* wait.h - the one place where anything blocks.
 *
 * A strand that may block has a parker.  To wait it lays a waiter on its own stack, links it into a
 * wait list under that list's lock, and parks.  One word of the parker decides how that ends; its
 * states, and who may move it:
 *
 *	IDLE -> WAITING            the strand, before it links its waiter and looks for cancels
 *	WAITING -> WOKEN           a waker, under the list's lock; it then makes the strand ready
 *	WAITING -> POKED           whoever has a cancel or a time for it to look at; makes it ready
 *	POKED -> CLAIMED -> WOKEN  a waker that finds it up already: no second make-ready; CLAIMED
 *	                           while the waker still writes into the waiter
 *	POKED -> WAITING           the strand, to look whether there is a reason, or to sleep on
 *	WAITING -> IDLE            the strand, leaving with -ETIMEDOUT or -ECANCELED
 *	WOKEN -> IDLE              the strand, leaving with success
 *
 * So only two parties decide, a waker and the strand itself; timers and cancels merely ask it to
 * look.  The claims W1 to Wn are in tests/model/CLAIMS.md, proven there by spin and tested in
 * tests/wait. */
#ifndef TELAR_WAIT_H
#define TELAR_WAIT_H
#include "base/list.h"
#include "base/spin.h"
#include "telar/base.h"

enum { PARK_IDLE, PARK_WAITING, PARK_POKED, PARK_CLAIMED, PARK_WOKEN };

struct parker {
	_Atomic uint32_t word;
};

struct wait_list {
	struct spin lock;
	uint32_t clock; /* for those who count something, with the lock held */
	struct node head;
};

struct waiter {
	struct node link; /* in a wait list; guarded by its lock */
	struct parker *who;
	const void *object; /* what it waits on: for dumps, and the key in a bucket */
	const char *what;   /* "lock", "queue get" ... */
	void *data; /* hand-over between this waiter and its waker, whose meaning is theirs */
	size_t size;
	int result;
	uint8_t how; /* enum wait_claim, from wait_win to wait_let_go */
};

/* What the floor above hands down.  Set once, before anybody can wait. */
struct wait_ops {
	/* Give up the processor until ready(me) was called, once; call it by itself, through
	 * wait_poke, at deadline.  w may be NULL. */
	void (*block)(struct parker *me, const struct waiter *w, int64_t deadline);
	/* Make who run again; its word has just left WAITING.  Each call is met by one block (W1).
	 */
	void (*ready)(struct parker *who);
	/* Must it leave?  0, -ECANCELED, -ETIMEDOUT. */
	int (*interrupted)(struct parker *me, int64_t deadline);
	/* May the caller put its whole thread to sleep?  Then until *word, in shared memory, does
	 * not hold expected or was woken, or a process dies, or it is poked, or until deadline.
	 * False: nothing done, tasks of this thread are to run meanwhile. */
	bool (*sleep_shared)(struct parker *me, const struct waiter *w, _Atomic uint32_t *word,
		uint32_t expected, int64_t deadline);
	/* The same for a strand that has begun to wait and leaves its thread to others: 0 (look
	 * again), or why it leaves.  -ENOSYS: the loop has no means; nothing done. */
	int (*await_shared)(const struct waiter *w, _Atomic uint32_t *word, uint32_t expected,
		int64_t deadline);
	/* Does addr lie in memory shared with other processes? */
	bool (*is_shared)(const void *addr);
	/* So many more strands (or fewer) wait for what another process may do. */
	void (*outside)(int change);
	/* A shared word that changes, and is woken, when a process was found dead; as it is now. */
	struct plat_word (*deaths)(void);
};
extern const struct wait_ops *wait_ops;

/* The parker of the strand that runs here; NULL on a thread that telar has not seen. */
extern _Thread_local struct parker *wait_me;

/* -- the waiting side */

/* Begin a park: from here on a poke reaches us.  Then link waiters, then wait_block. */
static inline void wait_begin(void)
{
	/* The exchange is also the barrier of W4: the cancel flag is read after this, and a
	 * canceller raises the flag before it reads this. */
	atomic_exchange_explicit(&wait_me->word, PARK_WAITING, memory_order_seq_cst);
	hostile_pause();
}
/* Block until woken (0), -ETIMEDOUT or -ECANCELED.  On failure waiters may still be linked. */
int wait_block(const struct waiter *w, tl_time deadline);
/* Never mind: nothing was linked, or all has been unlinked.  Answers true if it was woken. */
bool wait_withdraw(void);

/* The whole of it: with lock held, wait in list; the lock is released.  On failure w has been
 * unlinked. */
int wait_park(struct waiter *w, struct node *list, struct spin *lock, tl_time deadline);

/* -- the waking side, with the list's lock held */

enum wait_claim { WAIT_LOST, WAIT_READY, WAIT_UP };

/* Win the right to wake w, which has been unlinked.  WAIT_LOST: it left; choose another. */
enum wait_claim wait_claim(struct waiter *w);
/* After the hand-over: let it go.  The waiter is gone with this call.  Where the list may be freed
 * by who was woken, after the unlock (W6). */
void wait_finish(struct parker *who, enum wait_claim c);
/* Win the right to wake w, which has been unlinked, and keep it at the end of the list `won` until
 * wait_let_go, which follows the unlock.  False: it left. */
bool wait_win(struct waiter *w, struct node *won);
void wait_let_go(struct node *won);
/* Wake the oldest of list that can be: unlink, claim, finish.  False: nobody there. */
bool wait_wake(struct wait_list *list, int result);

/* Have a parked strand look at deadline and cancel.  Any thread; the cause was published before. */
void wait_poke(struct parker *who);

/* -- words: telar's own futex, under every in-place object.  object is the key: the address of the
 * object that the word is part of. */

/* Wait while *addr holds expected.  0: look again; -ETIMEDOUT, -ECANCELED.  In the shared window
 * other processes can wake us too; there a wake may have been spent on us also when we answer < 0,
 * and 0 comes at least once a second, and when a process was found dead: it may have owed us a
 * wake, or have held what we wait for. */
int word_wait(_Atomic uint32_t *addr, uint32_t expected, const char *what, const void *object,
	tl_time deadline);
/* Wake up to n that wait on the word.  Answers how many of this process's own were woken. */
int word_wake(_Atomic uint32_t *addr, const void *object, int n);

/* The bucket of an address, for primitives that link waiters of their own (object = addr). */
struct wait_list *word_bucket(const void *addr);
/* The oldest waiter in bucket b, locked, that waits on addr; NULL: none. */
struct waiter *word_first(struct wait_list *b, const void *addr);

/* The same for a word in the shared window, of a strand that has begun to wait for this and other
 * things: w is woken when the word no longer holds expected, or was woken.  0, or why not; and out
 * again, woken or not. */
int shared_wait_enlist(struct waiter *w, _Atomic uint32_t *word, uint32_t expected);
void shared_wait_withdraw(struct waiter *w);

/* In the child of a fork: nobody waits here any more. */
void word_forked(void);
void shared_wait_forked(void);

#endif
