/* future.h - the inside of a future, for select.c. */
#ifndef TELAR_TALK_FUTURE_H
#define TELAR_TALK_FUTURE_H
#include "telar/future.h"
#include <stdatomic.h>

enum { FUTURE_FILLING = 1, FUTURE_DONE = 2, FUTURE_WAITED = 4, FUTURE_WHO = 5 };

_Atomic uint32_t *future_word(const tl_future *f);
/* Say that somebody waits; false: it is done.  *ret_word: what the word holds while it is not. */
bool future_mark(tl_future *f, uint32_t *ret_word);
int future_read(tl_future *f, void **ret);

#endif
