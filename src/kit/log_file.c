/* log_file.c - whole lines at the end of a file that several processes share and rotate.  How lines
 * get there, and what becomes of parts of lines, is in log_append.c.
 *
 * Who rotates, and so must not be overtaken, holds flock(2) on the file around each line, and has
 * made sure, with the lock in hand, that the path still names it: so nobody who may rotate writes
 * into a file that moves, and nobody rotates twice.
 *
 *	writes                              rotates
 *	flock the file that I have open     flock the same
 *	is it PATH?  no: open PATH, again   is it PATH?  no: open PATH, again
 *	too long with my line: rotate       PATH.1 to PATH.2 ..., PATH to PATH.1
 *	write at its end                    open PATH, which makes it; again
 *
 * Who does not rotate takes no lock where the file system keeps lines whole.  It looks whether the
 * path still names its file with each tick of the system's coarse clock: what it writes meanwhile
 * into a file that has just moved stands in the file that moved.
 *
 * A lock ends with its holder's process, so one that is killed keeps nobody out.  Locks belong to
 * the open file, and so to all who have inherited it: a child of a fork closes what its parent had
 * open, and opens its own.  `files` are those that are open, for the child, which may come at any
 * moment of a change. */
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LATEST_MOVES = 100 }; /* so often the file may move before a line is given up */

static struct {
	tl_lock lock; /* for changes */
	tl_handler *_Atomic first;
} files;

static void list(tl_handler *h)
{
	tl_lock_hold(&files.lock);
	atomic_store(&h->next_file, atomic_load(&files.first));
	atomic_store(&files.first, h);
	tl_lock_release(&files.lock);
}

static void unlist(tl_handler *h)
{
	tl_handler *_Atomic *at = &files.first;
	tl_handler *other;

	tl_lock_hold(&files.lock);
	while ((other = atomic_load(at)) && other != h)
		at = &other->next_file;
	if (other)
		atomic_store(at, atomic_load(&h->next_file));
	tl_lock_release(&files.lock);
}

/* The next write opens them. */
void files_forked(void)
{
	for (tl_handler *h = atomic_load(&files.first); h; h = atomic_load(&h->next_file)) {
		if (h->fd >= 0)
			close(h->fd);
		h->fd = -1;
		h->locks = true; /* as the next write shall, until it has opened its own */
	}
}

static void file_close(tl_handler *h)
{
	unlist(h);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	free(h->path);
	h->path = NULL;
}

/* A pipe without a reader must not keep us waiting; to regular files O_NONBLOCK means nothing. */
static int open_path(const char *path)
{
	static const int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = openat(AT_FDCWD, path, O_RDWR | flags, 0666);

	if (fd < 0 && errno == EACCES)
		fd = openat(AT_FDCWD, path, O_WRONLY | flags, 0666);
	return fd < 0 ? -errno : fd;
}

/* Open the path in place of what is open; on failure that stays. */
static int open_again(tl_handler *h)
{
	int fd = open_path(h->path), kind = fd < 0 ? fd : fd_kind(fd), old = h->fd;
	struct stat st;

	if (kind >= 0 && fstat(fd, &st) < 0)
		kind = -errno;
	if (kind < 0) {
		if (fd >= 0)
			close(fd);
		return kind;
	}
	h->fd = fd;
	if (old >= 0) {
		flock(old, LOCK_UN); /* which closing it does not do where a child has it, too */
		close(old);
	}
	h->kind = kind;
	h->regular = S_ISREG(st.st_mode);
	if (h->device != st.st_dev || h->inode != st.st_ino) {
		h->end = h->inode ? 0 : -1; /* a later file was begun while we were here */
		h->parted = false;
	}
	h->device = st.st_dev;
	h->inode = st.st_ino;
	h->locks = h->regular ? h->max_bytes || !append_joins(fd) : !S_ISCHR(st.st_mode);
	if (h->regular && !h->locks)
		append_looks(h);
	return 0;
}

/* Absolute, so that a later chdir(2) does not move it. */
static char *absolute(const char *path)
{
	char here[PATH_MAX] = "", *ret;

	if (path[0] != '/' && !getcwd(here, sizeof here))
		return NULL;
	if (asprintf(&ret, "%s%s%s", here, here[0] ? "/" : "", path) < 0)
		return NULL;
	return ret;
}

