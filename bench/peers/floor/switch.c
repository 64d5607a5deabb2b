/* The least there is: the stack, the frame and the place in the code exchanged. */
#include "../../bench.h"

enum { STACK = 65536 };
static void *here, *there;

/* The compiler saves what it needs: all else is said to change.  128: the red zone. */
static inline void hop(void **from, void *to)
{
#ifdef __x86_64__
	__asm__ volatile("lea -128(%%rsp), %%rsp\n push %%rbp\n lea 1f(%%rip), %%rax\n push %%rax\n"
			 "mov %%rsp, (%0)\n mov %1, %%rsp\n pop %%rax\n pop %%rbp\n jmp *%%rax\n"
			 "1: lea 128(%%rsp), %%rsp"
			 : "+D"(from), "+S"(to)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
			 "r14", "r15", "memory", "cc");
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

	*--top = NULL;         /* nobody returns from back */
	*--top = NULL;         /* its rbp */
	*--top = (void *)back; /* where it begins */
	there = top;
	bench_per_op("raw switch, one way", "ns", raw);
	return 0;
}
