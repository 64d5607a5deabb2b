/* The zygote: it may be killed, interrupted and replaced; it is in nobody's way. */
#include "gone.h"
#include "zygotes.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* D11: a zygote that was killed is replaced */
TEST(killed_and_replaced)
{
	pid_t first, second;

	share();
	first = zygote_now();
	CHECK_EQ(zygote_now(), first);
	CHECK_EQ(kill(first, SIGKILL), 0);
	gone(first);
	second = zygote_now();
	CHECK(second != first);
	CHECK_EQ(kill(second, 0), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* Not even a moment between: it dies with the order, or is found dead by the start. */
TEST(killed_before_each_start)
{
	share();
	for (int i = 0; i < 5; i++)
		CHECK_EQ(kill(zygote_now(), SIGKILL), 0);
	CHECK_EQ(zygote_now() > 0, 1);
}

TEST(its_processes_go_with_it)
{
	tl_scope s = { .keep_going = true };
	tl_strand t[3];
	tl_end e;

	share();
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		tl_process_start(&s, stays, m, &(tl_opts){ .ret = &t[i] });
	while (m->begun < 3)
		tl_sleep(tl_ms(1));
	CHECK_EQ(kill(zygote_now(), SIGKILL), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_join(t[i], &e, TL_NEVER), 0);
		CHECK_EQ(e.how, TL_UNKNOWN);
		gone(tl_os_id(t[i]));
	}
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
	CHECK_EQ(s.n_failures, 3);
}

/* D11: the zygote survives an interrupt from the terminal */
TEST(interrupted)
{
	const int sigs[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGUSR1, SIGPIPE };
	pid_t z;

	share();
	z = zygote_now();
	for (int i = 0; i < 7; i++)
		CHECK_EQ(kill(z, sigs[i]), 0);
	CHECK_EQ(zygote_now(), z);
	CHECK_EQ(tl_finish(), 0);
}

static _Atomic int children;
static void on_child(int sig) { (void)sig, children++; }

/* D11: a program that waits for all its children does not wait for ours */
TEST(nobodys_child)
{
	signal(SIGCHLD, on_child);
	share();
	CHECK_EQ(kill(zygote_now(), SIGKILL), 0);
	gone(m->zygote);
	zygote_now();
	CHECK_EQ(waitpid(-1, NULL, 0), -1);
	CHECK_EQ(errno, ECHILD);
	CHECK_EQ(children, 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(no_group_of_its_own)
{
	share();
	CHECK_EQ(getpgid(zygote_now()), getpgid(0));
	CHECK_EQ(getsid(m->zygote), getsid(0));
}

/* Another user, group, capability or no_new_privs: the next process is another zygote's, and those
 * of the first live on. */
TEST(replaced_with_other_rights)
{
	tl_strand t;
	pid_t first;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		SKIP("there is no right left to give up");
	share();
	first = zygote_now();
	tl_process_start(NULL, stays, m, &(tl_opts){ .ret = &t });
	while (!m->begun)
		tl_sleep(tl_ms(1));
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK(zygote_now() != first);
	CHECK(tl_alive(t));
	CHECK_EQ(kill(first, 0), 0);
	tl_cancel(t);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	gone(first);
	CHECK_EQ(tl_finish(), 0);
}

/* One more filter for seccomp, which forbids nothing. */
static int add_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog p = { 1, &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) < 0 ? -errno : 0;
}

static bool filters_are_told(void)
{
	char text[4096] = "";
	FILE *f = fopen("/proc/self/status", "re");
	bool found;

	CHECK(f);
	CHECK(fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	found = strstr(text, "Seccomp_filters:");
	return found;
}

/* A filter that comes after others is as good a reason for another zygote as the first. */
TEST(replaced_with_one_more_filter)
{
	pid_t first;

	if (add_filter() < 0 || !filters_are_told())
		SKIP("no seccomp filters here, or the system does not tell how many");
	share();
	first = zygote_now();
	CHECK_EQ(zygote_now(), first);
	CHECK_EQ(add_filter(), 0);
	CHECK(zygote_now() != first);
	gone(first);
	CHECK_EQ(tl_finish(), 0);
}

TEST(early)
{
	pid_t z;

	share();
	CHECK_EQ(tl_zygote_start(), 0);
	CHECK_EQ(tl_zygote_start(), 0);
	z = zygote_now();
	CHECK_EQ(zygote_now(), z);
}

static int starts_one(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_process_start(&s, notes_zygote, arg, NULL);
	((struct shared *)arg)->inner = tl_scope_close(&s);
	return ((struct shared *)arg)->inner;
}

/* D11: a process may start processes of its own, which end with it */
TEST(nested)
{
	pid_t own;

	share();
	m->inner = 1;
	own = zygote_now();
	tl_process_start(NULL, starts_one, m, NULL);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(m->inner, 0);
	CHECK(m->zygote != own);
	gone(m->zygote);
}

static int starts_many(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 10; i++)
		tl_process_start(&s, notes_zygote, arg, NULL);
	return tl_scope_close(&s);
}

/* D11: from tasks and threads alike; the first ones meet at a zygote that is only being made */
TEST(started_from_everywhere)
{
	share();
	for (int i = 0; i < 4; i++) {
		tl_thread_start(NULL, starts_many, m, NULL);
		tl_task_start(NULL, starts_many, m, NULL);
	}
	CHECK_EQ(tl_finish(), 0);
}

static int counts(void *arg)
{
	struct shared *s = arg;
	int r = tl_lock_acquire(&s->lock, TL_NEVER);

	if (r < 0)
		return r;
	s->a++;
	tl_lock_release(&s->lock);
	return 0;
}

TEST_LIMIT(a_thousand_starts, 120)
{
	enum { N = 1000, AT_A_TIME = 10 };

	share();
	for (int i = 0; i < N; i += AT_A_TIME) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int k = 0; k < AT_A_TIME; k++)
			tl_process_start(&s, counts, m, NULL);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(m->a, N);
	CHECK_EQ(tl_finish(), 0);
}

static int ticks(void *arg)
{
	while (!((struct shared *)arg)->inner)
		if (tl_sleep(tl_ms(1)) < 0)
			return 0;
	return 0;
}

static int waits_for_one(void *arg)
{
	struct shared *s = arg;
	tl_strand t;
	int r;

	tl_process_start(NULL, stays, s, &(tl_opts){ .ret = &t });
	r = tl_join(t, NULL, tl_after(tl_ms(50)));
	CHECK_EQ(r, -ETIMEDOUT);
	tl_cancel(t);
	r = tl_join(t, NULL, TL_NEVER);
	s->inner = 1;
	return r;
}

/* D11: a join that is given up leaves the process running, and blocks no loop */
TEST(join_blocks_no_loop)
{
	share();
	tl_task_start(NULL, waits_for_one, m, NULL);
	tl_task_start(NULL, ticks, m, NULL);
	CHECK_EQ(tl_finish(), 0);
}

static int forks_and_stays(void *arg)
{
	((struct shared *)arg)->inner = getpid();
	return stays(arg);
}

/* D11: processes end with their program, even if it is killed and a plain fork of it lives on */
TEST(plain_fork_does_not_keep_them)
{
	pid_t program, keeper;
	int p[2];

	share();
	CHECK_EQ(pipe(p), 0);
	program = fork();
	if (program == 0) {
		tl_process_start(NULL, forks_and_stays, m, NULL);
		while (!m->begun)
			usleep(1000);
		keeper = fork();
		if (keeper == 0) {
			close(p[1]);
			for (;;)
				pause();
		}
		CHECK_EQ(write(p[1], &keeper, sizeof keeper), sizeof keeper);
		for (;;)
			pause();
	}
	CHECK_EQ(read(p[0], &keeper, sizeof keeper), sizeof keeper);
	CHECK_EQ(kill(program, SIGKILL), 0);
	CHECK_EQ(waitpid(program, NULL, 0), program);
	gone(m->inner);
	CHECK_EQ(kill(keeper, SIGKILL), 0);
}

static int leaves_one_behind(void *arg)
{
	pid_t pid;

	CHECK_EQ(getpgid(0), getpid());
	pid = fork();
	if (pid == 0) {
		alarm(100); /* should all else fail */
		while (getppid() > 0)
			pause();
	}
	((struct shared *)arg)->inner = pid;
	return 0;
}

/* Its own group: what it has forked there goes with it. */
TEST(group_ends_with_it)
{
	tl_process_opts p = { .group = true };

	share();
	tl_process_start(NULL, leaves_one_behind, m, &(tl_opts){ .process = &p });
	CHECK_EQ(tl_finish(), 0);
	CHECK(m->inner > 0);
	gone(m->inner);
}

/* A system that forks no more: the process's own failure, which says so. */
TEST(fork_is_refused)
{
	tl_scope s = { .keep_going = true };
	struct rlimit none = { 0 };
	tl_strand t;
	tl_end e;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		SKIP("cannot become a user that has limits");
	if (access("/proc/self/exe", X_OK) < 0)
		SKIP("this program is not for that user: it was built with a strict umask");
	share();
	zygote_now();
	CHECK_EQ(prlimit(m->zygote, RLIMIT_NPROC, &none, NULL), 0);
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, stays, m, &(tl_opts){ .ret = &t }), 0);
	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	CHECK_EQ(e.how, TL_RETURNED);
	CHECK_EQ(e.value, -EAGAIN);
	CHECK_EQ(tl_scope_close(&s), -EAGAIN);
}

