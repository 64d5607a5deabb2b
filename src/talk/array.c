/* array.c - numbers in shared memory, and their lock before them.  All but the lock and the items
 * is written once, before the array is known to others. */
#include "telar/array.h"
#include "run/run.h"
#include "telar/shared.h"
#include <errno.h>

struct tl_array {
	tl_lock lock;
	size_t count;
	uint32_t width;
	char typecode;
	bool raw;
	_Alignas(PLAT_LINE) char items[];
};

static const struct {
	char typecode;
	uint8_t width;
} types[] = { { 'b', sizeof(char) }, { 'B', sizeof(char) }, { 'c', sizeof(char) },
	{ '?', sizeof(bool) }, { 'h', sizeof(short) }, { 'H', sizeof(short) }, { 'i', sizeof(int) },
	{ 'I', sizeof(int) }, { 'l', sizeof(long) }, { 'L', sizeof(long) },
	{ 'q', sizeof(long long) }, { 'Q', sizeof(long long) }, { 'f', sizeof(float) },
	{ 'd', sizeof(double) } };

static size_t width_of(char typecode)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].typecode == typecode)
			return types[i].width;
	return 0;
}

int tl_array_open(tl_array **ret, char typecode, size_t n, const tl_array_opts *o)
{
	size_t width = width_of(typecode), size;
	tl_array *a;

	if (!width || !n || (o && !RESERVED_ZERO(o)))
		return -EINVAL;
	if (__builtin_mul_overflow(n, width, &size) ||
		__builtin_add_overflow(size, sizeof *a, &size))
		return -EINVAL;
	a = tl_shared(size);
	if (!a)
		return -ENOSPC;
	a->count = n;
	a->width = (uint32_t)width;
	a->typecode = typecode;
	a->raw = o && o->raw;
	*ret = a;
	return 0;
}

void *tl_array_items(tl_array *a) { return a->items; }
size_t tl_array_count(const tl_array *a) { return a->count; }
size_t tl_array_width(const tl_array *a) { return a->width; }
char tl_array_typecode(const tl_array *a) { return a->typecode; }
tl_lock *tl_array_lock(tl_array *a) { return a->raw ? NULL : &a->lock; }
tl_array *tl_array_close(tl_array *a) { return tl_shared_free(a); }
