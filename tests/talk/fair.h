/* fair.h - what the tests of fairness share: the locks that wait in one queue, by one name. */
#ifndef TESTS_FAIR_H
#define TESTS_FAIR_H
#include "talk.h"

enum { PASSES = 65536 }; /* as sync.h says */

enum kind { RLOCK, READ, WRITE };

struct either {
	tl_rlock r;
	tl_rwlock w;
};

static inline int acquire(struct either *l, enum kind k, tl_time deadline)
{
	if (k == RLOCK)
		return tl_rlock_acquire(&l->r, deadline);
	return (k == READ ? tl_rwlock_read : tl_rwlock_write)(&l->w, deadline);
}

static inline void release(struct either *l, enum kind k)
{
	if (k == RLOCK)
		tl_rlock_release(&l->r);
	else
		tl_rwlock_release(&l->w);
}

/* Held so that any kind must wait. */
static inline enum kind alone(enum kind k) { return k == RLOCK ? RLOCK : WRITE; }

/* Nobody holds it, and nobody's turn is left behind in it. */
static inline void check_free(struct either *l)
{
	CHECK(!tl_rlock_held(&l->r) && !tl_lock_held(&l->w.lock));
	CHECK(!tl_rwlock_readers(&l->w) && !tl_rwlock_written(&l->w));
	CHECK_EQ(l->r.lock.word | l->w.lock.word | l->w.readers, 0);
}

#endif
