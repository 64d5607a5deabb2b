/* tl_list, tl_inspect, tl_dump: also while what they look at comes and goes. */
#include "strands.h"
#include "telar/sync.h"
#include <fcntl.h>
#include <pthread.h>

static int starter(void *arg);

/* It has said what it waits for, which it does a moment after it began to wait. */
static bool settled(tl_strand t)
{
	tl_info x;

	return tl_inspect(t, &x) == 0 && x.state == TL_BLOCKED && x.waits;
}

TEST(list_tells_who_there_is)
{
	tl_info all[8];
	tl_scope s = { 0 };
	tl_strand t, d;
	int n;

	CHECK_EQ(tl_list(NULL, 0), 0); /* nobody has called yet */
	tl_self();
	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(&s, forever, NULL, &(tl_opts){ .name = "sleeper", .ret = &t }), 0);
	CHECK_EQ(tl_thread_start(&s, forever, NULL,
			 &(tl_opts){ .name = "thread", .daemon = true, .ret = &d }),
		0);
	UNTIL(settled(t) && settled(d));
	n = tl_list(all, 8);
	CHECK_EQ(n, 3);
	for (int i = 0; i < n; i++) {
		tl_info *x = &all[i], one;

		CHECK_EQ(tl_inspect(x->strand, &one), 0);
		CHECK_STR(one.name, x->name);
		if (x->strand.id == tl_main().id) {
			CHECK_STR(x->name, "MainThread");
			CHECK_EQ(x->parent.id, 0);
			CHECK_EQ(x->state, TL_RUNNING);
			CHECK_EQ(x->os_id, getpid());
			CHECK(x->waits == NULL);
			continue;
		}
		CHECK_EQ(x->parent.id, tl_self().id);
		CHECK_EQ(x->state, TL_BLOCKED);
		CHECK_STR(x->waits, "sleep");
		CHECK(x->site != NULL && x->since.ns > 0 && x->since.ns <= tl_now().ns);
		CHECK_EQ(x->kind, x->strand.id == t.id ? TL_TASK : TL_THREAD);
		CHECK_EQ(x->daemon, x->strand.id == d.id);
		CHECK_EQ(x->os_id == getpid(), x->strand.id == t.id);
		CHECK_STR(x->name, x->strand.id == t.id ? "sleeper" : "thread");
	}
	memset(all, 0, sizeof all);
	CHECK_EQ(tl_list(all, 1), 3);
	CHECK_EQ(all[1].strand.id, 0);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_list(all, 8), 1);
}

static _Atomic int adopted, leave;

static void *foreign(void *arg)
{
	tl_self();
	adopted = 1;
	UNTIL_RAW(leave);
	return arg;
}

static bool listed(uint64_t id)
{
	tl_info all[16];
	int n = tl_list(all, 16);

	for (int i = 0; i < n; i++)
		if (all[i].strand.id == id)
			return true;
	return false;
}

/* D7: the list holds main, daemons and adopted threads */
TEST(all_kinds_are_listed_until_they_end)
{
	tl_scope s = { 0 };
	tl_strand task, daemon;
	pthread_t t;

	tl_scope_open(&s);
	CHECK_EQ(pthread_create(&t, NULL, foreign, NULL), 0);
	task = start(tl_task_start, &s, forever, NULL);
	CHECK_EQ(tl_thread_start(&s, forever, NULL, &(tl_opts){ .daemon = true, .ret = &daemon }),
		0);
	UNTIL(adopted);
	CHECK_EQ(tl_list(NULL, 0), 4);
	CHECK(listed(tl_main().id) && listed(task.id) && listed(daemon.id));
	tl_cancel(task);
	tl_cancel(daemon);
	CHECK_EQ(tl_join(task, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_join(daemon, NULL, TL_NEVER), 0);
	CHECK(!listed(task.id) && !listed(daemon.id)); /* who has joined finds it gone */
	CHECK_EQ(tl_list(NULL, 0), 2);
	leave = 1;
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(tl_list(NULL, 0), 1);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(what_has_not_begun)
{
	tl_scope s = { 0 };
	tl_info x;
	tl_strand t;

	tl_scope_open(&s);
	tl_task_start(&s, answer, NULL, &(tl_opts){ .paused = true, .ret = &t });
	UNTIL(tl_state(t) == TL_CREATED);
	CHECK_EQ(tl_inspect(t, &x), 0);
	CHECK_EQ(x.state, TL_CREATED);
	CHECK_EQ(x.os_id, 0);
	CHECK(x.waits == NULL);
	CHECK_EQ(tl_resume(t), 0);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_inspect(t, &x), 0); /* kept */
	CHECK_EQ(x.state, TL_ENDED);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_inspect(t, &x), -ESRCH);
}

