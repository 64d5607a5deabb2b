/* Loops that are driven from outside: how long a turn is, several hosts, misuse, the end. */
#include "host.h"
#include "wait/wait.h"
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>

/* -- a turn is short */

BOTH(a_turn_is_64_strands_at_most)
{
	int seen = 0;

	for (int i = 0; i < 1000; i++)
		tl_task_start(NULL, count_up, &n_done, NULL);
	while (n_done < 1000) {
		int more = turn();

		CHECK_EQ(more, n_done < 1000);
		CHECK(n_done > seen && n_done <= seen + 64);
		seen = n_done;
	}
	CHECK_EQ(tl_finish(), 0);
}

static int yields(void *arg)
{
	while (tl_yield() == 0)
		++*(int *)arg;
	return -ECANCELED;
}

BOTH(a_turn_ends_though_tasks_go_on)
{
	int n = 0, before;
	tl_strand t = start(tl_task_start, NULL, yields, &n);

	for (int i = 0; i < 100; i++) {
		before = n;
		CHECK_EQ(turn(), 1);
		CHECK(n > before && n <= before + 64);
	}
	tl_cancel(t);
	HOST_UNTIL(!tl_alive(t));
	CHECK_EQ(tl_finish(), 0);
}

/* -- two of them */

static tl_queue *there, *back;

static int pong(void *arg)
{
	int item;

	(void)arg;
	while (tl_queue_get(there, &item, sizeof item, TL_NEVER) == sizeof item)
		CHECK_EQ(tl_queue_put(back, &item, sizeof item, TL_NEVER), 0);
	tl_queue_end(back);
	n_done++;
	return 0;
}

static int ping(void *arg)
{
	int item, n = SANITIZED ? 1000 : 4000;

	(void)arg;
	for (int i = 0; i < n; i++) {
		CHECK_EQ(tl_queue_put(there, &i, sizeof i, TL_NEVER), 0);
		CHECK_EQ(tl_queue_get(back, &item, sizeof item, TL_NEVER), (int)sizeof item);
		CHECK_EQ(item, i);
	}
	tl_queue_end(there);
	n_done++;
	return 0;
}

static void *second_host(void *arg)
{
	tl_scope s = { 0 };
	tl_strand t;

	(void)arg;
	CHECK_EQ(tl_task_start(NULL, pong, NULL, NULL), -EINVAL); /* foreign: no scope of its own */
	tl_scope_open(&s);
	t = start(tl_task_start, &s, pong, NULL);
	HOST_UNTIL(!tl_alive(t));
	CHECK_EQ(tl_scope_close(&s), 0);
	return NULL;
}

BOTH(two_hosts_talk)
{
	tl_strand here;
	pthread_t t;

	CHECK_EQ(tl_queue_open(&there, NULL), 0);
	CHECK_EQ(tl_queue_open(&back, NULL), 0);
	CHECK_EQ(pthread_create(&t, NULL, second_host, NULL), 0);
	here = start(tl_task_start, NULL, ping, NULL);
	HOST_UNTIL(!tl_alive(here));
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(n_done, 2);
	CHECK_EQ(tl_finish(), 0);
	tl_queue_close(there);
	tl_queue_close(back);
}

/* -- misuse */

static int turns_inside(void *arg)
{
	(void)arg;
	CHECK(tl_loop_fd() >= 0);
	CHECK_EQ(tl_loop_turn(), -EDEADLK);
	CHECK_EQ(tl_loop_close(), -EDEADLK);
	n_done++;
	return 0;
}

