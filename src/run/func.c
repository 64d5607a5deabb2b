/* func.c - functions as values: module and offset.
 *
 * Every process of a program loads its modules where it likes, but the functions in them lie where
 * they lie.  Modules are numbered in the shared window: 0 is the program itself, the others have an
 * entry with their path in a table that only grows; an entry is one pointer and set once. */
#include "run/process.h"
#include "telar/shared.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { OFFSET_BITS = 48 };
#define OFFSET_MASK (((uint64_t)1 << OFFSET_BITS) - 1)

/* The number of the module at path, a new one if need be; < 0: no room. */
static int number_of(const char *path)
{
	window_path *table = window_paths();
	size_t size = strlen(path) + 1;
	char *own = NULL, *there;

	for (int i = 0; table && i < WINDOW_PATHS; i++) {
		there = atomic_load_explicit(&table[i], memory_order_acquire);
		if (!there) {
			if (!own && !(own = tl_shared(size)))
				return -ENOSPC;
			memcpy(own, path, size);
			if (atomic_compare_exchange_strong_explicit(&table[i], &there, own,
				    memory_order_release, memory_order_acquire))
				return i + 1;
		}
		if (strcmp(there, path) == 0) {
			tl_shared_free(own);
			return i + 1;
		}
	}
	tl_shared_free(own);
	return -ENOSPC;
}

tl_func tl_func_of(tl_fn *fn)
{
	char full[PATH_MAX];
	const char *path;
	uintptr_t base;
	int number = 0;

	if (!fn || !plat_module_at((const void *)fn, &path, &base))
		return (tl_func){ 0 };
	if (path[0])
		number = number_of(path[0] != '/' && realpath(path, full) ? full : path);
	if (number < 0)
		return (tl_func){ 0 };
	return (tl_func){ (uint64_t)(number + 1) << OFFSET_BITS |
			  (((uintptr_t)fn - base) & OFFSET_MASK) };
}

/* The path of module number n; NULL: there is none. */
static const char *path_of(uint64_t n)
{
	window_path *table = n ? window_paths() : NULL;

	if (n == 0)
		return "";
	return table && n <= WINDOW_PATHS
		       ? atomic_load_explicit(&table[n - 1], memory_order_acquire)
		       : NULL;
}

tl_fn *func_find(tl_func f, int *ret_r)
{
	uint64_t number = f.id >> OFFSET_BITS;
	const char *path = number ? path_of(number - 1) : NULL;
	uintptr_t base, found_base, at;
	const char *found;

	*ret_r = -EINVAL;
	if (!path)
		return NULL;
	if (!plat_module_load(path, &base)) {
		*ret_r = -ENOTSUP;
		return NULL;
	}
	at = base + (f.id & OFFSET_MASK);
	if (!plat_module_at((const void *)at, &found, &found_base) || found_base != base)
		return NULL;
	*ret_r = 0;
	return (tl_fn *)at;
}

int tl_func_call(tl_func f, void *arg)
{
	int r;
	tl_fn *fn = func_find(f, &r);

	return fn ? fn(arg) : r;
}
