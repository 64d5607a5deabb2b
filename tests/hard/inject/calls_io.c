/* calls_io.c - stand-ins for calls about files and sockets, see strike.h. */
#include "strike.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* -- files */

static bool creates(int flags) { return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE; }

int as_openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (creates(flags)) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if ((flags & O_TMPFILE) == O_TMPFILE)
		GIVE(EMFILE, ENOSPC, EOPNOTSUPP, ENOMEM);
	else if (creates(flags))
		GIVE(EMFILE, ENOSPC, ENOMEM, EEXIST);
	else
		GIVE(EMFILE, ENFILE, ENOMEM);
	return openat(dir, path, flags, mode);
}
int as_open64(const char *path, int flags, ...)
{
	GIVE(EMFILE, ENFILE, ENOMEM); /* the library makes no file with it */
	return open(path, flags);
}
DIR *as_opendir(const char *path)
{
	NONE(NULL, EMFILE, ENOMEM);
	return opendir(path);
}
__attribute__((no_sanitize_address)) int as_fcntl64(int fd, int what, ...)
{
	va_list args;
	long arg;

	va_start(args, what);
	arg = va_arg(args, long);
	va_end(args);
	if (what == F_DUPFD_CLOEXEC)
		GIVE(EMFILE);
	return fcntl(fd, what, arg);
}
int as_close(int fd)
{
	int r = close(fd);

	GIVE(EIO);
	ODDLY(EINTR);
	return r;
}
int as_fstat64(int fd, struct stat *st)
{
	GIVE(ENOMEM);
	return fstat(fd, st);
}
int as_lstat64(const char *path, struct stat *st)
{
	GIVE(ENOMEM, EACCES);
	return lstat(path, st);
}
int as_fstatfs64(int fd, struct statfs *st)
{
	GIVE(ENOMEM);
	return fstatfs(fd, st);
}
ssize_t as_read(int fd, void *buf, size_t n)
{
	GIVE(EIO);
	ODDLY(EINTR);
	return read(fd, buf, n);
}
ssize_t as_write(int fd, const void *buf, size_t n)
{
	if (n == sizeof(uint64_t)) /* an eventfd's */
		return write(fd, buf, n);
	GIVE(EIO, EPIPE);
	ODDLY(EINTR);
	SHORTEN(n);
	return write(fd, buf, n);
}
ssize_t as_pwrite64(int fd, const void *buf, size_t n, off_t at)
{
	GIVE(ENOSPC, EIO, EDQUOT);
	ODDLY(EINTR);
	SHORTEN(n);
	return pwrite(fd, buf, n, at);
}
int as_fsync(int fd)
{
	GIVE(EIO, ENOSPC);
	return fsync(fd);
}
int as_fdatasync(int fd)
{
	GIVE(EIO, ENOSPC);
	return fdatasync(fd);
}
int as_syncfs(int fd)
{
	GIVE(EIO, ENOSPC);
	return syncfs(fd);
}
int as_sync_file_range(int fd, off_t at, off_t n, unsigned flags)
{
	GIVE(EIO, ENOSPC, ENOMEM);
	return sync_file_range(fd, at, n, flags);
}
int as_linkat(int from, const char *a, int to, const char *b, int flags)
{
	if (flags & AT_EMPTY_PATH)
		GIVE(ENOENT, ENOSPC, EIO); /* ENOENT: it takes a privilege */
	else
		GIVE(ENOSPC, EIO, EDQUOT);
	return linkat(from, a, to, b, flags);
}
int as_renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
	GIVE(EINVAL, ENOSPC, EIO); /* EINVAL: the file system knows no flags */
	return renameat2(from, a, to, b, flags);
}
int as_rename(const char *a, const char *b)
{
	GIVE(ENOSPC, EIO, EACCES);
	return rename(a, b);
}
int as_access(const char *path, int how)
{
	GIVE(EACCES, ENOMEM);
	return access(path, how);
}
int as_stat64(const char *path, struct stat *st)
{
	GIVE(ENOMEM, EACCES);
	return stat(path, st);
}
int as_flock(int fd, int how)
{
	GIVE(ENOLCK);
	ODDLY(EINTR);
	return flock(fd, how);
}
ssize_t as_pread64(int fd, void *buf, size_t n, off_t at)
{
	GIVE(EIO);
	return pread(fd, buf, n, at);
}

/* -- sockets */

int as_socket(int domain, int type, int protocol)
{
	GIVE(EMFILE, ENFILE, ENOBUFS, ENOMEM);
	return socket(domain, type, protocol);
}
int as_socketpair(int domain, int type, int protocol, int fds[2])
{
	GIVE(EMFILE, ENFILE, ENOMEM);
	return socketpair(domain, type, protocol, fds);
}
ssize_t as_sendmsg(int fd, const struct msghdr *m, int flags)
{
	GIVE(ENOMEM, ENOBUFS);
	ODDLY(EINTR);
	return sendmsg(fd, m, flags);
}
ssize_t as_recvmsg(int fd, struct msghdr *m, int flags)
{
	GIVE_ONCE(ENOMEM);
	ODDLY(EINTR);
	return recvmsg(fd, m, flags);
}
int as_setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	GIVE(ENOMEM);
	return setsockopt(fd, level, name, value, n);
}
int as_getsockname(int fd, struct sockaddr *a, socklen_t *n)
{
	GIVE(ENOBUFS);
	return getsockname(fd, a, n);
}
int as_getpeername(int fd, struct sockaddr *a, socklen_t *n)
{
	GIVE(ENOBUFS, ENOTCONN);
	return getpeername(fd, a, n);
}
int as_bind(int fd, const struct sockaddr *a, socklen_t n)
{
	GIVE(EADDRINUSE, EACCES, ENOMEM);
	return bind(fd, a, n);
}
int as_listen(int fd, int backlog)
{
	GIVE(EADDRINUSE, ENOBUFS);
	return listen(fd, backlog);
}
int as_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	GIVE(ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ENOBUFS);
	return connect(fd, a, n);
}
int as_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	GIVE(EMFILE, ENFILE, ENOBUFS, ENOMEM);
	ODDLY(EINTR, ECONNABORTED, EPROTO);
	return accept4(fd, a, n, flags);
}
ssize_t as_recv(int fd, void *buf, size_t n, int flags)
{
	GIVE(ECONNRESET, ENOMEM, ETIMEDOUT);
	ODDLY(EINTR);
	SHORTEN(n);
	return recv(fd, buf, n, flags);
}
ssize_t as_send(int fd, const void *buf, size_t n, int flags)
{
	GIVE(ECONNRESET, EPIPE, ENOBUFS, ENOMEM);
	ODDLY(EINTR);
	SHORTEN(n);
	return send(fd, buf, n, flags);
}
