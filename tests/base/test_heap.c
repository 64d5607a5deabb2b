/* The heap of times against a plain table: pushes, pops, and dropping what is not wanted. */
#include "base/heap.h"
#include "check.h"
#include <stdlib.h>

enum { N = 700, STEPS = 20000 };
static struct entry model[N];
static int n_model;
static unsigned seed = 12345;

static unsigned chance(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8 & 0xffff) % n;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->who < y->who ? -1 : x->who > y->who;
}

static void push(struct heap *h, int64_t at)
{
	static uint64_t who;
	struct entry e = { at, ++who };

	CHECK(heap_reserve(h, h->n + 1));
	heap_push(h, e);
	model[n_model++] = e;
	qsort(model, (size_t)n_model, sizeof *model, compare);
}

static void pop(struct heap *h)
{
	heap_pop(h);
	memmove(model, model + 1, (size_t)--n_model * sizeof *model);
}

static bool odd(struct entry e, void *arg) { return (void)arg, e.who & 1; }

static void drop(struct heap *h)
{
	int n = 0;

	heap_keep(h, odd, NULL);
	for (int i = 0; i < n_model; i++)
		if (odd(model[i], NULL))
			model[n++] = model[i];
	n_model = n;
}

TEST(a_heap_is_sorted_by_time_and_then_by_turn)
{
	struct heap h = { 0 };

	for (int step = 0; step < STEPS; step++) {
		unsigned r = chance(100);

		if (r < 55 && n_model < N)
			push(&h, (int64_t)chance(step % 3 ? 20 : 60000) - 10); /* many the same */
		else if (r < 99 && n_model)
			pop(&h);
		else if (r == 99)
			drop(&h);
		CHECK_EQ(h.n, n_model);
		if (h.n)
			CHECK_EQ(compare(heap_least(&h), &model[0]), 0);
	}
	for (; h.n; pop(&h))
		CHECK_EQ(compare(heap_least(&h), &model[0]), 0);
	heap_free(&h);
}

TEST(the_room_of_a_heap_holds_what_was_asked)
{
	struct heap h = { 0 };

	for (uint32_t room = 1; room < 5000; room += room / 2 + 1) {
		CHECK(heap_reserve(&h, room));
		CHECK(h.room >= room);
		for (; h.n < h.room; n_model = 0)
			push(&h, h.n);
		CHECK_EQ(heap_least(&h)->at, 0);
	}
	heap_free(&h);
}

/* Every order of pushes that is somebody's worst, and a look after each push or not: what is sorted
 * already is found again, and more cuts than there is room for are forgotten. */
TEST(orders_that_are_not_random)
{
	enum { MANY = 3000 };
	static struct entry all[MANY];

	for (int order = 0; order < 5; order++)
		for (int look = 0; look < 2; look++) {
			struct heap h = { 0 };

			for (int i = 0; i < MANY; i++) {
				int64_t at[] = { i, -i, i % 2 ? i : -i, 7, i % 50 };

				all[i] = (struct entry){ at[order], (uint64_t)(i ^ 5) };
				CHECK(heap_reserve(&h, h.n + 1));
				heap_push(&h, all[i]);
				if (look)
					CHECK(heap_least(&h)->at <= at[order]);
			}
			qsort(all, MANY, sizeof *all, compare);
			for (int i = 0; i < MANY; i++) {
				CHECK_EQ(compare(heap_least(&h), &all[i]), 0);
				heap_pop(&h);
			}
			CHECK(heap_least(&h) == NULL);
			heap_free(&h);
		}
}

/* A crowd that always is the same size goes round and round in its ring. */
TEST(a_full_ring_goes_round)
{
	enum { FULL = 64, ROUNDS = 5000 };
	struct heap h = { 0 };
	int64_t last = 0;

	CHECK(heap_reserve(&h, FULL));
	CHECK_EQ(h.room, FULL);
	h.first = UINT32_MAX - FULL / 2; /* and over the end of the numbers */
	for (uint64_t i = 0; i < ROUNDS; i++) {
		if (h.n == FULL) {
			CHECK(heap_least(&h)->at >= last);
			last = heap_least(&h)->at;
			heap_pop(&h);
		}
		heap_push(&h, (struct entry){ last + chance(1000), i });
	}
	CHECK_EQ(h.n, FULL);
	heap_free(&h);
}
