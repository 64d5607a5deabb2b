/* lines.h - what the tests of logging share: a handler that keeps its lines, and files as lines. */
#ifndef TESTS_KIT_LINES_H
#define TESTS_KIT_LINES_H
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <telar.h>

struct lines {
	char text[1 << 16];
	size_t size;
	int n, level;
};

static inline void lines_fn(void *arg, int level, const char *line, size_t size)
{
	struct lines *l = arg;

	CHECK(line[size] == 0 && line[size - 1] == '\n');
	CHECK(l->size + size < sizeof l->text);
	memcpy(l->text + l->size, line, size + 1);
	l->size += size;
	l->level = level;
	l->n++;
}

/* What was written since the last look. */
static inline const char *lines_taken(struct lines *l)
{
	l->text[l->size] = 0;
	l->size = 0;
	return l->text;
}

static inline tl_handler *handler(const tl_handler_opts *o)
{
	tl_handler *h;

	CHECK_EQ(tl_handler_open(&h, o), 0);
	return h;
}

/* A handler that keeps its lines, made of messages alone, on a logger. */
static inline tl_handler *keeps(struct lines *l, tl_logger *on, const char *format, int level)
{
	tl_handler *h = handler(
		&(tl_handler_opts){ .fn = lines_fn, .arg = l, .format = format, .level = level });

	CHECK_EQ(tl_logger_add(on, h), 0);
	return h;
}

/* A file as one text, for free(). */
static inline char *slurp(const char *path, size_t *ret_size)
{
	struct stat st;
	size_t n = 0;
	int fd = open(path, O_RDONLY);
	char *text;

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	text = malloc((size_t)st.st_size + 1);
	CHECK(text != NULL);
	for (ssize_t r; (r = read(fd, text + n, (size_t)st.st_size - n)) > 0;)
		n += (size_t)r;
	text[n] = 0;
	close(fd);
	if (ret_size)
		*ret_size = n;
	return text;
}

static inline void holds(const char *path, const char *wanted)
{
	char *text = slurp(path, NULL);

	CHECK_STR(text, wanted);
	free(text);
}

/* One that the root writes to. */
static inline tl_handler *opened(const tl_handler_opts *o)
{
	tl_handler *h = handler(o);

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	return h;
}

#endif
