/* Loggers: levels, their tree, handlers on it, and what a call costs its caller. */
#include "lines.h"

static struct lines all;

/* D20: nothing is written anywhere before there is a handler */
TEST(silent_at_first)
{
	CHECK(!tl_logger_enabled(tl_log_root, TL_CRITICAL));
	tl_log(TL_CRITICAL, "nobody sees it");
	CHECK(!tl_logger_enabled(tl_logger_at("a.b"), 1000));
}

/* D20: a record below the logger's level is not made, and its arguments are not evaluated */
TEST(level_filters)
{
	int n = 0;

	keeps(&all, tl_log_root, "%(message)s", 0);
	tl_log(TL_INFO, "%d", ++n);
	CHECK_EQ(n, 0);
	tl_log(TL_WARNING, "%d", ++n);
	CHECK_STR(lines_taken(&all), "1\n");
	tl_logger_level(tl_log_root, TL_DEBUG + 3);
	tl_log(TL_DEBUG + 2, "no");
	tl_log(TL_DEBUG + 3, "yes");
	CHECK_STR(lines_taken(&all), "yes\n");
	tl_logger_level(tl_log_root, 0);
	tl_log(1, "all");
	CHECK_STR(lines_taken(&all), "all\n");
}

/* D20: a logger without a level has that of the nearest one above */
TEST(level_inherited)
{
	tl_logger *a = tl_logger_at("a"), *b = tl_logger_at("a.b"), *c = tl_logger_at("a.b.c");

	CHECK_EQ(tl_logger_effective(c), TL_WARNING);
	tl_logger_level(a, TL_ERROR);
	CHECK_EQ(tl_logger_effective(c), TL_ERROR);
	tl_logger_level(b, TL_DEBUG);
	CHECK_EQ(tl_logger_effective(c), TL_DEBUG);
	CHECK_EQ(tl_logger_effective(a), TL_ERROR);
	tl_logger_level(b, 0);
	CHECK_EQ(tl_logger_effective(c), TL_ERROR);
}

/* D20: one name is one logger, whose parents are the names before its dots */
TEST(names)
{
	tl_logger *c = tl_logger_at("x.y.z");

	CHECK(tl_logger_at("x.y.z") == c);
	CHECK(tl_logger_at("x.y") != c);
	CHECK(tl_logger_at("") == tl_log_root);
	CHECK(tl_logger_at(NULL) == tl_log_root);
	CHECK_STR(tl_logger_name(c), "x.y.z");
	CHECK_STR(tl_logger_name(tl_log_root), "root");
	CHECK(tl_logger_at("x.yy") != tl_logger_at("x.y"));
	CHECK_STR(tl_logger_name(tl_logger_at("x..y")), "x..y");
	CHECK(tl_logger_at("x.y.") == tl_logger_at("x.y"));
	tl_logger_level(tl_logger_at("x.y"), 7);
	CHECK_EQ(tl_logger_effective(c), 7);
}

/* D20: handlers added to a parent later count for its children */
TEST(parent_comes_later)
{
	tl_logger *c = tl_logger_at("late.child");

	keeps(&all, tl_logger_at("late"), "%(name)s", 0);
	tl_log_to(c, TL_WARNING, "x");
	CHECK_STR(lines_taken(&all), "late.child\n");
}

/* D20: a record goes to the handlers of all loggers above, until one does not propagate */
TEST(propagates)
{
	static struct lines at_root, at_a;
	tl_logger *a = tl_logger_at("a"), *b = tl_logger_at("a.b");

	keeps(&at_root, tl_log_root, "%(message)s", 0);
	keeps(&at_a, a, "%(message)s", 0);
	tl_log_to(b, TL_ERROR, "both");
	CHECK_STR(lines_taken(&at_root), "both\n");
	CHECK_STR(lines_taken(&at_a), "both\n");
	tl_logger_propagate(a, false);
	tl_log_to(b, TL_ERROR, "one");
	CHECK_STR(lines_taken(&at_root), "");
	CHECK_STR(lines_taken(&at_a), "one\n");
	tl_logger_propagate(b, false);
	CHECK(!tl_logger_enabled(b, TL_CRITICAL));
	tl_logger_propagate(b, true);
	tl_logger_propagate(a, true);
	tl_log_to(b, TL_ERROR, "again");
	CHECK_STR(lines_taken(&at_root), "again\n");
}

