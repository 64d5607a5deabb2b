/* kinds.h - what the tests of all three kinds of queue share: the same test for each kind, with
 * tasks and with threads; and one call on a queue as a strand of its own. */
#ifndef TESTS_KINDS_H
#define TESTS_KINDS_H
#include "talk.h"

enum kind { FIFO, LIFO, SMALLEST, PRIVATE_KINDS, SHARED = PRIVATE_KINDS, KINDS };
enum { CAPACITY = 5, FULL = 2 };

static struct {
	enum kind kind;
	bool threads; /* which strands the test starts */
} now;

static inline int by_number(const void *a, const void *b)
{
	int64_t x, y;

	CHECK_EQ((uintptr_t)a % _Alignof(max_align_t), 0);
	CHECK_EQ((uintptr_t)b % _Alignof(max_align_t), 0);
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

static inline tl_queue_opts kind_opts(enum kind kind, size_t capacity, size_t max_item)
{
	return (tl_queue_opts){ .name = "q",
		.capacity = capacity,
		.max_item = max_item,
		.lifo = kind == LIFO,
		.shared = kind == SHARED,
		.order = kind == SMALLEST ? by_number : NULL };
}

/* Of the kind whose turn it is. */
static inline tl_queue *make_kind(size_t capacity)
{
	tl_queue_opts o = kind_opts(now.kind, capacity, 64);
	tl_queue *q = NULL;

	CHECK_EQ(tl_queue_open(&q, &o), 0);
	return q;
}

/* The body is run for each kind, each with tasks and with threads. */
#define TEST_KINDS(name) TEST_UP_TO(KINDS, name)
/* For the private ones, whose hand-over is direct: what a put gave or a get made room for is where
 * it belongs when the call returns.  With a shared one the other strand has yet to come for it. */
#define TEST_PRIVATE_KINDS(name) TEST_UP_TO(PRIVATE_KINDS, name)
#define TEST_UP_TO(kinds, name) \
	static void each_##name(void); \
	TEST_LIMIT(name, 60) \
	{ \
		for (int i = 0; i < 2 * (kinds); i++) { \
			now.kind = (enum kind)(i / 2); \
			now.threads = i % 2; \
			each_##name(); \
		} \
	} \
	static void each_##name(void)

/* What comes must be v. */
#define GET_IS(q, expected) \
	do { \
		int64_t got = -77; \
		CHECK_EQ(get((q), &got, TL_POLL), 8); \
		CHECK_EQ(got, (expected)); \
	} while (0)

/* -- one call as a strand; its answer is the strand's, so an expected failure stays in r */

struct call {
	tl_queue *q;
	int64_t v;
	tl_time until;
	int r;
	tl_strand strand;
};

static inline int call_put(void *arg)
{
	struct call *c = arg;

	c->r = put(c->q, c->v, c->until);
	return 0;
}

static inline int call_get(void *arg)
{
	struct call *c = arg;

	c->r = get(c->q, &c->v, c->until);
	return 0;
}

static inline int call_join(void *arg)
{
	struct call *c = arg;

	c->r = tl_queue_join(c->q, c->until);
	return 0;
}

/* Get one, and it is done. */
static inline int call_get_done(void *arg)
{
	struct call *c = arg;

	c->r = get(c->q, &c->v, c->until);
	return c->r < 0 ? 0 : tl_queue_done(c->q);
}

static inline void begin(tl_scope *s, tl_fn *fn, struct call *c)
{
	c->strand = (now.threads ? start_thread : start_task)(s, fn, c);
}

static inline void begin_blocked(tl_scope *s, tl_fn *fn, struct call *c)
{
	begin(s, fn, c);
	await_state(c->strand, TL_BLOCKED);
}

/* -- counting */

static inline void put_n(tl_queue *q, int n)
{
	for (int i = 0; i < n; i++)
		CHECK_EQ(put(q, i, TL_NEVER), 0);
}

/* Nothing is unfinished: one more done is an error, reported, and changes nothing. */
static inline void check_overdone(tl_queue *q)
{
	int before = reports[TL_R_MISUSE];

	tl_on_report(count_report, NULL);
	CHECK_EQ(tl_queue_unfinished(q), 0);
	CHECK_EQ(tl_queue_done(q), -EINVAL);
	CHECK_EQ(reports[TL_R_MISUSE], before + 1);
	CHECK_EQ(tl_queue_unfinished(q), 0);
	tl_on_report(NULL, NULL);
}

#endif
