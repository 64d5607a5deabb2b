/* bell.h - across processes: who waits for a change listens, who has made it rings.
 *
 *	who waits                          who changes
 *	--------------------------------   ---------------------------------
 *	heard = bell_listen(b);            make the change
 *	look: is it so by now?             plat_fence();
 *	bell_wait(b, heard, ...)           bell_ring(b, 1);
 *	... again from the top
 *
 * A ring that nobody listens to is a load.  It is good for those who listen at that moment and
 * wakes as many as it is told to, and takes the mark of listening from all; who was woken and is
 * done sees to it that there is a ring for the next if there is more to do: it listens once more,
 * for those who sleep on, then looks (W73).  Rings are lost only with a process that is killed
 * between its change and its ring, or after it was woken: so nobody sleeps longer than
 * LOOK_AGAIN. */
#ifndef TELAR_TALK_BELL_H
#define TELAR_TALK_BELL_H
#include "wait/wait.h"

struct bell {
	_Atomic uint32_t word;   /* bit 0: somebody may be listening; above: how often it rang */
	_Atomic int32_t rung_on; /* hints: the last ring's processor ... */
	_Atomic int64_t rung_at; /* ... and time */
};

enum { BELL_LISTENS = 1, BELL_ONE = 2, BELL_SILENT = 1, BELL_LOOK_AGAIN_NS = 250000000 };

static inline uint32_t bell_listen(struct bell *b)
{
	return BELL_LISTENS |
	       atomic_fetch_or_explicit(&b->word, BELL_LISTENS, memory_order_seq_cst);
}

/* 0: it rang; BELL_SILENT: not for a while, or something else woke us, such as the death of a
 * process, so look whether those who could ring are alive; -ETIMEDOUT, -ECANCELED: a ring may have
 * been spent on us all the same.  object: for dumps; of a bell in private memory the bell. */
int bell_wait(
	struct bell *b, uint32_t heard, const char *what, const void *object, tl_time deadline);

void bell_call(struct bell *b, int n);

/* For others who listen, by one who did and leaves: to be followed by a look, and a ring if there
 * is something for them.  A full fence, too. */
static inline void bell_leave(struct bell *b) { bell_listen(b); }

/* To be preceded by a full fence. */
static inline void bell_ring(struct bell *b, int n)
{
	if (atomic_load_explicit(&b->word, memory_order_relaxed) & BELL_LISTENS)
		bell_call(b, n);
}

#endif
