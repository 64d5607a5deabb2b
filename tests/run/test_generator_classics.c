/* What generators are for: the classics of CPython's test_generators, and pipes. */
#include "generators.h"

enum { SOME = 32 };

/* What g yields until its end or n values; answers how many. */
static int collect(tl_gen *g, long *ret, int n)
{
	void *out;
	int i = 0;

	while (i < n && tl_gen_send(g, NULL, &out) == 0)
		ret[i++] = val(out);
	return i;
}

static void yields(tl_gen *g, const long *wanted, int n)
{
	long got[SOME];

	CHECK_EQ(collect(g, got, n), n);
	for (int i = 0; i < n; i++)
		CHECK_EQ(got[i], wanted[i]);
}
#define YIELDS(g, ...) \
	do { \
		static const long wanted[] = { __VA_ARGS__ }; \
		yields(g, wanted, (int)(sizeof wanted / sizeof *wanted)); \
	} while (0)

/* -- numbers */

static int fibonacci(void *arg)
{
	long a = 1, b = 2;
	int r = 0;

	(void)arg;
	while (r == 0) {
		long sum = a + b;

		r = tl_gen_yield(num(a), NULL);
		a = b;
		b = sum;
	}
	return r;
}

/* The Fibonacci numbers. */
TEST(fibonacci_numbers)
{
	tl_gen *g = gen_new(fibonacci, NULL);

	YIELDS(g, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597);
	CHECK_EQ(tl_gen_close(g), 0);
}

static int from_two(void *arg)
{
	int r = 0;

	(void)arg;
	for (long i = 2; r == 0; i++)
		r = tl_gen_yield(num(i), NULL);
	return r;
}

struct stage {
	tl_gen *source;
	long n;
};

/* Closes its source with it, as a pipe does. */
static int exclude_multiples(void *arg)
{
	struct stage *s = arg;
	void *v;
	int r;

	while ((r = tl_gen_send(s->source, NULL, &v)) == 0)
		if (val(v) % s->n && (r = tl_gen_yield(v, NULL)) < 0)
			break;
	CHECK_EQ(tl_gen_close(s->source), 0);
	return r == -EPIPE ? 0 : r;
}

static int sieve(void *arg)
{
	struct stage stages[64];
	tl_gen *g = gen_new(from_two, arg);
	int r = 0;

	for (int i = 0; r == 0 && i < 64; i++) {
		long prime = gen_next(g);

		r = tl_gen_yield(num(prime), NULL);
		stages[i] = (struct stage){ g, prime };
		g = gen_new(exclude_multiples, &stages[i]);
	}
	CHECK_EQ(tl_gen_send(g, NULL, NULL), 0); /* begun, so that it closes its source */
	CHECK_EQ(tl_gen_close(g), 0);
	return r;
}

/* The sieve of Eratosthenes as a growing chain. */
TEST(the_sieve)
{
	tl_gen *g = gen_new(sieve, NULL);

	YIELDS(g, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71);
	CHECK_EQ(tl_gen_close(g), 0);
	tl_on_report(remember, NULL);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(seen_reports[TL_R_LEAK], 0);
}

/* -- Hamming's numbers: a list that is made by what is read of it */

struct lazy {
	long value[100];
	int n;
	tl_gen *maker;
};

static long at(struct lazy *l, int i)
{
	while (l->n <= i)
		l->value[l->n++] = gen_next(l->maker);
	return l->value[i];
}

static long least(long a, long b) { return a < b ? a : b; }

static int hamming(void *arg)
{
	struct lazy *l = arg;
	int i2 = 0, i3 = 0, i5 = 0, r = tl_gen_yield(num(1), NULL);

	while (r == 0) {
		long n = least(2 * at(l, i2), least(3 * at(l, i3), 5 * at(l, i5)));

		i2 += 2 * at(l, i2) == n;
		i3 += 3 * at(l, i3) == n;
		i5 += 5 * at(l, i5) == n;
		r = tl_gen_yield(num(n), NULL);
	}
	return r;
}

/* Hamming numbers out of what was yielded before. */
TEST(hamming_numbers)
{
	static const long wanted[] = { 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27 };
	static struct lazy l;

	l.maker = gen_new(hamming, &l);
	for (int i = 0; i < 17; i++)
		CHECK_EQ(at(&l, i), wanted[i]);
	CHECK_EQ(at(&l, 99), 1536);
	CHECK_EQ(tl_gen_close(l.maker), 0);
}

struct merge {
	tl_gen *a, *b;
};

