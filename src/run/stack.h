/* stack.h - the stack of a task, with its body at the top. */
#ifndef TELAR_STACK_H
#define TELAR_STACK_H
#include "run/run.h"

struct stack {
	struct body body;
	struct stack *next;  /* in a free list of warm ones */
	struct arena *arena; /* where its slot was cut; NULL: mapped for itself */
	char *low;           /* the guard page */
	size_t size;         /* of the whole mapping */
	bool own;            /* mapped for itself */
};

struct stack *stack_take(size_t size); /* 0: the default; NULL: no memory */
void stack_give(struct stack *k);
void stack_flush(void); /* the thread ends */

/* What a strand stands on whose frames lie below top. */
static inline struct ground stack_ground(const struct stack *k, const void *top)
{
	size_t size = (size_t)((const char *)top - k->low);

	return (struct ground){ .floor = k->low + k->size / 4,
		.note = { .low = k->low, .size = size } };
}

/* Frames begin below the header, on a 16-byte boundary. */
static inline void *stack_top(struct stack *k) { return (void *)((uintptr_t)k & ~(uintptr_t)15); }

#endif
