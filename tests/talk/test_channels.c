/* test_channels.c - classical programs of communicating processes, on queues. */
#include "talk.h"

/* -- order: what one task puts, another gets in the same order, through a chain of copiers */

enum { CHAIN = 20, NUMBERS = 500 };

struct link {
	tl_queue *from, *to;
	int64_t prime;
};

static int copy(void *arg)
{
	struct link *l = arg;
	int64_t v;
	int r;

	while ((r = get(l->from, &v, TL_NEVER)) == 8 && (r = put(l->to, v, TL_NEVER)) == 0)
		;
	tl_queue_end(l->to);
	return r == -EPIPE ? 0 : r;
}

static int count_up(void *arg)
{
	tl_queue *to = arg;
	int r = 0;

	for (int64_t i = 2; r == 0 && i < NUMBERS + 2; i++)
		r = put(to, i, TL_NEVER);
	tl_queue_end(to);
	return r;
}

TEST(order_through_a_chain)
{
	tl_queue *q[CHAIN + 1];
	struct link l[CHAIN];
	tl_scope s = { 0 };
	int64_t v;

	for (int i = 0; i <= CHAIN; i++)
		q[i] = make_queue(1 + (size_t)i % 3, 8);
	tl_scope_open(&s);
	for (int i = 0; i < CHAIN; i++) {
		l[i] = (struct link){ q[i], q[i + 1], 0 };
		(i % 5 ? start_task : start_thread)(&s, copy, &l[i]);
	}
	start_task(&s, count_up, q[0]);
	for (int64_t i = 2; i < NUMBERS + 2; i++) {
		CHECK_EQ(get(q[CHAIN], &v, TL_NEVER), 8);
		CHECK_EQ(v, i);
	}
	CHECK_EQ(get(q[CHAIN], &v, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i <= CHAIN; i++)
		tl_queue_close(q[i]);
}

/* -- the sieve: each prime is a filter that lets pass what it does not divide */

enum { PRIMES = 100 };

static int filter(void *arg)
{
	struct link *l = arg;
	int64_t v;
	int r;

	while ((r = get(l->from, &v, TL_NEVER)) == 8)
		if (v % l->prime && (r = put(l->to, v, TL_NEVER)) < 0)
			break;
	return r;
}

static int count_on(void *arg)
{
	int r = 0;

	for (int64_t i = 2; r == 0; i++)
		r = put(arg, i, TL_NEVER);
	return r;
}

static bool is_prime(int64_t n)
{
	for (int64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return true;
}

static void sieve(bool threads)
{
	tl_queue *q[PRIMES + 1];
	struct link l[PRIMES];
	tl_scope s = { 0 };
	int64_t last = 1;

	q[0] = make_queue(1, 8);
	tl_scope_open(&s);
	start_task(&s, count_on, q[0]);
	for (int i = 0; i < PRIMES; i++) {
		int64_t prime;

		CHECK_EQ(get(q[i], &prime, TL_NEVER), 8);
		CHECK(is_prime(prime));
		for (int64_t n = last + 1; n < prime; n++)
			CHECK(!is_prime(n));
		last = prime;
		q[i + 1] = make_queue(1, 8);
		l[i] = (struct link){ q[i], q[i + 1], prime };
		(threads && i % 10 == 0 ? start_thread : start_task)(&s, filter, &l[i]);
	}
	CHECK_EQ(last, 541);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i <= PRIMES; i++)
		tl_queue_close(q[i]);
}

TEST_LIMIT(sieve_of_tasks, 60) { sieve(false); }
TEST_LIMIT(sieve_of_tasks_and_threads, 60) { sieve(true); }

/* -- power series, as in McIlroy's "Squinting at Power Series": a series is a queue of its
 * coefficients, and an operation a task that gets from some and puts into another, as far as it is
 * asked.  exp is the series whose integral, with 1 before it, is itself; tan' = 1 + tan * tan. */

struct rational {
	int64_t num, den;
};

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a < 0 ? -a : a; }

static struct rational rational(__int128 num, __int128 den)
{
	__int128 a = num < 0 ? -num : num, b = den;

	while (b) {
		__int128 rest = a % b;

		a = b;
		b = rest;
	}
	return (struct rational){ (int64_t)(num / a), (int64_t)(den / a) };
}

static struct rational sum(struct rational a, struct rational b)
{
	int64_t g = gcd(a.den, b.den);

	return rational((__int128)a.num * (b.den / g) + (__int128)b.num * (a.den / g),
		(__int128)a.den * (b.den / g));
}

static struct rational product(struct rational a, struct rational b)
{
	return rational((__int128)a.num * b.num, (__int128)a.den * b.den);
}

enum { TERMS = 12 };

struct node_of_series {
	tl_queue *in[2], *out[3];
	struct rational first; /* of an integral */
};

