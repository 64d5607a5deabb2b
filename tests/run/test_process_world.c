/* What a process finds: its program's environment, directory, umask and streams of the moment, its
 * name and its parent, descriptors given to it and no others. */
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <telar.h>

struct seen {
	pid_t pid, parent, zygote;
	char name[32], cwd[PATH_MAX], value[40];
	mode_t umask;
	int threads, fds, given, kind;
	bool has_mark, main_is_self, blocked;
	_Atomic int count;
};

static struct seen *seen;

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int looks(void *arg)
{
	struct seen *s = arg;
	const char *value = getenv("TEST_VALUE");
	sigset_t mask;

	s->pid = getpid();
	s->parent = tl_parent_pid();
	s->zygote = getppid();
	snprintf(s->name, sizeof s->name, "%s", tl_my_name());
	snprintf(s->value, sizeof s->value, "%s", value ? value : "(none)");
	CHECK(getcwd(s->cwd, sizeof s->cwd));
	s->umask = umask(0);
	s->has_mark = getenv("TELAR_ZYGOTE") != NULL;
	s->threads = count_entries("/proc/self/task");
	s->fds = count_entries("/proc/self/fd") - 1;
	s->kind = tl_kind(tl_self());
	s->main_is_self = tl_main().id == tl_self().id;
	s->given = tl_given_fd(0);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	s->blocked = false;
	for (int i = 1; i < 32; i++)
		s->blocked |= sigismember(&mask, i) == 1;
	s->count++;
	return 0;
}

static void run(const tl_process_opts *o)
{
	tl_scope s = { 0 };

	if (!seen)
		seen = tl_shared(sizeof *seen);
	CHECK(seen);
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, looks, seen, &(tl_opts){ .process = o }), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int starts_one(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_process_start(&s, looks, arg, NULL);
	return tl_scope_close(&s);
}

