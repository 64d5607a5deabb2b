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
/* Fill every callee-saved register from base on, call f, and write down what they hold then. */
void registers_after(void (*f)(void), unsigned long base, unsigned long held[6]);
__asm__(".text\n"
	"registers_after:\n"
	"push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n push %rdx\n"
	"mov %rsi, %rbx\n lea 1(%rsi), %r12\n lea 2(%rsi), %r13\n lea 3(%rsi), %r14\n"
	"lea 4(%rsi), %r15\n lea 5(%rsi), %rbp\n"
	"call *%rdi\n"
	"pop %rdx\n"
	"mov %rbx, (%rdx)\n mov %r12, 8(%rdx)\n mov %r13, 16(%rdx)\n mov %r14, 24(%rdx)\n"
	"mov %r15, 32(%rdx)\n mov %rbp, 40(%rdx)\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
	"ret\n");

static unsigned changed_registers(void (*f)(void), unsigned long base)
{
	unsigned long held[6];
	unsigned changed = 0;

	registers_after(f, base, held);
	for (unsigned i = 0; i < 6; i++)
		changed |= (held[i] != base + i) << i;
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
