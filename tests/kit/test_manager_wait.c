/* The manager: verbs that wait; deadlines and cancels across the connection; a holder that goes. */
#include "managed.h"

/* A call in a task or thread of its own. */
struct asked {
	tl_object o;
	const char *verb;
	tl_time deadline;
	tl_strand strand;
	int r;
	int64_t i;
};

static int ask(void *arg)
{
	struct asked *a = arg;
	tl_value v = TL_NIL;

	a->r = tl_object_call(a->o, a->verb, NULL, 0, &v, a->deadline);
	a->i = v.type == TL_T_INT ? v.i : -1;
	tl_value_free(&v);
	return 0;
}

static void begin(tl_scope *s, struct asked *a, tl_object o, const char *verb, tl_time deadline)
{
	*a = (struct asked){ .o = o, .verb = verb, .deadline = deadline, .r = 77 };
	CHECK_EQ(tl_thread_start(s, ask, a, &(tl_opts){ .ret = &a->strand }), 0);
}

/* D14: Lock: one at a time, and who waits longest is next */
TEST(lock)
{
	tl_manager *m = managed();
	tl_object l = made(m, "Lock", TL_NIL);
	struct asked a, b;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(does(l, "acquire"), 0);
	CHECK_EQ(does(l, "acquire"), -EDEADLK);
	begin(&s, &a, l, "acquire", TL_NEVER);
	until_waiting(l, 1);
	begin(&s, &b, l, "acquire", tl_after(tl_ms(30)));
	CHECK_EQ(tl_join(b.strand, NULL, TL_NEVER), 0);
	CHECK_EQ(b.r, -ETIMEDOUT);
	CHECK_STR(says(l, "held", TL_NIL), "True");
	CHECK_STR(shows(l), "<locked Lock>");
	CHECK_EQ(a.r, 77);
	CHECK_EQ(does(l, "release"), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(a.r, 0);
	CHECK_EQ(does(l, "release"), -EPERM);
	unmanaged(m);
}

/* D14: RLock: its holder acquires it again, and it is free when each acquire was released */
TEST(rlock)
{
	tl_manager *m = managed();
	tl_object l = made(m, "RLock", TL_NIL);
	struct asked a;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(does(l, "acquire"), 0);
	CHECK_EQ(does(l, "acquire"), 0);
	CHECK_EQ(does(l, "release"), 0);
	begin(&s, &a, l, "acquire", TL_NEVER);
	until_waiting(l, 1);
	CHECK_EQ(a.r, 77);
	CHECK_EQ(does(l, "release"), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(a.r, 0);
	unmanaged(m);
}

/* D14: Semaphore and BoundedSemaphore: units, waited for; the bounded one refuses too many */
TEST(semaphores)
{
	tl_manager *m = managed();
	tl_object s = made(m, "Semaphore", TL_INT(1)), b = made(m, "BoundedSemaphore", TL_INT(2));
	struct asked a;
	tl_scope scope = { 0 };
	tl_value three = TL_INT(3);

	tl_scope_open(&scope);
	CHECK_EQ(does(s, "acquire"), 0);
	begin(&scope, &a, s, "acquire", TL_NEVER);
	until_waiting(s, 1);
	CHECK_EQ(tl_object_call(s, "release", &three, 1, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&scope), 0);
	CHECK_EQ(a.r, 0);
	CHECK_STR(says(s, "count", TL_NIL), "2");
	CHECK_EQ(does(b, "acquire"), 0);
	CHECK_EQ(does(b, "release"), 0);
	CHECK_EQ(does(b, "release"), -EOVERFLOW);
	CHECK_STR(says(b, "count", TL_NIL), "2");
	unmanaged(m);
}

/* D14: Event: set lets all go who wait, also when it is cleared at once */
TEST(event)
{
	tl_manager *m = managed();
	tl_object e = made(m, "Event", TL_NIL);
	struct asked a[3];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_object_call(e, "wait", NULL, 0, NULL, TL_POLL), -EAGAIN);
	for (int i = 0; i < 3; i++)
		begin(&s, &a[i], e, "wait", TL_NEVER);
	until_waiting(e, 3);
	CHECK_EQ(does(e, "set"), 0);
	CHECK_EQ(does(e, "clear"), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(a[i].r, 0);
	CHECK_STR(says(e, "is_set", TL_NIL), "False");
	unmanaged(m);
}

/* D14: Barrier: lets all go together, each with its number; one that runs out of time breaks it */
TEST(barrier)
{
	tl_manager *m = managed();
	tl_object b = made(m, "Barrier", TL_INT(3));
	struct asked a[3];
	tl_scope s = { 0 };
	int64_t sum = 0;

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		begin(&s, &a[i], b, "wait", TL_NEVER);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(a[i].r, 0);
		sum += 1 << a[i].i;
	}
	CHECK_EQ(sum, 7);
	for (int late = 0; late < 2; late++) { /* also one that has passed when it comes */
		s = (tl_scope){ 0 };
		tl_scope_open(&s);
		begin(&s, &a[0], b, "wait", TL_NEVER);
		begin(&s, &a[1], b, "wait", tl_after(tl_ms(late ? -1 : 30)));
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(a[0].r, -EPIPE);
		CHECK_EQ(a[1].r, -ETIMEDOUT);
		CHECK_EQ(does(b, "wait"), -EPIPE);
		CHECK_STR(why(), "the barrier is broken");
		CHECK_EQ(does(b, "reset"), 0);
		CHECK_STR(says(b, "waiting", TL_NIL), "0");
		CHECK_STR(says(b, "broken", TL_NIL), "False");
	}
	CHECK_EQ(tl_object_call(b, "wait", NULL, 0, NULL, TL_POLL), -EAGAIN);
	CHECK_STR(says(b, "broken", TL_NIL), "False");
	CHECK_STR(says(b, "waiting", TL_NIL), "0");
	unmanaged(m);
}

static int waits_for_word(void *arg)
{
	struct asked *a = arg;

	CHECK_EQ(does(a->o, "acquire"), 0);
	a->r = tl_object_call(a->o, "wait", NULL, 0, NULL, a->i ? tl_after(tl_ms(a->i)) : TL_NEVER);
	CHECK_EQ(does(a->o, "release"), 0);
	return 0;
}

/* D14: Condition: a wait releases the lock and holds it again after, also when its time is up */
TEST(condition)
{
	tl_manager *m = managed();
	tl_object c = made(m, "Condition", TL_NIL);
	struct asked a = { .o = c }, b = { .o = c, .i = 50 };
	tl_scope s = { 0 };

	CHECK_EQ(does(c, "wait"), -EPERM);
	CHECK_EQ(does(c, "notify"), -EPERM);
	tl_scope_open(&s);
	tl_thread_start(&s, waits_for_word, &a, &(tl_opts){ .ret = &a.strand });
	tl_thread_start(&s, waits_for_word, &b, &(tl_opts){ .ret = &b.strand });
	CHECK_EQ(tl_join(b.strand, NULL, TL_NEVER), 0);
	CHECK_EQ(b.r, -ETIMEDOUT);
	until_waiting(c, 1);
	CHECK_EQ(does(c, "acquire"), 0);
	CHECK_EQ(does(c, "notify"), 0);
	CHECK_STR(shows(c), "<locked Condition>");
	CHECK_EQ(does(c, "release"), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(a.r, 0);
	CHECK_STR(shows(c), "<unlocked Condition>");
	unmanaged(m);
}

/* D14: what waits in a verb goes on when it is cancelled, and has taken nothing */
TEST(cancel)
{
	tl_manager *m = managed();
	tl_object q = made(m, "Queue", TL_NIL);
	struct asked a;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	begin(&s, &a, q, "get", TL_NEVER);
	until_waiting(q, 1);
	tl_cancel(a.strand);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(a.r, -ECANCELED);
	CHECK_EQ(does_with(q, "put", TL_INT(5)), 0);
	CHECK_STR(says(q, "get", TL_NIL), "5");
	unmanaged(m);
}

static int gets(void *arg)
{
	struct asked *a = arg;
	tl_value v = TL_NIL;

	while ((a->r = tl_object_call(a->o, "get", NULL, 0, &v, TL_NEVER)) == 0) {
		a->i += v.i;
		if (v.i == 0)
			return 0;
	}
	return 0;
}

/* D14: items are got once each, whatever cancels meet them */
TEST_LIMIT(cancel_storm, 60)
{
	enum { N = 300, READERS = 3 };
	tl_manager *m = managed();
	tl_object q = made(m, "Queue", TL_NIL);
	struct asked a[READERS];
	int64_t got = 0, put = 0;
	tl_value v;

	for (int i = 1; i <= N; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int k = 0; k < READERS; k++) {
			a[k] = (struct asked){ .o = q };
			tl_task_start(&s, gets, &a[k], &(tl_opts){ .ret = &a[k].strand });
		}
		if (i % 3)
			tl_yield();
		put += i;
		CHECK_EQ(does_with(q, "put", TL_INT(i)), 0);
		for (int k = 0; k < READERS; k++)
			tl_cancel(a[k].strand);
		CHECK_EQ(tl_scope_close(&s), 0);
		for (int k = 0; k < READERS; k++)
			got += a[k].i;
	}
	while (tl_object_call(q, "get", NULL, 0, &v, TL_POLL) == 0)
		got += v.i;
	CHECK_EQ(got, put);
	unmanaged(m);
}

static int counts(void *arg)
{
	struct asked *a = arg;
	tl_value v;

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(does(a[0].o, "acquire"), 0);
		CHECK_EQ(tl_object_get(a[1].o, TL_STR("n"), &v, TL_NEVER), 0);
		CHECK_EQ(tl_object_set(a[1].o, TL_STR("n"), TL_INT(v.i + 1), TL_NEVER), 0);
		CHECK_EQ(does(a[0].o, "release"), 0);
		CHECK_EQ(tl_object_add(a[1].o, TL_STR("sum"), 1, NULL, TL_NEVER), 0);
	}
	return 0;
}