/* D11: names count per kind, and those of a process's own follow its number */
TEST(names)
{
	run(NULL);
	CHECK_STR(seen->name, "Process-1");
	CHECK_EQ(tl_process_start(NULL, starts_one, seen, NULL), 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK_STR(seen->name, "Process-2:1");
}

/* D11: it knows who started it, and has one thread */
TEST(identity)
{
	run(NULL);
	CHECK(seen->pid != getpid());
	CHECK_EQ(seen->parent, getpid());
	CHECK_EQ(seen->kind, TL_PROCESS);
	CHECK(seen->main_is_self);
	CHECK_EQ(seen->threads, 1 + TSAN); /* which has one of its own */
	CHECK(!seen->has_mark);
	CHECK(!seen->blocked);
	CHECK_EQ(tl_parent_pid(), getppid());
	CHECK_EQ(tl_finish(), 0);
}

/* D11: environment, directory and streams are those of the moment */
TEST(environment_of_the_moment)
{
	run(NULL);
	CHECK_STR(seen->value, "(none)");
	setenv("TEST_VALUE", "one", 1);
	run(NULL);
	CHECK_STR(seen->value, "one");
	unsetenv("TEST_VALUE");
	run(NULL);
	CHECK_STR(seen->value, "(none)");
	clearenv();
	run(NULL);
	CHECK_EQ(seen->count, 4);
}

TEST(directory_and_umask_of_the_moment)
{
	char here[PATH_MAX];

	umask(022);
	run(NULL);
	CHECK_EQ(seen->umask, 022);
	CHECK_EQ(mkdir("there", 0777), 0);
	CHECK_EQ(chdir("there"), 0);
	umask(027);
	run(NULL);
	CHECK(getcwd(here, sizeof here));
	CHECK_STR(seen->cwd, here);
	CHECK_EQ(seen->umask, 027);
	CHECK_EQ(umask(0), 027); /* what it did to its own is its own */
	run(&(tl_process_opts){ .cwd = "/" });
	CHECK_STR(seen->cwd, "/");
	CHECK(getcwd(here, sizeof here) && strcmp(here, "/") != 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(directory_that_is_not_there)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_process_start(&s, looks, NULL,
		&(tl_opts){ .process = &(tl_process_opts){ .cwd = "nowhere/at/all" } });
	CHECK_EQ(tl_scope_close(&s), -ENOENT);
}

/* D11: no descriptor leaks into it: standard streams, the window's file, and what it was given */
TEST(no_descriptor_leaks)
{
	int fds[] = { open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY) }, before;

	CHECK(fds[0] > 2 && fds[1] > 2); /* without O_CLOEXEC */
	run(NULL);
	CHECK_EQ(seen->fds, 4);
	CHECK_EQ(seen->given, -EBADF);
	before = count_entries("/proc/self/fd");
	run(&(tl_process_opts){ .fds = fds, .n_fds = 2 });
	CHECK_EQ(seen->fds, 6);
	CHECK(seen->given > 2);
	CHECK_EQ(count_entries("/proc/self/fd"), before);
	CHECK_EQ(tl_finish(), 0);
}

static int writes_to_given(void *arg)
{
	(void)arg;
	return write(tl_given_fd(0), "given", 5) == 5 ? 0 : -EIO;
}

TEST(given_descriptor)
{
	char text[8] = "";
	int p[2];

	CHECK_EQ(pipe(p), 0);
	tl_process_start(NULL, writes_to_given, NULL,
		&(tl_opts){ .process = &(tl_process_opts){ .fds = &p[1], .n_fds = 1 } });
	CHECK_EQ(close(p[1]), 0);
	CHECK_EQ(read(p[0], text, sizeof text), 5);
	CHECK_STR(text, "given");
	CHECK_EQ(read(p[0], text, sizeof text), 0); /* nobody else has it: neither has the zygote */
	CHECK_EQ(tl_finish(), 0);
}

static void misuse(const tl_report *r, void *arg)
{
	(void)arg;
	CHECK_EQ(r->kind, TL_R_MISUSE);
}

TEST(refused)
{
	static int local;
	int bad = 1000, many[40] = { 0 };
	const struct {
		void *arg;
		tl_opts o;
		int r;
	} cases[] = {
		{ &local, { 0 }, -EINVAL },
		{ NULL, { .every = tl_s(1) }, -EINVAL },
		{ NULL, { .stack = 1 << 20 }, -EINVAL },
		{ NULL, { .thread = &(tl_thread_opts){ 0 } }, -EINVAL },
		{ NULL, { .copy = 1 }, -EINVAL },
		{ NULL, { .process = &(tl_process_opts){ .reserved = { 1 } } }, -EINVAL },
		{ NULL, { .process = &(tl_process_opts){ .n_fds = 1 } }, -EINVAL },
		{ NULL, { .process = &(tl_process_opts){ .fds = many, .n_fds = 40 } }, -EINVAL },
		{ NULL, { .process = &(tl_process_opts){ .fds = &bad, .n_fds = 1 } }, -EBADF },
	};

	tl_on_report(misuse, NULL);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		tl_scope s = { 0 };
		tl_opts o = cases[i].o;
		tl_strand t = { 1 };

		o.ret = &t;
		tl_scope_open(&s);
		CHECK_EQ(tl_process_start(&s, looks, cases[i].arg, &o), cases[i].r);
		CHECK_EQ(t.id, 0);
		CHECK_EQ(tl_scope_close(&s), cases[i].r);
	}
	CHECK_EQ(tl_task_start(NULL, looks, NULL, &(tl_opts){ .process = &(tl_process_opts){ 0 } }),
		-EINVAL);
}

static int prints(void *arg)
{
	printf("%s\n", (const char *)arg);
	return 0;
}

static void read_back(const char *path, const char *expected)
{
	char text[200] = "";
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
	CHECK_STR(text, expected);
	close(fd);
}

/* D11: standard streams are flushed at its end; what its program had buffered comes before */
TEST(streams_of_the_moment)
{
	int out;

	tl_zygote_start(); /* it has the old one */
	out = open("out", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	CHECK(out >= 0 && dup2(out, 1) == 1);
	printf("program\n");
	tl_process_start(NULL, prints, "process", &(tl_opts){ .copy = sizeof "process" });
	CHECK_EQ(tl_finish(), 0);
	read_back("out", "program\nprocess\n");
}

static int counts_streams(void *arg)
{
	(void)arg;
	return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) >= 0 ? 0 : -EINVAL;
}

