/* The least there is: six registers, the stack and the place in the code exchanged. */
#include "../../bench.h"

enum { STACK = 65536 };
static void *here, *there;

/* Left by a jump: a return would be predicted to go where the other side called from. */
__attribute__((naked, noinline)) static void hop(void **from, void *to)
{
	(void)from, (void)to;
#ifdef __x86_64__
	__asm__("push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
		"mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
		"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
		"pop %rcx\n jmp *%rcx");
#else
#error "written for x86-64"
#endif
}

static void back(void)
{
	for (;;)
		hop(&there, here);
}

static void raw(long n)
{
	for (long i = 0; i < n; i += 2)
		hop(&here, there);
}

int main(void)
{
	void **top = (void **)((char *)aligned_alloc(64, STACK) + STACK);

	*--top = NULL; /* nobody returns from back */
	*--top = (void *)back;
	there = top - 6; /* and what hop takes from the stack */
	bench_per_op("raw switch, one way", "ns", raw);
	return 0;
}
