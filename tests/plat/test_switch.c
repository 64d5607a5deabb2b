/* plat_switch: registers, alignment, arguments; guards and the memory below stacks. */
#include "check.h"
#include "plat/plat.h"
#include "plat/switch.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { SIZE = 65536 };
static void *here, *there;
static int steps, seen_arg;

static void check_aligned(void)
{
#ifdef __SSE__
	typedef float quad __attribute__((vector_size(16)));
	_Alignas(16) volatile char at[16];
	quad q = { 1, 2, 3, 4 };

	CHECK_EQ((uintptr_t)at % 16, 0);
	__asm__ volatile("movaps %1, (%0)" ::"r"(at), "x"(q) : "memory"); /* faults if not */
#endif
	CHECK_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
}

static void entry(void *arg)
{
	check_aligned();
	seen_arg = *(int *)arg;
	for (;;) {
		steps++;
		plat_switch(&there, here);
	}
}

static char *stack(void)
{
	char *low = plat_reserve(SIZE);

	CHECK(low != NULL);
	CHECK_EQ(plat_open(low, SIZE), 0);
	return low;
}

#if defined(SWITCH_ASAN) || defined(SWITCH_TSAN)
#define PLAIN_ONLY SKIP("raw switches are not announced to the sanitizers")
#else
#define PLAIN_ONLY (void)0
#endif

TEST(there_and_back)
{
	int arg = 42;

	PLAIN_ONLY;
	there = plat_stack_begin(stack() + SIZE, entry, &arg);
	for (int i = 1; i <= 1000; i++) {
		plat_switch(&here, there);
		CHECK_EQ(steps, i);
		check_aligned();
	}
	CHECK_EQ(seen_arg, 42);
}

#ifdef __x86_64__
/* Fill every callee-saved register, call f, and say which have changed. */
static __attribute__((noinline)) unsigned changed_registers(void (*f)(void), unsigned long base)
{
	unsigned long b[5];

	__asm__ volatile("push %%rbp\n\t"
			 "sub $128, %%rsp\n\t" /* the red zone, and still 16-aligned below */
			 "mov %%rsp, %%rbp\n\t"
			 "and $-16, %%rsp\n\t"
			 "push %%rbp\n\t"
			 "push %%rdi\n\t"
			 "mov %%rdx, %%rbx\n\t"
			 "lea 1(%%rdx), %%r12\n\t"
			 "lea 2(%%rdx), %%r13\n\t"
			 "lea 3(%%rdx), %%r14\n\t"
			 "lea 4(%%rdx), %%r15\n\t"
			 "call *%%rsi\n\t"
			 "pop %%rdi\n\t"
			 "mov %%rbx, (%%rdi)\n\t"
			 "mov %%r12, 8(%%rdi)\n\t"
			 "mov %%r13, 16(%%rdi)\n\t"
			 "mov %%r14, 24(%%rdi)\n\t"
			 "mov %%r15, 32(%%rdi)\n\t"
			 "pop %%rax\n\t"
			 "cmp %%rax, %%rbp\n\t" /* rbp held the frame across the call */
			 "mov %%rbp, %%rsp\n\t"
			 "je 1f\n\t"
			 "movq $0, (%%rdi)\n\t"
			 "1: add $128, %%rsp\n\t"
			 "pop %%rbp\n\t"
			 : "+D"(*(unsigned long(*)[5]){ &b }), "+S"(f), "+d"(base)
			 :
			 : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			 "memory", "cc");
	unsigned changed = 0;

	for (unsigned i = 0; i < 5; i++)
		changed |= (b[i] != base + i) << i;
	return changed;
}

static void go_there(void) { plat_switch(&here, there); }
static void go_back(void) { plat_switch(&there, here); }

static void other_registers(void *arg)
{
	(void)arg;
	for (unsigned long i = 0;; i++)
		CHECK_EQ(changed_registers(go_back, 0xabcd0000 + i * 16), 0);
}

TEST(callee_saved_registers_move_with_the_stack)
{
	PLAIN_ONLY;
	there = plat_stack_begin(stack() + SIZE, other_registers, NULL);
	for (unsigned long i = 0; i < 100; i++)
		CHECK_EQ(changed_registers(go_there, 0x12340000 + i * 16), 0);
}
#endif

/* -- memory */

static int touch(volatile char *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		*p = 1;
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(a_guard_faults)
{
	size_t page = plat_page();
	char *p = plat_reserve(4 * page);

	CHECK(p != NULL);
	CHECK_EQ(touch(p), SIGSEGV); /* reserved, not open */
	CHECK_EQ(plat_open(p, 4 * page), 0);
	CHECK_EQ(touch(p), 0);
	CHECK_EQ(plat_guard(p, page), 0);
	CHECK_EQ(touch(p), SIGSEGV);
	CHECK_EQ(touch(p + page - 1), SIGSEGV);
	CHECK_EQ(touch(p + page), 0);
	p[page] = 7;
	plat_forget(p + page, page);
	CHECK_EQ(p[page], 0);
	plat_release(p, 4 * page);
}

TEST(a_slab_is_zero)
{
	char *p = plat_slab(1 << 20);

	CHECK(p != NULL);
	for (int i = 0; i < 1 << 20; i++)
		CHECK_EQ(p[i], 0);
	CHECK(plat_slab(SIZE_MAX / 2) == NULL);
	CHECK(plat_reserve(SIZE_MAX / 2) == NULL);
}
