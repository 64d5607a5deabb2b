/* thread.c - threads of the library's own: offload helpers, the bridge, the signal thread. */
#include "plat/plat.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct start {
	void (*fn)(void *);
	void *arg;
	char name[16];
};

static _Atomic int helpers;

static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), s.name);
	s.fn(s.arg);
	atomic_fetch_sub_explicit(&helpers, 1, memory_order_relaxed);
	return NULL;
}

int plat_thread_begin(void (*fn)(void *), void *arg, const char *name)
{
	struct start *s = malloc(sizeof *s);
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t t;
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct start){ .fn = fn, .arg = arg };
	for (unsigned i = 0; i < sizeof s->name - 1 && name[i]; i++)
		s->name[i] = name[i];
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_fetch_add_explicit(&helpers, 1, memory_order_relaxed);
	r = -pthread_create(&t, &attr, begin, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (r < 0) {
		atomic_fetch_sub_explicit(&helpers, 1, memory_order_relaxed);
		free(s);
	}
	return r;
}

/* The open file is of that very thread, also if its id is another's a moment later. */
void plat_thread_rename(pid_t thread, const char *name, bool (*still)(void *arg), void *arg)
{
	char path[48];
	int fd;

	if (thread == plat_thread_id()) {
		prctl(PR_SET_NAME, name);
		return;
	}
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)thread);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (still(arg) && write(fd, name, strlen(name)) < 0) {
		/* It has just ended; or the system shows us the name and lets nobody change it. */
	}
	close(fd);
}

void plat_thread_forked(void) { atomic_store_explicit(&helpers, 0, memory_order_relaxed); }

int plat_thread_helpers(void) { return atomic_load_explicit(&helpers, memory_order_relaxed); }

void plat_stack_bounds(const char **ret_low, size_t *ret_size)
{
	pthread_attr_t attr;
	void *low = NULL;

	*ret_size = 0;
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &low, ret_size);
		pthread_attr_destroy(&attr);
	}
	*ret_low = low;
}

const char *plat_stack_floor(void)
{
	const char *low;
	size_t size;

	plat_stack_bounds(&low, &size);
	return low ? low + size / 4 : NULL;
}
