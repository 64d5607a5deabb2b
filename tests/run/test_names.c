/* Names, kinds, ids: who a strand is. */
#include "strands.h"
#include <pthread.h>

static char seen[40];

static int note_name(void *arg)
{
	(void)arg;
	snprintf(seen, sizeof seen, "%s", tl_my_name());
	return 0;
}

static const char *name_of(start_fn *how, const char *name)
{
	tl_scope s = { 0 };
	char buf[40] = "";
	tl_strand t;
	int n;

	tl_scope_open(&s);
	CHECK_EQ(
		how(&s, note_name, NULL, &(tl_opts){ .name = name, .ret = &t, .paused = true }), 0);
	n = tl_name(t, buf, sizeof buf);
	CHECK_EQ(n, (int)strlen(buf));
	CHECK_EQ(tl_resume(t), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(seen, buf);
	return seen;
}

/* D7: default names count per kind */
TEST(default_names_count_per_kind)
{
	CHECK_STR(name_of(tl_task_start, NULL), "Task-1");
	CHECK_STR(name_of(tl_task_start, NULL), "Task-2");
	CHECK_STR(name_of(tl_thread_start, NULL), "Thread-1");
	CHECK_STR(name_of(tl_task_start, NULL), "Task-3");
	CHECK_STR(name_of(tl_thread_start, NULL), "Thread-2");
}

TEST(a_given_name_is_copied)
{
	char name[] = "reader";
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(&s, note_name, NULL, &(tl_opts){ .name = name }), 0);
	name[0] = 'X';
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(seen, "reader");
}

TEST(an_empty_name_is_the_default) { CHECK_STR(name_of(tl_task_start, ""), "Task-1"); }

TEST(names_are_cut_at_31_bytes)
{
	CHECK_STR(name_of(tl_task_start, "0123456789012345678901234567890"),
		"0123456789012345678901234567890");
	CHECK_STR(name_of(tl_thread_start, "0123456789012345678901234567890X"),
		"0123456789012345678901234567890");
}

TEST(tl_name_cuts_to_the_buffer)
{
	char buf[5] = "zzzz";

	CHECK_STR(tl_my_name(), "MainThread");
	CHECK_EQ(tl_name(tl_self(), buf, sizeof buf), 10);
	CHECK_STR(buf, "Main");
	CHECK_EQ(tl_name(tl_self(), buf, 1), 10);
	CHECK_STR(buf, "");
	CHECK_EQ(tl_name(tl_self(), NULL, 0), 10);
}

static int note_system_name(void *arg)
{
	return pthread_getname_np(pthread_self(), arg, 16) ? -EIO : 0;
}

TEST(the_system_sees_15_bytes)
{
	char name[16];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, note_system_name, name, &(tl_opts){ .name = "0123456789abcdefXYZ" });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(name, "0123456789abcde");
}

TEST(main_is_main)
{
	CHECK_EQ(tl_main().id, 0); /* nobody has called yet */
	CHECK(tl_self().id != 0);
	CHECK_EQ(tl_self().id, tl_main().id);
	CHECK_EQ(tl_kind(tl_main()), TL_THREAD);
	CHECK_EQ(tl_state(tl_main()), TL_RUNNING);
	CHECK(tl_alive(tl_main()));
}

static int who_is_main(void *arg)
{
	return tl_main().id == *(uint64_t *)arg && tl_self().id != tl_main().id ? 0 : -EINVAL;
}

TEST(main_is_the_same_for_all)
{
	uint64_t id = tl_self().id;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, who_is_main, &id, NULL);
	tl_thread_start(&s, who_is_main, &id, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static void *foreign(void *arg)
{
	tl_strand *me = arg;
	char buf[32];
	int n;

	*me = tl_self();
	CHECK_EQ(tl_kind(*me), TL_THREAD);
	n = tl_name(*me, buf, sizeof buf);
	CHECK_EQ(n, (int)strlen(buf));
	CHECK(strncmp(buf, "Foreign-", 8) == 0);
	CHECK_STR(tl_my_name(), buf);
	CHECK_EQ(tl_state(*me), TL_RUNNING);
	CHECK_EQ(tl_self().id, me->id);
	return NULL;
}

static tl_strand run_foreign(void)
{
	tl_strand id;
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, foreign, &id), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	return id;
}