TEST(closed_stream_stays_closed)
{
	tl_scope s = { 0 };

	close(0);
	tl_scope_open(&s);
	tl_process_start(&s, counts_streams, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D11: an error in that flush changes nothing */
TEST(flush_that_fails)
{
	tl_scope s = { 0 };
	tl_strand t;
	tl_end e;
	int full = open("/dev/full", O_WRONLY);

	CHECK(full >= 0 && dup2(full, 1) == 1);
	tl_scope_open(&s);
	tl_process_start(&s, prints, "process", &(tl_opts){ .copy = sizeof "process", .ret = &t });
	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	CHECK_EQ(e.how, TL_RETURNED);
	CHECK_EQ(e.value, 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static _Atomic int holds;
static int holds_stdout(void *arg)
{
	(void)arg;
	flockfile(stdout);
	holds = 1;
	for (int i = 0; i < 1000000; i++)
		sleep(1000);
	return 0;
}

static void *foreign(void *arg) { return (void)holds_stdout(arg), NULL; }

static int leaves_a_holder(void *arg)
{
	pthread_t t;

	(void)arg;
	CHECK_EQ(pthread_create(&t, NULL, foreign, NULL), 0);
	while (!holds)
		usleep(100);
	return 5;
}

/* D11: a stream that a thread holds for ever hangs neither start nor end */
TEST(held_stream_hangs_nobody)
{
	tl_strand t;
	tl_end e;

	if (TSAN)
		SKIP("the sanitizer itself flushes stdout at the end");
	leaves_a_holder(NULL);
	tl_process_start(NULL, leaves_a_holder, NULL, &(tl_opts){ .ret = &t });
	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	CHECK_EQ(e.value, 5);
	_exit(0);
}

static void never(void) { CHECK(!"atexit of the program ran in a process"); }

/* D11: what is registered for the end of the program is not run in a process */
TEST(atexit_is_not_inherited)
{
	tl_scope s = { 0 };

	atexit(never);
	run(NULL);
	tl_scope_open(&s);
	tl_process_start(&s, looks, seen, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	_exit(0);
}

static int none(void *arg)
{
	(void)arg;
	return 0;
}

static int tells_ids(void *arg)
{
	tl_strand *ids = *(tl_strand **)arg;

	ids[0] = tl_self();
	return tl_task_start(NULL, none, NULL, &(tl_opts){ .ret = &ids[1] });
}

/* A strand of another process is not found here under its id, nor one of ours there. */
TEST(ids_are_of_one_process)
{
	tl_strand *ids = tl_shared(4 * sizeof *ids);

	for (int i = 0; i < 2; i++) {
		tl_strand *two = ids + 2 * i;

		CHECK_EQ(tl_process_start(NULL, tells_ids, &two, &(tl_opts){ .copy = sizeof two }),
			0);
	}
	CHECK_EQ(tl_finish(), 0);
	for (int i = 0; i < 4; i++) {
		CHECK(ids[i].id != 0);
		CHECK_EQ(tl_state(ids[i]), -ESRCH);
		for (int j = 0; j < i; j++)
			CHECK(ids[i].id != ids[j].id);
	}
}

/* In a process, too: a core with the window in it would be of 64 GiB, and fill the memory first. */
static int is_left_out_of_cores(void *arg)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[300];
	bool ours = false;
	int r = -ENOENT;

	(void)arg;
	while (f && r == -ENOENT && fgets(line, sizeof line, f)) {
		ours |= strstr(line, "/memfd:telar") != NULL;
		if (ours && strncmp(line, "VmFlags:", 8) == 0)
			r = strstr(line, " dd") ? 0 : -EFBIG;
	}
	CHECK(f && fclose(f) == 0);
	return r;
}

TEST(no_core_holds_the_window)
{
	CHECK(tl_shared(1) != NULL);
	CHECK_EQ(is_left_out_of_cores(NULL), 0);
	CHECK_EQ(tl_process_start(NULL, is_left_out_of_cores, NULL, NULL), 0);
	CHECK_EQ(tl_finish(), 0);
}
