/* files.h - looking at files from outside, for the tests of stores. */
#ifndef FILES_H
#define FILES_H
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* How many entries a folder has, hidden ones too. */
static inline int entries(const char *folder)
{
	DIR *d = opendir(folder);
	int n = -2;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static inline int descriptors(void) { return entries("/proc/self/fd"); }

static inline void check_content(int dir, const char *name, const char *want, size_t n)
{
	char *got = malloc(n + 1);
	int fd = openat(dir, name, O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(read(fd, got, n + 1), (ssize_t)n);
	CHECK_EQ(memcmp(got, want, n), 0);
	close(fd);
	free(got);
}

static inline char *letters(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i * 7 % 26);
	return p;
}

static inline int open_dir(const char *name)
{
	int fd;

	CHECK(mkdir(name, 0700) == 0 || errno == EEXIST);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

#endif
