/* shared_wait.c - waiting on words that other processes wake, with the kernel's shared futex.
 *
 * A thread without tasks sleeps on the word and on its own loop's word at once.  A task cannot: its
 * loop's ring waits for it, where there is one that can; the kernel decides whether a wake or the
 * taking back of the wait came first.  Else one bridge thread sleeps on the words of all waiting
 * tasks.  A wake that the bridge receives is worth
 * one waiter: the one it names, or, if that has left, whoever else sleeps on the word, in any
 * process (W18).  Two wakes may come back as one index, so after every return all words are looked
 * at again.
 *
 * Who wakes may be killed between the change of a word and its wake, and who was woken before it
 * has seen to the next.  So everybody sleeps on a second word, too, the window's count of deaths,
 * and for no longer than a second: then it looks again, whatever it waits for.
 *
 * bridge.list.lock guards the list, `running` and `turns`'s changes; data holds the word's address
 * and size the expected value of each waiter in it. */
#include "wait/shared_wait.h"
#include <errno.h>
#include <limits.h>

enum { WORDS = 126, OWN = 2, LOOK_AGAIN_NS = 5000000 };
static const int64_t LOOK_NS = 1000000000;

static struct bridge {
	struct wait_list list;
	bool begun, running;
	_Atomic uint32_t turns;  /* the bridge's own word: changes when the list has */
	struct plat_word deaths; /* as it last saw it; its thread's */
} bridge;

static _Atomic uint32_t *word_of(const struct waiter *w) { return w->data; }

static bool changed(const struct waiter *w)
{
	return atomic_load_explicit(word_of(w), memory_order_seq_cst) != (uint32_t)w->size;
}

static bool let_go(struct waiter *w)
{
	struct parker *who = w->who;
	enum wait_claim c;

	list_remove(&w->link);
	c = wait_claim(w);
	wait_finish(who, c);
	return c != WAIT_LOST;
}

static struct waiter *first_on(const _Atomic uint32_t *word)
{
	list_each(n, &bridge.list.head)
	{
		struct waiter *w = container_of(n, struct waiter, link);
		if (word_of(w) == word)
			return w;
	}
	return NULL;
}

/* A wake came for one word: hand it to one of ours, or pass it on. */
static void deliver(_Atomic uint32_t *word)
{
	struct waiter *w;

	while ((w = first_on(word)))
		if (let_go(w))
			return;
	plat_futex_wake(word, 1, true);
}

static void let_changed_go(bool all)
{
	struct node *next;

	for (struct node *n = bridge.list.head.next; n != &bridge.list.head; n = next) {
		struct waiter *w = container_of(n, struct waiter, link);
		next = n->next;
		if (all || changed(w))
			let_go(w);
	}
}

/* Has a process died since we looked? */
static bool died(void)
{
	uint32_t then = bridge.deaths.expected;

	bridge.deaths = wait_ops->deaths();
	return bridge.deaths.expected != then;
}

/* What to sleep on: our own words first, then the tasks' words; true if there were too many. */
static bool gather(struct plat_word *words, unsigned *n)
{
	*n = OWN;
	words[0] = (struct plat_word){ &bridge.turns,
		atomic_load_explicit(&bridge.turns, memory_order_relaxed), false };
	words[1] = bridge.deaths;
	list_each(l, &bridge.list.head)
	{
		struct waiter *w = container_of(l, struct waiter, link);
		if (*n == OWN + WORDS)
			return true;
		words[(*n)++] = (struct plat_word){ word_of(w), (uint32_t)w->size, true };
	}
	return false;
}

static void run(void *arg)
{
	struct plat_word words[OWN + WORDS];
	unsigned n;

	(void)arg;
	for (;;) {
		bool more;
		int i;

		spin_lock(&bridge.list.lock);
		let_changed_go(died());
		more = gather(words, &n);
		spin_unlock(&bridge.list.lock);
		i = plat_futex_wait_any(words, n, more ? plat_now() + LOOK_AGAIN_NS : 0);
		if (i == -ENOSYS) /* a filter refuses it: look at them all, often */
			plat_futex_wait(words[0].word, words[0].expected,
				plat_now() + LOOK_AGAIN_NS, false);
		if (i >= OWN) {
			spin_lock(&bridge.list.lock);
			deliver(words[i].word);
			spin_unlock(&bridge.list.lock);
		}
	}
}

/* Link w; start the bridge with the first. */
static int enter(struct waiter *w)
{
	bool begin;
	int r = 0;

	spin_lock(&bridge.list.lock);
	begin = !bridge.running;
	bridge.running = true;
	if (!bridge.begun)
		list_init(&bridge.list.head);
	bridge.begun = true;
	list_append(&bridge.list.head, &w->link);
	spin_unlock(&bridge.list.lock);
	if (begin && (r = plat_thread_begin(run, NULL, "tl-bridge")) < 0) {
		spin_lock(&bridge.list.lock);
		bridge.running = false;
		spin_unlock(&bridge.list.lock);
	}
	atomic_fetch_add_explicit(&bridge.turns, 1, memory_order_seq_cst);
	plat_futex_wake(&bridge.turns, 1, false);
	return r;
}

static void leave(struct waiter *w)
{
	spin_lock(&bridge.list.lock);
	list_remove(&w->link);
	spin_unlock(&bridge.list.lock);
}

static int by_bridge(struct waiter *w, tl_time deadline)
{
	int r = enter(w);

	if (r < 0) {
		leave(w);
		return wait_withdraw() ? 0 : r;
	}
	wait_ops->outside(1);
	r = wait_block(w, deadline);
	wait_ops->outside(-1);
	if (r < 0)
		leave(w);
	return r;
}

int shared_wait_enlist(struct waiter *w, _Atomic uint32_t *word, uint32_t expected)
{
	int r;

	w->data = word;
	w->size = expected;
	r = enter(w);
	if (r < 0)
		leave(w);
	else
		wait_ops->outside(1);
	return r;
}

void shared_wait_withdraw(struct waiter *w)
{
	leave(w);
	wait_ops->outside(-1);
}

static int wait(_Atomic uint32_t *addr, uint32_t expected, struct waiter *w, tl_time deadline)
{
	int r;

	wait_begin();
	r = wait_ops->interrupted(wait_me, deadline.ns);
	if (r < 0)
		return wait_withdraw() ? 0 : r;
	if (!wait_ops->sleep_shared(wait_me, w, addr, expected, deadline.ns)) {
		r = wait_ops->await_shared(w, addr, expected, deadline.ns);
		return r == -ENOSYS ? by_bridge(w, deadline) : r;
	}
	wait_withdraw();
	return changed(w) ? 0 : wait_ops->interrupted(wait_me, deadline.ns);
}

int shared_wait(_Atomic uint32_t *addr, uint32_t expected, struct waiter *w, tl_time deadline)
{
	int64_t look = plat_now() + LOOK_NS;
	bool last = deadline.ns && deadline.ns <= look;
	int r;

	w->who = wait_me;
	w->data = addr;
	w->size = expected;
	r = wait(addr, expected, w, last ? deadline : (tl_time){ look });
	return r == -ETIMEDOUT && !last ? 0 : r;
}

void shared_wait_forked(void) { bridge = (struct bridge){ 0 }; }