TEST(dump_writes_a_line_each)
{
	char text[4096];
	int ends[2], lines = 0;
	tl_scope s = { 0 };
	ssize_t n;

	tl_self();
	CHECK_EQ(pipe(ends), 0);
	tl_scope_open(&s);
	tl_task_start(&s, forever, NULL, &(tl_opts){ .name = "sleeper" });
	tl_yield();
	CHECK_EQ(tl_dump(ends[1]), 2);
	n = read(ends[0], text, sizeof text - 1);
	CHECK(n > 0);
	text[n] = 0;
	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	CHECK_EQ(lines, 3); /* and the poller's */
	CHECK(strstr(text, tl_poller()));
	CHECK(strstr(text, "MainThread") && strstr(text, "sleeper") && strstr(text, "sleep"));
	close(ends[0]);
	close(ends[1]);
	CHECK_EQ(tl_dump(ends[1]), -EBADF);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- while they come and go */

static _Atomic int stop;
static _Atomic uint64_t some[64];

static int leaf(void *arg)
{
	atomic_store(&some[(uintptr_t)arg % 64], tl_self().id);
	return (uintptr_t)arg % 3 ? tl_yield() : 0;
}

static int starter(void *arg)
{
	for (uintptr_t i = 0; !atomic_load(&stop); i++) {
		tl_scope s = { .name = "many" }, refused = { 0 };

		tl_scope_open(&refused);
		tl_scope_cancel(&refused);
		for (int k = 0; k < 5; k++) /* a record that is never admitted */
			CHECK_EQ(tl_task_start(&refused, leaf, NULL, &(tl_opts){ .name = "two" }),
				-ECANCELED);
		tl_scope_close(&refused);

		tl_scope_open(&s);
		for (int k = 0; k < 5; k++) {
			tl_strand t;
			tl_opts o = { .ret = &t, .paused = k == 3, .name = k == 2 ? "two" : NULL };

			o.stack = i % 8 == 0 ? 32768 : 0;
			tl_task_start(&s, leaf, (void *)(i * 5 + (uintptr_t)k), &o);
			atomic_store(&some[(i * 5 + (uintptr_t)k) % 64], t.id);
			if (k == 3)
				tl_resume(t);
		}
		if (i % 16 == 0)
			tl_thread_start(&s, leaf, (void *)i, NULL);
		tl_scope_close(&s);
	}
	return (void)arg, 0;
}

TEST_LIMIT(looking_while_they_come_and_go, 60)
{
	static tl_info all[64];
	int null = open("/dev/null", O_WRONLY);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, starter, NULL, NULL);
	tl_thread_start(&s, starter, NULL, NULL);
	for (int round = 0; round < 3000; round++) {
		int n = tl_list(all, 64);

		CHECK(n >= 1 && n < 64);
		for (int i = 0; i < n; i++) {
			CHECK(all[i].kind == TL_TASK || all[i].kind == TL_THREAD);
			CHECK(all[i].state >= TL_CREATED && all[i].state <= TL_ENDED);
			CHECK(all[i].name[0] && strnlen(all[i].name, 32) < 32);
		}
		for (int i = 0; i < 64; i++) {
			tl_strand t = { atomic_load(&some[i]) };
			char name[32];
			tl_info x;
			int state = tl_state(t);

			CHECK(state == -ESRCH || (state >= TL_CREATED && state <= TL_ENDED));
			if (tl_inspect(t, &x) == 0)
				CHECK_EQ(x.strand.id, t.id);
			if (tl_name(t, name, sizeof name) > 0)
				CHECK(strncmp(name, "Task-", 5) == 0 || strcmp(name, "two") == 0 ||
					strncmp(name, "Thread-", 7) == 0);
			tl_resume(t);
			tl_kind(t);
			tl_alive(t);
		}
		if (round % 64 == 0)
			CHECK(tl_dump(null) >= 1);
	}
	atomic_store(&stop, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

static int join_whoever(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		tl_strand t[2] = { { atomic_load(&some[i % 64]) },
			{ atomic_load(&some[(i + 7) % 64]) } };
		tl_end end = { 0 };
		int r = i % 3 ? tl_join(t[0], &end, tl_after(tl_us(50)))
			      : tl_wait(t, 2, TL_FIRST, tl_after(tl_us(50)));

		CHECK(r >= 0 || r == -ESRCH || r == -ETIMEDOUT);
		if (i % 3 && r == 0)
			CHECK(end.how == TL_RETURNED && end.value == 0);
	}
	atomic_store(&stop, 1);
	return (void)arg, 0;
}

TEST_LIMIT(joining_while_they_come_and_go, 60)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, starter, NULL, NULL);
	tl_task_start(&s, join_whoever, NULL, NULL);
	tl_thread_start(&s, join_whoever, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- refused starts */

static int starts_in_vain(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		tl_scope refused = { 0 };

		tl_scope_open(&refused);
		tl_scope_cancel(&refused);
		for (int i = 0; i < 20; i++) {
			tl_strand t;

			CHECK_EQ((i % 4 ? tl_task_start : tl_thread_start)(&refused, leaf, NULL,
					 &(tl_opts){ .name = "refused", .ret = &t }),
				-ECANCELED);
			CHECK_EQ(t.id, 0);
		}
		CHECK_EQ(tl_scope_close(&refused), 0);
	}
	return 0;
}

