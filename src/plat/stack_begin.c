/* stack_begin.c - the first frame of a fresh stack, in the layout that this processor's plat_switch
 * pops: the callee-saved registers and where to go. */
#include "plat/plat.h"

void plat_stack_entry(void);

#if defined(__x86_64__)
void *plat_stack_begin(void *top, void (*entry)(void *), void *arg)
{
	uintptr_t *sp = top; /* plat_stack_entry begins with it here, and its call aligns as the ABI
				asks */

	*--sp = (uintptr_t)plat_stack_entry;
	*--sp = 0;                /* rbp */
	*--sp = 0;                /* rbx */
	*--sp = (uintptr_t)entry; /* r12 */
	*--sp = (uintptr_t)arg;   /* r13 */
	*--sp = 0;                /* r14 */
	*--sp = 0;                /* r15 */
	return sp;
}
#elif defined(__aarch64__)
void *plat_stack_begin(void *top, void (*entry)(void *), void *arg)
{
	enum { WORDS = 20 }; /* x29, x30, x19 to x28, d8 to d15; a multiple of 16 bytes */
	uintptr_t *sp = (uintptr_t *)top - WORDS;

	for (unsigned i = 0; i < WORDS; i++)
		sp[i] = 0;
	sp[1] = (uintptr_t)plat_stack_entry;
	sp[2] = (uintptr_t)entry; /* x19 */
	sp[3] = (uintptr_t)arg;   /* x20 */
	return sp;
}
#else
#error "telar has no context switch for this processor: add src/plat/switch_CPU.S"
#endif
