/* shared_wait.h - waiting on words that other processes wake.  For word.c alone. */
#ifndef TELAR_SHARED_WAIT_H
#define TELAR_SHARED_WAIT_H
#include "wait/wait.h"

int shared_wait(_Atomic uint32_t *addr, uint32_t expected, struct waiter *w, tl_time deadline);

#endif
