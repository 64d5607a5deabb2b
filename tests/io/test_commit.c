/* test_commit.c - who shares whose syncs, and disks that fail: the system calls of a commit pass
 * through this program, which counts them, holds them up and lets them fail. */
#include "io/files.h"
#include "io/pair.h"
#include "plat/plat.h"
#include "telar/file.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct {
	_Atomic int fdatasync, syncfs, fsync;
	int fail_fdatasync, fail_syncfs, fail_fsync, fail_linkat; /* errno; 0: do not */
	_Atomic uint32_t gate; /* GATE_SHUT: fdatasync waits there */
	_Atomic uint32_t at_gate;
} calls;
enum { GATE_OPEN, GATE_SHUT };

static int fail(int error)
{
	errno = error;
	return -1;
}

int fdatasync(int fd)
{
	calls.fdatasync++;
	calls.at_gate = 1;
	plat_futex_wake(&calls.at_gate, 1, false);
	while (calls.gate == GATE_SHUT)
		plat_futex_wait(&calls.gate, GATE_SHUT, 0, false);
	return calls.fail_fdatasync ? fail(calls.fail_fdatasync) : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
	calls.syncfs++;
	return calls.fail_syncfs ? fail(calls.fail_syncfs) : (int)syscall(SYS_syncfs, fd);
}

int fsync(int fd)
{
	calls.fsync++;
	return calls.fail_fsync ? fail(calls.fail_fsync) : (int)syscall(SYS_fsync, fd);
}

int linkat(int from, const char *old, int to, const char *name, int flags)
{
	if (calls.fail_linkat && flags & AT_EMPTY_PATH)
		return fail(calls.fail_linkat);
	return (int)syscall(SYS_linkat, from, old, to, name, flags);
}

static void await_gate(void)
{
	while (!calls.at_gate)
		plat_futex_wait(&calls.at_gate, 0, 0, false);
}

static void open_gate(void)
{
	calls.gate = GATE_OPEN;
	plat_futex_wake(&calls.gate, 100, false);
}

static tl_store *store_with(int dir, const char *text)
{
	tl_store *st;

	CHECK_EQ(tl_store_open(&st, dir, TL_NEVER), 0);
	CHECK_EQ(tl_store_write(st, text, strlen(text), TL_NEVER), 0);
	return st;
}

static bool holds(const char *name, const char *text)
{
	char got[64] = "";
	int fd = open(name, O_RDONLY);

	if (fd < 0 || read(fd, got, sizeof got - 1) < 0)
		return false;
	close(fd);
	return strcmp(got, text) == 0;
}

struct commit {
	tl_store *st;
	char name[16];
	int answer;
};

static int commit(void *arg)
{
	struct commit *c = arg;

	c->answer = tl_store_commit(c->st, c->name, TL_NEVER);
	return 0;
}

/* n strands commit while the batch before them is held up: they are one batch. */
static void batch_behind(struct commit *c, int n)
{
	struct commit first = { .st = store_with(AT_FDCWD, "first"), .name = "first" };
	tl_strand last;
	tl_scope s = { 0 };

	calls.gate = GATE_SHUT;
	tl_scope_open(&s);
	tl_thread_start(&s, commit, &first, NULL);
	await_gate();
	for (int i = 0; i < n; i++)
		tl_task_start(&s, commit, &c[i], &(tl_opts){ .ret = &last });
	await_blocked(last);
	calls.fdatasync = calls.fsync = 0;
	open_gate();
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(first.answer, 0);
	tl_store_close(first.st);
}

enum { MANY = 100 };

TEST(syncs_are_shared)
{
	struct commit c[MANY];
	char text[16];
	int dirs[2];

	CHECK_EQ(mkdir("a", 0700) + mkdir("b", 0700), 0);
	dirs[0] = open("a", O_RDONLY | O_DIRECTORY);
	dirs[1] = open("b", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < MANY; i++) {
		snprintf(c[i].name, sizeof c[i].name, "%d", i);
		c[i].st = store_with(dirs[i % 2], c[i].name);
	}
	batch_behind(c, MANY);
	CHECK_EQ(calls.syncfs, 1);
	CHECK_EQ(calls.fdatasync, 0);
	CHECK_EQ(calls.fsync, 1 + 2); /* the folder of the first; one each for a and b */
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "%s/%d", i % 2 ? "b" : "a", i);
		CHECK_EQ(c[i].answer, 0);
		CHECK(holds(text, c[i].name));
		tl_store_close(c[i].st);
	}
	CHECK_EQ(tl_finish(), 0);
}

static struct commit *some(int n)
{
	struct commit *c = calloc((size_t)n, sizeof *c);

