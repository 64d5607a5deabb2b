/* A strand gets another name: from anywhere, at any moment, and the system is told. */
#include "strands.h"
#include "telar/sync.h"
#include <pthread.h>
#include <sys/prctl.h>

static const char *name_of(tl_strand t)
{
	static _Thread_local char name[32];

	CHECK(tl_name(t, name, sizeof name) > 0);
	return name;
}

static tl_event go;

static int waits(void *name)
{
	int r = tl_event_wait(&go, TL_NEVER);

	snprintf(name, 32, "%s", tl_my_name());
	return r;
}

static void renamed(start_fn *how, tl_opts o)
{
	char seen[32] = "";
	tl_scope s = { 0 };
	tl_strand t;

	o.ret = &t;
	tl_event_clear(&go);
	tl_scope_open(&s);
	CHECK_EQ(how(&s, waits, seen, &o), 0);
	CHECK_EQ(tl_rename(t, "first"), 0);
	CHECK_STR(name_of(t), "first");
	if (o.paused)
		tl_resume(t);
	UNTIL(tl_state(t) == TL_BLOCKED);
	CHECK_STR(name_of(t), "first");
	CHECK_EQ(tl_rename(t, "second"), 0);
	CHECK_STR(name_of(t), "second");
	tl_event_set(&go);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_STR(seen, "second");
	CHECK_STR(name_of(t), "second"); /* as long as the ending is kept */
	CHECK_EQ(tl_rename(t, "third"), -ESRCH);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_rename(t, "third"), -ESRCH);
}

/* D7: a strand can be renamed */
TEST(before_it_begins_and_while_it_runs)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };

	for (int i = 0; i < 2; i++) {
		renamed(both[i], (tl_opts){ 0 });
		renamed(both[i], (tl_opts){ .name = "given" });
		renamed(both[i], (tl_opts){ .paused = true });
	}
}

TEST(what_is_no_name)
{
	CHECK_EQ(tl_rename(tl_self(), NULL), -EINVAL);
	CHECK_EQ(tl_rename(tl_self(), ""), -EINVAL);
	CHECK_EQ(tl_rename((tl_strand){ 0 }, "x"), -ESRCH);
	CHECK_STR(tl_my_name(), "MainThread");
}

/* The pointer that tl_my_name gave stays what it was until its strand asks again. */
TEST(my_name_changes_when_asked)
{
	const char *name = tl_my_name();
	char copy[] = "renamed";

	CHECK_EQ(tl_rename(tl_main(), copy), 0);
	copy[0] = 'X';
	CHECK_STR(name, "MainThread");
	CHECK_STR(tl_my_name(), "renamed");
	CHECK_STR(name, "renamed");
}

static int own_name(void *arg)
{
	CHECK_EQ(tl_rename(tl_self(), arg), 0);
	CHECK_STR(tl_my_name(), arg);
	return 0;
}

TEST(of_oneself_also_in_place)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_task_start, &s, own_name, "mine");
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_STR(name_of(t), "mine");
	CHECK_STR(tl_my_name(), "MainThread");
	tl_thread_start(&s, own_name, "mine", NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- the system's */

static void check_system(tl_strand t, const char *name)
{
	char path[64], seen[32] = "";
	tl_info i;
	FILE *f;

	CHECK_EQ(tl_inspect(t, &i), 0);
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)i.os_id);
	f = fopen(path, "r");
	CHECK(f && fgets(seen, sizeof seen, f));
	fclose(f);
	seen[strcspn(seen, "\n")] = 0;
	CHECK_STR(seen, name);
}

static int forever_named(void *flag)
{
	atomic_store((_Atomic int *)flag, 1);
	return tl_sleep_until(TL_NEVER);
}

