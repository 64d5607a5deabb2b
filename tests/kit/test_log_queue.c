/* The queue handler and its listener; and logging in the child of a fork. */
#include "lines.h"

static struct lines all;

static tl_event met;

static void tells(void *arg, int level, const char *line, size_t size)
{
	lines_fn(arg, level, line, size);
	tl_event_set(&met);
}

/* A queue in front of a handler that keeps its lines, at the root. */
static tl_handler *queued(tl_handler **ret_to, size_t capacity)
{
	tl_handler *h;

	*ret_to = handler(&(tl_handler_opts){
		.fn = tells, .arg = &all, .format = "%(levelname)s:%(name)s:%(message)s" });
	h = handler(&(tl_handler_opts){ .to = ret_to, .n_to = 1, .capacity = capacity });
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	return h;
}

/* D20: a queue handler writes nothing by itself; its listener does, and drains when it stops */
TEST(listener)
{
	tl_handler *to, *h = queued(&to, 0);

	tl_log(TL_ERROR, "1");
	tl_log(TL_ERROR, "2");
	CHECK_STR(lines_taken(&all), "");
	CHECK_EQ(tl_handler_start(h), 0);
	tl_log(TL_ERROR, "3");
	CHECK_EQ(tl_handler_stop(h, TL_NEVER), 0);
	CHECK_STR(lines_taken(&all), "ERROR:root:1\nERROR:root:2\nERROR:root:3\n");
	tl_log(TL_ERROR, "4");
	CHECK_STR(lines_taken(&all), "");
	CHECK_EQ(tl_handler_close(to, TL_NEVER), -EBUSY);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_STR(lines_taken(&all), "ERROR:root:4\n");
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

/* D20: starting and stopping twice is doing it once, and a listener can start again */
TEST(idempotent)
{
	tl_handler *to, *h = queued(&to, 0);

	CHECK_EQ(tl_handler_stop(h, TL_NEVER), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_handler_start(h), 0);
		CHECK_EQ(tl_handler_start(h), 0);
		tl_log(TL_ERROR, "%d", i);
		CHECK_EQ(tl_handler_stop(h, TL_NEVER), 0);
		CHECK_EQ(tl_handler_stop(h, TL_POLL), 0);
	}
	CHECK_STR(lines_taken(&all), "ERROR:root:0\nERROR:root:1\nERROR:root:2\n");
	CHECK_EQ(tl_handler_start(to), -EINVAL);
	CHECK_EQ(tl_handler_stop(to, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

/* D20: the listener ends with the scope that it was started in, when all is written */
TEST(ends_with_scope)
{
	tl_handler *to, *h = queued(&to, 0);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_handler_start(h), 0);
	for (int i = 0; i < 100; i++)
		tl_log(TL_ERROR, "%d", i);
	CHECK_EQ(tl_event_wait(&met, TL_NEVER), 0); /* it has begun */
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(all.n, 100);
	CHECK_EQ(tl_handler_start(h), 0);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

/* D20: the queue handler's targets keep their own levels and formats */
TEST(targets)
{
	static struct lines some;
	tl_handler *to[2], *h;

	to[0] = handler(&(tl_handler_opts){ .fn = lines_fn, .arg = &all, .format = "%(message)s" });
	to[1] = handler(&(tl_handler_opts){ .fn = lines_fn,
		.arg = &some,
		.level = TL_CRITICAL,
		.format = "%(strandName)s %(taskName)s %(funcName)s %(filename)s %(thread)d" });
	h = handler(&(tl_handler_opts){ .to = to, .n_to = 2, .level = TL_ERROR });
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	tl_log(TL_WARNING, "below the queue's own");
	tl_log(TL_ERROR, "%s%c", "a", 0);
	tl_log(TL_CRITICAL, "b");
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(all.size, 5);
	CHECK_EQ(memcmp(all.text, "a\0\nb\n", 5), 0);
	CHECK_EQ(some.n, 1);
	snprintf(all.text, sizeof all.text, "%s  test_targets test_log_queue.c %d\n", tl_my_name(),
		(int)gettid());
	CHECK_STR(some.text, all.text);
	CHECK_EQ(tl_handler_close(to[0], TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(to[1], TL_NEVER), 0);
}

/* D20: a full queue drops, counts, and tells so where the gap is */
TEST(full)
{
	tl_handler *to, *h = queued(&to, 3);

	for (int i = 0; i < 8; i++)
		tl_log(TL_ERROR, "%d", i);
	CHECK_EQ(tl_handler_dropped(h), 5);
	CHECK_EQ(tl_handler_start(h), 0);
	CHECK_EQ(tl_handler_stop(h, TL_NEVER), 0);
	tl_log(TL_ERROR, "8");
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_STR(lines_taken(&all),
		"ERROR:root:0\nERROR:root:1\nERROR:root:2\n"
		"WARNING:telar.log:5 records were dropped here: no room\nERROR:root:8\n");
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

/* D20: what a full queue has dropped is told at the latest when it closes */
TEST(full_at_the_end)
{
	tl_handler *to, *h = queued(&to, 1);

	tl_log(TL_ERROR, "0");
	tl_log(TL_ERROR, "1");
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_STR(lines_taken(&all),
		"ERROR:root:0\nWARNING:telar.log:1 record was dropped here: no room\n");
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

static tl_event gate;

static void waits(void *arg, int level, const char *line, size_t size)
{
	tl_event_set(&met);
	while (!tl_event_is_set(&gate)) /* a write that takes its time: no cancel ends it */
		sched_yield();
	lines_fn(arg, level, line, size);
}

/* D20: who logs never waits for a writer that is stuck; who closes, only until the deadline */
TEST(stuck_writer)
{
	tl_handler *to =
		handler(&(tl_handler_opts){ .fn = waits, .arg = &all, .format = "%(message)s" });
	tl_handler *h = handler(&(tl_handler_opts){ .to = &to, .n_to = 1, .capacity = 10 });

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	CHECK_EQ(tl_handler_start(h), 0);
	tl_log(TL_ERROR, "0");
	CHECK_EQ(tl_event_wait(&met, TL_NEVER), 0);
	for (int i = 1; i < 20; i++)
		tl_log(TL_ERROR, "%d", i);
	CHECK_EQ(tl_handler_dropped(h), 9);
	CHECK_EQ(tl_handler_stop(h, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_handler_start(h), -EBUSY);
	CHECK_EQ(tl_handler_close(h, tl_after(tl_ms(10))), -ETIMEDOUT);
	tl_event_set(&gate);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_STR(lines_taken(&all), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"
				     "9 records were dropped here: no room\n");
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

static tl_event gates[3];
static _Atomic int calls;

static void by_steps(void *arg, int level, const char *line, size_t size)
{
	int i = atomic_fetch_add(&calls, 1);

	while (i < 3 && !tl_event_is_set(&gates[i]))
		sched_yield();
	lines_fn(arg, level, line, size);
}

static void await_calls(int n)
{
	while (atomic_load(&calls) < n)
		sched_yield();
}

static int stops(void *h) { return tl_handler_stop(h, TL_NEVER); }

static int listeners(void)
{
	tl_info all_of_them[8];
	int n = tl_list(all_of_them, 8), found = 0;

	for (int i = 0; i < n && i < 8; i++)
		found += strcmp(all_of_them[i].name, "log") == 0;
	return found;
}

/* D20: starting and stopping twice is doing it once, and a listener can start again */
TEST(start_amid_a_stop)
{
	tl_handler *to =
		handler(&(tl_handler_opts){ .fn = by_steps, .arg = &all, .format = "%(message)s" });
	tl_handler *h = handler(&(tl_handler_opts){ .to = &to, .n_to = 1 });
	tl_strand t;
	tl_end end;

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	CHECK_EQ(tl_handler_start(h), 0);
	tl_log(TL_ERROR, "0");
	await_calls(1);
	tl_log(TL_ERROR, "1");
	CHECK_EQ(tl_thread_start(NULL, stops, h, &(tl_opts){ .ret = &t }), 0);
	while (tl_state(t) != TL_BLOCKED)
		sched_yield();
	tl_event_set(&gates[0]);
	await_calls(2); /* it writes what was queued, for the last time */
	tl_log(TL_ERROR, "2");
	tl_event_set(&gates[1]);
	await_calls(3); /* this one is written by who stops it */
	CHECK_EQ(tl_handler_start(h), 0);
	tl_log(TL_ERROR, "3");
	tl_event_set(&gates[2]);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 0);
	CHECK_EQ(tl_handler_stop(h, TL_NEVER), 0);
	CHECK_EQ(listeners(), 0);
	CHECK_STR(lines_taken(&all), "0\n1\n2\n3\n");
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

static int slow_fn_logs(void *arg)
{
	(void)arg;
	tl_log(TL_ERROR, "inside");
	return 0;
}

/* D20: closing waits for a record that is just being written */
TEST(close_waits)
{
	tl_handler *h =
		handler(&(tl_handler_opts){ .fn = waits, .arg = &all, .format = "%(message)s" });

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	tl_thread_start(NULL, slow_fn_logs, NULL, NULL);
	CHECK_EQ(tl_event_wait(&met, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(h, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_handler_close(h, tl_after(tl_ms(10))), -ETIMEDOUT);
	tl_log(TL_ERROR, "has left its loggers");
	tl_event_set(&gate);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_STR(lines_taken(&all), "inside\n");
}

static int logs_many(void *arg)
{
	for (int i = 0; i < 500; i++) {
		tl_log(TL_ERROR, "%s", (const char *)arg);
		if (i % 16 == 0)
			tl_yield();
	}
	return 0;
}

/* D20: what many strands put is written or counted, each record once */
TEST_LIMIT(queue_storm, 60)
{
	static long n;
	char *text;
	uint64_t dropped;
	tl_handler *to, *h;
	tl_scope s = { 0 };

	to = handler(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });
	h = handler(&(tl_handler_opts){ .to = &to, .n_to = 1, .capacity = 64 });
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	CHECK_EQ(tl_handler_start(h), 0);
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		tl_thread_start(&s, logs_many, "a thread", NULL);
		tl_task_start(&s, logs_many, "some task", NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	dropped = tl_handler_dropped(h);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
	text = slurp("log", NULL);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		long gone = strtol(line, NULL, 10);

		CHECK(gone || strcmp(line, "a thread") == 0 || strcmp(line, "some task") == 0);
		n += gone ? gone : 1;
		dropped -= (uint64_t)gone;
	}
	free(text);
	CHECK_EQ(n, 3000);
	CHECK_EQ(dropped, 0);
}

/* -- fork */

static _Atomic bool stop;

static int logs_on(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		tl_log(TL_ERROR, "parent");
	return 0;
}

static void in_child(tl_handler *queue, int i)
{
	tl_log(TL_ERROR, "child %d", i);
	CHECK_EQ(tl_handler_close(queue, TL_NEVER), 0);
	tl_logger_level(tl_logger_at("of.the.child"), TL_DEBUG);
	CHECK_EQ(tl_log_close(TL_NEVER), 0);
	_exit(0);
}

/* D20: a child of a fork logs at once, whatever other threads were doing in the handlers */
TEST_LIMIT(fork_amid, 60)
{
	tl_handler *to, *h;
	tl_scope s = { 0 };
	char wanted[32];
	int status;

	CHECK_EQ(tl_log_open(&(tl_log_opts){ .path = "log", .format = "%(message)s %(process)d" }),
		0);
	to = handler(&(tl_handler_opts){ .path = "queued", .format = "%(message)s" });
	h = handler(&(tl_handler_opts){ .to = &to, .n_to = 1 });
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	CHECK_EQ(tl_handler_start(h), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, logs_on, NULL, NULL);
	tl_thread_start(&s, logs_on, NULL, NULL);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			in_child(h, i);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		for (int at = 0; at < 2; at++) {
			char *text = slurp(at ? "queued" : "log", NULL);

			snprintf(wanted, sizeof wanted, at ? "\nchild %d\n" : "\nchild %d %d\n", i,
				(int)pid);
			CHECK(strstr(text, wanted) || strncmp(text, wanted + 1, 8) == 0);
			free(text);
		}
	}
	atomic_store(&stop, true);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(to, TL_NEVER), 0);
}

/* As every cancel point does, also those that have nothing to wait for. */
TEST(who_is_cancelled_is_told_first)
{
	struct lines l = { 0 };
	tl_handler *to = handler(&(tl_handler_opts){ .fn = lines_fn, .arg = &l });
	tl_handler *h = handler(&(tl_handler_opts){ .to = &to, .n_to = 1 });
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_handler_stop(h, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_handler_stop(h, tl_after(tl_s(-1))), -ECANCELED);
	CHECK_EQ(tl_handler_stop(h, TL_POLL), 0);
	CHECK_EQ(tl_log_close(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_log_close(TL_POLL), 0);
	CHECK_EQ(tl_log_open(NULL), 0);
	CHECK_EQ(tl_log_close(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_log_close(TL_POLL), 0);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_handler_close(h, TL_POLL), 0);
	CHECK_EQ(tl_handler_close(to, TL_POLL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}
