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

#define PLAIN_ONLY (SANITIZED ? SKIP("raw switches are not announced to the sanitizers") : (void)0)

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

/* Fill every callee-saved register from base on, call f, and write down what they hold then. */
void registers_after(void (*f)(void), unsigned long base, unsigned long *held);
#if defined(__x86_64__)
enum { REGISTERS = 6 };
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
#elif defined(__aarch64__)
enum { REGISTERS = 19 }; /* x19 to x29, d8 to d15 */
#define EACH_X(op) \
	op(19, 0) op(20, 1) op(21, 2) op(22, 3) op(23, 4) op(24, 5) op(25, 6) op(26, 7) op(27, 8) \
		op(28, 9) op(29, 10)
#define EACH_D(op) \
	op(8, 11) op(9, 12) op(10, 13) op(11, 14) op(12, 15) op(13, 16) op(14, 17) op(15, 18)
#define FILL_X(n, i) "add x" #n ", x1, " #i "\n"
#define FILL_D(n, i) "add x9, x1, " #i "\n fmov d" #n ", x9\n"
#define LOOK_X(n, i) "str x" #n ", [x2, 8 * " #i "]\n"
#define LOOK_D(n, i) "str d" #n ", [x2, 8 * " #i "]\n"
__asm__(".text\n"
	"registers_after:\n"
	"stp x29, x30, [sp, -176]!\n stp x19, x20, [sp, 16]\n stp x21, x22, [sp, 32]\n"
	"stp x23, x24, [sp, 48]\n stp x25, x26, [sp, 64]\n stp x27, x28, [sp, 80]\n"
	"stp d8, d9, [sp, 96]\n stp d10, d11, [sp, 112]\n stp d12, d13, [sp, 128]\n"
	"stp d14, d15, [sp, 144]\n str x2, [sp, 160]\n" EACH_X(FILL_X) EACH_D(FILL_D)
	"blr x0\n ldr x2, [sp, 160]\n" EACH_X(LOOK_X) EACH_D(LOOK_D)
	"ldp x19, x20, [sp, 16]\n ldp x21, x22, [sp, 32]\n ldp x23, x24, [sp, 48]\n"
	"ldp x25, x26, [sp, 64]\n ldp x27, x28, [sp, 80]\n ldp d8, d9, [sp, 96]\n"
	"ldp d10, d11, [sp, 112]\n ldp d12, d13, [sp, 128]\n ldp d14, d15, [sp, 144]\n"
	"ldp x29, x30, [sp], 176\n"
	"ret\n");
#endif

static unsigned changed_registers(void (*f)(void), unsigned long base)
{
	unsigned long held[REGISTERS];
	unsigned changed = 0;

	registers_after(f, base, held);
	for (unsigned i = 0; i < REGISTERS; i++)
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
	char *p = plat_slab(1 << 20, false);

	CHECK(p != NULL);
	for (int i = 0; i < 1 << 20; i++)
		CHECK_EQ(p[i], 0);
	CHECK(plat_slab(SIZE_MAX / 2, false) == NULL);
	CHECK(plat_reserve(SIZE_MAX / 2) == NULL);
}
