/* store.h - the inside of a file store, for store.c, which fills it, and commit.c, which names it.
 *
 * A store belongs to its caller's strand, but while a work of it is taken to the helper thread; if
 * the caller leaves meanwhile, only tl_store_close is left for it to call.  refs: the handle, and
 * the work. */
#ifndef TELAR_IO_STORE_H
#define TELAR_IO_STORE_H
#include "io/work.h"
#include "telar/file.h"
#include <limits.h>

enum { STORE_HOLD = 65536 }; /* bytes that are held back, to be written in one go */

struct tl_store {
	struct work work;
	_Atomic unsigned refs;
	int dir;     /* the caller's number for the folder */
	int folder;  /* our own for it, made when it is needed; -1 */
	int fd;      /* -1 */
	bool spoilt; /* failed, or has its name: can only be closed */
	uint64_t size;
	char *held; /* the last n_held bytes of size, not written yet */
	size_t n_held, room;
	char temporary[32];      /* the file's name until it is committed; "": it has none */
	char name[NAME_MAX + 1]; /* the one that it is to get */
	/* of the batch that commits it */
	dev_t device, folder_device;
	ino_t folder_inode;
	bool synced, settled;
};

/* On a helper thread: write what is held. */
int store_flush(struct tl_store *st);
/* Our own descriptor of its folder. */
int store_folder(struct tl_store *st);
/* Have the work of st done by fn, or with group g. */
int store_work(
	struct tl_store *st, int (*fn)(struct work *k), struct work_group *g, tl_time deadline);

static inline struct tl_store *store_of(struct work *k)
{
	return container_of(k, struct tl_store, work);
}

/* For tests: as on a file system that makes no files without a name. */
extern bool store_needs_names;

#endif
