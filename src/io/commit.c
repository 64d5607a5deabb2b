/* commit.c - a file gets its name when its bytes are on disk; and those who commit at the same time
 * share their syncs.
 *
 * Commits gather while the batch before them is being done, by one helper thread at a time.  What a
 * batch does, each step for all of it before the next step begins:
 *
 *	1  write what is held, and have the disk begin with all of it
 *	2  sync the bytes: each file, or, from FEW on, the whole file system at once
 *	3  give each its name; a file has none before its bytes are safe
 *	4  sync each folder once; nobody is answered before his name is safe
 *
 * A name that is taken (-EEXIST) may have been given by another commit of the same batch.  Whoever
 * is told so may rely on that file as if it were his own, so he is answered after step 4 too. */
#include "base/mem.h"
#include "io/store.h"
#include "run/run.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FEW = 4 };

/* While its batch is done a store's work.result holds what has become of it so far. */
static struct tl_store *next(struct node *batch, struct tl_store *st)
{
	struct node *n = st ? st->work.link.next : batch->next;

	return n == batch ? NULL : store_of(container_of(n, struct work, link));
}

static int answer(int r) { return r < 0 ? -errno : 0; }

/* -- 2: the bytes */

static bool same_device(const struct tl_store *a, const struct tl_store *b)
{
	return a->device == b->device;
}

/* The syncs of one file system's files; those are marked as synced. */
static void sync_device(struct node *batch, struct tl_store *first)
{
	struct tl_store *st;
	unsigned n = 0;
	int r = 0;

	for (st = NULL; (st = next(batch, st));)
		n += !st->work.result && same_device(st, first);
	if (n > FEW)
		r = answer(syncfs(first->fd));
	for (st = NULL; (st = next(batch, st));) {
		if (st->work.result || st->synced || !same_device(st, first))
			continue;
		st->synced = true;
		/* syncfs tells of what went wrong since its own descriptor was opened.  Each file's
		 * own troubles are known to its own. */
		if (n <= FEW)
			st->work.result = answer(fdatasync(st->fd));
		else if (r < 0)
			st->work.result = r;
		else
			st->work.result =
				answer(sync_file_range(st->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE));
	}
}

/* -- 3: the name */

static int link_it(struct tl_store *st)
{
	char path[40];
	int r;

	if (st->temporary[0]) {
		r = answer(renameat2(
			st->folder, st->temporary, st->folder, st->name, RENAME_NOREPLACE));
		if (r == 0)
			st->temporary[0] = '\0';
		if (r != -EINVAL)
			return r; /* else the file system cannot; close removes the old name */
		return answer(linkat(st->folder, st->temporary, st->folder, st->name, 0));
	}
	r = answer(linkat(st->fd, "", st->folder, st->name, AT_EMPTY_PATH));
	if (r != -ENOENT)
		return r; /* else we are not privileged enough for that */
	snprintf(path, sizeof path, "/proc/self/fd/%d", st->fd);
	return answer(linkat(AT_FDCWD, path, st->folder, st->name, AT_SYMLINK_FOLLOW));
}

/* -- 4: the folders */

static int sync_folder(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = answer(fd);

	if (r == 0) {
		r = answer(fsync(fd));
		close(fd);
	}
	return r;
}

static bool was_linked(const struct tl_store *st)
{
	return st->work.result == 0 || st->work.result == -EEXIST;
}

/* first's folder, for all of the batch that went into it. */
static void sync_folder_of(struct node *batch, struct tl_store *first)
{
	int r = sync_folder(first->folder);
	struct tl_store *st;

	for (st = NULL; (st = next(batch, st));) {
		if (st->settled || !was_linked(st) || st->folder_device != first->folder_device ||
			st->folder_inode != first->folder_inode)
			continue;
		st->settled = true;
		if (r == 0)
			continue;
		/* Whether the name is safe is not known, and nobody shall take it for safe. */
		if (st->work.result == 0)
			unlinkat(st->folder, st->name, 0);
		st->work.result = r;
	}
}

/* -- all of it */

static int identify(struct tl_store *st)
{
	struct stat file, folder;

	if (fstat(st->fd, &file) < 0 || fstat(st->folder, &folder) < 0)
		return -errno;
	st->device = file.st_dev;
	st->folder_device = folder.st_dev;
	st->folder_inode = folder.st_ino;
	st->synced = st->settled = false;
	return 0;
}

static void commit_batch(struct node *batch)
{
	struct tl_store *st;
	struct work *k;

	for (st = NULL; (st = next(batch, st));) {
		st->work.result = identify(st);
		if (st->work.result == 0)
			st->work.result = store_flush(st);
		if (st->work.result == 0)
			sync_file_range(st->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	for (st = NULL; (st = next(batch, st));)
		if (st->work.result == 0 && !st->synced)
			sync_device(batch, st);
	for (st = NULL; (st = next(batch, st));)
		if (st->work.result == 0)
			st->work.result = link_it(st);
	for (st = NULL; (st = next(batch, st));)
		if (was_linked(st) && !st->settled)
			sync_folder_of(batch, st);
	while ((k = work_next(batch)))
		work_done(k, k->result);
}

static bool is_component(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

int tl_store_commit(tl_store *st, const char *name, tl_time deadline)
{
	static struct work_group commits = { .fn = commit_batch };
	int r = deadline.ns == TL_POLL.ns ? -EAGAIN : strand_checkpoint(strand_self());

	if (r == 0)
		r = !is_component(name) ? -EINVAL : st->spoilt ? -EPIPE : store_folder(st);
	if (r < 0)
		return r;
	memcpy(st->name, name, strlen(name) + 1);
	r = store_work(st, NULL, &commits, deadline);
	st->spoilt = r != -EEXIST;
	return r;
}
