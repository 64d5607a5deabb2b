/* store.c - files that have no name until they are whole.
 *
 * Small writes are held back and go out in one piece, so that a small file costs two turns on a
 * helper thread: one to open it, one to commit it (commit.c).  What a helper works on is the
 * store's own memory and descriptor, and stays until it is done, also if the caller has left.
 *
 * Where the file system makes no files without a name, a hidden one stands in, ".tl-" and 16
 * digits, which close removes. */
#include "io/store.h"
#include "base/mem.h"
#include "run/run.h"
#include "telar/stream.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool store_needs_names;

/* -- beginning and end */

static void unref(struct tl_store *st)
{
	/* Pairs with itself: all that was done with st is done before it is freed. */
	if (atomic_fetch_sub_explicit(&st->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (st->temporary[0])
		unlinkat(st->folder, st->temporary, 0);
	if (st->folder >= 0)
		close(st->folder);
	if (st->fd >= 0)
		close(st->fd);
	mem_free(st->held);
	mem_free(st);
}

static void drop(struct work *k) { unref(store_of(k)); }

int store_work(
	struct tl_store *st, int (*fn)(struct work *k), struct work_group *g, tl_time deadline)
{
	st->work.fn = fn;
	st->work.drop = drop;
	atomic_fetch_add_explicit(&st->refs, 1, memory_order_relaxed);
	return work_do(&st->work, g, deadline);
}

int store_folder(struct tl_store *st)
{
	if (st->folder < 0) {
		st->folder = st->dir == AT_FDCWD ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)
						 : fcntl(st->dir, F_DUPFD_CLOEXEC, 0);
		if (st->folder < 0)
			return -errno;
	}
	return 0;
}

static int open_named(struct tl_store *st)
{
	char name[sizeof st->temporary];
	uint64_t any;
	int r = store_folder(st);

	if (r < 0)
		return r;
	do {
		plat_random(&any, sizeof any);
		snprintf(name, sizeof name, ".tl-%016llx", (unsigned long long)any);
		st->fd = openat(st->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	} while (st->fd < 0 && errno == EEXIST);
	if (st->fd < 0)
		return -errno;
	memcpy(st->temporary, name, sizeof name);
	return 0;
}

static int do_open(struct work *k)
{
	struct tl_store *st = store_of(k);

	if (!store_needs_names)
		st->fd = openat(st->folder < 0 ? st->dir : st->folder, ".",
			O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (st->fd >= 0)
		return 0;
	/* EISDIR: a kernel that does not know the flag sees a folder opened for writing. */
	if (store_needs_names || errno == EOPNOTSUPP || errno == EISDIR)
		return open_named(st);
	return -errno;
}

int tl_store_open(tl_store **ret, int dir, tl_time deadline)
{
	tl_store *st = mem_zalloc(sizeof *st);
	int r;

	if (!st)
		return -ENOMEM;
	st->dir = dir;
	st->folder = st->fd = -1;
	atomic_store_explicit(&st->refs, 1, memory_order_relaxed);
	r = dir == AT_FDCWD ? store_folder(st) : 0; /* which may be another one by the time */
	if (r == 0)
		r = store_work(st, do_open, NULL, deadline);
	if (r < 0)
		unref(st);
	else
		*ret = st;
	return r;
}

tl_store *tl_store_close(tl_store *st)
{
	if (st)
		unref(st);
	return NULL;
}

/* -- bytes */

int store_flush(struct tl_store *st)
{
	uint64_t at = st->size - st->n_held;
	size_t done = 0;
	ssize_t n;

	while (done < st->n_held) {
		n = pwrite(st->fd, st->held + done, st->n_held - done, (off_t)(at + done));
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	st->n_held = 0;
	return 0;
}

static int do_flush(struct work *k) { return store_flush(store_of(k)); }

/* See to it that there is room behind what is held: more of it, up to STORE_HOLD, or by writing. */
static int make_room(tl_store *st, size_t want, tl_time deadline)
{
	size_t room = st->room ? st->room : 4096;
	char *held;

	if (st->n_held == STORE_HOLD)
		return store_work(st, do_flush, NULL, deadline);
	while (room < STORE_HOLD && room - st->n_held < want)
		room *= 2;
	if (room > st->room) {
		held = mem_resize(st->held, room);
		if (!held)
			return -ENOMEM;
		st->held = held;
		st->room = room;
	}
	return 0;
}

int tl_store_write(tl_store *st, const void *buf, size_t n, tl_time deadline)
{
	bool poll = deadline.ns == TL_POLL.ns;
	const char *from = buf;
	int r = poll ? 0 : strand_checkpoint(strand_self());

	if (r == 0 && st->spoilt)
		r = -EPIPE;
	for (size_t part; r == 0 && n > 0; from += part, n -= part) {
		r = make_room(st, n, deadline);
		part = st->room - st->n_held < n ? st->room - st->n_held : n;
		if (r == 0) {
			memcpy(st->held + st->n_held, from, part);
			st->n_held += part;
			st->size += part;
		}
	}
	st->spoilt |= r < 0;
	return r;
}

/* What is read must be there: into the page cache, in the caller's thread.  Who looks has written
 * all,
 * as a rule, so what held it goes too. */
int tl_store_fd(tl_store *st)
{
	int r = st->spoilt ? 0 : store_flush(st);

	if (r < 0) {
		st->spoilt = true;
		return r;
	}
	mem_free(st->held);
	st->held = NULL;
	st->room = 0;
	return st->fd;
}

uint64_t tl_store_size(const tl_store *st) { return st->size; }

/* -- a stream's rest as a file */

/* Straight into what is held. */
static int receive(tl_store *st, tl_stream *from, size_t limit, tl_time deadline)
{
	ssize_t n;
	int r;

	for (;;) {
		r = make_room(st, STORE_HOLD, deadline);
		if (r < 0)
			return r;
		n = tl_read(from, st->held + st->n_held, st->room - st->n_held, deadline);
		if (n <= 0)
			return (int)n;
		if ((size_t)n > limit - st->size)
			return -EFBIG;
		st->n_held += (size_t)n;
		st->size += (uint64_t)n;
	}
}

int tl_file_store(int dir, const char *name, struct tl_stream *from, size_t limit, tl_stored *ret,
	tl_time deadline)
{
	tl_store *st;
	tl_stored stored;
	int r = tl_store_open(&st, dir, deadline);

	if (r < 0)
		return r;
	r = receive(st, from, limit, deadline);
	if (r == 0)
		r = tl_store_commit(st, name, deadline);
	stored.size = st->size;
	tl_store_close(st);
	if (r == 0 && ret)
		*ret = stored;
	return r;
}
