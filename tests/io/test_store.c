/* test_store.c - durable files: all of it, or nothing. */
#include "io/files.h"
#include "io/pair.h"
#include "io/store.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* All that a store does, in folder `dir`, empty and open. */
static void all_of_it(int dir)
{
	static const size_t sizes[] = { 0, 1, 4095, 65535, 65536, 65537, 1000001 };
	int before = descriptors();
	char *text = letters(1000001), name[16];
	tl_store *st;
	int n = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t half = sizes[i] / 2;
		struct stat s;

		CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
		CHECK_EQ(tl_store_write(st, text, half, TL_NEVER), 0);
		CHECK_EQ(tl_store_write(st, text + half, sizes[i] - half, TL_NEVER), 0);
		CHECK_EQ(tl_store_size(st), sizes[i]);
		CHECK_EQ(fstat(tl_store_fd(st), &s), 0);
		CHECK_EQ(s.st_size, sizes[i]);
		snprintf(name, sizeof name, "file%d", n++);
		CHECK_EQ(tl_store_commit(st, name, TL_NEVER), 0);
		check_content(dir, name, text, sizes[i]);
		CHECK_EQ(tl_store_write(st, "x", 1, TL_NEVER), -EPIPE);
		CHECK_EQ(tl_store_commit(st, "twice", TL_NEVER), -EPIPE);
		CHECK(!tl_store_close(st));
	}
	CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, "new", 3, TL_NEVER), 0);
	CHECK_EQ(tl_store_commit(st, "file6", TL_NEVER), -EEXIST);
	check_content(dir, "file6", text, 1000001);
	CHECK_EQ(tl_store_commit(st, "other", TL_NEVER), 0);
	check_content(dir, "other", "new", 3);
	tl_store_close(st);
	n++;
	CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, text, 100000, TL_NEVER), 0);
	tl_store_close(st); /* and that was all */
	CHECK_EQ(descriptors(), before);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
	CHECK_EQ(entries(path), n);
	free(text);
}

TEST(all) { all_of_it(open_dir("d")); }

TEST(all_without_nameless_files)
{
	store_needs_names = true;
	all_of_it(open_dir("d"));
}

TEST(all_in_memory)
{
	char name[] = "/dev/shm/telar-test-XXXXXX", file[64];
	int dir;

	if (!mkdtemp(name))
		SKIP("/dev/shm is not for writing");
	dir = open_dir(name);
	all_of_it(dir);
	for (int i = 0; i < 7; i++) {
		snprintf(file, sizeof file, "file%d", i);
		CHECK_EQ(unlinkat(dir, file, 0), 0);
	}
	CHECK_EQ(unlinkat(dir, "other", 0), 0);
	CHECK_EQ(rmdir(name), 0);
}

static int from_a_task(void *arg)
{
	all_of_it(*(int *)arg);
	return 0;
}

TEST(all_in_a_task)
{
	tl_scope s = { 0 };
	int dir = open_dir("d");

	tl_scope_open(&s);
	tl_task_start(&s, from_a_task, &dir, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* The current folder is the one that it was when the store was opened. */
TEST(current_folder)
{
	tl_store *st;

	close(open_dir("other"));
	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, "here", 4, TL_NEVER), 0);
	CHECK_EQ(chdir("other"), 0);
	CHECK_EQ(tl_store_commit(st, "file", TL_NEVER), 0);
	tl_store_close(st);
	check_content(AT_FDCWD, "../file", "here", 4);
	CHECK_EQ(entries("."), 0);
}

TEST(bad_names)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/a", "a/" };
	char too_long[300];
	tl_store *st = NULL;

	memset(too_long, 'n', 256);
	too_long[256] = '\0';
	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_NEVER), 0);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		CHECK_EQ(tl_store_commit(st, names[i], TL_NEVER), -EINVAL);
	CHECK_EQ(tl_store_commit(st, too_long, TL_NEVER), -EINVAL);
	CHECK_EQ(entries("."), 0);
	too_long[255] = '\0';
	CHECK_EQ(tl_store_commit(st, too_long, TL_NEVER), 0);
	st = tl_store_close(st);
	CHECK_EQ(tl_store_open(&st, 999, TL_NEVER), -EBADF);
	CHECK(!st);
	CHECK(!tl_store_close(NULL));
}

/* -- deadlines and cancelling */