/* D7: the system sees the name */
TEST(the_system_is_told)
{
	_Atomic int runs = 0;
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, forever_named, (void *)&runs,
			 &(tl_opts){ .name = "a name of its own", .ret = &t }),
		0);
	UNTIL(runs);
	check_system(t, "a name of its o");
	CHECK_EQ(tl_rename(t, "another"), 0);
	check_system(t, "another");
	CHECK_EQ(tl_rename(tl_self(), "main as well"), 0);
	check_system(tl_main(), "main as well");
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* A task has no name of the system's. */
TEST(a_task_leaves_its_thread_its_name)
{
	char before[16] = "", after[16] = "";
	tl_scope s = { 0 };
	tl_strand t;

	prctl(PR_GET_NAME, before);
	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	tl_yield();
	CHECK_EQ(tl_rename(t, "only a task"), 0);
	prctl(PR_GET_NAME, after);
	CHECK_STR(after, before);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* Cut between characters: the system's at 15 bytes, ours at 31. */
TEST(cut_at_the_end_of_a_character)
{
	const struct {
		const char *given, *ours, *system;
	} names[] = {
		{ "12345678901234ñ", "12345678901234ñ", "12345678901234" },
		{ "1234567890123ñx", "1234567890123ñx", "1234567890123ñ" },
		{ "123456789012€x", "123456789012€x", "123456789012€" },
		{ "12345678901234🧵", "12345678901234🧵", "12345678901234" },
		{ "123456789012345678901234567890ñ", "123456789012345678901234567890",
			"123456789012345" },
		{ "12345678901234567890123456789ñ", "12345678901234567890123456789ñ",
			"123456789012345" },
		{ "1234567890123456789012345678🧵", "1234567890123456789012345678",
			"123456789012345" },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", NULL,
			NULL }, /* no UTF-8 */
	};
	char started[32];
	tl_scope s = { 0 };
	tl_strand t;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CHECK_EQ(tl_rename(tl_self(), names[i].given), 0);
		if (!names[i].ours)
			continue;
		CHECK_STR(tl_my_name(), names[i].ours);
		check_system(tl_self(), names[i].system);
		tl_scope_open(&s);
		CHECK_EQ(tl_task_start(
				 &s, answer, NULL, &(tl_opts){ .name = names[i].given, .ret = &t }),
			0);
		CHECK(tl_name(t, started, sizeof started) > 0);
		CHECK_STR(started, names[i].ours);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

static void *foreign(void *arg)
{
	CHECK_EQ(tl_rename(tl_self(), "adopted"), 0);
	CHECK_STR(tl_my_name(), "adopted");
	check_system(tl_self(), "adopted");
	return arg;
}

TEST(of_a_foreign_thread)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, foreign, NULL), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

/* -- many at once */

static _Atomic int stop;
static _Atomic uint64_t target;

static int renames(void *arg)
{
	const char *name = arg;
	int r = 0;

	for (int i = 0; i < (SANITIZED ? 300 : 2000); i++) {
		r = tl_rename((tl_strand){ atomic_load(&target) }, name);
		CHECK(r == 0 || r == -ESRCH);
	}
	return 0;
}

/* Two rename a thread at once: it and the system end up with the same name. */
TEST_LIMIT(two_renamers_leave_one_name, 60)
{
	tl_scope s = { 0 }, both = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start(tl_thread_start, &s, forever, NULL);
	target = t.id;
	UNTIL(tl_state(t) == TL_BLOCKED);
	tl_scope_open(&both);
	tl_thread_start(&both, renames, "the one", NULL);
	tl_thread_start(&both, renames, "the other", NULL);
	CHECK_EQ(tl_scope_close(&both), 0);
	check_system(t, name_of(t));
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int asks_its_name(void *arg)
{
	const char *name = tl_my_name();

	CHECK(strcmp(name, "the one") == 0 || strcmp(name, "the other") == 0 ||
		strncmp(name, "Task-", 5) == 0 || strncmp(name, "Thread-", 7) == 0);
	return (void)arg, tl_yield();
}

static int begins_and_ends(void *how)
{
	while (!atomic_load(&stop)) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < 3; i++) {
			tl_strand t;

			(*(start_fn **)how)(&s, asks_its_name, NULL, &(tl_opts){ .ret = &t });
			atomic_store(&target, t.id);
		}
		tl_scope_close(&s);
	}
	return 0;
}

/* While strands begin and end: a name never lands on another strand's record. */
TEST_LIMIT(while_they_begin_and_end, 60)
{
	start_fn *task = tl_task_start, *thread = tl_thread_start;
	tl_scope s = { 0 }, both = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, begins_and_ends, &task, NULL);
	tl_thread_start(&s, begins_and_ends, &thread, NULL);
	UNTIL(target);
	tl_scope_open(&both);
	tl_thread_start(&both, renames, "the one", NULL);
	tl_thread_start(&both, renames, "the other", NULL);
	CHECK_EQ(tl_scope_close(&both), 0);
	atomic_store(&stop, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(tl_my_name(), "MainThread");
}