static int merges(void *arg)
{
	struct merge *m = arg;
	void *a, *b;
	int ra = tl_gen_send(m->a, NULL, &a), rb = tl_gen_send(m->b, NULL, &b), r = 0;

	while (r == 0 && (ra == 0 || rb == 0)) {
		if (rb < 0 || (ra == 0 && val(a) < val(b))) {
			r = tl_gen_yield(a, NULL);
			ra = tl_gen_send(m->a, NULL, &a);
		} else {
			if (ra == 0 && val(a) == val(b))
				ra = tl_gen_send(m->a, NULL, &a);
			r = tl_gen_yield(b, NULL);
			rb = tl_gen_send(m->b, NULL, &b);
		}
	}
	return r;
}

static int multiples(void *n)
{
	int r = 0;

	for (long i = 1; r == 0 && i <= 5; i++)
		r = tl_gen_yield(num(i * *(int *)n), NULL);
	return r;
}

/* Merging two sorted streams. */
TEST(two_streams_merge)
{
	int two = 2, three = 3;
	struct merge m = { gen_new(multiples, &two), gen_new(multiples, &three) };
	tl_gen *g = gen_new(merges, &m);

	YIELDS(g, 2, 3, 4, 6, 8, 9, 10, 12, 15);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
	CHECK_EQ(tl_gen_close(m.a), 0);
	CHECK_EQ(tl_gen_close(m.b), 0);
}

/* -- recursion */

struct tree {
	long value;
	struct tree *left, *right;
};

static int inorder(void *arg);

static int subtree(struct tree *t)
{
	tl_gen *g;
	int r;

	if (!t)
		return 0;
	g = gen_new(inorder, t);
	r = tl_gen_from(g, NULL);
	CHECK_EQ(tl_gen_close(g), 0);
	return r;
}

static int inorder(void *arg)
{
	struct tree *t = arg;
	int r = subtree(t->left);

	if (r == 0)
		r = tl_gen_yield(num(t->value), NULL);
	return r == 0 ? subtree(t->right) : r;
}

/* A tree in order, by delegation. */
TEST(a_tree_in_order)
{
	struct tree leaf[] = { { 1, 0, 0 }, { 3, 0, 0 }, { 5, 0, 0 }, { 7, 0, 0 } };
	struct tree two = { 2, &leaf[0], &leaf[1] }, six = { 6, &leaf[2], &leaf[3] };
	struct tree root = { 4, &two, &six };
	tl_gen *g = gen_new(inorder, &root);

	YIELDS(g, 1, 2, 3, 4, 5, 6, 7);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
	g = gen_new(inorder, &root);
	YIELDS(g, 1, 2, 3, 4, 5); /* and is left in the middle */
	CHECK_EQ(tl_gen_close(g), 0);
}

struct permutation {
	int n, depth, *at;
};

static void swap(int *a, int *b)
{
	int c = *a;

	*a = *b;
	*b = c;
}

/* Yields, as one decimal number, each permutation of at[depth..n) behind what stands before. */
static int permutations(void *arg)
{
	struct permutation *p = arg, rest = { p->n, p->depth + 1, p->at };
	long number = 0;
	int r = 0;

	if (p->depth == p->n) {
		for (int i = 0; i < p->n; i++)
			number = number * 10 + p->at[i];
		return tl_gen_yield(num(number), NULL);
	}
	for (int i = p->depth; r == 0 && i < p->n; i++) {
		tl_gen *g;

		swap(&p->at[p->depth], &p->at[i]);
		g = gen_new(permutations, &rest);
		r = tl_gen_from(g, NULL);
		CHECK_EQ(tl_gen_close(g), 0);
		swap(&p->at[p->depth], &p->at[i]);
	}
	return r;
}

/* Permutations, one generator per place. */
TEST(all_permutations)
{
	int at[] = { 1, 2, 3 }, more[] = { 1, 2, 3, 4, 5, 6 };
	struct permutation p = { 3, 0, at }, q = { 6, 0, more };
	tl_gen *g = gen_new(permutations, &p);
	int n = 0;

	YIELDS(g, 123, 132, 213, 231, 321, 312);
	GEN_ENDS(g);
	CHECK_EQ(tl_gen_close(g), 0);
	g = gen_new(permutations, &q);
	while (tl_gen_send(g, NULL, NULL) == 0)
		n++;
	CHECK_EQ(n, 720);
	CHECK_EQ(tl_gen_close(g), 0);
}

struct board {
	int n, column[8];
	bool used[8], up[16], down[16];
};

struct row {
	struct board *b;
	int row;
};

