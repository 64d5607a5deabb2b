/* calls.c - stand-ins for calls about memory, threads, processes and waiting, see strike.h. */
#include "strike.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* -- memory */

void *as_malloc(size_t n)
{
	NONE(NULL, ENOMEM);
	return malloc(n);
}
void *as_calloc(size_t n, size_t size)
{
	NONE(NULL, ENOMEM);
	return calloc(n, size);
}
void *as_realloc(void *p, size_t n)
{
	NONE(NULL, ENOMEM);
	return realloc(p, n);
}
void *as_aligned_alloc(size_t to, size_t n)
{
	NONE(NULL, ENOMEM);
	return aligned_alloc(to, n);
}
void *as_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	NONE(MAP_FAILED, ENOMEM, EAGAIN);
	return mmap(at, n, prot, flags, fd, from);
}
int as_mprotect(void *at, size_t n, int prot)
{
	GIVE(ENOMEM);
	return mprotect(at, n, prot);
}
int as_madvise(void *at, size_t n, int advice)
{
	GIVE(ENOMEM, EINVAL);
	return madvise(at, n, advice);
}
int as_memfd_create(const char *name, unsigned flags)
{
	GIVE(EMFILE, ENFILE, ENOMEM);
	return memfd_create(name, flags);
}
int as_ftruncate64(int fd, off_t n)
{
	GIVE(ENOSPC);
	return ftruncate(fd, n);
}
int as_fallocate64(int fd, int mode, off_t at, off_t n)
{
	GIVE(ENOSPC, ENOMEM);
	ODDLY(EINTR);
	return fallocate(fd, mode, at, n);
}

/* -- threads and processes */

int as_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	int e = STRIKE(false, EAGAIN);

	return e ? e : pthread_create(t, a, fn, arg);
}
int as_pthread_getattr_np(pthread_t t, pthread_attr_t *a)
{
	int e = STRIKE(false, ENOMEM);

	return e ? e : pthread_getattr_np(t, a);
}
int as_pthread_attr_setaffinity_np(pthread_attr_t *a, size_t n, const cpu_set_t *set)
{
	int e = STRIKE(false, ENOMEM);

	return e ? e : pthread_attr_setaffinity_np(a, n, set);
}
int as_pthread_setname_np(pthread_t t, const char *name)
{
	int e = STRIKE(false, ENOENT);

	return e ? e : pthread_setname_np(t, name);
}
int as_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
	return pthread_atfork(before, parent, child); /* its failure is only felt in a fork */
}
int as_setpriority(int which, id_t who, int value)
{
	GIVE(EACCES);
	return setpriority(which, who, value);
}
int as_sigaltstack(const stack_t *s, stack_t *old)
{
	GIVE(ENOMEM);
	return sigaltstack(s, old);
}
int as_nanosleep(const struct timespec *t, struct timespec *left)
{
	ODDLY(EINTR);
	return nanosleep(t, left);
}
ssize_t as_getrandom(void *buf, size_t n, unsigned flags)
{
	GIVE(EAGAIN);
	ODDLY(EINTR);
	return getrandom(buf, n, flags);
}

static long futex(const long *a)
{
	int op = (int)a[1] & FUTEX_CMD_MASK;

	if (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET)
		ODDLY(EINTR, EAGAIN);
	return syscall(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
}
static long futex_waitv(const long *a)
{
	GIVE(ENOMEM);
	ODDLY(EINTR, EAGAIN);
	return syscall(SYS_futex_waitv, a[0], a[1], a[2], a[3], a[4], a[5]);
}
static long io_uring_setup(const long *a)
{
	GIVE(ENOMEM, EMFILE, EPERM, ENFILE);
	return syscall(SYS_io_uring_setup, a[0], a[1]);
}
static long io_uring_register(const long *a)
{
	GIVE_ONCE(ENOMEM);
	return syscall(SYS_io_uring_register, a[0], a[1], a[2], a[3]);
}
static long io_uring_enter(const long *a)
{
	ODDLY(EINTR, EAGAIN, EBUSY);
	return syscall(SYS_io_uring_enter, a[0], a[1], a[2], a[3], a[4], a[5]);
}
static long membarrier(const long *a)
{
	GIVE_ONCE(ENOMEM);
	return syscall(SYS_membarrier, a[0], a[1], a[2]);
}
static long pidfd_open(const long *a)
{
	GIVE(EMFILE, ENFILE, ENOMEM);
	return syscall(SYS_pidfd_open, a[0], a[1]);
}

/* Six arguments are read of which the caller may have given fewer. */
__attribute__((no_sanitize_address)) long as_syscall(long number, ...)
{
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	switch (number) {
	case SYS_futex: return futex(a);
	case SYS_futex_waitv: return futex_waitv(a);
	case SYS_io_uring_setup: return io_uring_setup(a);
	case SYS_io_uring_register: return io_uring_register(a);
	case SYS_io_uring_enter: return io_uring_enter(a);
	case SYS_membarrier: return membarrier(a);
	case SYS_pidfd_open: return pidfd_open(a);
	default: return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

int as___clone(int (*fn)(void *), void *stack, int flags, void *arg)
{
	int __clone(int (*)(void *), void *, int, void *, ...);

	GIVE(EAGAIN, ENOMEM);
	return __clone(fn, stack, flags, arg);
}

/* -- waiting for descriptors */

int as_eventfd(unsigned n, int flags)
{
	GIVE(EMFILE, ENFILE, ENOMEM);
	return eventfd(n, flags);
}
int as_epoll_create1(int flags)
{
	GIVE(EMFILE, ENFILE, ENOMEM);
	return epoll_create1(flags);
}
int as_epoll_ctl(int set, int op, int fd, struct epoll_event *ev)
{
	if (op != EPOLL_CTL_DEL)
		GIVE(ENOMEM, ENOSPC);
	return epoll_ctl(set, op, fd, ev);
}
int as_epoll_wait(int set, struct epoll_event *ev, int n, int ms)
{
	ODDLY(EINTR);
	return epoll_wait(set, ev, n, ms);
}
int as_epoll_pwait2(
	int set, struct epoll_event *ev, int n, const struct timespec *t, const sigset_t *mask)
{
	GIVE(ENOSYS);
	ODDLY(EINTR);
	return epoll_pwait2(set, ev, n, t, mask);
}
int as_poll(struct pollfd *p, nfds_t n, int ms)
{
	GIVE(ENOMEM);
	ODDLY(EINTR);
	return poll(p, n, ms);
}
