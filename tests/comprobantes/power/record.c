/* record.c - what a program asks of the file system, in order: loaded before the C library
 * (LD_PRELOAD), it writes a log that power.py reads.
 *
 * Only what changes a file, a folder or what is durable is written down, and what is sent on
 * sockets, so that the log says what had been promised when.  Changes are made and logged under one
 * lock, so the log has their true order.  Syncs run outside of it and have two records: a sync
 * covers what stands before its first, and is done at its second.  A record is one write(2) at the
 * end of the file, and who kills waits for it to be whole.
 *
 * Files are named by inode; each record that makes one begins a new file under that number.  Every
 * call goes to the kernel directly, never through the C library's function of the same name. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct record { /* then the name, then the data; power.py has the same */
	uint32_t size;
	char kind;
	uint8_t zero;
	uint16_t name_n;
	uint64_t ino, dir, at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("POWER_LOG");

	if (path)
		out = (int)syscall(SYS_openat, AT_FDCWD, path,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void log_it(struct record r, const char *name, const void *data, size_t n)
{
	int kept = errno;
	struct iovec parts[3];

	r.name_n = (uint16_t)strlen(name);
	r.size = (uint32_t)(sizeof r + r.name_n + n);
	parts[0] = (struct iovec){ &r, sizeof r };
	parts[1] = (struct iovec){ (char *)name, r.name_n };
	parts[2] = (struct iovec){ (void *)data, n };
	if (out >= 0 && syscall(SYS_writev, out, parts, 3) != (long)r.size)
		abort(); /* a log with a hole proves nothing */
	errno = kept;
}

/* The other lock is on the log: power.py takes it before it kills, so that a change and its record
 * are both there, or neither. */
static void take(void)
{
	pthread_mutex_lock(&lock);
	while (out >= 0 && syscall(SYS_flock, out, LOCK_EX) < 0)
		if (errno != EINTR)
			abort();
}

static void give(void)
{
	int kept = errno;

	if (out >= 0)
		syscall(SYS_flock, out, LOCK_UN);
	pthread_mutex_unlock(&lock);
	errno = kept;
}

static long locked(long r)
{
	give();
	return r;
}

/* -- which file is meant */

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

struct place {
	uint64_t dir;
	const char *name;
};

static struct place place_of(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";
	struct stat st;

	if (slash) {
		size_t n = slash == path ? 1 : (size_t)(slash - path);
		if (n >= sizeof folder)
			abort();
		memcpy(folder, path, n);
		folder[n] = 0;
	}
	if (fstatat(fd, folder, &st, 0) < 0)
		st.st_ino = 0;
	return (struct place){ st.st_ino, slash ? slash + 1 : path };
}

static uint64_t inode_at(int fd, const char *path)
{
	struct stat st;

	return fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static void log_name(char kind, int fd, const char *path)
{
	struct place p = place_of(fd, path);

	log_it((struct record){ .kind = kind, .ino = inode_at(fd, path), .dir = p.dir }, p.name,
		NULL, 0);
}

/* -- making and opening */

static int do_open(int dir, const char *path, int flags, mode_t mode)
{
	bool makes = (flags & O_CREAT) != 0, was;
	int fd;

	if ((flags & O_TMPFILE) == O_TMPFILE && getenv("POWER_NAMES")) {
		errno = EOPNOTSUPP; /* a file system that makes no files without a name */
		return -1;
	}
	take();
	was = makes && inode_at(dir, path) != 0;
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (fd >= 0 && (flags & O_TMPFILE) == O_TMPFILE)
		log_it((struct record){ .kind = 'T', .ino = inode_of(fd) }, "", NULL, 0);
	else if (fd >= 0 && makes && !was)
		log_name('C', dir, path);
	else if (fd >= 0 && flags & O_TRUNC)
		log_it((struct record){ .kind = 'S', .ino = inode_of(fd) }, "", NULL, 0);
	return (int)locked(fd);
}

#define OPEN(name, dir, ...) \
	int name(__VA_ARGS__, int flags, ...) \
	{ \
		mode_t mode = 0; \
		if (flags & (O_CREAT | __O_TMPFILE)) { \
			va_list args; \
			va_start(args, flags); \
			mode = va_arg(args, mode_t); \
			va_end(args); \
		} \
		return do_open(dir, path, flags, mode); \
	}

OPEN(open, AT_FDCWD, const char *path)
OPEN(open64, AT_FDCWD, const char *path)
OPEN(openat, folder, int folder, const char *path)
OPEN(openat64, folder, int folder, const char *path)

int mkdirat(int dir, const char *path, mode_t mode)
{
	take();
	int r = (int)syscall(SYS_mkdirat, dir, path, mode);
	if (r == 0)
		log_name('M', dir, path);
	return (int)locked(r);
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* -- names */

int linkat(int from, const char *path, int to, const char *name, int flags)
{
	take();
	int r = (int)syscall(SYS_linkat, from, path, to, name, flags);
	if (r == 0)
		log_name('L', to, name);
	return (int)locked(r);
}

int link(const char *path, const char *name) { return linkat(AT_FDCWD, path, AT_FDCWD, name, 0); }

int unlinkat(int dir, const char *path, int flags)
{
	take();
	int r = (int)syscall(SYS_unlinkat, dir, path, flags);
	if (r == 0)
		log_name('U', dir, path);
	return (int)locked(r);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int renameat2(int from, const char *path, int to, const char *name, unsigned flags)
{
	take();
	int r = (int)syscall(SYS_renameat2, from, path, to, name, flags);
	if (r == 0) {
		log_name('L', to, name);
		log_name('U', from, path);
	}
	return (int)locked(r);
}

int renameat(int from, const char *path, int to, const char *name)
{
	return renameat2(from, path, to, name, 0);
}

int rename(const char *path, const char *name)
{
	return renameat2(AT_FDCWD, path, AT_FDCWD, name, 0);
}

/* -- syncs */

static long sync_with(long number, int fd, char kind)
{
	struct record r = { .kind = kind, .ino = fd < 0 ? 0 : inode_of(fd) };
	static _Atomic uint64_t last;
	long result;

	r.at = ++last;
	take();
	log_it(r, "", NULL, 0);
	give();
	result = syscall(number, fd);
	take();
	r.kind = result < 0 ? 'e' : 'd'; /* failed; done */
	log_it(r, "", NULL, 0);
	return locked(result);
}

int fsync(int fd) { return (int)sync_with(SYS_fsync, fd, 'f'); }
int fdatasync(int fd) { return (int)sync_with(SYS_fdatasync, fd, 'f'); }
int syncfs(int fd) { return (int)sync_with(SYS_syncfs, fd, 'a'); }
void sync(void) { sync_with(SYS_sync, -1, 'a'); }
/* sync_file_range(2) promises nothing and so is nothing here. */

/* -- bytes */

/* n bytes were written that now end at `end`.  With the lock held, which is given up. */
static ssize_t wrote(int fd, const void *p, ssize_t n, off_t at)
{
	struct stat st;
	bool file = n > 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	bool durable = file && fcntl(fd, F_GETFL) & O_DSYNC;

	if (file && at < 0)
		at = syscall(SYS_lseek, fd, 0, SEEK_CUR) - n;
	if (file)
		log_it((struct record){ .kind = 'W', .ino = st.st_ino, .at = (uint64_t)at }, "", p,
			(size_t)n);
	give();
	/* A write through O_DSYNC is its own sync. */
	return durable && fdatasync(fd) < 0 ? -1 : n;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	take();
	return wrote(fd, p, syscall(SYS_pwrite64, fd, p, n, at), at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) { return pwrite(fd, p, n, at); }

ssize_t write(int fd, const void *p, size_t n)
{
	take();
	return wrote(fd, p, syscall(SYS_write, fd, p, n), -1);
}

static int resized(int fd, long r)
{
	struct stat st;

	if (r == 0 && fstat(fd, &st) == 0)
		log_it((struct record){ .kind = 'S', .ino = st.st_ino, .at = (uint64_t)st.st_size },
			"", NULL, 0);
	return (int)locked(r);
}

int ftruncate(int fd, off_t size)
{
	take();
	return resized(fd, syscall(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t at, off_t n)
{
	take();
	return resized(fd, syscall(SYS_fallocate, fd, mode, at, n));
}

int fallocate64(int fd, int mode, off_t at, off_t n) { return fallocate(fd, mode, at, n); }

/* Writes through a mapping cannot be seen: power.py insists on files that need not last. */
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && flags & MAP_SHARED && protection & PROT_WRITE) {
		take();
		log_it((struct record){ .kind = 'X', .ino = inode_of(fd) }, "", NULL, 0);
		give();
	}
	return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	return mmap(at, size, protection, flags, fd, offset);
}

/* -- promises */

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	take();
	log_it((struct record){ .kind = 'A' }, "", p, n);
	give();
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}
