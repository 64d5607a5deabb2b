/* word.c - word_wait and word_wake: telar's own futex, so that each primitive is written once, for
 * tasks and threads, private and shared.
 *
 * Private words: a table of buckets, each a lock and a first-in-first-out list of waiters; the word
 * is read again under the bucket's lock, so a wake that follows a change of the word is never
 * missed (W3).  Words in the shared window: the kernel's futex, see shared_wait.c. */
#include "wait/shared_wait.h"
#include "wait/wait.h"
#include <errno.h>

enum { BUCKETS = 512 };
static struct bucket {
	_Alignas(PLAT_LINE) struct wait_list list;
} buckets[BUCKETS];

struct wait_list *word_bucket(const void *addr)
{
	uint64_t h = (uint64_t)(uintptr_t)addr * 0x9e3779b97f4a7c15u;

	return &buckets[h >> 55].list;
}

/* Zeroed statics are no lists yet; done before main by the loader, and needing nothing else. */
__attribute__((constructor(101))) void word_forked(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		buckets[i].list.lock = (struct spin){ 0 }, list_init(&buckets[i].list.head);
}

struct waiter *word_first(struct wait_list *b, const void *addr)
{
	list_each(n, &b->head)
	{
		struct waiter *w = container_of(n, struct waiter, link);
		if (w->object == addr)
			return w;
	}
	return NULL;
}

int word_wait(_Atomic uint32_t *addr, uint32_t expected, const char *what, const void *object,
	tl_time deadline)
{
	struct waiter w = { .object = object, .what = what };
	struct wait_list *b;

	if (wait_ops->is_shared(addr))
		return shared_wait(addr, expected, &w, deadline);
	b = word_bucket(object);
	spin_lock(&b->lock);
	if (atomic_load_explicit(addr, memory_order_seq_cst) != expected) {
		spin_unlock(&b->lock);
		return 0;
	}
	return wait_park(&w, &b->head, &b->lock, deadline);
}

int word_wake(_Atomic uint32_t *addr, const void *object, int n)
{
	struct wait_list *b;
	struct waiter *w;
	int woken = 0;

	if (wait_ops->is_shared(addr)) {
		plat_futex_wake(addr, n, true);
		return 0;
	}
	b = word_bucket(object);
	spin_lock(&b->lock);
	while (woken < n && (w = word_first(b, object))) {
		struct parker *who = w->who;
		enum wait_claim c;

		list_remove(&w->link);
		c = wait_claim(w);
		wait_finish(who, c);
		woken += c != WAIT_LOST;
	}
	spin_unlock(&b->lock);
	return woken;
}