static int joins_whom_it_sees(void *arg)
{
	tl_info all[16];

	(void)arg;
	for (int round = 0; round < (SANITIZED ? 2000 : 20000); round++) {
		int n = tl_list(all, 16);

		for (int i = 0; i < n && i < 16; i++)
			CHECK(strcmp(all[i].name, "refused") != 0);
	}
	atomic_store(&stop, 1);
	return 0;
}

/* One that is never let in is never seen: who saw it could join it, and wait for ever.
 * D7: a start that is refused registers nothing */
TEST_LIMIT(what_is_refused_is_never_seen, 60)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, starts_in_vain, NULL, NULL);
	tl_thread_start(&s, joins_whom_it_sees, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

static int starts_impossible_threads(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		tl_scope s = { .keep_going = true };
		tl_opts o = { .name = "impossible", .stack = (size_t)1 << 50 };

		tl_scope_open(&s);
		for (int i = 0; i < 20; i++)
			CHECK(tl_thread_start(&s, leaf, NULL, &o) < 0);
		CHECK(tl_scope_close(&s) < 0);
	}
	return 0;
}

static int joins_the_impossible(void *arg)
{
	tl_info all[16];
	int met = 0;

	(void)arg;
	while (met < 50) {
		int n = tl_list(all, 16);

		for (int i = 0; i < n && i < 16; i++)
			if (strcmp(all[i].name, "impossible") == 0) {
				int r = tl_join(all[i].strand, NULL, TL_NEVER);

				CHECK(r == 0 || r == -ESRCH);
				met++;
			}
	}
	atomic_store(&stop, 1);
	return 0;
}

/* A thread that the system refuses is seen until then, and its joiners are told. */
TEST_LIMIT(who_joins_a_thread_that_is_refused_is_told, 60)
{
	tl_scope s = { 0 };

	if (SANITIZED)
		SKIP("the sanitizers take a stack of that size for a mistake of the program");
	tl_scope_open(&s);
	tl_thread_start(&s, starts_impossible_threads, NULL, NULL);
	tl_thread_start(&s, joins_the_impossible, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* A loop without timers has no other use for the clock. */
static tl_event go, never;

static int wait_twice(void *arg)
{
	int r = tl_event_wait(&go, TL_NEVER);

	(void)arg;
	return r < 0 ? r : tl_event_wait(&never, TL_NEVER);
}

static void until_it_waits_for(tl_strand t, const void *object, tl_info *ret)
{
	do
		CHECK_EQ(tl_inspect(t, ret), 0);
	while (ret->state != TL_BLOCKED || ret->object != object);
}

static int let_it_go_on(void *arg)
{
	tl_strand *t = arg;
	tl_time then;
	tl_info i;

	until_it_waits_for(*t, &go, &i);
	then = tl_now();
	tl_event_set(&go);
	until_it_waits_for(*t, &never, &i);
	CHECK(i.since.ns >= then.ns);
	tl_event_set(&never);
	return 0;
}

TEST(since_is_when_it_began_to_wait_for_this)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	tl_task_start(&s, wait_twice, NULL, &(tl_opts){ .ret = &t });
	tl_thread_start(&s, let_it_go_on, &t, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}
