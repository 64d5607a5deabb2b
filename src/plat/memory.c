/* memory.c - address space, guards and slabs.
 *
 * A guard is MADV_GUARD_INSTALL where the kernel has it (no mapping of its own: a million guarded
 * stacks fit the default limit of 65,530 mappings), else PROT_NONE, as also in locked memory. */
#include "plat/linux.h"
#include "plat/plat.h"
#include "plat/switch.h"
#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

/* There in a program that looks for leaks: our records own memory of the heap's, and it would not
 * find them.  Source: sanitizer/lsan_interface.h. */
extern void __lsan_register_root_region(const void *p, size_t size) __attribute__((weak));

enum { HUGE = 1 << 21 };

size_t plat_page(void)
{
	static _Atomic size_t known;
	size_t page = atomic_load_explicit(&known, memory_order_relaxed);

	if (!page) {
		page = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&known, page, memory_order_relaxed);
	}
	return page;
}

void *plat_reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE); /* else the first touch of a stack costs 2 MiB */
	munlock(p, size); /* mlockall(MCL_FUTURE) would fill it, and refuse guards */
	return p;
}

int plat_open(void *at, size_t size)
{
	return mprotect(at, size, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
}

/* Some systems under a system (emulators, sandboxes) take every advice and follow none. */
static bool holds(void *at) { return getrandom(at, 1, GRND_NONBLOCK) < 0 && errno == EFAULT; }

int plat_guard(void *at, size_t size)
{
	static _Atomic int works; /* 0: not known yet */
	int w = atomic_load_explicit(&works, memory_order_relaxed);

	if (w >= 0 && madvise(at, size, MADV_GUARD_INSTALL) == 0) {
		if (w == 0) {
			w = holds(at) ? 1 : -1;
			atomic_store_explicit(&works, w, memory_order_relaxed);
		}
		if (w > 0)
			return 0;
	}
	return mprotect(at, size, PROT_NONE) == 0 ? 0 : -errno;
}

void plat_release(void *at, size_t size) { munmap(at, size); }

void plat_forget(void *at, size_t size) { madvise(at, size, MADV_DONTNEED); }

/* Some systems give huge pages only to what begins at the boundary of one. */
static char *align(char *p, size_t size, size_t room)
{
	char *at = p + (HUGE - 1 - ((uintptr_t)p - 1) % HUGE);

	munmap(p, (size_t)(at - p));
	munmap(at + size, (size_t)(p + room - (at + size)));
	madvise(at, size, MADV_HUGEPAGE);
	return at;
}

void *plat_slab(size_t size, bool large)
{
	size_t room = size + (large ? HUGE : 0);
	char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (large)
		p = align(p, size, room);
	if (__lsan_register_root_region)
		__lsan_register_root_region(p, size);
	return p;
}
