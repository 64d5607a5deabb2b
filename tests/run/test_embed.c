/* Loops that are driven from outside: what makes their descriptor readable, and what does not. */
#include "host.h"
#include "wait/wait.h"
#include <pthread.h>

BOTH(at_first_it_is_readable_and_then_it_rests)
{
	int fd = tl_loop_fd();

	CHECK(fd >= 0);
	CHECK_EQ(tl_loop_fd(), fd);
	CHECK(readable(0));
	CHECK_EQ(turn(), 0);
	CHECK_EQ(settle(), 0);
	CHECK_EQ(turn(), 0); /* for nothing */
	CHECK_EQ(settle(), 0);
	CHECK_EQ(tl_finish(), 0);
}

BOTH(the_host_starts_a_task)
{
	settle();
	CHECK_EQ(tl_task_start(NULL, count_up, &n_done, NULL), 0);
	CHECK_EQ(n_done, 0);
	HOST_UNTIL(n_done == 1);
	CHECK_EQ(turns, 2);
	CHECK_EQ(settle(), 0);
	CHECK_EQ(tl_finish(), 0);
}

BOTH(the_host_wakes_resumes_and_cancels)
{
	tl_event e = { 0 };
	tl_strand paused, sleeps;

	tl_task_start(NULL, wait_event, &e, NULL);
	tl_task_start(NULL, count_up, &n_done, &(tl_opts){ .paused = true, .ret = &paused });
	sleeps = start(tl_task_start, NULL, forever, NULL);
	settle();
	CHECK_EQ(n_done, 0);
	tl_event_set(&e);
	HOST_UNTIL(n_done == 1);
	settle();
	CHECK_EQ(tl_resume(paused), 0);
	HOST_UNTIL(n_done == 2);
	settle();
	tl_cancel(sleeps);
	HOST_UNTIL(!tl_alive(sleeps));
	CHECK_EQ(tl_finish(), 0);
}

static int set_off(void *arg)
{
	CHECK(tl_now().ns >= *(int64_t *)arg);
	n_done++;
	return 0;
}

BOTH(timers_are_heard)
{
	int n = 30;
	int64_t soon = tl_after(tl_ms(20)).ns, first = soon - 10000000;

	tl_task_start(NULL, nap, &n, NULL);
	tl_task_start(NULL, set_off, &soon, &(tl_opts){ .at = { soon } });
	tl_task_start(NULL, set_off, &first, &(tl_opts){ .at = { first } }); /* before that one */
	HOST_UNTIL(n_done == 3);
	CHECK(turns <= 2 * (30 + 2) + 5);
	CHECK_EQ(tl_finish(), 0);
}

static int scoped(void *arg)
{
	tl_scope s = { .deadline = tl_after(tl_ms(5)) };

	tl_scope_open(&s);
	CHECK_EQ(forever(arg), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	n_done++;
	return 0;
}

/* More of them at once than one turn takes: the turn says that there are more. */
BOTH(a_crowd_of_timers_takes_turns)
{
	int64_t soon;

	settle();
	soon = tl_after(tl_ms(50)).ns;
	for (int i = 0; i < 1000; i++)
		tl_task_start(NULL, set_off, &soon, &(tl_opts){ .at = { soon } });
	while (tl_now().ns < soon)
		;
	do
		CHECK(turns++ < 1000);
	while (tl_loop_turn());
	CHECK_EQ(n_done, 1000);
	CHECK(turns >= 1000 / 64);
	CHECK_EQ(tl_finish(), 0);
}

BOTH(an_earlier_timer_is_heard)
{
	int n = 3;
	tl_opts far = { .at = tl_after(tl_s(3600)), .daemon = true };

	tl_task_start(NULL, count_up, &n_done, &far);
	settle();
	tl_task_start(NULL, nap, &n, NULL);
	HOST_UNTIL(n_done == 1);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(n_done, 1);
}

BOTH(deadlines_are_heard)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	tl_task_start(&s, scoped, NULL, NULL);
	t = start(tl_task_start, &s, forever, NULL);
	HOST_UNTIL(n_done == 1);
	settle();
	CHECK_EQ(tl_scope_move(&s, tl_after(tl_ms(5))), 0);
	HOST_UNTIL(!tl_alive(t));
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	CHECK_EQ(tl_finish(), 0);
}

/* -- wake-ups from other threads, aimed at every point between two turns */

static tl_sem sem;
static _Atomic int gate, aim;

static int take_all(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		CHECK_EQ(tl_sem_acquire(&sem, TL_NEVER), 0);
		n_done++;
	}
	return 0;
}