BOTH(a_task_cannot_turn_its_loop)
{
	tl_on_report(remember, NULL);
	tl_task_start(NULL, turns_inside, NULL, NULL);
	HOST_UNTIL(n_done == 1);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 2);
	CHECK_EQ(tl_join(start(tl_task_start, NULL, turns_inside, NULL), NULL, TL_NEVER), 0);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 4); /* in place, while the host waits */
	CHECK_EQ(turn(), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* -- a host that needs no descriptor */

BOTH(turns_without_a_descriptor)
{
	int n = 3;

	open_ends();
	tl_task_start(NULL, read_all, NULL, NULL);
	tl_task_start(NULL, nap, &n, NULL);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	while (n_done < 2) {
		CHECK(tl_loop_turn() >= 0);
		usleep(500);
	}
	CHECK_EQ(close(ends[1]), 0);
	while (n_done < 1000000)
		CHECK(tl_loop_turn() >= 0);
	CHECK_EQ(tl_loop_turn(), 0);
	CHECK_EQ(tl_close(stream, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* -- the end */

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int sleep_here(void *arg)
{
	(void)arg;
	return tl_sleep(tl_ms(1));
}

static _Atomic int n_hosts;

/* Ends with its mark of sleep up; perhaps while a kick for it is on its way. */
static void *brief_host(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, sleep_here, NULL, NULL);
	tl_task_start(&s, wait_event, arg, NULL);
	settle();
	atomic_fetch_add(&n_hosts, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	settle();
	return NULL;
}

BOTH(a_thread_gives_all_back)
{
	tl_on_report(remember, NULL);
	tl_sleep(tl_ms(1));
	for (int i = 0, before = open_files(); i < 200; i++) {
		tl_event e = { 0 };
		pthread_t t;

		CHECK_EQ(pthread_create(&t, NULL, brief_host, &e), 0);
		UNTIL_RAW(atomic_load(&n_hosts) == i + 1);
		tl_event_set(&e);
		CHECK_EQ(pthread_join(t, NULL), 0);
		CHECK_EQ(open_files(), before);
	}
	CHECK_EQ(seen_reports[TL_R_MISUSE], 0);
	CHECK_EQ(tl_finish(), 0);
}

/* The one wait in which a thread sleeps as a whole takes back the mark of sleep, too. */
static void *shared_host(void *arg)
{
	_Atomic uint32_t *word = arg;
	tl_scope s = { 0 };

	settle();
	CHECK_EQ(word_wait(word, 0, "shared", word, tl_after(tl_ms(1))), -ETIMEDOUT);
	tl_scope_open(&s);
	tl_task_start(&s, count_up, &n_done, NULL);
	HOST_UNTIL(n_done == 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	return NULL;
}

BOTH(a_host_waits_for_shared_memory)
{
	_Atomic uint32_t *word = tl_shared(sizeof *word);
	pthread_t t;

	CHECK(word != NULL);
	CHECK_EQ(pthread_create(&t, NULL, shared_host, (void *)word), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

/* Telar's own threads may be hosts too. */
static int host_thread(void *arg)
{
	int n = 3;

	tl_task_start(NULL, nap, &n, NULL);
	HOST_UNTIL(n_done == *(int *)arg);
	return 0;
}

BOTH(a_telar_thread_hosts)
{
	for (int i = 1; i <= 20; i++) {
		tl_strand t = start(tl_thread_start, NULL, host_thread, &i);

		CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	}
	CHECK_EQ(tl_finish(), 0);
}

BOTH(close_and_open_again)
{
	tl_event e = { 0 };
	int files;

	CHECK_EQ(tl_loop_close(), 0); /* of nothing */
	settle();
	files = open_files();
	tl_task_start(NULL, wait_event, &e, NULL);
	settle();
	CHECK_EQ(tl_loop_close(), 0);
	CHECK_EQ(open_files(), files - 3);
	tl_event_set(&e);
	CHECK_EQ(tl_yield(), 0); /* its thread runs it as ever */
	CHECK_EQ(n_done, 1);
	tl_event_clear(&e);
	tl_task_start(NULL, wait_event, &e, NULL);
	settle();
	CHECK_EQ(open_files(), files);
	tl_event_set(&e);
	HOST_UNTIL(n_done == 2);
	CHECK_EQ(tl_finish(), 0);
}

static int fork_in_a_turn(void *arg)
{
	(void)arg;
	if (fork() == 0) {
		tl_strand t = start(tl_task_start, NULL, sleep_here, NULL);

		CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0); /* it is the thread now */
		CHECK_EQ(tl_finish(), 0);
		_exit(0);
	}
	return 0;
}

BOTH(a_forked_child_hosts_anew)
{
	int n = 3, status, fd = tl_loop_fd();
	pid_t pid;

	tl_task_start(NULL, nap, &n, NULL);
	turn();
	pid = fork();
	if (pid == 0) {
		CHECK_EQ(fcntl(fd, F_GETFD), -1);
		tl_task_start(NULL, nap, &n, NULL);
		HOST_UNTIL(n_done == 1);
		CHECK_EQ(tl_finish(), 0);
		_exit(0);
	}
	HOST_UNTIL(n_done == 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	tl_task_start(NULL, fork_in_a_turn, NULL, NULL);
	settle();
	CHECK(wait(&status) > 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(tl_finish(), 0);
}

/* -- the host may have something up its sleeve */

BOTH(a_host_that_waits_is_no_deadlock)
{
	tl_event e = { 0 };
	tl_strand here, t;

	tl_on_report(remember, NULL);
	here = start(tl_task_start, NULL, wait_event, &e);
	settle();
	t = start(tl_thread_start, NULL, wait_event, &e);
	UNTIL_RAW(tl_state(t) == TL_BLOCKED);
	CHECK(!readable(50));
	tl_event_set(&e);
	HOST_UNTIL(!tl_alive(here));
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(n_done, 2);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
}

/* -- GLib's main loop, if its library is there */

typedef int glib_fd_fn(int fd, unsigned condition, void *arg);
typedef int glib_fn(void *arg);

static struct {
	void *(*loop_new)(void *context, int running);
	void (*loop_run)(void *loop);
	void (*loop_quit)(void *loop);
	void (*loop_unref)(void *loop);
	unsigned (*fd_add)(int fd, unsigned condition, glib_fd_fn *fn, void *arg);
	unsigned (*timeout_add)(unsigned ms, glib_fn *fn, void *arg);
} glib;
static int ticks;

static void load_glib(void)
{
	void *lib = dlopen("libglib-2.0.so.0", RTLD_NOW);

	if (!lib)
		SKIP("GLib is not installed (libglib2.0-0)");
	*(void **)&glib.loop_new = dlsym(lib, "g_main_loop_new");
	*(void **)&glib.loop_run = dlsym(lib, "g_main_loop_run");
	*(void **)&glib.loop_quit = dlsym(lib, "g_main_loop_quit");
	*(void **)&glib.loop_unref = dlsym(lib, "g_main_loop_unref");
	*(void **)&glib.fd_add = dlsym(lib, "g_unix_fd_add");
	*(void **)&glib.timeout_add = dlsym(lib, "g_timeout_add");
	CHECK(glib.loop_new && glib.loop_run && glib.loop_quit && glib.loop_unref && glib.fd_add &&
		glib.timeout_add);
}

static int turn_in_glib(int fd, unsigned condition, void *loop)
{
	CHECK(fd == tl_loop_fd() && condition == POLLIN);
	turn();
	if (n_done == 2 && ticks > 3)
		glib.loop_quit(loop);
	return 1;
}

static int tick(void *arg)
{
	ticks++;
	tl_task_start(NULL, answer, NULL, NULL); /* so that there is a last turn */
	return (void)arg, 1;
}

BOTH(inside_glib)
{
	int n = 20;
	void *loop;

	load_glib();
	loop = glib.loop_new(NULL, 0);
	tl_task_start(NULL, nap, &n, NULL);
	tl_task_start(NULL, offloads, NULL, NULL);
	CHECK(glib.fd_add(tl_loop_fd(), POLLIN, turn_in_glib, loop) > 0);
	CHECK(glib.timeout_add(5, tick, NULL) > 0);
	glib.loop_run(loop);
	glib.loop_unref(loop);
	CHECK_EQ(n_done, 2);
	CHECK_EQ(tl_finish(), 0);
}
