/* process.c - processes, as the program that started them sees them: strands without a body.
 *
 * Between its start and its end such a strand's arg is its struct process.  Others may follow it
 * with the strand's lock held, having seen there that the strand is born and has not ended: the end
 * takes that lock before the struct goes.  What the process itself must see lies in its struct
 * launch, in the shared window.
 *
 * Its end comes from the zygote, by the thread that listens to it (zygote_link.c). */
#include "run/process.h"
#include "base/mem.h"
#include "run/bias.h"
#include "telar/shared.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 65536, STDIO = 3, MOST_GIVEN = 32 };

char process_family[32];

/* With its lock held. */
static struct process *process_of(const struct strand *s)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_acquire);

	return !(life & (LIFE_ENDED | LIFE_FREE)) && s->kind == TL_PROCESS ? s->arg : NULL;
}

/* -- starting */

static bool sane(const struct strand *s, const tl_opts *o)
{
	const tl_process_opts *p = o ? o->process : NULL;
	bool plain = (uintptr_t)s->arg < SMALL || window_holds(s->arg) || (o && o->copy);

	return plain &&
	       (!p || (RESERVED_ZERO(p) && p->n_fds <= MOST_GIVEN && (p->fds || !p->n_fds)));
}

static size_t environment_size(uint32_t *ret_n)
{
	size_t size = 0;
	uint32_t n = 0;

	for (char **e = environ; e && *e; e++, n++)
		size += strlen(*e) + 1;
	*ret_n = n;
	return size;
}

static void put_environment(struct launch *a)
{
	char *to = a->bytes + a->env, *end = to + a->env_size;
	uint32_t n = 0;

	for (char **e = environ; e && *e && n < a->n_env; e++, n++) {
		size_t size = strlen(*e) + 1;

		if (size > (size_t)(end - to))
			break; /* another thread changes it: we have what was there before */
		to = (char *)memcpy(to, *e, size) + size;
	}
	a->n_env = n;
}

static struct launch *launch_new(struct strand *s, const tl_opts *o)
{
	const tl_process_opts *p = o ? o->process : NULL;
	size_t copy = o ? o->copy : 0, cwd = p && p->cwd ? strlen(p->cwd) + 1 : 0, env_size;
	uint32_t n_env;
	struct launch *a;

	env_size = environment_size(&n_env);
	a = tl_shared(sizeof *a + copy + env_size + cwd);
	if (!a)
		return NULL;
	a->arg = s->arg;
	if (copy)
		a->arg = memcpy(a->bytes, s->arg, copy);
	a->env = copy;
	a->env_size = env_size;
	a->n_env = n_env;
	put_environment(a);
	if (cwd) {
		a->cwd = copy + env_size;
		memcpy(a->bytes + a->cwd, p->cwd, cwd);
		a->has_cwd = true;
	}
	a->group = p && p->group;
	a->given = p ? (uint32_t)p->n_fds : 0;
	a->parent = getpid();
	return a;
}

static int fill(struct process *p, struct strand *s, const tl_opts *o)
{
	struct launch *a = launch_new(s, o);

	if (!a)
		return -ENOSPC;
	p->launch = a;
	a->fn = tl_func_of(s->fn);
	if (!a->fn.id)
		return -ENOSPC;
	atomic_store_explicit(&a->paused,
		(atomic_load_explicit(&s->life, memory_order_relaxed) & LIFE_PAUSED) != 0,
		memory_order_relaxed);
	a->at = s->planned;
	strand_name(s, a->name);
	snprintf(a->family, sizeof a->family, "%.20s%u:", process_family, s->number);
	return 0;
}

int process_prepare(struct strand *s, const tl_opts *o)
{
	struct process *p;
	int r;

	if (!sane(s, o))
		return -EINVAL;
	r = zygote_ready();
	if (r < 0)
		return r;
	p = mem_zalloc(sizeof *p);
	if (!p)
		return -ENOMEM;
	p->strand = s;
	list_init(&p->link);
	r = fill(p, s, o);
	if (r < 0) {
		tl_shared_free(p->launch);
		mem_free(p);
		return r;
	}
	s->arg = p;
	return 0;
}

