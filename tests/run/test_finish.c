/* The end of main: who is waited for, who is cancelled, what is reported. */
#include "strands.h"
#include "telar/sync.h"
#include <pthread.h>
#include <sched.h>

static int in_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void is_status(void (*fn)(void), int wanted)
{
	int status = in_child(fn);

	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), wanted);
}

static void finish_nothing(void) { exit(tl_finish()); }

static void finish_well(void)
{
	tl_task_start(NULL, answer, NULL, NULL);
	tl_thread_start(NULL, forever, NULL, &(tl_opts){ .daemon = true });
	exit(tl_finish());
}

TEST(finish_answers_0)
{
	is_status(finish_nothing, 0);
	is_status(finish_well, 0);
}

static void no_finish(void)
{
	tl_task_start(NULL, forever, NULL, NULL);
	tl_thread_start(NULL, forever, NULL, NULL);
	tl_yield();
	exit(5);
}

TEST(main_may_end_without_it) { is_status(no_finish, 5); }

/* -- who is waited for */

static _Atomic int n_ended;

/* Each starts the next, in the scope of its own, when the end of main has long begun. */
static int chain(void *arg)
{
	int left = *(int *)arg;

	for (int i = 0; i < 10; i++)
		if (tl_yield() < 0)
			return -ECANCELED;
	if (left--)
		(left % 2 ? tl_thread_start : tl_task_start)(
			NULL, chain, &left, &(tl_opts){ .copy = sizeof left });
	n_ended++;
	return 0;
}

static void finish_chains(void)
{
	int length = 6;

	tl_task_start(NULL, chain, &length, NULL);
	tl_thread_start(NULL, chain, &length, NULL);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(n_ended, 14);
	n_ended = 0;
}

/* D7: the end of main waits for all that are no daemons, also for late ones */
TEST(late_ones_are_waited_for)
{
	CHECK_EQ(in_child(finish_chains), 0);
	finish_chains();
}

static int fork_and_finish(void *arg)
{
	(void)arg;
	CHECK_EQ(in_child(finish_chains), 0);
	return 0;
}

/* Who forks is main in the child, and waits at its end like any main. */
TEST(the_end_of_a_fork_from_a_task_and_a_thread)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, fork_and_finish, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, fork_and_finish, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static _Atomic int cleaned, begun;

static int cleans_up(void *arg)
{
	(void)arg;
	begun++;
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	for (int i = 0; i < 100; i++)
		sched_yield();
	cleaned++;
	return -ECANCELED;
}

static int ends_after(void *arg)
{
	(void)arg;
	UNTIL(begun == 2);
	CHECK_EQ(cleaned, 0); /* not while others than daemons are left */
	return 0;
}

/* D7: the end of main cancels the daemons */
TEST(daemons_are_cancelled_and_joined)
{
	tl_opts daemon = { .daemon = true };

	tl_task_start(NULL, cleans_up, NULL, &daemon);
	tl_thread_start(NULL, cleans_up, NULL, &daemon);
	tl_thread_start(NULL, ends_after, NULL, NULL);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(cleaned, 2);
	CHECK_EQ(tl_list(NULL, 0), 1);
}

/* Another strand than main: told so, and all goes on as if it had not. */
static int finishes(void *arg)
{
	tl_strand t;

	CHECK_EQ(tl_finish(), 1);
	CHECK_EQ(tl_task_start(NULL, count_up, arg, &(tl_opts){ .ret = &t }), 0);
	return tl_join(t, NULL, TL_NEVER);
}

static int misuses;
static void count_misuse(const tl_report *r, void *arg)
{
	(void)arg;
	misuses += r->kind == TL_R_MISUSE && r->value == -EPERM;
}

TEST(finish_is_mains_alone)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };
	_Atomic int n = 0;

	tl_on_report(count_misuse, NULL);
	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		CHECK_EQ(both[i](&s, finishes, (void *)&n, NULL), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(misuses, i + 1);
		CHECK_EQ(n, i + 1);
	}
	CHECK_EQ(tl_finish(), 0);
}

static void *starts_nothing(void *arg) { return tl_self(), arg; }

/* Nothing starts after the end, neither in main's scope nor in a new one. */
/* D7: nothing starts after the end of main */
TEST(no_start_after_the_end)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };
	_Atomic int n = 0;
	pthread_t t;

	CHECK_EQ(tl_finish(), 0);
	tl_on_report(remember, NULL);
	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };
		tl_strand none = { 1 };

		tl_scope_open(&s);
		CHECK_EQ(both[i](&s, count_up, (void *)&n, &(tl_opts){ .ret = &none }), -EINVAL);
		CHECK_EQ(none.id, 0);
		CHECK_EQ(tl_scope_close(&s), -EINVAL);
		CHECK_EQ(both[i](NULL, count_up, (void *)&n, NULL), -EINVAL);
	}
	CHECK_EQ(tl_finish(), 1);
	CHECK_EQ(n, 0);
	CHECK_EQ(
		pthread_create(&t, NULL, starts_nothing, NULL), 0); /* the system's own still may */
	CHECK_EQ(pthread_join(t, NULL), 0);
}

/* -- failures */

static const void *site;
static char all_names[512];
static int n_reports;

static void collect(const tl_report *r, void *arg)
{
	(void)arg;
	if (r->kind != TL_R_FAILURE)
		return;
	n_reports++;
	site = r->site;
	last_value = r->value;
	strcat(strcat(all_names, r->name), " ");
	snprintf(last_name, sizeof last_name, "%s", r->text);
}

