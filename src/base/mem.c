/* mem.c - the one door to the heap. */
#include "base/mem.h"
#include <stdlib.h>

void *mem_alloc(size_t size) { return malloc(size); }
void *mem_zalloc(size_t size) { return calloc(1, size); }
void *mem_resize(void *p, size_t size) { return realloc(p, size); }
void mem_free(void *p) { free(p); }