/* D14: tasks and threads count under a lock, and nothing is lost */
TEST_LIMIT(count_under_a_lock, 120)
{
	tl_manager *m = managed();
	struct asked two[2] = { { .o = made(m, "Lock", TL_NIL) },
		{ .o = made(m, "dict", TL_NIL) } };
	tl_scope s = { 0 };

	CHECK_EQ(tl_object_set(two[1].o, TL_STR("n"), TL_INT(0), TL_NEVER), 0);
	tl_scope_open(&s);
	for (int i = 0; i < 8; i++)
		(i % 2 ? tl_task_start : tl_thread_start)(&s, counts, two, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(shows(two[1].o), "{'n': 400, 'sum': 400}");
	unmanaged(m);
}

static int passes(void *arg)
{
	tl_object c = *(tl_object *)arg;

	CHECK_EQ(does(c, "acquire"), 0);
	CHECK_EQ(does(c, "release"), 0);
	return 0;
}

/* D14: a wait of a Condition lets the next one have its lock at once */
TEST(condition_hands_its_lock_on)
{
	tl_manager *m = managed();
	tl_object c = made(m, "Condition", TL_NIL);
	tl_strand t;
	tl_scope s = { 0 };

	CHECK_EQ(does(c, "acquire"), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, passes, &c, &(tl_opts){ .ret = &t });
	until_waiting(c, 1);
	CHECK_EQ(tl_object_call(c, "wait", NULL, 0, NULL, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(does(c, "release"), 0);
	unmanaged(m);
}

/* D14: Barrier: lets all go together, each with its number; one that runs out of time breaks it */
TEST(barrier_numbers_after_one_has_left)
{
	tl_manager *m = managed();
	tl_object b = made(m, "Barrier", TL_INT(3));
	struct asked left, a[3];
	tl_scope s = { 0 };
	int64_t seen = 0;

	tl_scope_open(&s);
	begin(&s, &left, b, "wait", TL_NEVER);
	until_waiting(b, 1);
	begin(&s, &a[0], b, "wait", TL_NEVER);
	until_waiting(b, 2);
	tl_cancel(left.strand);
	until_waiting(b, 1);
	begin(&s, &a[1], b, "wait", TL_NEVER);
	begin(&s, &a[2], b, "wait", TL_NEVER);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(left.r, -ECANCELED);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(a[i].r, 0);
		seen |= 1 << a[i].i;
	}
	CHECK_EQ(seen, 7);
	unmanaged(m);
}

static int holds_for_a_moment(void *arg)
{
	tl_object c = *(tl_object *)arg;

	CHECK_EQ(does(c, "acquire"), 0);
	tl_sleep(tl_ms(20));
	CHECK_EQ(does(c, "release"), 0);
	return 0;
}

/* A wait of a Condition that tries once answers so, however long it takes to have the lock back. */
TEST(condition_polled)
{
	tl_manager *m = managed();
	tl_object c = made(m, "Condition", TL_NIL);
	tl_scope s = { 0 };

	CHECK_EQ(does(c, "acquire"), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, holds_for_a_moment, &c, NULL);
	until_waiting(c, 1);
	CHECK_EQ(tl_object_call(c, "wait", NULL, 0, NULL, TL_POLL), -EAGAIN);
	CHECK_EQ(does(c, "release"), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	unmanaged(m);
}

static int cleans_up(void *arg)
{
	tl_object l = *(tl_object *)arg;

	CHECK_EQ(does(l, "acquire"), 0);
	tl_cancel(tl_self());
	CHECK_EQ(does(l, "release"), -ECANCELED);
	CHECK_EQ(tl_object_call(l, "release", NULL, 0, NULL, TL_POLL), 0);
	CHECK_EQ(tl_object_call(l, "release", NULL, 0, NULL, TL_POLL), -EPERM);
	return 0;
}

/* TL_POLL is no cancel point: who was cancelled can release what he holds. */
TEST(cleanup_of_the_cancelled)
{
	tl_manager *m = managed();
	tl_object l = made(m, "Lock", TL_NIL);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, cleans_up, &l, NULL);
	tl_task_start(&s, cleans_up, &l, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(shows(l), "<unlocked Lock>");
	unmanaged(m);
}
