/* wait.c - park.c and word.c: the claims of wait.h under the memory model (CLAIMS.md, W1 to W8). */
#include "world.h"
#include <errno.h>

static struct wait_list list;
static unsigned items, taken, left;
static _Atomic uint32_t word, word2;
static int data;

/* -- a list of waiters for items, which are counted under its lock */

static void get(void)
{
	struct waiter w = { .what = "item" };
	int r = 0;

	spin_lock(&list.lock);
	orders_write(&items);
	if (items) {
		items--;
		spin_unlock(&list.lock);
	} else {
		r = wait_park(&w, &list.head, &list.lock, TL_NEVER);
		if (r == 0)
			ORDERS_CHECK(w.result == 7);
	}
	if (r == 0) {
		orders_read(&data);
		ORDERS_CHECK(data == 1);
		__atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
	} else {
		ORDERS_CHECK(r == -ECANCELED);
		__atomic_fetch_add(&left, 1, __ATOMIC_RELAXED);
	}
}

static void put(void)
{
	orders_write(&data);
	data = 1;
	spin_lock(&list.lock);
	orders_write(&items);
	if (!wait_wake(&list, 7))
		items++;
	spin_unlock(&list.lock);
}

/* As above, but the item is written into the waiter's memory once it is claimed. */
static void hand_over(void)
{
	struct node *n;

	spin_lock(&list.lock);
	n = list_pop(&list.head);
	if (n) {
		struct waiter *w = container_of(n, struct waiter, link);
		struct parker *who = w->who;
		enum wait_claim how = wait_claim(w);

		orders_write(&data);
		data = 1;
		w->result = 7;
		wait_finish(who, how);
	} else {
		orders_write(&data);
		data = 1;
		orders_write(&items);
		items++;
	}
	spin_unlock(&list.lock);
}

static void cancel_0(void) { world_cancel(0); }
static void poke_0(void) { wait_poke(&world_strand(0)->park); }

static void list_setup(void (*a)(void), void (*b)(void), void (*c)(void), void (*d)(void))
{
	list_init(&list.head);
	world_run(a), world_run(b);
	if (c)
		world_run(c);
	if (d)
		world_run(d);
}

/* Every item is taken by one that answers success, or still there (W2, W3). */
static void list_after(void)
{
	ORDERS_CHECK(items + taken == 1);
	ORDERS_CHECK(left == 0 || items == 1 || taken == 1);
}
static void never_left(void) { ORDERS_CHECK(taken == 1 && !left); }

static void list_put(void) { list_setup(get, put, NULL, NULL); }
static void list_poke(void) { list_setup(get, put, poke_0, NULL); }
static void list_hand_over(void) { list_setup(get, hand_over, poke_0, NULL); }
static void list_cancel(void) { list_setup(get, put, cancel_0, NULL); }
/* A cancelled strand always returns (W4), here without any item. */
static void list_only_cancel(void) { list_setup(get, cancel_0, NULL, NULL); }
static void list_poke_cancel(void) { list_setup(get, cancel_0, poke_0, NULL); }
static void only_left(void) { ORDERS_CHECK(left == 1 && !taken); }
/* The item goes to the other if the first leaves: it sleeps for ever if the wake is lost there.
 * One that was cancelled hands on what it got. */
static void get_and_give(void)
{
	unsigned had = left;

	get();
	if (left == had)
		taken--, put();
}
static void list_two_cancel(void) { list_setup(get_and_give, get, put, cancel_0); }
static void second_took(void) { ORDERS_CHECK(items + taken == 1); }

/* Begun, and never mind (wait_withdraw): its token is not left behind for the next wait. */
static void withdraw(void)
{
	wait_begin();
	wait_withdraw();
	get();
}
static void list_withdraw(void) { list_setup(withdraw, put, poke_0, NULL); }
static void list_withdraw_cancel(void) { list_setup(withdraw, put, cancel_0, NULL); }

/* -- words */

static void await_word(void)
{
	while (!atomic_load_explicit(&word, memory_order_relaxed))
		ORDERS_CHECK(word_wait(&word, 0, "word", &word, TL_NEVER) == 0);
}

static void set_word(void)
{
	atomic_store_explicit(&word, 1, memory_order_relaxed);
	word_wake(&word, &word, 1);
}

static void set_word_all(void)
{
	atomic_store_explicit(&word, 1, memory_order_relaxed);
	word_wake(&word, &word, 9);
}

static void await_word_cancelled(void)
{
	int r = 0;

	while (r == 0 && !atomic_load_explicit(&word, memory_order_relaxed))
		r = word_wait(&word, 0, "word", &word, TL_NEVER);
	ORDERS_CHECK(r == 0 || r == -ECANCELED);
}

/* The wake is for whoever looks at a word that was marked: as future.c and join.c do it. */
static void mark_and_await(void)
{
	uint32_t w = 0;

	if (atomic_compare_exchange_strong_explicit(
		    &word2, &w, 2, memory_order_seq_cst, memory_order_acquire))
		w = 2;
	while (!(w & 1)) {
		word_wait(&word2, w, "word", &word2, TL_NEVER);
		w = atomic_load_explicit(&word2, memory_order_acquire);
	}
	orders_read(&data);
	ORDERS_CHECK(data == 1);
}

static void set_and_look(void)
{
	orders_write(&data);
	data = 1;
	if (atomic_fetch_or_explicit(&word2, 1, memory_order_release) & 2)
		word_wake(&word2, &word2, 9);
}

static void words(void) { world_run(await_word), world_run(set_word); }
static void words_two(void) { words(), world_run(set_word); }
static void words_all(void)
{
	world_run(await_word), world_run(await_word), world_run(set_word_all);
}
static void words_cancel(void)
{
	world_run(await_word_cancelled), world_run(set_word), world_run(cancel_0);
}
static void words_mark(void) { world_run(mark_and_await), world_run(set_and_look); }

const struct orders_scenario orders_scenarios[] = {
	{ "wait: put", list_put, never_left, 0 },
	{ "wait: put, poke", list_poke, never_left, 0 },
	{ "wait: handed over, poke", list_hand_over, never_left, 0 },
	{ "wait: put, cancel", list_cancel, list_after, 0 },
	{ "wait: cancel", list_only_cancel, only_left, 0 },
	{ "wait: poke, cancel", list_poke_cancel, only_left, 0 },
	{ "wait: withdraw, poke", list_withdraw, never_left, 0 },
	{ "wait: withdraw, cancel", list_withdraw_cancel, list_after, 0 },
	{ "word: wake", words, NULL, 0 },
	{ "word: mark and wake", words_mark, NULL, 0 },
	{ "word: two wakers", words_two, NULL, 0 },
	{ "word: two waiters", words_all, NULL, 0 },
	{ "word: cancel", words_cancel, NULL, 0 },
	{ "wait: two, put, cancel", list_two_cancel, second_took, 0, ORDERS_LONG },
	{ 0 },
};
