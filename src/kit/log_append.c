/* log_append.c - whole lines at the end of a regular file that others write, too, without a lock.
 *
 * One write(2) with O_APPEND is one piece at the end of the file: a local file system keeps the
 * inode's lock while it looks for the end and writes (in Linux: generic_file_write_iter, and ext4,
 * XFS, Btrfs and F2FS each in their own write_iter).  So a line can be parted only where the system
 * takes a part of it: the disk is full, or the process is killed within write(2), which then
 * stops at the end of a page.
 *
 *  - Who is told that only a part was taken, takes it back.
 *  - Whoever writes next finds that its own line does not begin where its last one ended, looks at
 *    the byte before it, and if that ends no line, takes away the part of the one who was killed.
 *
 * To take something away is to shorten the file, which must not meet another's line: so everybody
 * who writes without a lock keeps a read lock on the first byte, an F_OFD one of fcntl(2), and who
 * shortens gets the write lock, and flock(2) against those who hold that while they write.  Where
 * there are others the last byte of the part becomes a newline, in place, and the part a line of
 * its own.
 *
 * Both locks go with the open file, so a process that is killed leaves none. */
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Those whose writers hold the inode's lock, and that only this machine writes. */
static bool is_local(int fd)
{
	static const uint32_t local[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		F2FS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		if ((uint32_t)fs.f_type == local[i])
			return true;
	return false;
}

/* -- who is there */

static int lock_first_byte(int fd, int type, int how)
{
	struct flock first = { .l_type = (short)type, .l_whence = SEEK_SET, .l_len = 1 };
	int r;

	while ((r = fcntl(fd, how, &first)) < 0 && errno == EINTR)
		;
	return r < 0 ? -errno : 0;
}

static void let_others(const tl_handler *h)
{
	lock_first_byte(h->fd, h->locks ? F_UNLCK : F_RDLCK, F_OFD_SETLK);
}

/* Keep all others out; false: there are some.  A system without such locks has nobody who needs
 * them.  It waits for nobody, as those might wait for us. */
static bool alone(const tl_handler *h)
{
	int r = lock_first_byte(h->fd, F_WRLCK, F_OFD_SETLK);

	if (r == -EAGAIN || r == -EACCES)
		return false;
	if (h->locks || file_lock(h->fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	let_others(h);
	return false;
}

static void no_longer_alone(const tl_handler *h)
{
	if (!h->locks)
		file_lock(h->fd, LOCK_UN);
	let_others(h);
}

/* -- parts of lines */

/* Where the last line ends that is whole, not looking before `from`; -1: nobody can tell. */
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

/* Make the byte before `end` a newline.  pwrite(2) appends where O_APPEND is set. */
static bool end_line(const tl_handler *h, int64_t end)
{
	int flags = fcntl(h->fd, F_GETFL);
	bool done;

	if (flags < 0 || fcntl(h->fd, F_SETFL, flags & ~O_APPEND) < 0)
		return false;
	done = pwrite(h->fd, "\n", 1, end - 1) == 1;
	fcntl(h->fd, F_SETFL, flags);
	return done;
}

/* The file ends at `from` now, if it was `size` long and nobody else is there. */
static bool cut(const tl_handler *h, int64_t from, int64_t size)
{
	struct stat st;
	bool gone;

	if (from < 0 || !alone(h))
		return false;
	gone = fstat(h->fd, &st) == 0 && st.st_size == size && ftruncate(h->fd, from) == 0;
	no_longer_alone(h);
	return gone;
}

/* What lies from `from` (-1: nobody knows) to `end` is a part of a line.  True: the file now ends
 * there, if it was `size` long; false: the part is a line of its own, or, if not even that is
 * possible, the next one begins with a line break. */
static bool take_back(tl_handler *h, int64_t from, int64_t end, int64_t size)
{
	bool gone = cut(h, from, size);

	if (!gone && !end_line(h, end))
		h->parted = true;
	return gone;
}

/* Where the part begins that ends at `end`, as far as we know the file. */
static int64_t part_from(const tl_handler *h, int64_t end)
{
	return h->end >= 0 && h->end <= end ? whole_until(h->fd, h->end, end) : -1;
}

static bool ends_line(const tl_handler *h, int64_t end)
{
	char last;

	return end <= 0 || pread(h->fd, &last, 1, end - 1) != 1 || last == '\n';
}

int64_t append_repair(tl_handler *h, int64_t size)
{
	int64_t from;

	if (size == h->end || ends_line(h, size))
		return size;
	/* Beside others it may be a line that is just being written: its size grows by pages. */
	from = part_from(h, size);
	return cut(h, from, size) ? from : size;
}

/* -- the file is open */

/* What stands there without a newline is not ours to take away.  Where others write we look behind
 * us instead: they may be at it just now. */
void append_looks(tl_handler *h)
{
	struct stat st;

	if (h->end >= 0 || !alone(h))
		return;
	if (fstat(h->fd, &st) == 0) {
		h->end = st.st_size;
		h->parted = !ends_line(h, h->end);
	}
	no_longer_alone(h);
}

bool append_joins(int fd)
{
	return is_local(fd) && lock_first_byte(fd, F_RDLCK, F_OFD_SETLKW) == 0;
}

/* -- a line */

static ssize_t write_once(const tl_handler *h, const char *lines, size_t n, bool parted)
{
	struct iovec all[] = { { (char[]){ '\n' }, 1 }, { (char *)lines, n } };
	ssize_t r;

	do
		r = parted ? writev(h->fd, all, 2) : write(h->fd, lines, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* The system took only what lies from `from` to `end`: the rest follows, or why does it not? */
static int write_rest(tl_handler *h, const char *lines, size_t n, int64_t from, int64_t end)
{
	size_t done;
	int r = fd_write(h->fd, h->kind, lines, n, &done);
	int64_t now = lseek(h->fd, 0, SEEK_CUR);
	bool one_piece = now == end + (int64_t)done;

	if (r == 0 && one_piece) {
		h->end = now;
		return 0;
	}
	h->end = take_back(h, one_piece ? from : -1, now, now) ? from : now;
	return r < 0 ? r : -EIO;
}

int append_lines(tl_handler *h, const char *lines, size_t n)
{
	bool parted = h->parted;
	ssize_t put = write_once(h, lines, n, parted);
	int64_t end, from, part;

	if (put <= 0)
		return put ? (int)put : -EIO;
	h->parted = false;
	end = lseek(h->fd, 0, SEEK_CUR);
	from = end - put;
	if ((size_t)put < n + parted)
		return write_rest(h, lines + put - parted, n + parted - (size_t)put, from, end);
	if (from != h->end && !parted && !ends_line(h, from)) {
		part = part_from(h, from);
		if (take_back(h, part, from, end)) { /* with our line */
			h->end = part;
			return append_lines(h, lines, n);
		}
	}
	h->end = end;
	return 0;
}
