/* test_zygote_stopped.c - a zygote that somebody has stopped or that is slow, and a fork while one
 * is made. */
#include "zygotes.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void await_begun(void)
{
	while (!m->begun)
		tl_sleep(tl_ms(1));
}

static void stop(pid_t pid)
{
	char path[40], state = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	while (state != 'T') {
		FILE *f = fopen(path, "r");

		CHECK(f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
		fclose(f);
	}
}

static int asks_id(void *t) { return tl_os_id(*(tl_strand *)t); }
static int signals(void *t) { return tl_signal(*(tl_strand *)t, 0); }
static int lets_go_on(void *pid) { return kill(*(pid_t *)pid, SIGCONT); }

/* Who wants to know a process's id before it is forked leaves his loop to others. */
TEST(stopped_it_blocks_no_loop)
{
	tl_scope s = { 0 };
	tl_strand t, a, b;
	tl_end id, sig;
	pid_t z;

	z = zygote_now();
	stop(z);
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, stays, m, &(tl_opts){ .ret = &t }), 0);
	tl_task_start(&s, asks_id, &t, &(tl_opts){ .ret = &a });
	tl_task_start(&s, signals, &t, &(tl_opts){ .ret = &b });
	tl_task_start(&s, lets_go_on, &z, NULL);
	CHECK_EQ(tl_join(a, &id, TL_NEVER), 0);
	CHECK_EQ(tl_join(b, &sig, TL_NEVER), 0);
	CHECK(id.value > 0 && id.value == tl_os_id(t));
	CHECK_EQ(sig.value, 0);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int deaf(void *arg)
{
	signal(SIGTERM, SIG_IGN);
	((struct shared *)arg)->begun++;
	while (arg)
		pause();
	return 0;
}

static void ends_deaf_ones(bool stopped_first)
{
	tl_scope s = { .grace = tl_ms(300) };
	pid_t z;

	z = zygote_now();
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, deaf, m, NULL), 0);
	await_begun();
	if (stopped_first)
		stop(z);
	tl_scope_cancel(&s);
	if (!stopped_first)
		stop(z);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(stopped_it_ends_them) { ends_deaf_ones(true); }
TEST(stopped_too_late_it_ends_them) { ends_deaf_ones(false); }

static int counts_one(void *arg)
{
	((struct shared *)arg)->begun++;
	return 0;
}

/* Who starts more than the line holds does not wait for somebody to continue it. */
TEST_LIMIT(stopped_it_takes_many, 60)
{
	stop(zygote_now());
	for (int i = 0; i < 400; i++)
		CHECK_EQ(tl_process_start(NULL, counts_one, m, NULL), 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(m->begun, 400);
}

static int counts(void *arg)
{
	CHECK(tl_given_fd(31) > 0);
	return counts_one(arg);
}

/* A user may not have more descriptors under way than one process may have: wait for the zygote. */
TEST(many_descriptors_under_way)
{
	struct rlimit few = { 100, 100 };
	int many[32] = { 0 };
	tl_process_opts o = { .fds = many, .n_fds = 32 };

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		SKIP("cannot become a user that has limits");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	zygote_now();
	for (int i = 0; i < 40; i++)
		CHECK_EQ(tl_process_start(NULL, counts, m, &(tl_opts){ .process = &o }), 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(m->begun, 40);
}

/* -- a fork while it is made */

__attribute__((constructor)) static void begin_slowly(void)
{
	FILE *f;

	if (!getenv("TELAR_ZYGOTE") || !getenv("TEST_SLOW"))
		return;
	f = fopen("made~", "w");
	CHECK(f && fprintf(f, "%d\n", (int)getpid()) > 0);
	fclose(f);
	CHECK_EQ(rename("made~", "made"), 0);
	for (int i = 0; i < 60000 && access("go", F_OK) < 0; i++)
		usleep(1000);
}

static void *makes(void *arg)
{
	CHECK_EQ(tl_zygote_start(), 0);
	return arg;
}

static void await_file(const char *name)
{
	while (access(name, F_OK) < 0)
		usleep(1000);
}

/* Another of its threads forks just then; the child lives on. */
static void forks_while_it_is_made(int tell)
{
	pthread_t maker;
	pid_t child;

	setenv("TEST_SLOW", "1", 1);
	CHECK_EQ(pthread_create(&maker, NULL, makes, NULL), 0);
	await_file("made");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	close(open("go", O_CREAT | O_WRONLY, 0600));
	CHECK_EQ(pthread_join(maker, NULL), 0);
	CHECK_EQ(write(tell, &child, sizeof child), sizeof child);
	for (;;)
		pause();
}

/* The child must not keep the line, or the zygote would not see its program's end. */
TEST(forked_while_it_is_made)
{
	struct pollfd end = { .events = POLLIN };
	pid_t program, child, zygote;
	int p[2];
	FILE *f;

	unlink("made");
	unlink("go");
	CHECK_EQ(pipe(p), 0);
	program = fork();
	if (program == 0)
		forks_while_it_is_made(p[1]);
	CHECK_EQ(read(p[0], &child, sizeof child), sizeof child);
	f = fopen("made", "r");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%d", &zygote), 1);
	fclose(f);
	end.fd = (int)syscall(SYS_pidfd_open, zygote, 0);
	CHECK(end.fd >= 0);
	CHECK_EQ(kill(program, SIGKILL), 0);
	CHECK_EQ(waitpid(program, NULL, 0), program);
	CHECK_EQ(poll(&end, 1, -1), 1);
	CHECK_EQ(kill(child, SIGKILL), 0);
}
