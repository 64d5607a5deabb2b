/* module.c - which module an address lies in, and where a module lies.  The first is for signal
 * handlers, too: _dl_find_object (glibc 2.35) takes no lock, unlike dladdr. */
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

bool plat_module_at(const void *addr, const char **ret_path, uintptr_t *ret_base)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)addr, &found) != 0 || !found.dlfo_link_map)
		return false;
	*ret_path = found.dlfo_link_map->l_prev ? found.dlfo_link_map->l_name : "";
	*ret_base = (uintptr_t)found.dlfo_link_map->l_addr;
	return true;
}

/* The program itself comes first. */
static int first(struct dl_phdr_info *info, size_t size, void *ret_base)
{
	(void)size;
	*(uintptr_t *)ret_base = (uintptr_t)info->dlpi_addr;
	return 1;
}

bool plat_module_load(const char *path, uintptr_t *ret_base)
{
	struct link_map *m;

	if (!path[0])
		return dl_iterate_phdr(first, ret_base) == 1;
	m = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* for good: its functions may run */
	if (m)
		*ret_base = (uintptr_t)m->l_addr;
	return m != NULL;
}
