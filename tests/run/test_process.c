/* Processes: how they begin, what they know, and every way in which they end. */
#include "check.h"
#include "run/window.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static int answers(void *arg) { return *(int *)arg; }

static tl_end end_of(tl_strand t)
{
	tl_end e = { 0 };

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e;
}

static tl_strand begin(tl_scope *s, tl_fn *fn, void *arg, size_t copy)
{
	tl_strand t;

	CHECK_EQ(tl_process_start(s, fn, arg, &(tl_opts){ .copy = copy, .ret = &t }), 0);
	return t;
}

/* D11: the result comes back as it is: a whole int, an exit code, or the signal */
TEST(result_is_whole)
{
	const int results[] = { 0, 1, 123456, 2147483647 };

	for (unsigned i = 0; i < 4; i++) {
		tl_end e = end_of(begin(NULL, answers, (void *)&results[i], sizeof(int)));
		CHECK_EQ(e.how, TL_RETURNED);
		CHECK_EQ(e.value, results[i]);
	}
	CHECK_EQ(tl_finish(), 0);
}

TEST(result_below_zero_is_a_failure)
{
	tl_failure f[2];
	tl_scope s = { .keep_going = true, .failures = f, .max_failures = 2 };
	int r = -ENOSPC;
	tl_end e;

	tl_scope_open(&s);
	e = end_of(begin(&s, answers, &r, sizeof r));
	CHECK_EQ(e.how, TL_RETURNED);
	CHECK_EQ(e.value, -ENOSPC);
	CHECK_EQ(tl_scope_close(&s), -ENOSPC);
	CHECK_EQ(s.n_failures, 1);
	CHECK_STR(f[0].name, "Process-1");
}

static int exits(void *arg) { exit((int)(intptr_t)arg); }
static int dies(void *arg)
{
	raise((int)(intptr_t)arg);
	return 0;
}

/* D11: the result comes back as it is: a whole int, an exit code, or the signal */
TEST(exit_code)
{
	tl_scope s = { .keep_going = true };
	tl_end e;

	tl_scope_open(&s);
	e = end_of(begin(&s, exits, (void *)0, 0));
	CHECK_EQ(e.how, TL_EXITED);
	CHECK_EQ(e.value, 0);
	CHECK_EQ(s.n_failures, 0);
	e = end_of(begin(&s, exits, (void *)42, 0));
	CHECK_EQ(e.how, TL_EXITED);
	CHECK_EQ(e.value, 42);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
	CHECK_EQ(s.n_failures, 1);
}

/* D11: the result comes back as it is: a whole int, an exit code, or the signal */
TEST(signal)
{
	tl_failure f;
	tl_scope s = { .keep_going = true, .failures = &f, .max_failures = 1 };
	tl_end e;

	tl_scope_open(&s);
	e = end_of(begin(&s, dies, (void *)SIGKILL, 0));
	CHECK_EQ(e.how, TL_SIGNALLED);
	CHECK_EQ(e.value, SIGKILL);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
	CHECK_EQ(f.end.how, TL_SIGNALLED);
	CHECK_EQ(f.end.value, SIGKILL);
}

static char told[200];
static void keep(const tl_report *r, void *arg)
{
	(void)arg;
	if (r->kind == TL_R_FAILURE)
		snprintf(told, sizeof told, "%s %s", r->name, r->text);
}

/* D11: a failure is told with the process's name and how it ended */
TEST(report_says_how)
{
	tl_on_report(keep, NULL);
	tl_process_start(NULL, dies, (void *)SIGSEGV, &(tl_opts){ .name = "faulty" });
	CHECK_EQ(tl_finish(), 1);
	if (SANITIZED) /* it has its own handler, which exits */
		return;
	CHECK_STR(told, "faulty was killed by signal 11 (SIGSEGV)");
}

static int sleeps(void *arg)
{
	(void)arg;
	return tl_sleep(tl_s(1000));
}

static int computes(void *arg)
{
	(void)arg;
	while (tl_checkpoint() == 0)
		;
	return -ECANCELED;
}

static int sleeps_in_a_task(void *arg)
{
	tl_task_start(NULL, sleeps, arg, NULL);
	return 0;
}

