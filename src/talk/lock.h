/* lock.h - what other primitives need of a lock. */
#ifndef TELAR_TALK_LOCK_H
#define TELAR_TALK_LOCK_H
#include "telar/sync.h"

int lock_again(tl_lock *l); /* whatever happens, but -EOWNERDEAD without it if it is lost */
bool lock_is_mine(const tl_lock *l);
bool lock_is_lost(const tl_lock *l); /* or would be found so */

#endif
