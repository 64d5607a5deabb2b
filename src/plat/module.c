/* module.c - which module an address lies in, for use in a signal handler: _dl_find_object (glibc
 * 2.35) takes no lock, unlike dladdr. */
#include "plat/plat.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>

bool plat_module_of(const void *addr, const char **ret_name, uintptr_t *ret_offset)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)addr, &found) != 0 || !found.dlfo_link_map)
		return false;
	*ret_name = found.dlfo_link_map->l_name;
	if (!*ret_name || !**ret_name)
		*ret_name = program_invocation_name; /* the program itself has no name there */
	*ret_offset = (uintptr_t)addr - found.dlfo_link_map->l_addr;
	return true;
}
