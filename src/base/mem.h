/* mem.h - the one door to the heap, so that a test can make the n-th allocation fail. */
#ifndef TELAR_MEM_H
#define TELAR_MEM_H
#include <stddef.h>

void *mem_alloc(size_t size); /* not cleared; NULL: none */
void *mem_zalloc(size_t size);
void *mem_alloc_lines(size_t size);  /* on cache lines of its own; not cleared */
void *mem_zalloc_lines(size_t size); /* the same, cleared */
void *mem_resize(void *p, size_t size);
void mem_free(void *p);

#endif