/* D20: the level that counts is that of the logger called, not of those on the way up */
TEST(levels_above_do_not_filter)
{
	keeps(&all, tl_log_root, "%(message)s", 0);
	tl_logger_level(tl_log_root, TL_CRITICAL);
	tl_logger_level(tl_logger_at("chatty"), TL_DEBUG);
	tl_log_to(tl_logger_at("chatty"), TL_DEBUG, "told");
	CHECK_STR(lines_taken(&all), "told\n");
}

/* D20: each handler has a level of its own */
TEST(handlers_levels)
{
	static struct lines much, little;

	tl_logger_level(tl_log_root, TL_DEBUG);
	keeps(&much, tl_log_root, "%(message)s", TL_INFO);
	keeps(&little, tl_log_root, "%(message)s", TL_ERROR);
	tl_log(TL_INFO, "info");
	tl_log(TL_ERROR, "error");
	CHECK_STR(lines_taken(&much), "info\nerror\n");
	CHECK_STR(lines_taken(&little), "error\n");
	CHECK(!tl_logger_enabled(tl_log_root, TL_DEBUG)); /* nobody would take it */
}

/* D20: adding a handler twice, or removing one that is not there, changes nothing */
TEST(add_twice)
{
	tl_handler *h = keeps(&all, tl_log_root, "%(message)s", 0);

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	tl_log(TL_ERROR, "once");
	CHECK_STR(lines_taken(&all), "once\n");
	tl_logger_remove(tl_log_root, h);
	tl_logger_remove(tl_log_root, h);
	tl_log(TL_ERROR, "no more");
	CHECK_STR(lines_taken(&all), "");
	CHECK(!tl_logger_enabled(tl_log_root, TL_ERROR));
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
}

/* D20: a handler that is closed leaves all its loggers */
TEST(close_removes)
{
	tl_handler *h = keeps(&all, tl_log_root, "%(message)s", 0);

	CHECK_EQ(tl_logger_add(tl_logger_at("p.q"), h), 0);
	tl_log_to(tl_logger_at("p.q"), TL_ERROR, "twice");
	CHECK_STR(lines_taken(&all), "twice\ntwice\n");
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	tl_log_to(tl_logger_at("p.q"), TL_ERROR, "never");
	CHECK_STR(lines_taken(&all), "");
	CHECK_EQ(tl_handler_close(NULL, TL_NEVER), 0);
}

/* D20: one call configures logging, a second replaces what the first made */
TEST(basic_config)
{
	CHECK_EQ(tl_log_open(&(tl_log_opts){ .path = "one" }), 0);
	tl_log(TL_INFO, "no");
	tl_log(TL_WARNING, "yes");
	CHECK_EQ(tl_log_open(&(tl_log_opts){
			 .path = "two", .level = TL_INFO, .format = "%(message)s" }),
		0);
	tl_log(TL_INFO, "here");
	CHECK_EQ(tl_log_open(&(tl_log_opts){ .path = "no/such" }), -ENOENT);
	tl_log(TL_INFO, "still");
	CHECK_EQ(tl_log_close(TL_NEVER), 0);
	tl_log(TL_CRITICAL, "nowhere");
	CHECK_EQ(tl_log_close(TL_NEVER), 0);
	holds("one", "WARNING:root:yes\n");
	holds("two", "here\nstill\n");
}

/* D20: logging changes no errno, and %m is the caller's */
TEST(keeps_errno)
{
	keeps(&all, tl_log_root, "%(message)s", 0);
	errno = ENOSPC;
	tl_log(TL_ERROR, "%m");
	CHECK_EQ(errno, ENOSPC);
	CHECK_STR(lines_taken(&all), "No space left on device\n");
}