	for (int i = 0; i < n; i++) {
		snprintf(c[i].name, sizeof c[i].name, "%d", i);
		c[i].st = store_with(AT_FDCWD, c[i].name);
	}
	return c;
}

static void close_some(struct commit *c, int n)
{
	for (int i = 0; i < n; i++)
		tl_store_close(c[i].st);
	free(c);
}

TEST(few_are_synced_each)
{
	struct commit *c = some(4);

	batch_behind(c, 4);
	CHECK_EQ(calls.syncfs, 0);
	CHECK_EQ(calls.fdatasync, 4);
	CHECK_EQ(calls.fsync, 1 + 1);
	close_some(c, 4);
}

/* One name for all of a batch: one gets it, and the others are answered after the same sync. */
TEST(same_name)
{
	struct commit *c = some(10);
	int got = 0;

	for (int i = 0; i < 10; i++)
		strcpy(c[i].name, "same");
	batch_behind(c, 10);
	for (int i = 0; i < 10; i++) {
		CHECK(c[i].answer == 0 || c[i].answer == -EEXIST);
		got += c[i].answer == 0;
	}
	CHECK_EQ(got, 1);
	CHECK_EQ(entries("."), 2);
	close_some(c, 10);
}

/* -- disks that fail: no name without bytes, no answer without name */

TEST(bytes_that_cannot_be_synced)
{
	tl_store *st = store_with(AT_FDCWD, "text");

	calls.fail_fdatasync = EIO;
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -EIO);
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -EPIPE);
	tl_store_close(st);
	CHECK_EQ(entries("."), 0);
}

TEST(batch_that_cannot_be_synced)
{
	struct commit *c = some(10);

	calls.fail_syncfs = EIO;
	batch_behind(c, 10);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(c[i].answer, -EIO);
	CHECK_EQ(entries("."), 1);
	close_some(c, 10);
}

TEST(folder_that_cannot_be_synced)
{
	tl_store *st = store_with(AT_FDCWD, "text"), *other = store_with(AT_FDCWD, "other");

	CHECK_EQ(tl_store_commit(other, "other", TL_NEVER), 0);
	tl_store_close(other);
	other = store_with(AT_FDCWD, "again");
	calls.fail_fsync = EIO;
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), -EIO);
	CHECK_EQ(
		tl_store_commit(other, "other", TL_NEVER), -EIO); /* not -EEXIST: it may not last */
	tl_store_close(st);
	tl_store_close(other);
	CHECK_EQ(entries("."), 1);
	CHECK(holds("other", "other"));
}

TEST(without_privileges)
{
	tl_store *st = store_with(AT_FDCWD, "text");

	calls.fail_linkat = ENOENT; /* what the system answers to those who may not */
	CHECK_EQ(tl_store_commit(st, "f", TL_NEVER), 0);
	tl_store_close(st);
	CHECK(holds("f", "text"));
}

/* -- a caller that leaves while the disk is at it */

TEST(abandoned)
{
	int before = descriptors();
	struct commit c = { .st = store_with(AT_FDCWD, "text"), .name = "f" };
	tl_scope s = { 0 };

	calls.gate = GATE_SHUT;
	tl_scope_open(&s);
	tl_thread_start(&s, commit, &c, NULL);
	await_gate();
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c.answer, -ECANCELED);
	CHECK_EQ(tl_store_write(c.st, "more", 4, TL_NEVER), -EPIPE);
	CHECK(!tl_store_close(c.st));
	CHECK_EQ(entries("."), 0);
	open_gate();
	while (!holds("f", "text") || descriptors() != before)
		CHECK_EQ(tl_sleep(tl_us(100)), 0);
}

/* One of a batch leaves before it begins; the others are done. */
TEST(withdrawn)
{
	struct commit first = { .st = store_with(AT_FDCWD, "first"), .name = "first" };
	struct commit *c = some(3);
	tl_strand t[3];
	tl_scope s = { .keep_going = true };

	calls.gate = GATE_SHUT;
	tl_scope_open(&s);
	tl_thread_start(&s, commit, &first, NULL);
	await_gate();
	for (int i = 0; i < 3; i++)
		tl_task_start(&s, commit, &c[i], &(tl_opts){ .ret = &t[i] });
	await_blocked(t[2]);
	tl_cancel(t[1]);
	CHECK_EQ(tl_join(t[1], NULL, TL_NEVER), 0);
	CHECK_EQ(c[1].answer, -ECANCELED);
	open_gate();
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(c[0].answer, 0);
	CHECK_EQ(c[2].answer, 0);
	CHECK_EQ(entries("."), 3);
	CHECK(!holds("1", "1"));
	tl_store_close(first.st);
	close_some(c, 3);
}