/* D7: a foreign thread is adopted */
TEST(a_foreign_thread_is_adopted_and_forgotten)
{
	tl_strand id = run_foreign();

	CHECK_EQ(tl_state(id), -ESRCH);
	CHECK(!tl_alive(id));
	CHECK(run_foreign().id != id.id);
	CHECK(tl_self().id == tl_main().id);
}

static void *foreign_start(void *arg)
{
	tl_scope s = { 0 };
	_Atomic int n = 0;
	tl_strand t = { 1 };

	CHECK_EQ(tl_task_start(NULL, count_up, &n, &(tl_opts){ .ret = &t }), -EINVAL);
	CHECK_EQ(t.id, 0);
	CHECK_EQ(tl_thread_start(NULL, count_up, &n, NULL), -EINVAL);
	tl_scope_open(&s);
	CHECK_EQ(tl_task_start(NULL, count_up, &n, NULL), 0); /* its innermost open one */
	CHECK_EQ(tl_task_start(&s, count_up, &n, NULL), 0);
	CHECK_EQ(tl_thread_start(&s, count_up, &n, NULL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(tl_task_start(NULL, count_up, &n, NULL), -EINVAL);
	return arg;
}

TEST(a_foreign_thread_must_open_a_scope)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, foreign_start, NULL), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(tl_finish(), 0);
}

static void all_gone(tl_strand t)
{
	char buf[4] = "abc";
	tl_end end = { 7, 7 };
	tl_info info;
	tl_strand set[2] = { t, t };

	CHECK_EQ(tl_state(t), -ESRCH);
	CHECK_EQ(tl_kind(t), -ESRCH);
	CHECK_EQ(tl_name(t, buf, sizeof buf), -ESRCH);
	CHECK(!tl_alive(t));
	CHECK_EQ(tl_resume(t), -ESRCH);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), -ESRCH);
	CHECK_EQ(tl_join(t, &end, TL_POLL), -ESRCH);
	CHECK_EQ(end.how, 7);
	CHECK_EQ(tl_wait(set, 2, TL_ALL, TL_NEVER), -ESRCH);
	CHECK_EQ(tl_inspect(t, &info), -ESRCH);
	tl_cancel(t);
}

TEST(stale_ids_are_ESRCH_everywhere)
{
	tl_strand task, thread;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	task = start(tl_task_start, &s, answer, NULL);
	thread = start(tl_thread_start, &s, answer, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	all_gone(task);
	all_gone(thread);
	all_gone((tl_strand){ 0 });
	all_gone((tl_strand){ UINT64_MAX });
	all_gone((tl_strand){ 0xffffff });
	all_gone((tl_strand){ 1 });
}

TEST(ids_are_not_used_again)
{
	enum { N = 3000 };
	static uint64_t ids[N];

	for (int i = 0; i < N; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		ids[i] = start(tl_task_start, &s, answer, NULL).id;
		tl_scope_close(&s);
	}
	for (int i = 0; i < N; i++) {
		CHECK_EQ(tl_state((tl_strand){ ids[i] }), -ESRCH);
		for (int k = 0; k < i; k++)
			CHECK(ids[i] != ids[k]);
	}
}

/* -- the name of one strand is not overwritten by another's */

static int keep_name(void *arg)
{
	const char *mine = tl_my_name();
	char copy[32];

	(void)arg;
	strcpy(copy, mine);
	tl_yield();
	CHECK_STR(mine, copy);
	return 0;
}

TEST(a_default_name_stays_while_others_ask_theirs)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		tl_task_start(&s, keep_name, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}