/* Who waits for its pid sees that there is none to come; who comes too late for this wake looks
 * again within a second, whatever the word's memory is by then. */
static void forget(struct process *p)
{
	plat_futex_wake(launch_pid_word(p->launch), INT_MAX, true);
	tl_shared_free(p->launch);
	mem_free(p);
}

void process_forget(struct strand *s) { forget(s->arg); }

/* What it has buffered is to come before what the process writes.  A stream that somebody reads or
 * writes just now is let alone: he may sit there for ever. */
static void flush(FILE *f)
{
	if (ftrylockfile(f) != 0)
		return;
	fflush_unlocked(f);
	funlockfile(f);
}

/* Standard streams that are open, then those of .fds. */
static unsigned gather_fds(struct launch *a, const tl_process_opts *o, int *fds)
{
	unsigned n = 0;

	a->stdio = 0;
	for (int fd = 0; fd < STDIO; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			a->stdio |= 1u << fd;
			fds[n++] = fd;
		}
	for (size_t i = 0; o && i < o->n_fds; i++)
		fds[n++] = o->fds[i];
	return n;
}

int process_send(struct process *p, const tl_process_opts *o)
{
	int fds[STDIO + MOST_GIVEN];
	unsigned n = gather_fds(p->launch, o, fds);

	atomic_store_explicit(&p->launch->word, LAUNCH_NEW + p->lost, memory_order_release);
	return zygote_send(p, fds, n);
}

int process_launch(struct strand *s, const tl_process_opts *o)
{
	struct process *p = s->arg;
	int r;

	flush(stdout);
	flush(stderr);
	p->launch->grace = scope_grace(s->scope);
	deadlock_outside(1);
	r = process_send(p, o);
	if (r < 0)
		process_failed(p, r);
	return r;
}

int tl_process_start(tl_scope *scope, tl_fn *fn, void *arg, const tl_opts *o)
{
	return strand_start(TL_PROCESS, scope, fn, arg, o, NULL, __builtin_return_address(0));
}

/* -- the end */

static tl_end ending(const struct launch *a, int status)
{
	if (launch_state(a) == LAUNCH_DONE)
		return (tl_end){ (enum tl_how)a->how, a->result };
	if (status < 0)
		return (tl_end){ TL_UNKNOWN, 0 };
	if (WIFSIGNALED(status))
		return (tl_end){ TL_SIGNALLED, WTERMSIG(status) };
	return (tl_end){ TL_EXITED, WEXITSTATUS(status) };
}

/* Was it the library that ended it, because it did not stop when it was asked to? */
static bool was_stopped(const struct launch *a, tl_end end)
{
	return atomic_load_explicit(&a->asked, memory_order_relaxed) && end.how == TL_SIGNALLED &&
	       (end.value == SIGTERM || end.value == SIGKILL);
}

void process_ended(struct process *p, int status)
{
	tl_end end;
	bool bad;

	zygote_settle(p);
	end = ending(p->launch, status);
	bad = strand_status(end) < 0 && !was_stopped(p->launch, end);
	/* Its time has passed; its number is still asked for. */
	SHOW(p->strand->planned, launch_pid(p->launch));
	strand_end_as(p->strand, end, bad);
	zygote_drop(p);
	forget(p);
	deadlock_outside(-1);
}

void process_failed(struct process *p, int r)
{
	zygote_settle(p);
	strand_end_as(p->strand, (tl_end){ TL_RETURNED, r }, true);
	zygote_drop(p);
	forget(p);
	deadlock_outside(-1);
}

/* -- what is done to it */

static void ring(struct process *p)
{
	struct zygote *z = atomic_load_explicit(&p->zygote, memory_order_acquire);

	if (z)
		zygote_bell(z);
}

