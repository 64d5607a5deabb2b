/* sem.c - the semaphore, strictly first come, first served.
 *
 * value >= 0: units free, and nobody waits.  value < 0: so many wait.  Leaving the upper side is
 * one compare-and-swap; everything with waiters happens under the bucket's lock, where a release
 * grants its unit to the oldest waiter that can still take it, so nobody overtakes (W32).  A
 * waiter that has left but is still linked is uncounted by whoever unlinks it, once (W30).  So a
 * value below 0 for which nobody is linked is none of our making, and is refused where it would be
 * waited for.  The claims are in tests/model/CLAIMS.md.  In shared memory all that waits is in
 * shared_sem.c. */
#include "talk/sem.h"
#include "run/run.h"
#include "talk/shared.h"
#include <errno.h>

/* A waiter's size: is it among those whom the value counts? */
enum { UNCOUNTED, COUNTED };

static _Atomic int32_t *value_of(const tl_sem *m) { return (_Atomic int32_t *)&m->value; }
static int32_t load(const tl_sem *m)
{
	return atomic_load_explicit(value_of(m), memory_order_relaxed);
}
static void add(tl_sem *m, int32_t n)
{
	atomic_fetch_add_explicit(value_of(m), n, memory_order_acq_rel);
}

/* With the bucket's lock held. */
static bool is_foreign(const tl_sem *m, struct wait_list *b)
{
	return load(m) < 0 && !word_first(b, m);
}

int sem_refuse(const tl_sem *m)
{
	report(TL_R_MISUSE, strand_self(), -EINVAL,
		"semaphore %p has the value %d, and nobody waits for it", (const void *)m, load(m));
	return -EINVAL;
}

static bool take_free(tl_sem *m)
{
	int32_t v = load(m);

	while (v > 0)
		if (atomic_compare_exchange_weak_explicit(
			    value_of(m), &v, v - 1, memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

bool sem_enlist(tl_sem *m, struct waiter *w)
{
	struct wait_list *b = word_bucket(m);
	int32_t v = load(m);
	bool in = false;

	w->size = COUNTED;
	spin_lock(&b->lock);
	while (v <= 0 && !in && !is_foreign(m, b))
		in = atomic_compare_exchange_weak_explicit(
			value_of(m), &v, v - 1, memory_order_relaxed, memory_order_relaxed);
	if (in)
		list_append(&b->head, &w->link);
	spin_unlock(&b->lock);
	return in;
}

void sem_withdraw(tl_sem *m, struct waiter *w)
{
	struct wait_list *b = word_bucket(m);

	spin_lock(&b->lock);
	list_remove(&w->link);
	if (w->size == COUNTED)
		add(m, 1);
	spin_unlock(&b->lock);
}

static int wait(tl_sem *m, tl_time deadline)
{
	struct waiter w = { .who = wait_me, .object = m, .what = "semaphore", .size = COUNTED };
	struct wait_list *b = word_bucket(m);
	int r;

	spin_lock(&b->lock);
	if (is_foreign(m, b)) {
		spin_unlock(&b->lock);
		return sem_refuse(m);
	}
	if (atomic_fetch_sub_explicit(value_of(m), 1, memory_order_acquire) > 0) {
		spin_unlock(&b->lock); /* a unit came free on the way here */
		return 0;
	}
	wait_begin();
	list_append(&b->head, &w.link);
	spin_unlock(&b->lock);
	r = wait_block(&w, deadline);
	if (r < 0)
		sem_withdraw(m, &w);
	return r;
}

/* Why it cannot be taken without waiting. */
static int poll(const tl_sem *m)
{
	struct wait_list *b = word_bucket(m);
	bool foreign;

	spin_lock(&b->lock);
	foreign = is_foreign(m, b);
	spin_unlock(&b->lock);
	return foreign ? sem_refuse(m) : -EAGAIN;
}

int tl_sem_acquire(tl_sem *m, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	if (take_free(m))
		return 0;
	if (window_holds(m))
		return shared_sem_acquire(m, deadline);
	return deadline.ns == TL_POLL.ns ? poll(m) : wait(m, deadline);
}

/* n units to the oldest waiters, with the bucket's lock held and the value below 0.  The value
 * moves once: until then nobody comes past the lock, so units that are left over stay within the
 * limit (W33).  Who was granted one may free m: it is let go after that. */
static void grant(tl_sem *m, struct wait_list *b, int n, struct node *won)
{
	struct waiter *w;
	int32_t change = n;

	while (n && (w = word_first(b, m))) {
		list_remove(&w->link);
		w->size = UNCOUNTED;
		if (wait_win(w, won))
			w->result = 0, n--;
		else
			change++;
	}
	add(m, change);
}

/* Those who wait are served out of the n, which are not fewer for that. */
static bool fits(const tl_sem *m, int32_t v, int n) { return n <= sem_most(m) - (v > 0 ? v : 0); }

/* Where somebody waits; -EAGAIN: nobody does by now. */
static int release_waited(tl_sem *m, int n)
{
	struct wait_list *b = word_bucket(m);
	struct node won;
	bool foreign;
	int32_t v;
	int r = -EAGAIN;

	list_init(&won);
	spin_lock(&b->lock);
	v = load(m);
	foreign = is_foreign(m, b);
	if (v < 0 && !foreign)
		r = fits(m, v, n) ? 0 : -EOVERFLOW;
	if (r == 0)
		grant(m, b, n, &won);
	spin_unlock(&b->lock);
	wait_let_go(&won);
	return foreign ? sem_refuse(m) : r;
}

int tl_sem_release(tl_sem *m, int n)
{
	int32_t v;
	int r;

	strand_self();
	if (n < 1)
		return -EINVAL;
	do {
		v = load(m);
		while (v >= 0 && fits(m, v, n))
			if (atomic_compare_exchange_weak_explicit(value_of(m), &v, v + n,
				    memory_order_release, memory_order_relaxed))
				return 0;
		if (v >= 0)
			return -EOVERFLOW;
		if (window_holds(m))
			return shared_sem_release(m, n);
		r = release_waited(m, n);
	} while (r == -EAGAIN);
	return r;
}

int tl_sem_count(const tl_sem *m)
{
	int32_t v = load(m);

	if (v < 0 && window_holds(m))
		return shared_sem_count(m);
	return v > 0 ? v : 0;
}
