/* telar/shared.h - memory that means the same in every process of a program.
 *
 * One window of address space, backed by one sealed memory file without a name: nothing of it can
 * leak.  A process that fork(2) made from this program sees it at the same addresses, so plain
 * pointers into it work on both sides.  Pages are reserved when they are allocated: full is an
 * error, never a SIGBUS.  Cores leave it out.  A process that somebody stops (SIGSTOP) in these two
 * calls, or in a queue's, keeps the others from theirs until it goes on or is killed.
 *
 * The objects of telar/sync.h and telar/future.h work in it between all those processes, by the
 * same calls, from tasks and threads.  A process may be killed anywhere: those who wait look again
 * when a death is known, and once a second, so nobody waits for what the dead owed.  Different is:
 * - Nobody is served in order.  Free an object only when all who waited on it have returned.
 * - Lock, recursive lock, rwlock to write: if the holder was killed, -EOWNERDEAD, and recover.
 *   Rwlock to read: the dead read no more.
 * - Semaphore: units that a killed process had taken are gone, for nobody knows whose they were.
 * - Condition: its lock must be there, too; if its holder is killed the wait answers -EOWNERDEAD.
 *   After one was killed waiting, a later notify may tell one too many.  Who notifies without the
 *   lock is not found out.
 * - Barrier: no action (-EINVAL), at most 8,388,607 parties.  Who is killed waiting has come; for
 *   one that is killed before, the others wait: give a deadline.  When one that waited was
 *   cancelled, two of that round may get the same number.
 * - Once: if who runs it is killed, the next runs it.
 * - Future: if who fills it is killed on the way, another may fill it.  The value is a number, or a
 *   pointer into shared memory. */
#ifndef TELAR_SHARED_H
#define TELAR_SHARED_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* size bytes in the shared window, zeroed (so that locks in it are ready), aligned to 64.  Not a
 * cancel point. NULL: no memory, or the window cannot be made: it takes 64 GiB of address space and
 * of a file that has no pages yet, so RLIMIT_AS and RLIMIT_FSIZE must allow that.  Free with
 * tl_shared_free.
 * Source: memfd_create(2), fallocate(2).  Example: tests/kill/test_lock_owner.c. */
TL_API void *tl_shared(size_t size) TL_MUST;

/* Give it back; any process of the program may.  NULL is legal.  Answers NULL. */
TL_API void *tl_shared_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
