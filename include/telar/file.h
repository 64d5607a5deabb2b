/* telar/file.h - files that are whole, durable and named, or not there at all.
 *
 *	if ((r = tl_store_open(&st, dir, TL_NEVER)) < 0) return r;
 *	if ((r = tl_store_write(st, buf, n, TL_NEVER)) == 0)
 *		r = tl_store_commit(st, "receipt.pdf", TL_NEVER); // 0: survives a power cut
 *	tl_store_close(st); // uncommitted: nothing is left behind
 *
 * File work runs on helper threads, on buffers of the library: a deadline or a cancel is answered
 * in time and the work itself is abandoned.  These functions pass the system's own errors through
 * (-ENOSPC, -EIO, -EACCES ...).  A store is used by one strand at a time. */
#ifndef TELAR_FILE_H
#define TELAR_FILE_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_store tl_store;
struct tl_stream;

/* Begin a file in the folder open as dir (AT_FDCWD: the current one).  It has no name, so a crash
 * leaves nothing.  Cancel point.  Ownership: *ret is the caller's, for tl_store_close; untouched on
 * failure.  dir must stay open until the commit begins.  Source: open(2), O_TMPFILE (where the file
 * system has none: a temporary name, removed at close). */
TL_API int tl_store_open(tl_store **ret, int dir, tl_time deadline) TL_MUST;

/* Append n bytes, copied; small writes are held back and go out together, the last of them with the
 * commit.  Cancel point.  After any failure, and after the commit, the store can only be read and
 * closed (-EPIPE). */
TL_API int tl_store_write(tl_store *st, const void *buf, size_t n, tl_time deadline) TL_MUST;

/* The bytes on disk, then the name, then the folder: when it answers 0 a power cut loses nothing.
 * Commits that happen at the same time share their syncs.  Cancel point: after -ETIMEDOUT or
 * -ECANCELED the file may or may not appear, whole. name: one path component.  Errors also: -EEXIST
 * (the name is taken; that file is untouched, and st can be committed under another), -EINVAL (not
 * a component; st can be committed), -EPIPE (committed or failed before).  A file that another
 * commit of this process has just given the name is durable too when -EEXIST is answered.
 * Source: linkat(2), fsync(2), syncfs(2). */
TL_API int tl_store_commit(tl_store *st, const char *name, tl_time deadline) TL_MUST;

/* The file, to be read with pread(2), with all that was written so far; it stays the store's.  Not
 * a
 * cancel point.  Errors: the system's for what could not be written (-ENOSPC ...). */
TL_API int tl_store_fd(tl_store *st);
/* Bytes written so far. */
TL_API uint64_t tl_store_size(const tl_store *st);

/* Free st; what was not committed is gone.  NULL is legal.  Answers NULL. */
TL_API tl_store *tl_store_close(tl_store *st);

typedef struct tl_stored {
	uint64_t size;
} tl_stored;

/* All of `from` until its end, at most limit bytes, as one durable file.  ret may be NULL.  Cancel
 * point. Errors also: -EFBIG (more than limit; nothing is stored). */
TL_API int tl_file_store(int dir, const char *name, struct tl_stream *from, size_t limit,
	tl_stored *ret, tl_time deadline);

#ifdef __cplusplus
}
#endif
#endif