/* Places a queen in its row, yields, takes it back: conjoined, they find all boards. */
static int queens(void *arg)
{
	struct row *me = arg;
	struct board *b = me->b;
	int y = me->row, r = 0;

	for (int x = 0; r == 0 && x < b->n; x++) {
		bool *taken[] = { &b->used[x], &b->up[x + y], &b->down[x - y + b->n] };

		if (*taken[0] || *taken[1] || *taken[2])
			continue;
		*taken[0] = *taken[1] = *taken[2] = true;
		b->column[y] = x;
		r = tl_gen_yield(NULL, NULL);
		*taken[0] = *taken[1] = *taken[2] = false;
	}
	return r;
}

/* CPython's conjoin: a row of generators, of which the last that still can is advanced. */
static int boards(struct board *b)
{
	struct row rows[8];
	tl_gen *g[8];
	int i = 0, found = 0;

	rows[0] = (struct row){ b, 0 };
	g[0] = gen_new(queens, &rows[0]);
	while (i >= 0) {
		if (tl_gen_send(g[i], NULL, NULL) == -EPIPE) {
			CHECK_EQ(tl_gen_close(g[i--]), 0);
		} else if (i == b->n - 1) {
			found++;
		} else {
			i++;
			rows[i] = (struct row){ b, i };
			g[i] = gen_new(queens, &rows[i]);
		}
	}
	return found;
}

/* The eight queens by conjoined generators. */
TEST(eight_queens)
{
	struct board six = { .n = 6 }, eight = { .n = 8 };

	CHECK_EQ(boards(&six), 4);
	CHECK_EQ(boards(&eight), 92);
}

/* -- pipes: source | keep even | square | sum, pulled from the end and pushed from the front */

static int source(void *n)
{
	int r = 0;

	for (long i = 1; r == 0 && i <= *(int *)n; i++)
		r = tl_gen_yield(num(i), NULL);
	return r;
}

static int pull_even(void *upstream)
{
	void *v;
	int r;

	while ((r = tl_gen_send(upstream, NULL, &v)) == 0)
		if (val(v) % 2 == 0 && (r = tl_gen_yield(v, NULL)) < 0)
			return r;
	return r == -EPIPE ? 0 : r;
}

static int pull_square(void *upstream)
{
	void *v;
	int r;

	while ((r = tl_gen_send(upstream, NULL, &v)) == 0)
		if ((r = tl_gen_yield(num(val(v) * val(v)), NULL)) < 0)
			return r;
	return r == -EPIPE ? 0 : r;
}

/* A pipe that the consumer pulls. */
TEST(a_pulled_pipe)
{
	int n = 10;
	tl_gen *from = gen_new(source, &n), *even = gen_new(pull_even, from),
	       *square = gen_new(pull_square, even);
	long sum = 0;
	void *v;

	while (tl_gen_send(square, NULL, &v) == 0)
		sum += val(v);
	CHECK_EQ(sum, 4 + 16 + 36 + 64 + 100);
	CHECK_EQ(tl_gen_close(square), 0);
	CHECK_EQ(tl_gen_close(even), 0);
	CHECK_EQ(tl_gen_close(from), 0);
}

static int push_even(void *downstream)
{
	void *v;
	int r;

	while ((r = tl_gen_yield(NULL, &v)) == 0)
		if (val(v) % 2 == 0 && (r = tl_gen_send(downstream, v, NULL)) < 0)
			return r;
	return r;
}

static int push_square(void *downstream)
{
	void *v;
	int r;

	while ((r = tl_gen_yield(NULL, &v)) == 0)
		if ((r = tl_gen_send(downstream, num(val(v) * val(v)), NULL)) < 0)
			return r;
	return r;
}

static int sums(void *arg)
{
	int sum = 0;
	void *v;

	(void)arg;
	while (tl_gen_yield(NULL, &v) == 0)
		sum += (int)val(v);
	return sum;
}

/* A pipe that the producer pushes, whose result comes with the close. */
TEST(a_pushed_pipe)
{
	tl_gen *to = gen_new(sums, NULL), *square = gen_new(push_square, to),
	       *even = gen_new(push_even, square);

	CHECK_EQ(tl_gen_send(to, NULL, NULL), 0);
	CHECK_EQ(tl_gen_send(square, NULL, NULL), 0);
	CHECK_EQ(tl_gen_send(even, NULL, NULL), 0);
	for (long i = 1; i <= 10; i++)
		CHECK_EQ(tl_gen_send(even, num(i), NULL), 0);
	CHECK_EQ(tl_gen_close(even), 0);
	CHECK_EQ(tl_gen_close(square), 0);
	CHECK_EQ(tl_gen_close(to), 4 + 16 + 36 + 64 + 100);
}