TEST(poll_deadline_cancel)
{
	tl_time past = tl_after(tl_ms(-1));
	int before = descriptors();
	tl_store *st = NULL;
	tl_scope s = { 0 };
	char *text = letters(STORE_HOLD);
	int r;

	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_POLL), -EAGAIN);
	CHECK(!st);
	r = tl_store_open(&st, AT_FDCWD, past); /* a helper may be as quick as that */
	CHECK(r == 0 ? st != NULL : r == -ETIMEDOUT && !st);
	tl_store_close(st);
	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, text, STORE_HOLD, TL_POLL), 0); /* held back */
	CHECK_EQ(tl_store_commit(st, "f", TL_POLL), -EAGAIN);
	CHECK_EQ(tl_store_write(st, text, 1, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_store_write(st, text, 1, TL_NEVER), -EPIPE);
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -EPIPE);
	tl_store_close(st);

	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_NEVER), 0);
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -ECANCELED); /* before it began */
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), 0);
	tl_store_close(st);

	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_NEVER), 0);
	r = tl_store_commit(st, "g", past);
	CHECK(r == 0 || r == -ETIMEDOUT);
	CHECK_EQ(tl_store_commit(st, "g", TL_NEVER), -EPIPE);
	tl_store_close(st);
	/* What was abandoned lets go of its descriptors by itself. */
	while (descriptors() != before)
		CHECK_EQ(tl_sleep(tl_us(100)), 0);
	free(text);
}

static int store_some(void *arg)
{
	tl_store *st;
	char *text = letters(200000);
	int r = tl_store_open(&st, *(int *)arg, TL_NEVER);

	if (r == 0) {
		r = tl_store_write(st, text, 200000, TL_NEVER);
		if (r == 0)
			r = tl_store_commit(st, tl_my_name(), TL_NEVER);
		tl_store_close(st);
	}
	free(text);
	return r;
}

/* Cancelled at any moment of its work: a file is whole or not there, and nothing is lost inside. */
TEST_LIMIT(cancelled_anywhere, 60)
{
	int dir = open_dir("d"), before = descriptors();
	char *text = letters(200000);
	DIR *d;

	for (int round = 0; round < 60; round++) {
		tl_scope s = { .deadline = tl_after(tl_us(round * 40)) };

		tl_scope_open(&s);
		for (int i = 0; i < 10; i++)
			tl_task_start(&s, store_some, &dir, NULL);
		int r = tl_scope_close(&s);
		CHECK(r == 0 || r == -ETIMEDOUT);
	}
	while (descriptors() != before)
		CHECK_EQ(tl_sleep(tl_us(100)), 0);
	d = opendir("d");
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			check_content(dir, e->d_name, text, 200000);
	closedir(d);
	free(text);
}

/* -- many at once */

enum { MANY = 200, SAME = 10 };
static struct {
	int dirs[3];
	_Atomic int taken;
} many;

/* SAME strands for each name: one of them gets it, and by then it is there for all. */
static int commit_one(void *arg)
{
	int i = *(int *)arg, dir = many.dirs[i / SAME % 3], r;
	char name[16];
	tl_store *st;

	snprintf(name, sizeof name, "%d", i / SAME);
	CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, name, strlen(name), TL_NEVER), 0);
	r = tl_store_commit(st, name, TL_NEVER);
	CHECK(r == 0 || r == -EEXIST);
	check_content(dir, name, name, strlen(name));
	many.taken += r == 0;
	tl_store_close(st);
	return 0;
}

static void commit_many(enum tl_kind kind, const char *third)
{
	int numbers[MANY], before;

	many.dirs[0] = open_dir("a");
	many.dirs[1] = open_dir("b");
	many.dirs[2] = open_dir(third);
	before = descriptors();
	for (int i = 0; i < MANY; i++)
		numbers[i] = i;
	CHECK_EQ(tl_gather(numbers, MANY, sizeof *numbers, commit_one,
			 &(tl_gather_opts){ .kind = kind, .limit = kind == TL_THREAD ? 20 : 0 },
			 TL_NEVER),
		0);
	CHECK_EQ(many.taken, MANY / SAME);
	CHECK_EQ(entries("a") + entries("b") + entries(third), MANY / SAME);
	CHECK_EQ(descriptors(), before);
	CHECK_EQ(tl_finish(), 0);
}

TEST(many_tasks) { commit_many(TL_TASK, "c"); }
TEST(many_threads) { commit_many(TL_THREAD, "c"); }

