/* validate.c - the second stage: what is it (libmagic), and is it whole (types.c)?
 *
 * CPU-bound, so each strand is a thread; a magic_t serves one thread at a time.  All of them read
 * one mapping of the compiled magic, which stays for the life of the program: a mapping each would
 * count its 8 MB once per strand. */
#include "stages.h"
#include <errno.h>
#include <fcntl.h>
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNIFF  4096 /* bytes that tell the type */
#define WINDOW (64u << 10)

/* All that is wanted is the type of three binary formats. */
#define FLAGS \
	(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_APPTYPE | \
		MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_TEXT | MAGIC_NO_CHECK_CDF | \
		MAGIC_NO_CHECK_CSV | MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_ENCODING | \
		MAGIC_NO_CHECK_JSON)

struct magic_set {
	magic_t cookie;
	char window[WINDOW];
};

/* The compiled magic, mapped once; NULL: it is somewhere else, or is in text form. */
static void *shared_magic(size_t *size)
{
	static void *map;
	static size_t map_size;
	struct stat st;
	int fd;

	if (!map) {
		fd = open("/usr/share/misc/magic.mgc", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return NULL;
		if (fstat(fd, &st) == 0 && st.st_size > 0)
			map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				fd, 0);
		close(fd);
		if (map == MAP_FAILED)
			map = NULL;
		map_size = map ? (size_t)st.st_size : 0;
	}
	*size = map_size;
	return map;
}

struct magic_set *validate_open(char *problem, size_t cap)
{
	struct magic_set *set = calloc(1, sizeof *set);
	void *magic;
	size_t size;
	int r = -1;

	if (!set) {
		snprintf(problem, cap, "there is no memory to begin with");
		return NULL;
	}
	set->cookie = magic_open(FLAGS);
	magic = shared_magic(&size);
	if (set->cookie && magic)
		r = magic_load_buffers(set->cookie, &magic, &size, 1);
	if (set->cookie && r != 0)
		r = magic_load(set->cookie, NULL);
	if (r != 0) {
		snprintf(problem, cap, "libmagic cannot read its data (%s); install libmagic-mgc",
			set->cookie ? magic_error(set->cookie) : strerror(errno));
		return validate_close(set);
	}
	return set;
}

struct magic_set *validate_close(struct magic_set *set)
{
	if (set && set->cookie)
		magic_close(set->cookie);
	free(set);
	return NULL;
}

static enum type sniff(struct magic_set *set, int fd, enum why *why)
{
	ssize_t n = pread(fd, set->window, SNIFF, 0);
	const char *mime = n > 0 ? magic_buffer(set->cookie, set->window, (size_t)n) : NULL;

	if (mime)
		return types_of_mime(mime);
	*why = n < 0 || errno == ENOMEM ? WHY_INTERNAL : WHY_TYPE;
	return TYPE_OTHER;
}

/* Are all the bytes in the file?  The store may have held some back, and then found the disk full;
 * asking for the room tells why. */
static enum why all_there(int fd, uint64_t size)
{
	struct stat st;

	if (fd < 0)
		return why_of(fd);
	if (fstat(fd, &st) < 0)
		return WHY_INTERNAL;
	if ((uint64_t)st.st_size >= size)
		return WHY_NONE;
	return fallocate(fd, 0, 0, (off_t)size) < 0 ? why_of(-errno) : WHY_BUSY;
}

static enum why judge(struct magic_set *set, struct job *job)
{
	int fd = tl_store_fd(job->store);
	enum why why = all_there(fd, job->row.size);
	enum type type;

	if (why != WHY_NONE)
		return why;
	type = sniff(set, fd, &why);
	if (why != WHY_NONE)
		return why;
	if (type != TYPE_PDF && type != TYPE_PNG && type != TYPE_JPEG)
		return WHY_TYPE;
	if (job->declared != TYPE_ANY && job->declared != type)
		return WHY_MISMATCH;
	job->row.type = type;
	return types_check(type, fd, job->row.size, set->window, WINDOW);
}

int validate_strand(void *arg)
{
	struct validate_arg *v = arg;
	struct service *s = v->service;
	struct job *job;

	while (tl_queue_get(s->validate, &job, sizeof job, TL_NEVER) >= 0) {
		enum why why = judge(s->magic[v->index], job);
		job->row.validated_ms = service_wall_ms();
		metrics_stage(&s->metrics, STAGE_VALIDATE, job->since);
		job->since = tl_now();
		if (why == WHY_NONE && tl_queue_put(s->store, &job, sizeof job, TL_NEVER) < 0)
			why = WHY_NO_MEMORY;
		if (why != WHY_NONE)
			job_answer(job, why);
	}
	return 0;
}