/* D11: a request to stop reaches it, whether it waits, computes, or waits for others */
TEST(cancel_reaches_it)
{
	tl_fn *const all[] = { sleeps, computes, sleeps_in_a_task };

	for (unsigned i = 0; i < 3; i++) {
		tl_scope s = { .grace = tl_s(1000) }; /* it is never killed for being slow */
		tl_strand t;
		tl_end e;

		tl_scope_open(&s);
		t = begin(&s, all[i], NULL, 0);

		while (tl_state(t) != TL_RUNNING)
			tl_sleep(tl_ms(1));
		tl_cancel(t);
		tl_cancel(t);
		e = end_of(t);
		if (i != 2 || e.how != TL_RETURNED) { /* else only its task was cancelled */
			CHECK_EQ(e.how, TL_CANCELLED);
			CHECK_EQ(e.value, -ECANCELED);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(tl_finish(), 0);
}

TEST(cancel_before_it_begins)
{
	tl_strand t;

	tl_process_start(NULL, exits, (void *)1, &(tl_opts){ .ret = &t, .paused = true });
	CHECK_EQ(tl_state(t), TL_CREATED);
	tl_cancel(t);
	CHECK_EQ(end_of(t).how, TL_CANCELLED);
	CHECK_EQ(tl_finish(), 0);
}

TEST(paused_and_resumed)
{
	tl_strand t;

	tl_process_start(NULL, exits, (void *)0, &(tl_opts){ .ret = &t, .paused = true });
	CHECK(tl_os_id(t) > 0);
	CHECK_EQ(tl_join(t, NULL, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_daemon_set(t, true), 0);
	CHECK_EQ(tl_daemon_set(t, false), 0);
	CHECK_EQ(tl_resume(t), 0);
	CHECK_EQ(tl_resume(t), -EBUSY);
	CHECK_EQ(end_of(t).how, TL_EXITED);
	CHECK_EQ(tl_finish(), 0);
}

TEST(at_a_time)
{
	tl_time at = tl_after(tl_ms(200));
	tl_strand t;

	tl_process_start(NULL, exits, (void *)0, &(tl_opts){ .ret = &t, .at = at });
	CHECK_EQ(end_of(t).how, TL_EXITED);
	CHECK(tl_now().ns >= at.ns);
	tl_process_start(
		NULL, exits, (void *)1, &(tl_opts){ .ret = &t, .at = tl_after(tl_s(1000)) });
	CHECK_EQ(tl_state(t), TL_CREATED);
	tl_cancel(t);
	CHECK_EQ(end_of(t).how, TL_CANCELLED);
	CHECK_EQ(tl_finish(), 0);
}

static int ignores(void *arg)
{
	signal(SIGTERM, SIG_IGN);
	*(_Atomic int *)arg = 1;
	while (*(_Atomic int *)arg)
		sleep(1000);
	return 0;
}

/* D11: one that stops neither when asked nor at SIGTERM is killed, and its scope has not failed */
TEST(deaf_one_is_killed)
{
	_Atomic int *begun = tl_shared(sizeof *begun);
	tl_scope s = { .grace = tl_ms(300) };
	tl_strand t;

	CHECK(begun);
	tl_scope_open(&s);
	t = begin(&s, ignores, (void *)begun, 0);
	while (!*begun)
		tl_sleep(tl_ms(1));
	tl_scope_cancel(&s);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(s.n_failures, 0);
	tl_shared_free((void *)begun);
	CHECK_EQ(tl_finish(), 0);
}

/* D11: a daemon is ended with its scope */
TEST(daemon_is_ended_with_its_scope)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_process_start(&s, sleeps, NULL, &(tl_opts){ .daemon = true });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(scope_deadline_ends_it)
{
	tl_scope s = { .deadline = tl_after(tl_ms(50)) };

	tl_scope_open(&s);
	tl_process_start(&s, sleeps, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	CHECK_EQ(tl_finish(), 0);
}

TEST(first_failure_cancels_siblings)
{
	tl_scope s = { 0 };
	int r = -EIO;

	tl_scope_open(&s);
	tl_process_start(&s, sleeps, NULL, NULL);
	tl_thread_start(&s, sleeps, NULL, NULL);
	tl_process_start(&s, answers, &r, &(tl_opts){ .copy = sizeof r });
	CHECK_EQ(tl_scope_close(&s), -EIO);
}

/* D11: join answers again after the end
 * D11: a signal to a process that has ended is told, instead of nothing */
TEST(join_twice_and_late)
{
	int seven = 7;
	tl_strand t = begin(NULL, answers, &seven, sizeof seven);

	CHECK_EQ(end_of(t).value, 7);
	CHECK_EQ(end_of(t).value, 7);
	CHECK_EQ(tl_state(t), TL_ENDED);
	CHECK(!tl_alive(t));
	CHECK_EQ(tl_signal(t, SIGTERM), -ESRCH);
	CHECK(tl_os_id(t) > 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), -ESRCH);
}

TEST(sends_signals)
{
	tl_scope s = { .keep_going = true };
	tl_strand t;
	tl_end e;

	tl_scope_open(&s);
	t = begin(&s, sleeps, NULL, 0);
	CHECK_EQ(tl_signal(t, 0), 0);
	CHECK_EQ(tl_signal(t, 1000), -EINVAL);
	CHECK_EQ(tl_signal(tl_self(), 0), -EINVAL);
	CHECK_EQ(tl_signal(t, SIGUSR1), 0);
	e = end_of(t);
	CHECK_EQ(e.how, TL_SIGNALLED);
	CHECK_EQ(e.value, SIGUSR1);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
}

/* Who holds what in shared memory must be told apart: a process that cannot be does not begin. */
TEST(no_number_is_left)
{
	tl_scope s = { .keep_going = true };
	int seven = 7;
	tl_end e;

	CHECK_EQ(tl_zygote_start(), 0);
	for (uint32_t i = 1; i <= WINDOW_PARTICIPANTS; i++)
		window_at(i)->generation = WINDOW_GENERATIONS;
	tl_scope_open(&s);
	e = end_of(begin(&s, answers, &seven, sizeof seven));
	CHECK_EQ(e.how, TL_RETURNED);
	CHECK_EQ(e.value, -EAGAIN);
	CHECK_EQ(tl_scope_close(&s), -EAGAIN);
}

/* D11: its end can be waited for beside others */
TEST(select_on_its_end)
{
	tl_strand a = begin(NULL, sleeps, NULL, 0), b = begin(NULL, exits, NULL, 0);
	tl_case c[] = { TL_JOINED(a), TL_JOINED(b) };
	tl_strand set[] = { a, b };

	CHECK_EQ(tl_select(c, 2, TL_NEVER), 1);
	CHECK_EQ(tl_wait(set, 2, TL_FIRST, TL_NEVER), 1);
	CHECK_EQ(set[0].id, b.id);
	tl_cancel(a);
	CHECK_EQ(tl_finish(), 0);
}

static _Atomic int deadlocks;
static void count_deadlocks(const tl_report *r, void *arg)
{
	(void)arg;
	deadlocks += r->kind == TL_R_DEADLOCK;
}

static int waits_long(void *arg)
{
	*(_Atomic int *)arg = 1;
	return tl_sleep(tl_ms(1500));
}

/* It may wake somebody: while it lives nobody is deadlocked. */
TEST(no_deadlock_while_it_lives)
{
	_Atomic int *begun = tl_shared(sizeof *begun);
	tl_strand t;

	CHECK(begun);
	tl_on_report(count_deadlocks, NULL);
	tl_process_start(NULL, waits_long, (void *)begun, &(tl_opts){ .ret = &t });
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK(*begun);
	CHECK_EQ(deadlocks, 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(shown)
{
	tl_info i, all[4];
	tl_strand t;
	char name[32];

	tl_process_start(NULL, sleeps, NULL, &(tl_opts){ .ret = &t, .name = "shown" });
	CHECK_EQ(tl_kind(t), TL_PROCESS);
	CHECK_EQ(tl_name(t, name, sizeof name), 5);
	CHECK(tl_os_id(t) > 0);
	CHECK_EQ(tl_inspect(t, &i), 0);
	CHECK_EQ(i.kind, TL_PROCESS);
	CHECK_EQ(i.os_id, tl_os_id(t));
	CHECK_EQ(i.parent.id, tl_self().id);
	CHECK_STR(i.name, "shown");
	CHECK_EQ(tl_list(all, 4), 2);
	CHECK_EQ(tl_dump(2), 2);
	CHECK_EQ(tl_rename(t, "renamed"), 0);
	CHECK_EQ(tl_inspect(t, &i), 0);
	CHECK_STR(i.name, "renamed");
	tl_cancel(t);
	CHECK_EQ(tl_finish(), 0);
}

struct call {
	tl_func f;
	int x;
};

static int calls(void *arg)
{
	struct call *c = arg;

	return tl_func_call(c->f, &c->x);
}

TEST(function_as_a_value)
{
	struct call c = { tl_func_of(answers), 77 };

	CHECK(c.f.id != 0);
	CHECK_EQ(tl_func_of(answers).id, c.f.id);
	CHECK_EQ(tl_func_call(c.f, &c.x), 77);
	CHECK_EQ(end_of(begin(NULL, calls, &c, sizeof c)).value, 77);
	CHECK_EQ(tl_func_of(NULL).id, 0);
	CHECK_EQ(tl_func_call((tl_func){ 0 }, NULL), -EINVAL);
	CHECK_EQ(tl_func_call((tl_func){ c.f.id + ((uint64_t)1 << 40) }, NULL), -EINVAL);
	CHECK_EQ(tl_func_call((tl_func){ (uint64_t)200 << 48 }, NULL), -EINVAL);
	CHECK_EQ(tl_finish(), 0);
}

/* What the system does with children of the program is not done with ours. */
TEST(children_ignored)
{
	int nine = 9;

	signal(SIGCHLD, SIG_IGN);
	CHECK_EQ(end_of(begin(NULL, answers, &nine, sizeof nine)).value, 9);
	CHECK_EQ(tl_finish(), 0);
}
