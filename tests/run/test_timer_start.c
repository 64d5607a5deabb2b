/* Timers: strands of both kinds that are started with a time to begin. */
#include "run/run.h"
#include "strands.h"

static start_fn *const both[] = { tl_task_start, tl_thread_start };

struct call {
	tl_time began;
	int n, answer;
};

static int note(void *arg)
{
	struct call *c = arg;

	c->began = tl_now();
	c->n++;
	return c->answer;
}

/* D7: a timer runs its function once after the interval
 * D7: a timer never comes early */
TEST(once_and_never_early)
{
	for (int i = 0; i < 2; i++)
		for (int ns = 1; ns <= 10000000; ns *= 10) {
			tl_time at = tl_after(tl_ns(ns));
			struct call c = { .answer = 7 };
			tl_scope s = { 0 };
			tl_strand t;
			tl_end end;

			tl_scope_open(&s);
			CHECK_EQ(both[i](&s, note, &c, &(tl_opts){ .at = at, .ret = &t }), 0);
			CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
			CHECK_EQ(end.value, 7);
			CHECK_EQ(tl_scope_close(&s), 0);
			CHECK_EQ(c.n, 1);
			CHECK(c.began.ns >= at.ns);
		}
}

/* D7: a timer cancelled before it began never runs
 * D7: cancel of a timer twice is cancel once */
TEST(cancelled_before_it_began)
{
	for (int i = 0; i < 2; i++) {
		struct call c = { 0 };
		tl_scope s = { 0 };
		tl_strand t;
		tl_end end;

		tl_scope_open(&s);
		CHECK_EQ(both[i](&s, note, &c, &(tl_opts){ .at = tl_after(tl_s(3600)), .ret = &t }),
			0);
		UNTIL(tl_state(t) == TL_CREATED);
		tl_cancel(t);
		tl_cancel(t);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(end.how, TL_CANCELLED);
		tl_cancel(t);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(c.n, 0);
		tl_cancel(t); /* it is gone */
	}
}

/* D7: a timer cancelled before it began never runs */
TEST(cancelled_before_its_start_is_through)
{
	for (int i = 0; i < 2; i++) {
		struct call c = { 0 };
		tl_scope s = { 0 };
		tl_strand t;

		tl_scope_open(&s);
		both[i](&s, note, &c,
			&(tl_opts){ .at = tl_after(tl_s(3600)), .paused = true, .ret = &t });
		tl_cancel(t);
		CHECK(tl_resume(t) <= 0); /* too late, or so early that it makes no odds */
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(c.n, 0);
	}
}

static _Atomic int began, go_on, done;

/* Asked to stop all along, it looks at no cancel point, and ends as it would have. */
static int deaf(void *arg)
{
	(void)arg;
	began = 1;
	while (!go_on)
		sched_yield();
	done = 1;
	return 5;
}

