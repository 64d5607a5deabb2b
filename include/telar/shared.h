/* telar/shared.h - memory that means the same in every process of a program.
 *
 * One window of address space, backed by one sealed memory file without a name: nothing of it can
 * leak.  A process that fork(2) made from this program sees it at the same addresses, so plain
 * pointers into it work on both sides.  Pages are reserved when they are allocated: full is an
 * error, never a SIGBUS. */
#ifndef TELAR_SHARED_H
#define TELAR_SHARED_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* size bytes in the shared window, zeroed (so that locks in it are ready), aligned to 64.  Not a
 * cancel point. NULL: no memory, or the window could not be made.  Free with tl_shared_free.
 * Source: memfd_create(2), fallocate(2).  Example: tests/kill/test_lock_owner.c. */
TL_API void *tl_shared(size_t size) TL_MUST;

/* Give it back; any process of the program may.  NULL is legal.  Answers NULL. */
TL_API void *tl_shared_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
