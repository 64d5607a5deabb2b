/* log_file.c - whole lines at the end of a file that several processes share and rotate.
 *
 * Who writes holds flock(2) on the file, and has made sure, with the lock in hand, that the path
 * still names it: who rotates holds the same lock, so that nobody writes into a file that moves,
 * and nobody rotates twice.  A lock ends with its holder's process, so one that is killed keeps
 * nobody out.
 *
 *	writes                              rotates
 *	flock the file that I have open     flock the same
 *	is it PATH?  no: open PATH, again   is it PATH?  no: open PATH, again
 *	too long with my line: rotate       PATH.1 to PATH.2 ..., PATH to PATH.1
 *	write at its end                    open PATH, which makes it; again
 *
 * A line of which the disk took only a part is cut off again.  The kernel may also part the line of
 * a process that is killed within write(2): whoever writes next finds a file that has grown since
 * it last looked and does not end in a newline, and takes that last line away.  What stood in the
 * file when it was first opened is never taken away: there, a line break is added.
 *
 * flock belongs to the open file, and so to all who have inherited it: a child of a fork closes
 * what its parent had open, and opens its own.  `files` are those that are open, for the child,
 * which may come at any moment of a change. */
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
	if (h->device == st.st_dev && h->inode == st.st_ino)
		return 0;
	h->end = h->inode ? 0 : -1; /* a later file was begun while we were here */
	h->device = st.st_dev;
	h->inode = st.st_ino;
	h->regular = S_ISREG(st.st_mode);
	h->parted = false;
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

static int lock_file(int fd, int how)
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

/* Where the last line ends that is whole, not looking before `from`. */
static int64_t whole_until(int fd, int64_t from, int64_t size)
{
	char part[512];

	while (size > from) {
		int64_t at =
			size - from > (int64_t)sizeof part ? size - (int64_t)sizeof part : from;
		ssize_t n = pread(fd, part, (size_t)(size - at), at);
		const char *line;

		if (n != size - at)
			return -1;
		line = memrchr(part, '\n', (size_t)n);
		if (line)
			return at + (line - part) + 1;
		size = at;
	}
	return from;
}

/* Others have written since we last looked: is their last line whole?  Answers where it ends. */
static int64_t repair(tl_handler *h, int64_t size)
{
	int64_t end;
	char last;

	if (size == 0 || size == h->end || pread(h->fd, &last, 1, size - 1) != 1 || last == '\n')
		return size;
	if (h->end < 0 || h->end > size) {
		h->parted = true;
		return size;
	}
	end = whole_until(h->fd, h->end, size);
	if (end < 0 || ftruncate(h->fd, end) < 0) {
		h->parted = true;
		return size;
	}
	return end;
}

/* Lock the file that the path names, with room for n bytes; it is locked unless this fails.
 * ret_size: how long it is. */
static int hold_file(tl_handler *h, size_t n, int64_t *ret_size)
{
	bool reopen = atomic_exchange_explicit(&h->reopen, false, memory_order_relaxed);
	bool moves = h->max_bytes != 0;
	struct stat st;
	int r = 0;

	if (h->fd < 0 || reopen)
		r = open_again(h);
	for (int i = 0; h->fd >= 0 && i < LATEST_MOVES; i++) {
		if ((r = lock_file(h->fd, LOCK_EX)) < 0)
			return r;
		if (!is_path(h, &st)) {
			if (open_again(h) == 0)
				continue;
			/* As a last resort the line goes where the others went. */
			if (fstat(h->fd, &st) < 0)
				st.st_size = 0;
			moves = false;
		}
		*ret_size = h->regular ? repair(h, st.st_size) : 0;
		if (!moves || *ret_size == 0 || (uint64_t)*ret_size + n <= h->max_bytes)
			return 0;
		h->end = *ret_size;
		moves = move_all(h);
		lock_file(h->fd, LOCK_UN);
	}
	return r < 0 ? r : -EAGAIN;
}

static int append(tl_handler *h, const char *lines, size_t n, int64_t size)
{
	struct stat st;
	size_t done;
	int r = fd_write(h->fd, h->kind, lines, n, &done);

	h->parted = false;
	h->end = size + (int64_t)n;
	if (r < 0) {
		h->end = size;
		h->parted = done && !(h->regular && fstat(h->fd, &st) == 0 &&
					    st.st_size == size + (int64_t)done &&
					    ftruncate(h->fd, size) == 0);
	}
	return r;
}

static int file_lines(tl_handler *h, int level, const char *lines, size_t n)
{
	int64_t size = 0;
	int r = hold_file(h, n, &size);

	(void)level;
	if (r < 0)
		return r;
	if (h->parted) {
		r = append(h, "\n", 1, size);
		h->parted |= r < 0;
		size += r == 0;
	}
	if (r == 0)
		r = append(h, lines, n, size);
	lock_file(h->fd, LOCK_UN);
	return r;
}

const struct sink sink_file = { file_open, file_close, file_lines, false };