void process_ask(struct strand *s)
{
	struct process *p = process_of(s);

	if (!p || atomic_exchange_explicit(&p->launch->asked, 1, memory_order_seq_cst))
		return;
	plat_futex_wake(&p->launch->asked, 1, true);
	ring(p);
}

void process_remind(tl_strand t)
{
	struct strand *s = slot_find(t);
	struct process *p;
	bool visitor;

	if (!s)
		return;
	visitor = strand_hold(s);
	p = process_of(s);
	if (p)
		ring(p);
	strand_let(s, visitor);
}

void process_resume(struct strand *s)
{
	bool visitor = strand_hold(s);
	struct process *p = process_of(s);

	if (p) {
		atomic_store_explicit(&p->launch->paused, 0, memory_order_seq_cst);
		plat_futex_wake(&p->launch->paused, INT_MAX, true);
	}
	strand_let(s, visitor);
}

int process_state(const struct strand *s)
{
	struct process *p = process_of(s);

	if (!p)
		return TL_READY;
	if (LOOK(s->planned) > plat_now())
		return TL_CREATED;
	return launch_state(p->launch) >= LAUNCH_LOST ? TL_READY : TL_RUNNING;
}

pid_t process_id(const struct strand *s)
{
	struct process *p = process_of(s);

	return p ? launch_pid(p->launch) : 0;
}

/* It is gone before it is reaped, and so before its pid can be another's. */
static bool not_gone(void *launch)
{
	return !atomic_load_explicit(&((struct launch *)launch)->gone, memory_order_seq_cst);
}

/* Until it is forked, or will not be; no cancel ends that. */
static void await_fork(struct strand *s, tl_strand t)
{
	struct body *b = strand_self()->body;
	bool was = b->deaf, visitor = strand_hold(s);
	struct process *p = process_of(s);
	bool same = atomic_load_explicit(&s->id, memory_order_relaxed) == t.id;
	_Atomic uint32_t *pid = p && same ? launch_pid_word(p->launch) : NULL;

	strand_let(s, visitor);
	b->deaf = true;
	if (pid)
		word_wait(pid, 0, "fork of a process", pid, TL_NEVER);
	b->deaf = was;
}

/* -EAGAIN: not forked yet. */
static int try_signal(struct strand *s, tl_strand t, int sig)
{
	bool visitor = strand_hold(s);
	struct process *p = process_of(s);
	int r = -ESRCH;

	if (atomic_load_explicit(&s->id, memory_order_relaxed) == t.id && p) {
		pid_t pid = process_id(s);
		r = pid ? plat_process_signal(pid, sig, not_gone, p->launch) : -EAGAIN;
	}
	strand_let(s, visitor);
	return r;
}

int tl_signal(tl_strand t, int sig)
{
	struct strand *s = slot_find(t);
	int kind = tl_kind(t), r;

	if (kind < 0 || !s)
		return -ESRCH;
	if (kind != TL_PROCESS)
		return -EINVAL;
	while ((r = try_signal(s, t, sig)) == -EAGAIN)
		await_fork(s, t);
	return r;
}

/* 0: it is to come. */
static pid_t try_id(struct strand *s, tl_strand t)
{
	bool visitor = strand_hold(s);
	uint32_t life = atomic_load_explicit(&s->life, memory_order_acquire);
	pid_t r = -EAGAIN;

	if (atomic_load_explicit(&s->id, memory_order_relaxed) != t.id || life & LIFE_FREE)
		r = -ESRCH;
	else if (s->kind == TL_PROCESS)
		r = life & LIFE_ENDED ? (pid_t)LOOK(s->planned) : process_id(s);
	else if (life & LIFE_ENDED)
		r = -ESRCH;
	else if (s->body)
		r = s->loop->os_id;
	strand_let(s, visitor);
	return r;
}

pid_t tl_os_id(tl_strand t)
{
	struct strand *s = slot_find(t);
	pid_t r;

	if (!s)
		return -ESRCH;
	while ((r = try_id(s, t)) == 0 && tl_alive(t))
		await_fork(s, t);
	return r ? r : -EAGAIN;
}