static void *shoot(void *arg)
{
	for (int i = 1; i <= *(int *)arg; i++) {
		unsigned spins = (unsigned)i * 2654435761u >> 22;

		UNTIL_RAW(atomic_load(&gate) >= i);
		for (unsigned k = 0; k < spins; k++)
			atomic_fetch_add_explicit(&aim, 1, memory_order_relaxed);
		CHECK_EQ(tl_sem_release(&sem, 1), 0);
	}
	return NULL;
}

/* The gate opens before the last look of a turn, or between it and the poll. */
static void aimed(bool early)
{
	int n = SANITIZED ? 2000 : 5000;
	pthread_t t;

	tl_task_start(NULL, take_all, &n, NULL);
	settle();
	CHECK_EQ(pthread_create(&t, NULL, shoot, &n), 0);
	for (int i = 1; i <= n; i++) {
		if (early)
			atomic_store(&gate, i);
		turn();
		if (!early)
			atomic_store(&gate, i);
		HOST_UNTIL(n_done >= i);
	}
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK(turns <= 5 * n);
	settle();
	CHECK_EQ(tl_finish(), 0);
}

BOTH(a_wake_between_turn_and_poll) { aimed(false); }
BOTH(a_wake_while_the_turn_ends) { aimed(true); }

/* -- descriptors */

static void *write_some(void *arg)
{
	for (int i = 1; i <= *(int *)arg; i++) {
		unsigned spins = (unsigned)i * 2654435761u >> 22;

		UNTIL_RAW(atomic_load(&gate) >= i);
		for (unsigned k = 0; k < spins; k++)
			atomic_fetch_add_explicit(&aim, 1, memory_order_relaxed);
		CHECK_EQ(write(ends[1], "x", 1), 1);
	}
	return NULL;
}