/* D20: levels between the named ones have a number for a name */
TEST(level_names)
{
	tl_logger_level(tl_log_root, 1);
	keeps(&all, tl_log_root, "%(levelname)s %(levelno)d", 0);
	for (int level = TL_DEBUG; level <= TL_CRITICAL + 10; level += 10)
		tl_log(level, "x");
	tl_log(25, "x");
	CHECK_STR(lines_taken(&all), "DEBUG 10\nINFO 20\nWARNING 30\nERROR 40\nCRITICAL 50\n"
				     "Level 60 60\nLevel 25 25\n");
	CHECK_EQ(all.level, 25);
}

/* What a macro does, a function does for those who cannot use one, such as a binding. */
TEST(as_functions)
{
	void (*to)(tl_logger *, int, const char *, ...) = tl_log_to;

	keeps(&all, tl_log_root, "%(name)s %(message)s %(lineno)d%(filename)s", 0);
	(tl_log)(TL_ERROR, "%d", 1);
	(tl_log)(TL_DEBUG, "%d", 2);
	to(tl_logger_at("f"), TL_ERROR, "%d", 3);
	tl_log_write(tl_log_root, TL_ERROR, "/src/x.rs", 7, NULL, "%d", 4);
	CHECK_STR(lines_taken(&all), "root 1 0\nf 3 0\nroot 4 7x.rs\n");
}

static int logs_cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	for (int i = 0; i < 3; i++)
		tl_log(TL_ERROR, "%d", i);
	return -ECANCELED;
}

/* D20: a cancelled strand logs like any other */
TEST(no_cancel_point)
{
	tl_scope s = { 0 };

	keeps(&all, tl_log_root, "%(message)s", 0);
	tl_scope_open(&s);
	tl_task_start(&s, logs_cancelled, NULL, NULL);
	tl_yield();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(lines_taken(&all), "0\n1\n2\n");
}

static void logs_too(void *arg, int level, const char *line, size_t size)
{
	lines_fn(arg, level, line, size);
	tl_log(TL_ERROR, "from inside");
}

/* D20: a handler that logs does not get its own records back; they are counted */
TEST(recursion)
{
	tl_handler *h =
		handler(&(tl_handler_opts){ .fn = logs_too, .arg = &all, .format = "%(message)s" });

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	tl_log(TL_ERROR, "from outside");
	CHECK_STR(lines_taken(&all), "from outside\n");
	CHECK_EQ(tl_handler_dropped(h), 1);
}

static int fails(void *arg)
{
	(void)arg;
	return -EIO;
}

/* D20: the library's own reports can be had as records */
TEST(reports)
{
	tl_scope s = { 0 };

	keeps(&all, tl_log_root, "%(levelname)s:%(name)s:%(message)s", 0);
	tl_log_reports(true);
	tl_scope_open(&s);
	tl_thread_start(&s, fails, NULL, &(tl_opts){ .name = "loser" });
	CHECK_EQ(tl_scope_close(&s), -EIO);
	tl_thread_start(NULL, fails, NULL, &(tl_opts){ .name = "loser" });
	CHECK_EQ(tl_finish(), 1);
	tl_log_reports(false);
	CHECK_EQ(strncmp(lines_taken(&all), "ERROR:telar:'loser' failed with -5 (EIO)", 40), 0);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void breaks(void *arg, int level, const char *line, size_t size)
{
	lines_fn(&all, level, line, size);
	tl_event_set(arg);
}

/* D20: the library's own reports can be had as records */
TEST(reports_where_a_task_ended)
{
	static tl_event e;
	tl_scope s = { 0 };
	tl_handler *h = handler(&(tl_handler_opts){
		.fn = breaks, .arg = &e, .format = "%(levelname)s %(strandName)s %(message)s" });

	if (TSAN)
		SKIP("the sanitizer has a thread of its own, which is a foreign one");
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	tl_log_reports(true);
	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(&s, nothing, NULL, NULL), 0);
	CHECK_EQ(tl_event_wait(&e, TL_NEVER), 0); /* the task ends, and nobody is left to run */
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_log_reports(false);
	CHECK(strstr(lines_taken(&all), "CRITICAL MainThread 'MainThread' waits for event"));
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
}

