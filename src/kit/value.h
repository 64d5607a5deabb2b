/* value.h - what the files about values and the manager's objects share.  See telar/value.h. */
#ifndef TELAR_KIT_VALUE_H
#define TELAR_KIT_VALUE_H
#include <telar/value.h>

/* -- value.c */
bool value_is_key(tl_value v);
uint64_t value_hash(tl_value key); /* equal keys have equal ones; strangers cannot foresee it */
bool value_is_utf8(const char *s, size_t n);
/* Whether v, well-formed, has each key once and fits into `depth` lists: 0, -EINVAL, -ENOMEM. */
int value_sound(tl_value v, int depth);

#endif