static int fails(void *arg) { return *(int *)arg; }
static int enodata = -ENODATA;

static void starts_bad(void)
{
	tl_thread_start(NULL, fails, &enodata, &(tl_opts){ .name = "bad" });
}

static void finish_failed(void)
{
	char text[256];
	int r;

	tl_on_report(collect, NULL);
	starts_bad();
	r = tl_finish();
	CHECK_EQ(n_reports, 1);
	CHECK_EQ(last_value, -ENODATA);
	CHECK_STR(all_names, "bad ");
	CHECK(site != NULL && tl_site_text(site, text, sizeof text) > 0);
	CHECK_EQ(tl_finish(), r); /* the same answer, and no second report */
	CHECK_EQ(n_reports, 1);
	_exit(10 + r); /* a failed CHECK's is 1 */
}

/* D7: an uncaught failure is reported once, with name and site */
TEST(finish_answers_1) { is_status(finish_failed, 11); }

static int fork_and_fail(void *arg)
{
	(void)arg;
	is_status(finish_failed, 11);
	return 0;
}

/* Who forks is main in the child, and tells what has failed there. */
TEST(a_fork_from_a_task_and_a_thread_that_fails)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, fork_and_fail, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, fork_and_fail, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int fails_when_cancelled(void *arg)
{
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	return fails(arg);
}

TEST(all_failures_are_told_up_to_a_number)
{
	tl_on_report(collect, NULL);
	tl_task_start(NULL, forever, NULL, NULL); /* is asked to stop, and does: no failure */
	tl_thread_start(NULL, forever, NULL, NULL);
	for (int i = 0; i < 20; i++)
		tl_task_start(NULL, i < 19 ? fails_when_cancelled : fails, &enodata, NULL);
	tl_yield();
	CHECK_EQ(tl_finish(), 1);
	CHECK_EQ(n_reports, 17);
	CHECK_STR(last_name, "4 more failures");
}

TEST(who_was_cancelled_is_not_reported)
{
	tl_strand t, u;

	tl_on_report(collect, NULL);
	t = start(tl_task_start, NULL, forever, NULL);
	u = start(tl_thread_start, NULL, forever, NULL);
	tl_cancel(t);
	tl_cancel(u);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(n_reports, 0);
}

/* -- who does not stop */

static int deaf(void *arg)
{
	atomic_store((_Atomic int *)arg, 1);
	while (atomic_load((_Atomic int *)arg))
		pause();
	return 0;
}

static char stragglers[256];
static int ages;

static void note_straggler(const tl_report *r, void *arg)
{
	long long age;

	(void)arg;
	if (r->kind != TL_R_STRAGGLER)
		return;
	CHECK(r->site != NULL);
	CHECK_EQ(sscanf(r->text, "still runs %lld ms", &age), 1);
	ages += age >= 5000;
	strcat(strcat(stragglers, r->name), " ");
}

static void finish_with_stragglers(void)
{
	static _Atomic int up;
	int r;

	tl_on_report(note_straggler, NULL);
	tl_thread_start(NULL, deaf, (void *)&up, &(tl_opts){ .name = "deaf", .daemon = true });
	UNTIL(up);
	r = tl_finish();
	CHECK_STR(stragglers, "deaf ");
	CHECK_EQ(ages, 1);
	_exit(r);
}

/* D7: who does not stop at the end is reported by name */
TEST(finish_answers_2) { is_status(finish_with_stragglers, 2); }

static void finish_with_a_scope_open(void)
{
	static tl_scope open;

	tl_on_report(remember, NULL);
	tl_scope_open(&open);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
	_exit(0);
}

TEST(finish_reports_a_scope_left_open) { is_status(finish_with_a_scope_open, 0); }

/* -- the hook */

static void fails_itself(const tl_report *r, void *arg)
{
	remember(r, arg);
	tl_scope_close(arg); /* not the innermost: misuse */
}

static void with_a_failing_hook(void)
{
	static tl_scope not_mine;

	tl_on_report(fails_itself, &not_mine);
	tl_lock_release(&(tl_lock){ 0 });
	CHECK_EQ(seen_reports[TL_R_MISUSE], 1);
}

/* What fn writes to stderr, read by the child's parent. */
static void stderr_of(void (*fn)(void), char *buf, size_t cap)
{
	int ends[2], status;
	ssize_t n, all = 0;
	pid_t pid;

	CHECK_EQ(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], buf + all, cap - 1 - (size_t)all)) > 0)
		all += n;
	buf[all] = 0;
	close(ends[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* The hook is not called again for what it causes itself; that gets the line of the default.
 * D7: a failing report hook does no harm */
TEST(a_hook_that_fails)
{
	char text[1024];

	stderr_of(with_a_failing_hook, text, sizeof text);
	CHECK(strstr(text, "telar: misuse: 'MainThread' closes scope '', which was never opened"));
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
}

static void with_and_without(void)
{
	tl_on_report(collect, NULL);
	starts_bad();
	CHECK_EQ(tl_finish(), 1);
}

static void by_default(void)
{
	tl_on_report(collect, NULL);
	tl_on_report(NULL, NULL);
	starts_bad();
	CHECK_EQ(tl_finish(), 1);
	CHECK_EQ(n_reports, 0);
}

TEST(the_default_is_one_line)
{
	char text[1024];

	stderr_of(with_and_without, text, sizeof text);
	CHECK_STR(text, "");
	stderr_of(by_default, text, sizeof text);
	CHECK(strstr(text, "telar: failure: 'bad' failed with -61 (ENODATA) (started at "));
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
}