TEST(many_on_two_file_systems)
{
	char name[] = "/dev/shm/telar-test-XXXXXX", file[16];

	if (!mkdtemp(name))
		SKIP("/dev/shm is not for writing");
	commit_many(TL_TASK, name);
	for (int i = 2; i < MANY / SAME; i += 3) {
		snprintf(file, sizeof file, "%d", i);
		CHECK_EQ(unlinkat(many.dirs[2], file, 0), 0);
	}
	CHECK_EQ(rmdir(name), 0);
}

/* -- what can go wrong */

/* A disk of a megabyte. */
static int small_disk(void)
{
	CHECK_EQ(mkdir("disk", 0700), 0);
	if (mount("none", "disk", "tmpfs", 0, "size=1m") < 0)
		SKIP("mounting a small disk needs root");
	return open("disk", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void unmount_disk(int dir)
{
	close(dir);
	CHECK_EQ(umount("disk"), 0);
}

static int fill(void *arg)
{
	size_t n = 600000;
	char *text = letters(n);
	int r, dir = *(int *)arg;
	tl_store *st;

	r = tl_store_open(&st, dir, TL_NEVER);
	CHECK_EQ(r, 0);
	r = tl_store_write(st, text, n, TL_NEVER);
	if (r == 0)
		r = tl_store_commit(st, tl_my_name(), TL_NEVER);
	else
		CHECK_EQ(tl_store_commit(st, "x", TL_NEVER), -EPIPE);
	tl_store_close(st);
	free(text);
	return r;
}

TEST(disk_full)
{
	int dir = small_disk(), before = descriptors();
	tl_store *st;
	char *text = letters(STORE_HOLD);

	CHECK_EQ(fill(&dir), 0);
	CHECK_EQ(fill(&dir), -ENOSPC);
	CHECK_EQ(entries("disk"), 1);
	CHECK_EQ(unlinkat(dir, tl_my_name(), 0), 0);
	CHECK_EQ(fill(&dir), 0); /* the one that failed left nothing behind */

	/* The last bytes are written by commit. */
	CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
	for (int i = 0; i < 7; i++)
		CHECK_EQ(tl_store_write(st, text, STORE_HOLD, TL_NEVER), 0);
	CHECK_EQ(tl_store_commit(st, "last", TL_NEVER), -ENOSPC);
	tl_store_close(st);
	CHECK_EQ(entries("disk"), 1);
	CHECK_EQ(descriptors(), before);
	free(text);
	unmount_disk(dir);
}

TEST(folder_gone)
{
	int dir = open_dir("d");
	tl_store *st = NULL;

	CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
	CHECK_EQ(rmdir("d"), 0);
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -ENOENT);
	tl_store_close(st);
	st = NULL;
	/* Some file systems, as that in memory, still let files begin here, but not get a name. */
	if (tl_store_open(&st, dir, TL_NEVER) == 0)
		CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -ENOENT);
	else
		CHECK(!st);
	tl_store_close(st);
}

static void count_degraded(const tl_report *r, void *arg)
{
	*(int *)arg += r->kind == TL_R_DEGRADED && r->value == -EAGAIN;
}

/* No helper thread to be had: the work is done all the same, and somebody is told. */
TEST(without_helpers)
{
	struct rlimit was, none = { 0 };
	int degraded = 0;

	if (SANITIZED)
		SKIP("the sanitizer needs the address space that this test takes away");
	tl_on_report(count_degraded, &degraded);
	CHECK_EQ(tl_checkpoint(), 0);
	CHECK_EQ(getrlimit(RLIMIT_AS, &was), 0);
	none.rlim_max = was.rlim_max;
	char *text = letters(100000);
	CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
	tl_store *st;
	CHECK_EQ(tl_store_open(&st, AT_FDCWD, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, text, 10000, TL_NEVER), 0);
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), 0);
	CHECK_EQ(setrlimit(RLIMIT_AS, &was), 0);
	CHECK(degraded >= 2);
	check_content(AT_FDCWD, "f", text, 10000);
	tl_store_close(st);
	free(text);
}

/* In the child of a fork the helpers of the parent are not there: it makes its own. */
TEST(forked_child)
{
	int dir = open_dir("d"), status = 0;
	pid_t pid;

	CHECK_EQ(store_some(&dir), 0);
	pid = fork();
	if (pid == 0) {
		CHECK_EQ(unlinkat(dir, tl_my_name(), 0), 0);
		CHECK_EQ(store_some(&dir), 0);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(entries("d"), 1);
}
