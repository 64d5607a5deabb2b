/* log_fork.c - numbers of the process and its threads, which a fork changes: asking the system for
 * each record would cost more than the record. */
#include "log.h"
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

_Atomic unsigned log_forks;
_Atomic int log_process;
static _Thread_local struct {
	unsigned forks;
	pid_t id;
} thread;

pid_t log_thread(void)
{
	unsigned forks = atomic_load_explicit(&log_forks, memory_order_relaxed);

	if (!thread.id || thread.forks != forks) {
		thread.id = gettid();
		thread.forks = forks;
	}
	return thread.id;
}

/* One thread, as in any child of a fork. */
static void in_child(void)
{
	atomic_fetch_add_explicit(&log_forks, 1, memory_order_relaxed);
	atomic_store_explicit(&log_process, getpid(), memory_order_relaxed);
	gate_forked();
	files_forked();
}

int log_fork_watch(void)
{
	static _Atomic bool watched;

	if (atomic_load_explicit(&watched, memory_order_relaxed))
		return 0;
	atomic_store_explicit(&log_process, getpid(), memory_order_relaxed);
	if (pthread_atfork(NULL, NULL, in_child))
		return -ENOMEM;
	atomic_store_explicit(&watched, true, memory_order_relaxed);
	return 0;
}