static struct {
	tl_logger *logger;
	tl_event inside, leave;
} slow;

static void is_slow(void *arg, int level, const char *line, size_t size)
{
	(void)arg, (void)level, (void)line, (void)size;
	tl_event_set(&slow.inside);
	CHECK_EQ(tl_event_wait(&slow.leave, TL_NEVER), 0);
}

static int logs_slowly(void *arg)
{
	(void)arg;
	tl_log_to(slow.logger, TL_ERROR, "x");
	return 0;
}

/* Who logs may be on its way to any handler: a close waits for it, and keeps its deadline. */
TEST(a_close_waits_for_who_logs_elsewhere)
{
	struct lines mine = { .n = 0 };
	tl_handler *h, *other = handler(&(tl_handler_opts){ .fn = is_slow });
	tl_scope s = { 0 };

	slow.logger = tl_logger_at("slow");
	tl_logger_propagate(slow.logger, false);
	CHECK_EQ(tl_logger_add(slow.logger, other), 0);
	h = keeps(&mine, tl_log_root, NULL, 0);
	tl_scope_open(&s);
	tl_thread_start(&s, logs_slowly, NULL, NULL);
	CHECK_EQ(tl_event_wait(&slow.inside, TL_NEVER), 0);
	CHECK_EQ(tl_handler_close(h, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_handler_close(h, tl_after(tl_ms(1))), -ETIMEDOUT);
	tl_log(TL_ERROR, "has left its loggers");
	CHECK_EQ(mine.n, 0);
	tl_event_set(&slow.leave);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_handler_close(other, TL_NEVER), 0);
}

static _Atomic bool stop;

static int flips(void *arg)
{
	tl_logger *l = arg;

	for (int i = 0; i < 2000; i++) {
		tl_logger_level(l, i % 2 ? TL_DEBUG : TL_CRITICAL);
		tl_logger_propagate(tl_logger_at("storm.a"), i % 3);
		tl_yield();
	}
	return 0;
}

static void counts(void *arg, int level, const char *line, size_t size)
{
	(void)level, (void)line, (void)size;
	++*(long *)arg;
}

static int adds(void *arg)
{
	long n = 0;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		tl_handler *h = handler(&(tl_handler_opts){ .fn = counts, .arg = &n });

		CHECK_EQ(tl_logger_add(tl_logger_at("storm"), h), 0);
		tl_yield();
		if (i % 2)
			tl_logger_remove(tl_logger_at("storm"), h);
		CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
		n = 0; /* nobody counts any more */
	}
	return 0;
}

static int logs(void *arg)
{
	tl_logger *l = tl_logger_at("storm.a.b");

	(void)arg;
	while (!atomic_load(&stop)) {
		tl_log_to(l, TL_ERROR, "%s", "a line");
		tl_yield();
	}
	return 0;
}

/* D20: levels, handlers and records may be changed and made by any strands at once */
TEST_LIMIT(storm, 60)
{
	tl_scope s = { 0 }, loggers = { 0 };

	tl_scope_open(&loggers);
	for (int i = 0; i < 2; i++) {
		tl_thread_start(&loggers, logs, NULL, NULL);
		tl_task_start(&loggers, logs, NULL, NULL);
	}
	tl_scope_open(&s);
	tl_thread_start(&s, flips, tl_logger_at("storm"), NULL);
	tl_thread_start(&s, adds, NULL, NULL);
	tl_thread_start(&s, adds, NULL, NULL);
	tl_task_start(&s, adds, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	atomic_store(&stop, true);
	CHECK_EQ(tl_scope_close(&loggers), 0);
	CHECK(!tl_logger_enabled(tl_logger_at("storm.a.b"), TL_CRITICAL));
}