static int next(tl_queue *q, struct rational *x)
{
	int r = tl_queue_get(q, x, sizeof *x, TL_NEVER);

	return r < 0 ? r : 0;
}

static int tell(const struct node_of_series *n, struct rational x)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 3 && n->out[i]; i++)
		r = tl_queue_put(n->out[i], &x, sizeof x, TL_NEVER);
	return r;
}

/* first + the integral of in[0], to each of out */
static int integral(void *arg)
{
	struct node_of_series *n = arg;
	struct rational x = n->first;
	int r = tell(n, x);

	for (int64_t k = 1; r == 0; k++)
		if ((r = next(n->in[0], &x)) == 0)
			r = tell(n, product(x, (struct rational){ 1, k }));
	return r;
}

static int negative(void *arg)
{
	struct node_of_series *n = arg;
	struct rational x;
	int r;

	while ((r = next(n->in[0], &x)) == 0)
		if ((r = tell(n, (struct rational){ -x.num, x.den })) < 0)
			break;
	return r;
}

/* in[0] * in[1], first added to its first coefficient: a term needs all that came before it */
static int times(void *arg)
{
	struct node_of_series *n = arg;
	struct rational a[TERMS], b[TERMS];
	int r = 0;

	for (int k = 0; r == 0 && k < TERMS; k++) {
		struct rational x = k ? (struct rational){ 0, 1 } : n->first;

		if ((r = next(n->in[0], &a[k])) < 0 || (r = next(n->in[1], &b[k])) < 0)
			break;
		for (int i = 0; i <= k; i++)
			x = sum(x, product(a[i], b[k - i]));
		r = tell(n, x);
	}
	return r;
}

static tl_queue *series(void)
{
	tl_queue *q = NULL;

	CHECK_EQ(tl_queue_open(&q,
			 &(tl_queue_opts){ .capacity = 1, .max_item = sizeof(struct rational) }),
		0);
	return q;
}

static void check_term(tl_queue *q, int64_t num, int64_t den)
{
	struct rational x;

	CHECK_EQ(next(q, &x), 0);
	CHECK_EQ(x.num, num);
	CHECK_EQ(x.den, den);
}

static void stop(tl_scope *s, tl_queue **q, int n)
{
	tl_scope_cancel(s);
	CHECK_EQ(tl_scope_close(s), 0);
	for (int i = 0; i < n; i++)
		tl_queue_close(q[i]);
}

TEST(exponential_series)
{
	tl_queue *q[] = { series(), series() };
	struct node_of_series e = { { q[0] }, { q[0], q[1] }, { 1, 1 } };
	tl_scope s = { 0 };
	int64_t factorial = 1;

	tl_scope_open(&s);
	start_task(&s, integral, &e);
	for (int64_t k = 0; k < TERMS; factorial *= ++k)
		check_term(q[1], 1, factorial);
	stop(&s, q, 2);
}

/* sin is the integral of cos, and cos 1 less the integral of sin. */
TEST(sine_and_cosine_series)
{
	tl_queue *q[] = { series(), series(), series(), series(), series() };
	struct node_of_series sine = { { q[2] }, { q[0], q[3] }, { 0, 1 } },
			      minus = { { q[0] }, { q[1] }, { 0, 1 } },
			      cosine = { { q[1] }, { q[2], q[4] }, { 1, 1 } };
	tl_scope s = { 0 };
	int64_t factorial = 1;

	tl_scope_open(&s);
	start_task(&s, integral, &sine);
	start_thread(&s, negative, &minus);
	start_task(&s, integral, &cosine);
	for (int64_t k = 0; k < TERMS; factorial *= ++k) {
		int64_t sign = k / 2 % 2 ? -1 : 1;

		check_term(q[3], k % 2 ? sign : 0, k % 2 ? factorial : 1);
		check_term(q[4], k % 2 ? 0 : sign, k % 2 ? 1 : factorial);
	}
	stop(&s, q, 5);
}

TEST(tangent_series)
{
	static const struct rational expected[TERMS] = { { 0, 1 }, { 1, 1 }, { 0, 1 }, { 1, 3 },
		{ 0, 1 }, { 2, 15 }, { 0, 1 }, { 17, 315 }, { 0, 1 }, { 62, 2835 }, { 0, 1 },
		{ 1382, 155925 } };
	tl_queue *q[] = { series(), series(), series(), series() };
	struct node_of_series tangent = { { q[2] }, { q[0], q[1], q[3] }, { 0, 1 } },
			      square = { { q[0], q[1] }, { q[2] }, { 1, 1 } };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	start_task(&s, integral, &tangent);
	start_task(&s, times, &square);
	for (int k = 0; k < TERMS; k++)
		check_term(q[3], expected[k].num, expected[k].den);
	stop(&s, q, 4);
}
