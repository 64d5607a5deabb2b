/* data.c - DIR/{files, maildir/{tmp,new,cur}, comprobantes.db}.
 *
 * The lock is a flock on DIR itself: it goes with the process, so a crash leaves nothing to clear,
 * and it cannot be taken on a folder that another has removed and made again.  Whoever has not got
 * it makes nothing in DIR, looks at nothing and takes nothing away. */
#include "data.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct part {
	const char *name;
	int flags; /* for unlinkat */
} parts[] = { { "files", AT_REMOVEDIR }, { "maildir", AT_REMOVEDIR },
	{ "maildir/tmp", AT_REMOVEDIR }, { "maildir/new", AT_REMOVEDIR },
	{ "maildir/cur", AT_REMOVEDIR }, { "comprobantes.db", 0 }, { "comprobantes.db-wal", 0 },
	{ "comprobantes.db-shm", 0 } };
#define PARTS (sizeof parts / sizeof parts[0])

static int explain(const char *path, int r, char *problem, size_t cap)
{
	const char *what = r == -ENOENT ? "the folder that is to hold it does not exist; make it"
			   : r == -ENOTDIR || r == -EEXIST
				   ? "there is something else in its place; choose another --data"
			   : r == -EACCES || r == -EPERM ? "this user may not write there; give it"
							   " the right, or choose another --data"
			   : r == -EROFS ? "it is on a read-only file system; choose another --data"
			   : r == -ENOSPC || r == -EDQUOT ? "the disk is full; free some space"
							  : strerror(-r);

	snprintf(problem, cap, "%s cannot be used: %s", path, what);
	return r;
}

/* Which parts are there before anything is made? */
static void note_found(struct service *s)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (faccessat(s->dir, parts[i].name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			s->found |= 1u << i;
	}
}

/* Only one service may write here. */
static int lock(struct service *s, char *problem, size_t cap)
{
	if (flock(s->dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return explain(s->opts.data, -errno, problem, cap);
	snprintf(problem, cap,
		"%s is in use by another comprobantes; stop that one, or choose another --data",
		s->opts.data);
	return -EBUSY;
}

static int make_folders(struct service *s, char *problem, size_t cap)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (parts[i].flags == AT_REMOVEDIR && mkdirat(s->dir, parts[i].name, 0700) < 0 &&
			errno != EEXIST)
			return explain(s->opts.data, -errno, problem, cap);
	}
	s->files = openat(s->dir, "files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->notices = s->files < 0
			     ? -1
			     : openat(s->dir, "maildir/new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->notices < 0)
		return explain(s->opts.data, -errno, problem, cap);
	/* The names just made must last as long as what will be put into them, and DIR's own, in a
	 * folder that we may have no right to open; also if a service made them that was killed. */
	if (syncfs(s->dir) < 0)
		return explain(s->opts.data, -errno, problem, cap);
	return 0;
}

/* Can a file be made, filled and removed in there?  Better found out now than by a student. */
static int try_folder(struct service *s, int folder, char *problem, size_t cap)
{
	static const char probe[4096];
	tl_store *st = NULL;
	int r = tl_store_open(&st, folder, TL_NEVER);

	if (r == 0)
		r = tl_store_write(st, probe, sizeof probe, TL_NEVER);
	tl_store_close(st);
	return r < 0 ? explain(s->opts.data, r, problem, cap) : 0;
}

static int open_databases(struct service *s, char *problem, size_t cap)
{
	int r = db_open(&s->rows, s->opts.data, DB_STORE, problem, cap);

	if (r == 0)
		r = db_open(&s->outbox, s->opts.data, DB_NOTIFY, problem, cap);
	if (r == 0)
		r = db_open(&s->look, s->opts.data, DB_LOOK, problem, cap);
	return r;
}

int data_open(struct service *s, char *problem, size_t cap)
{
	int r;

	s->made = mkdir(s->opts.data, 0700) == 0;
	if (!s->made && errno != EEXIST)
		return explain(s->opts.data, -errno, problem, cap);
	s->dir = open(s->opts.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return explain(s->opts.data, -errno, problem, cap);
	r = lock(s, problem, cap);
	if (r < 0)
		return r;
	note_found(s);
	s->undo = true;
	r = make_folders(s, problem, cap);
	if (r == 0)
		r = try_folder(s, s->files, problem, cap);
	if (r == 0)
		r = try_folder(s, s->notices, problem, cap);
	if (r == 0)
		r = open_databases(s, problem, cap);
	return r;
}

/* Nothing of value has come into being: leave the place as it was found. */
static void undo(struct service *s)
{
	for (size_t i = PARTS; i-- > 0;) {
		if (!(s->found & 1u << i))
			unlinkat(s->dir, parts[i].name, parts[i].flags);
	}
	if (s->made)
		rmdir(s->opts.data);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void data_close(struct service *s)
{
	s->look = db_close(s->look);
	s->outbox = db_close(s->outbox);
	s->rows = db_close(s->rows);
	if (s->undo)
		undo(s);
	close_fd(&s->notices);
	close_fd(&s->files);
	close_fd(&s->dir);
}