BOTH(bytes_between_turn_and_poll)
{
	int n = SANITIZED ? 1000 : 3000;
	pthread_t t;

	open_ends();
	tl_task_start(NULL, read_all, NULL, NULL);
	settle();
	CHECK_EQ(pthread_create(&t, NULL, write_some, &n), 0);
	for (int i = 1; i <= n; i++) {
		atomic_store(&gate, i);
		HOST_UNTIL(n_done >= i);
	}
	CHECK_EQ(pthread_join(t, NULL), 0);
	settle();
	CHECK_EQ(close(ends[1]), 0);
	HOST_UNTIL(n_done > n);
	CHECK_EQ(tl_close(stream, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

BOTH(an_idle_host_is_left_alone)
{
	int n = 1, few = 0;

	open_ends();
	tl_task_start(NULL, read_all, NULL, NULL);
	tl_task_start(NULL, nap, &n, NULL);
	tl_task_start(NULL, forever, NULL, &(tl_opts){ .daemon = true });
	HOST_UNTIL(n_done == 1);
	for (int i = 2; i < 200; i++) {
		CHECK_EQ(write(ends[1], "x", 1), 1);
		HOST_UNTIL(n_done == i);
		few += settle();
	}
	CHECK(few <= 2); /* each byte was one turn */
	for (int i = 0; i < 20000; i++)
		CHECK(!readable(0));
	CHECK(!readable(100));
	CHECK_EQ(close(ends[1]), 0);
	HOST_UNTIL(n_done > 1000000);
	CHECK_EQ(tl_close(stream, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* What a task has asked of the poller while the host waited in telar must not be forgotten. */
BOTH(the_host_waits_in_telar_between_turns)
{
	tl_event e = { 0 };
	int n = 1, zero = 0;

	open_ends();
	tl_task_start(NULL, read_all, NULL, NULL);
	settle();
	for (int i = 1; i <= 300; i++) {
		CHECK_EQ(write(ends[1], "x", 1), 1);
		switch (i % 5) {
		case 0: CHECK_EQ(tl_sleep(tl_us(100)), 0); break;
		case 1: CHECK_EQ(tl_event_wait(&e, tl_after(tl_us(50))), -ETIMEDOUT); break;
		case 2: CHECK_EQ(tl_yield(), 0); break;
		case 3:
			CHECK_EQ(tl_offload(answer, &zero, sizeof zero, TL_NEVER), 0);
			CHECK_EQ(tl_call(answer, NULL, tl_after(tl_s(30))), 0);
			break;
		case 4: {
			tl_strand t = start(tl_task_start, NULL, nap, &n);

			CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
			n_done--;
			break;
		}
		}
		HOST_UNTIL(n_done == i);
		CHECK_EQ(write(ends[1], "x", 1), 1); /* and now by the descriptor alone */
		n_done--;
		HOST_UNTIL(n_done == i);
	}
	settle();
	CHECK_EQ(close(ends[1]), 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK(n_done > 1000000);
	CHECK_EQ(tl_close(stream, TL_NEVER), 0);
}

/* What woke the task, and then the host, came from outside: nothing here has made either ready. */
static tl_event first, second;
static _Atomic bool task_sleeps;

static int wait_and_nap(void *arg)
{
	CHECK_EQ(tl_event_wait(&first, TL_NEVER), 0);
	atomic_store(&task_sleeps, true);
	return nap(arg);
}

static void *set_both(void *arg)
{
	UNTIL_RAW(tl_state(tl_main()) == TL_BLOCKED);
	for (int i = 0; i < 2000; i++)
		sched_yield(); /* so that it most likely sleeps */
	tl_event_set(&first);
	UNTIL_RAW(atomic_load(&task_sleeps));
	tl_event_set(&second);
	return arg;
}

BOTH(a_timer_made_while_the_host_waited_in_telar)
{
	int n = 1;
	pthread_t t;
	tl_strand s = start(tl_task_start, NULL, wait_and_nap, &n);

	settle();
	CHECK_EQ(pthread_create(&t, NULL, set_both, NULL), 0);
	CHECK_EQ(tl_event_wait(&second, TL_NEVER), 0);
	HOST_UNTIL(!tl_alive(s));
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* The host starts a task, then waits in telar; there that task starts another, and parks. */
static int start_later(void *arg)
{
	int n = *(int *)arg;

	tl_task_start(NULL, count_up, &n_done, &(tl_opts){ .at = tl_after(tl_ms(n)) });
	return tl_sleep(tl_ms(n));
}

BOTH(what_was_begun_while_the_host_waited_goes_on)
{
	int n = 5;

	open_ends(); /* so that it waits in the poller */
	tl_task_start(NULL, read_all, NULL, &(tl_opts){ .daemon = true });
	settle();
	tl_task_start(NULL, start_later, &n, NULL);
	CHECK_EQ(tl_sleep(tl_us(100)), 0);
	HOST_UNTIL(n_done == 1);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(tl_close(stream, TL_NEVER), 0);
}

/* -- other ways in */

BOTH(offloads_come_back)
{
	for (int i = 0; i < 10; i++)
		tl_task_start(NULL, offloads, NULL, NULL);
	HOST_UNTIL(n_done == 10);
	CHECK_EQ(tl_finish(), 0);
}

static int take_shared(void *arg)
{
	_Atomic uint32_t *word = arg;

	for (uint32_t i = 0; i < 100; i = atomic_load(word)) {
		CHECK_EQ(word_wait(word, i, "shared", word, TL_NEVER), 0);
		n_done++;
	}
	return 0;
}

BOTH(another_process_wakes)
{
	_Atomic uint32_t *word = tl_shared(sizeof *word);
	int status;
	pid_t pid;
	tl_strand t;

	CHECK(word != NULL);
	t = start(tl_task_start, NULL, take_shared, word);
	settle();
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			atomic_fetch_add(word, 1);
			word_wake(word, word, 1);
			usleep(100);
		}
		_exit(0);
	}
	HOST_UNTIL(!tl_alive(t));
	CHECK(n_done > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(tl_finish(), 0);
}

BOTH(anywhere_tasks_run_here_too)
{
	CHECK_EQ(tl_workers(1), 0); /* nobody else does */
	settle();
	for (int i = 0; i < 1000; i++)
		tl_task_start(NULL, count_up, &n_done, &(tl_opts){ .anywhere = true });
	HOST_UNTIL(n_done == 1000);
	CHECK(turns >= 1000 / 64);
	settle();
	tl_task_start(NULL, count_up, &n_done, &(tl_opts){ .anywhere = true });
	HOST_UNTIL(n_done == 1001);
	CHECK_EQ(tl_finish(), 0);
}

BOTH(anywhere_tasks_among_workers)
{
	CHECK_EQ(tl_workers(3), 0);
	for (int k = 1; k <= 200; k++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < 50; i++)
			tl_task_start(&s, count_up, &n_done, &(tl_opts){ .anywhere = true });
		turn();
		CHECK_EQ(tl_scope_close(&s), 0); /* all but some were the workers' */
		CHECK_EQ(n_done, k * 50);
	}
	CHECK_EQ(tl_finish(), 0);
}