static int file_open(tl_handler *h, const tl_handler_opts *o)
{
	if (strlen(o->path) >= PATH_MAX)
		return -EINVAL;
	h->fd = -1;
	h->max_bytes = o->max_bytes;
	h->backups = o->backups ? o->backups : 1;
	h->path = absolute(o->path);
	if (!h->path)
		return -ENOMEM;
	list(h);
	return open_again(h);
}

int file_lock(int fd, int how)
{
	int r;

	while ((r = flock(fd, how)) < 0 && errno == EINTR)
		;
	return r < 0 ? -errno : 0;
}

static bool is_path(const tl_handler *h, struct stat *st)
{
	return stat(h->path, st) == 0 && st->st_dev == h->device && st->st_ino == h->inode;
}

/* PATH.1 to PATH.2 and so on, from the oldest; true: PATH is free.  If one cannot be moved, the
 * next would overwrite it: then the file just grows. */
static bool move_all(const tl_handler *h)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];
	unsigned i = 0;

	do /* the first that is free, or the last, which goes */
		snprintf(to, sizeof to, "%s.%u", h->path, ++i);
	while (i < h->backups && (access(to, F_OK) == 0 || errno != ENOENT));
	for (; i > 1; i--) {
		snprintf(from, sizeof from, "%s.%u", h->path, i - 1);
		if (rename(from, to) < 0)
			return false;
		strcpy(to, from);
	}
	return rename(h->path, to) == 0;
}

/* How long is the file, if it is the one that the path names; -1: it is not. */
static int64_t size_of_path(const tl_handler *h)
{
	struct stat st;

	return is_path(h, &st) ? st.st_size : -1;
}

static bool wants_reopen(tl_handler *h)
{
	return atomic_load_explicit(&h->reopen, memory_order_relaxed) &&
	       atomic_exchange_explicit(&h->reopen, false, memory_order_relaxed);
}

/* Lock the file that the path names, with room for n bytes; it is locked unless this fails. */
static int hold_file(tl_handler *h, size_t n)
{
	bool moves = h->max_bytes != 0;
	int r = 0;

	if (h->fd < 0 || wants_reopen(h))
		r = open_again(h);
	for (int i = 0; h->fd >= 0 && i < LATEST_MOVES; i++) {
		int64_t size;

		if ((r = file_lock(h->fd, LOCK_EX)) < 0)
			return r;
		size = size_of_path(h);
		if (size < 0 && open_again(h) == 0)
			continue;
		if (h->regular)
			append_looks(h);
		/* Without a path, as a last resort, the line goes where the others went. */
		if (!moves || size <= 0 || (uint64_t)size + n <= h->max_bytes)
			return 0;
		h->end = append_repair(h, size);
		moves = move_all(h);
		file_lock(h->fd, LOCK_UN);
	}
	return r < 0 ? r : -EAGAIN;
}

/* Without a lock: once a tick, open the file that the path names, if it is another. */
static void look_at_path(tl_handler *h)
{
	bool reopen = wants_reopen(h);
	struct timespec tick;
	struct stat st;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &tick);
	now = tick.tv_sec * 1000000000LL + tick.tv_nsec;
	if (now == h->looked && !reopen)
		return;
	h->looked = now;
	if (reopen || !is_path(h, &st))
		open_again(h); /* else, as a last resort, the line goes where the others went */
}

static int write_lines(tl_handler *h, int level, const char *lines, size_t n)
{
	return h->regular ? append_lines(h, lines, n) : sink_fd.write(h, level, lines, n);
}

static int file_lines(tl_handler *h, int level, const char *lines, size_t n)
{
	int r;

	if (h->fd >= 0 && !h->locks)
		look_at_path(h);
	if (h->fd >= 0 && !h->locks)
		return write_lines(h, level, lines, n);
	r = hold_file(h, n);
	if (r < 0)
		return r;
	r = write_lines(h, level, lines, n);
	file_lock(h->fd, LOCK_UN);
	return r;
}

const struct sink sink_file = { file_open, file_close, file_lines, false };