static int never(void *arg)
{
	(void)arg;
	_exit(99);
}

/* A zygote that may not have so many open files: the process does not begin without them. */
TEST(given_are_too_many)
{
	struct rlimit few = { 16, 16 };
	int many[32] = { 0 };
	tl_scope s = { .keep_going = true };
	tl_strand t;
	tl_end e;

	share();
	CHECK_EQ(prlimit(zygote_now(), RLIMIT_NOFILE, &few, NULL), 0);
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, never, NULL,
			 &(tl_opts){ .ret = &t,
				 .process = &(tl_process_opts){ .fds = many, .n_fds = 32 } }),
		0);
	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	CHECK_EQ(e.how, TL_RETURNED);
	CHECK_EQ(e.value, -EMFILE);
	CHECK_EQ(tl_scope_close(&s), -EMFILE);
	CHECK(zygote_now() > 0);
}

/* ulimit -f: there is no window then, and so no process; nobody is killed for asking. */
TEST(files_may_not_be_long)
{
	struct rlimit short_ones = { 1 << 20, 1 << 20 };

	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &short_ones), 0);
	CHECK(!tl_shared(100));
	CHECK_EQ(tl_zygote_start(), -ENOSPC);
	CHECK_EQ(tl_finish(), 0);
}

/* D11: a program that is marked as a zygote by hand runs as ever */
TEST(mark_by_hand)
{
	char *argv[] = { "/proc/self/exe", "early", NULL };
	int status;
	pid_t pid;

	setenv("TELAR_ZYGOTE", "1:7ea000000000", 1);
	pid = fork();
	if (pid == 0)
		execv(argv[0], argv);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}
