/* main.c - for the shared library alone: it exports __libc_start_main, the first thing that a
 * program calls, and passes it on with a main of its own.
 *
 * Source: glibc's csu/libc-start.c.  The version node stands in telar.map: a program is linked with
 * the default one of its day. */
#include "plat/plat.h"
#include <dlfcn.h>

typedef int main_fn(int argc, char **argv, char **envp);
typedef int start_fn(main_fn *m, int argc, char **argv, void (*init)(void), void (*fini)(void),
	void (*rtld_fini)(void), void *stack_end);

static main_fn *real_main;

static int first(int argc, char **argv, char **envp)
{
	plat_instead_possible = plat_instead != NULL;
	if (plat_instead)
		plat_instead();
	return real_main(argc, argv, envp);
}

__attribute__((visibility("default"))) int __libc_start_main(main_fn *m, int argc, char **argv,
	void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(main_fn *m, int argc, char **argv, void (*init)(void), void (*fini)(void),
	void (*rtld_fini)(void), void *stack_end)
{
	union {
		void *data;
		start_fn *code;
	} next = { dlsym(RTLD_NEXT, "__libc_start_main") };

	real_main = m;
	return next.code(first, argc, argv, init, fini, rtld_fini, stack_end);
}