/* D7: cancel after a timer began does not undo it */
TEST(cancelled_after_it_began)
{
	tl_scope s = { 0 };
	tl_strand t;
	tl_end end;

	tl_scope_open(&s);
	tl_thread_start(&s, deaf, NULL, &(tl_opts){ .at = tl_after(tl_ms(1)), .ret = &t });
	UNTIL(began);
	tl_cancel(t);
	tl_cancel(t);
	go_on = 1;
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_RETURNED);
	CHECK_EQ(end.value, 5);
	CHECK_EQ(done, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int cancels_itself(void *arg)
{
	tl_cancel(tl_self());
	CHECK_EQ(tl_checkpoint(), -ECANCELED);
	return note(arg);
}

/* D7: cancel after a timer began does not undo it */
TEST(cancelled_from_inside)
{
	for (int i = 0; i < 2; i++) {
		struct call c = { .answer = 3 };
		tl_scope s = { 0 };
		tl_strand t;
		tl_end end;

		tl_scope_open(&s);
		both[i](&s, cancels_itself, &c, &(tl_opts){ .at = tl_after(tl_ms(1)), .ret = &t });
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(end.value, 3);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(c.n, 1);
	}
}

static int is_seven(void *arg) { return *(int *)arg == 7 ? 0 : -EIO; }

/* D7: a timer's argument is its own copy */
TEST(its_argument_is_its_own)
{
	tl_scope s = { 0 };
	int x = 7;

	tl_scope_open(&s);
	for (int i = 0; i < 2; i++) {
		tl_opts o = { .at = tl_after(tl_ms(2)), .copy = sizeof x };

		x = 7;
		both[i](&s, is_seven, &x, &o);
		x = 8;
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- order */

enum { CROWD = 1000 };
static int order[CROWD], n_order;

static int note_order(void *arg)
{
	order[n_order++] = *(int *)arg;
	return 0;
}

static void start_at(tl_scope *s, int number, tl_time at, tl_strand *ret)
{
	CHECK_EQ(tl_task_start(s, note_order, &number,
			 &(tl_opts){ .at = at, .copy = sizeof number, .ret = ret }),
		0);
}

/* Every third is cancelled, and its record used again, so that no order comes by chance.
 * D7: timers of the same time run in the order they were made */
TEST(the_same_time_means_the_order_of_starts)
{
	tl_time at = tl_after(tl_ms(20));
	tl_scope s = { 0 };
	tl_strand t;
	int n = 0, seen = 0;

	tl_scope_open(&s);
	for (int i = 0; i < CROWD; i++) {
		start_at(&s, i, at, &t);
		if (i % 7 == 0)
			tl_yield(); /* the heap has it; the others come in one go */
		if (i % 3 == 0)
			tl_cancel(t);
		else
			n++;
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	if (n_order != n) /* the time came meanwhile, and one that ran is not cancelled any more */
		CHECK(tl_now().ns > at.ns && n_order > n);
	for (int i = 1; i < n_order; i++)
		seen += order[i] < order[i - 1];
	CHECK_EQ(seen, 0);
}

/* More are due than begin in one turn, and then one more is started for the same time.
 * D7: timers of the same time run in the order they were made */
TEST(one_that_is_started_late_waits_behind_the_others)
{
	tl_time at = tl_after(tl_ms(20));
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < CROWD - 1; i++)
		start_at(&s, i, at, NULL);
	while (tl_now().ns < at.ns)
		;
	while (n_order == 0)
		tl_yield();
	start_at(&s, CROWD - 1, at, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(order[i], i);
}

/* Start them so far ahead that all are in the heap before the first is due.  False: not far enough.
 */
static bool start_ahead(tl_scope *s, int ms)
{
	tl_time base = tl_after(tl_ms(ms));
	bool ahead;

	for (int i = 0; i < CROWD; i++) {
		int k = i * 7 % CROWD; /* each once */

		start_at(s, k, (tl_time){ base.ns + k * 1000 }, NULL);
	}
	tl_yield();
	ahead = tl_now().ns < base.ns;
	while (ahead && tl_now().ns < base.ns + CROWD * 1000)
		; /* a busy loop: they are late, and come in their order all the same */
	return ahead;
}

/* As sched's test of times given in another order. */
TEST(the_order_of_times_not_of_starts)
{
	bool ahead = false;

	for (int ms = 20; !ahead; ms *= 2) {
		tl_scope s = { 0 };

		n_order = 0;
		tl_scope_open(&s);
		ahead = start_ahead(&s, ms);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(n_order, CROWD);
	}
	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(order[i], i);
}

static int starts_another(void *arg)
{
	tl_scope *s = arg;

	start_at(s, n_order, PAST, NULL);
	return n_order < 5 ? 0 : -ECANCELED;
}

/* A time that has passed is now; a timer may start timers. */
TEST(the_past_begins_at_once)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, starts_another, &s, &(tl_opts){ .at = { INT64_MIN + 1 } });
	while (n_order < 1)
		CHECK_EQ(tl_yield(), 0);
	CHECK_EQ(order[0], 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- as a scheduler of events */

/* All are in the heap when the first and the last are cancelled; false: not in time for that. */
static bool cancel_the_ends(tl_scope *s, int ms)
{
	tl_time at = tl_after(tl_ms(ms));
	tl_strand t[5];
	bool ahead;

	for (int i = 4; i >= 0; i--)
		start_at(s, i, (tl_time){ at.ns + i * 1000 }, &t[i]);
	tl_yield();
	ahead = tl_now().ns < at.ns;
	tl_cancel(t[0]);
	tl_cancel(t[4]);
	return ahead;
}

/* D7: a timer cancelled before it began never runs */
TEST(those_that_are_not_cancelled_run)
{
	bool ahead = false;

	for (int ms = 5; !ahead; ms *= 2) {
		tl_scope s = { 0 };

		n_order = 0;
		tl_scope_open(&s);
		ahead = cancel_the_ends(&s, ms);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(n_order, 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(order[i], i + 1);
}

struct link {
	int number;
	tl_scope *scope;
	tl_strand pending; /* later than all of these */
};

static int go_on_in_a_while(void *arg)
{
	struct link l = *(struct link *)arg;

	order[n_order++] = l.number++;
	if (l.number < 5)
		return tl_task_start(l.scope, go_on_in_a_while, &l,
			&(tl_opts){ .at = tl_after(tl_us(300)), .copy = sizeof l });
	tl_cancel(l.pending);
	return 0;
}

/* D7: a timer cancelled before it began never runs */
TEST(a_timer_may_start_timers_and_cancel_them)
{
	tl_scope s = { 0 };
	struct link l = { .scope = &s };

	tl_scope_open(&s);
	start_at(&s, 99, tl_after(tl_s(3600)), &l.pending);
	tl_task_start(&s, go_on_in_a_while, &l,
		&(tl_opts){ .at = tl_after(tl_us(300)), .copy = sizeof l });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_order, 5);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(order[i], i);
}

/* D7: cancel after a timer began does not undo it */
TEST(cancel_of_what_has_run_is_nothing)
{
	for (int i = 0; i < 2; i++) {
		struct call c = { .answer = 4 };
		tl_scope s = { 0 };
		tl_strand t;
		tl_end end;

		tl_scope_open(&s);
		both[i](&s, note, &c, &(tl_opts){ .at = tl_after(tl_us(100)), .ret = &t });
		for (int k = 0; k < 3; k++) {
			CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
			CHECK_EQ(end.how, TL_RETURNED);
			CHECK_EQ(end.value, 4);
			tl_cancel(t);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
		tl_cancel(t); /* not even known any more */
		CHECK_EQ(tl_join(t, &end, TL_NEVER), -ESRCH);
		CHECK_EQ(c.n, 1);
	}
}

/* -- a timer is a strand */

/* Cancelled, it is gone from the heap and from its scope, which need not wait for its time. */
TEST(a_scope_of_timers_alone_can_be_cancelled)
{
	struct call c = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < CROWD; i++)
		tl_task_start(&s, note, &c,
			&(tl_opts){ .at = tl_after(tl_s(3600 + i)), .slack = tl_s(i % 5) });
	tl_yield();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.n, 0);
}

/* Daemons that have not begun do not keep a scope open. */
TEST(a_daemon_timer_is_not_waited_for)
{
	struct call c = { 0 };

	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		both[i](&s, note, &c, &(tl_opts){ .at = tl_after(tl_s(3600)), .daemon = true });
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(c.n, 0);
}

/* Nobody has to run for it, and its record is the next one's. */
TEST(a_cancelled_timer_has_ended_at_once)
{
	tl_scope s = { 0 };
	tl_strand kept, other;
	tl_end end;

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		tl_opts o = { .at = tl_after(tl_s(3600)), .ret = &kept, .paused = i == 1 };

		o.slack = i == 2 ? tl_s(1) : tl_s(0);
		CHECK_EQ(tl_task_start(&s, note_order, NULL, &o), 0);
		tl_cancel(kept);
		if (i == 2) /* those few that have more to them end when it is their turn */
			CHECK_EQ(tl_join(kept, NULL, TL_NEVER), 0);
		CHECK_EQ(tl_state(kept), TL_ENDED);
		CHECK_EQ(tl_join(kept, &end, TL_POLL), 0);
		CHECK_EQ(end.how, TL_CANCELLED);
		CHECK_EQ(end.value, -ECANCELED);
		tl_cancel(kept);
	}
	CHECK_EQ(tl_task_start(&s, note_order, NULL,
			 &(tl_opts){ .at = tl_after(tl_s(3600)), .ret = &other }),
		0);
	CHECK(other.id != kept.id);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_order, 0);
}

static int chance(unsigned n)
{
	static unsigned seed = 4711;

	seed = seed * 1103515245 + 12345;
	return (int)((seed >> 8 & 0xffff) % n);
}

static tl_strand _Atomic raced;

static int resume_them(void *arg)
{
	tl_strand last = { 0 }, t;

	(void)arg;
	while ((t = atomic_load(&raced)).id != 1)
		if (t.id != last.id) {
			tl_resume(t);
			last = t;
		}
	return 0;
}

/* It runs or it was cancelled, and never both or neither.  The other side must be quick, so it does
 * not yield: where it shares a processor a round takes as long as its time slice. */
TEST_LIMIT(cancelled_here_and_resumed_there, 300)
{
	enum { ROUNDS = 3000 };
	int n_cancelled = 0, n_run = 0;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, resume_them, NULL, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		static int number = 7;
		tl_scope inner = { 0 };
		tl_strand t;
		tl_end end;

		n_order = 0;
		tl_scope_open(&inner);
		tl_task_start(&inner, note_order, &number, &(tl_opts){ .paused = true, .ret = &t });
		tl_yield();
		atomic_store(&raced, t);
		for (int k = chance(200); k > 0; k--)
			tl_checkpoint();
		tl_cancel(t);
		CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
		CHECK_EQ(n_order, end.how == TL_RETURNED);
		n_cancelled += end.how == TL_CANCELLED;
		n_run += n_order;
		CHECK_EQ(tl_scope_close(&inner), 0);
	}
	atomic_store(&raced, (tl_strand){ 1 });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_cancelled + n_run, ROUNDS);
}
