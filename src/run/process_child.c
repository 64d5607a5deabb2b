/* process_child.c - in the process: its first strand, and how it hears that it is to stop.
 *
 * The process has one thread, whose strand takes the given name and runs the function; when that
 * has returned, and all that it started has ended, the standard streams are flushed and the process
 * leaves by _exit: what constructors have registered for the end of the program is the program's.
 *
 * To hear its program it needs somebody who listens while all others sleep: a thread, which costs
 * more than all the rest of a short process.  So it is made when a loop first goes to sleep; before
 * that a strand looks when it has completed many calls. */
#include "run/process.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <unistd.h>

static struct launch *mine; /* NULL: this process is a program */
static tl_strand first;
static int given[PLAT_FDS];

_Atomic bool process_unheard;

pid_t tl_parent_pid(void) { return mine ? mine->parent : getppid(); }

int tl_given_fd(unsigned i) { return mine && i < mine->given ? given[i] : -EBADF; }

/* -- hearing */

static bool asked(void) { return atomic_load_explicit(&mine->asked, memory_order_seq_cst); }

void process_hear(void)
{
	if (!asked())
		return;
	atomic_store_explicit(&process_unheard, false, memory_order_relaxed);
	tl_cancel(first);
}

static void listen_for(void *arg)
{
	(void)arg;
	while (!asked())
		plat_futex_wait(&mine->asked, 0, 0, true);
	tl_cancel(first);
}

void process_listen(void)
{
	bool unheard = true;
	int r;

	if (!atomic_compare_exchange_strong_explicit(
		    &process_unheard, &unheard, false, memory_order_relaxed, memory_order_relaxed))
		return;
	r = plat_thread_begin(listen_for, NULL, "tl-listen");
	if (r < 0)
		report(TL_R_DEGRADED, NULL, r,
			"no thread to hear a request to stop: SIGTERM ends it");
}

/* -- from its beginning to its end */

static int wait_to_begin(struct strand *s)
{
	int r;

	process_hear();
	r = strand_checkpoint(s);
	while (r == 0 && atomic_load_explicit(&mine->paused, memory_order_seq_cst))
		r = word_wait(&mine->paused, 1, strand_begins, s, TL_NEVER);
	return r == 0 && mine->at ? strand_sleep(strand_begins, mine->at) : r;
}

static int run(struct strand *s)
{
	int r;

	if (mine->has_cwd && chdir(mine->bytes + mine->cwd) < 0)
		return -errno;
	s->fn = func_find(mine->fn, &r);
	s->arg = mine->arg;
	return s->fn ? strand_run(s) : r;
}

/* An error there changes nothing, and a stream that another thread holds is left: it may hold it
 * for ever. */
static void flush(void)
{
	FILE *const standard[] = { stdout, stderr };

	if (__libc_single_threaded || plat_thread_count() == 1 + plat_thread_helpers()) {
		fflush(NULL);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (ftrylockfile(standard[i]) == 0) {
			fflush_unlocked(standard[i]);
			funlockfile(standard[i]);
		}
}

_Noreturn void process_live(struct launch *a, const int *fds, unsigned n)
{
	struct strand *s;
	tl_end end;
	int r;

	mine = a;
	memcpy(process_family, a->family, sizeof process_family);
	memcpy(given, fds, (n < a->given ? n : a->given) * sizeof *fds);
	s = strand_self();
	slot_anew(s);
	first.id = atomic_load_explicit(&s->id, memory_order_relaxed);
	SHOW(s->kind, TL_PROCESS);
	tl_rename(first, a->name);
	atomic_store_explicit(&process_unheard, true, memory_order_relaxed);
	r = window_joined() ? wait_to_begin(s) : -EAGAIN;
	if (r == 0)
		r = run(s);
	r = strand_part(s, r);
	loop_drain(s->loop);
	end = strand_ending(s, r);
	flush();
	a->result = end.value;
	a->how = end.how;
	atomic_store_explicit(
		&a->word, (uint64_t)getpid() << 32 | LAUNCH_DONE, memory_order_release);
	_exit(r < 0);
}
