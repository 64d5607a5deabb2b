/* mem.c - the one door to the heap. */
#include "base/mem.h"
#include "plat/plat.h"
#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size) { return malloc(size); }
void *mem_zalloc(size_t size) { return calloc(1, size); }
void *mem_alloc_lines(size_t size)
{
	return aligned_alloc(PLAT_LINE, (size + PLAT_LINE - 1) / PLAT_LINE * PLAT_LINE);
}
void *mem_zalloc_lines(size_t size)
{
	void *p = mem_alloc_lines(size);

	return p ? memset(p, 0, size) : NULL;
}
void *mem_resize(void *p, size_t size) { return realloc(p, size); }
void mem_free(void *p) { free(p); }
