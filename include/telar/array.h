/* telar/array.h - numbers in shared memory, with the lock that guards them: multiprocessing's Value
 * and Array, and those of sharedctypes.  A tl_array means the same in every process of the program,
 * see telar/shared.h; it goes along in arguments, queues and pipes as any pointer. */
#ifndef TELAR_ARRAY_H
#define TELAR_ARRAY_H
#include <telar/sync.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_array tl_array;

typedef struct tl_array_opts {
	bool raw; /* without a lock: the items are words that need none, or another guards them */
	uint64_t reserved[3];
} tl_array_opts;

/* Make n items, all zero.  Not a cancel point.
 * typecode: what an item is, as in Python's array: b B signed and unsigned char, h H short, i I
 * int, l L long, q Q long long, f float, d double, c char, ? bool.  n: at least 1; 1 makes a Value.
 * Errors: -EINVAL (no such typecode, no items, too many to count), -ENOSPC (no shared memory).
 * Ownership: *ret is the program's, until one of its processes closes it; a process that ends does
 * not.  Source: Python's multiprocessing.Array.  Example: examples/shared_value_array.c. */
TL_API int tl_array_open(tl_array **ret, char typecode, size_t n, const tl_array_opts *o) TL_MUST;

/* The items, one behind the other, aligned to 64: a C array of their type.  What more than one
 * strand changes, also by +=, needs the lock.  Not a cancel point; cannot fail.  Ownership: they
 * are a's, and go with it. */
TL_API void *tl_array_items(tl_array *a);

/* How many items it has.  Not a cancel point; cannot fail. */
TL_API size_t tl_array_count(const tl_array *a);

/* The size of one item in bytes.  Not a cancel point; cannot fail. */
TL_API size_t tl_array_width(const tl_array *a);

/* What it was made of.  Not a cancel point; cannot fail. */
TL_API char tl_array_typecode(const tl_array *a);

/* Its lock; NULL: it was made raw.  A holder that is killed loses it, see tl_lock_acquire.  Not a
 * cancel point; cannot fail.  Ownership: a's. */
TL_API tl_lock *tl_array_lock(tl_array *a);

/* Free a, which nobody uses any more; any process of the program may.  NULL is legal.  Not a cancel
 * point.  Answers NULL. */
TL_API tl_array *tl_array_close(tl_array *a);

#ifdef __cplusplus
}
#endif
#endif
