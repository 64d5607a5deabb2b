/* start.c - a turn between the last constructor and main.
 *
 * In the shared library start/main.c takes it: the program's first call, of __libc_start_main,
 * comes by there.  In a program that has the library inside it is a constructor, the last of those
 * that are linked before it, and all constructors of shared libraries have run.  A shared library
 * that has this one inside (a plugin) gets no such turn: plat_instead_possible stays false. */
#include "plat/plat.h"
#include <dlfcn.h>
#include <link.h>

void (*plat_instead)(void);
bool plat_instead_possible;

__attribute__((constructor)) static void turn(void)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)turn, &found) != 0 || !found.dlfo_link_map ||
		found.dlfo_link_map->l_prev)
		return; /* not inside the program itself, which is the first in the list */
	plat_instead_possible = plat_instead != NULL;
	if (plat_instead)
		plat_instead();
}
