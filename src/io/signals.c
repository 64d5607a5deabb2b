/* signals.c - signals as events: a scope that ends on them, a queue that receives them.
 *
 * The handler only marks what came and rings a bell; a helper thread, which lives as long as
 * somebody wants signals, hears it and passes the signal on.
 *
 *	handler       came = true, bell + 1, futex wake: all that a handler may do
 *	helper        takes came; under the lock, reads whose it is and becomes busy with it; passes
 *	              it on without the lock; is no longer busy
 *	who lets go   gives the old disposition back; under the lock, takes its name out of the
 *	              table; waits until the helper is not busy with it
 *
 * table.lock guards source, busy, helper and takers; the atomics are the handler's.  A slot's
 * `before` belongs to whose source it is. */
#include "base/mem.h"
#include "run/run.h"
#include "talk/queue.h"
#include "telar/signal.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

enum { SIGNALS = 64 };

struct source { /* one scope or queue */
	tl_scope *scope;
	tl_queue *queue;
	sigset_t set;
	bool listening;
};

enum { SOFT, FIRST, SECOND }; /* what the next one does: FIRST cancels, SECOND ends the program */

static struct {
	struct spin lock;
	struct source *busy;
	enum { ABSENT, STARTING, PRESENT } helper;
	unsigned takers;
	_Atomic uint32_t bell;
	struct slot {
		struct source *source;
		struct sigaction before;
		_Atomic bool came;
		_Atomic int next;
	} slots[SIGNALS + 1];
} table;

/* -- in the handler: nothing but atomics, futex(2), sigaction(2) and raise(3) */

static void handler(int sig)
{
	struct slot *s = &table.slots[sig];
	int kept = errno, next = FIRST;

	if (!atomic_compare_exchange_strong_explicit(
		    &s->next, &next, SECOND, memory_order_relaxed, memory_order_relaxed) &&
		next == SECOND) {
		sigaction(sig, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		raise(sig); /* held back until we return, a moment from now */
	}
	/* Pairs with the exchange in pass_on_all: the bell that is heard tells of what came. */
	atomic_store_explicit(&s->came, true, memory_order_release);
	atomic_fetch_add_explicit(&table.bell, 1, memory_order_release);
	plat_futex_wake(&table.bell, 1, false);
	errno = kept;
}

/* -- on the helper thread */

static void pass_on(int sig)
{
	struct source *to;

	spin_lock(&table.lock);
	to = table.busy = table.slots[sig].source;
	spin_unlock(&table.lock);
	if (to && to->scope)
		tl_scope_cancel(to->scope);
	else if (to)
		queue_put_once(to->queue, &sig, sizeof sig);
	spin_lock(&table.lock);
	table.busy = NULL;
	spin_unlock(&table.lock);
}

static void pass_on_all(void)
{
	for (int sig = 1; sig <= SIGNALS; sig++)
		if (atomic_exchange_explicit(&table.slots[sig].came, false, memory_order_acquire))
			pass_on(sig);
}

static bool still_wanted(void)
{
	bool wanted;

	spin_lock(&table.lock);
	wanted = table.takers > 0;
	if (!wanted)
		table.helper = ABSENT;
	spin_unlock(&table.lock);
	return wanted;
}

static void help(void *arg)
{
	uint32_t heard;

	(void)arg;
	do {
		heard = atomic_load_explicit(&table.bell, memory_order_acquire);
		pass_on_all();
		if (!still_wanted())
			return;
		plat_futex_wait(&table.bell, heard, 0, false);
	} while (true);
}

/* -- letting go */

/* The next signal of set after *sig, which begins at 0. */
static bool next_in(const sigset_t *set, int *sig)
{
	do
		++*sig;
	while (*sig <= SIGNALS && sigismember(set, *sig) != 1);
	return *sig <= SIGNALS;
}

/* Unless the program has put something else in its place meanwhile. */
static void give_back(int sig)
{
	struct sigaction now;

	atomic_store_explicit(&table.slots[sig].next, SOFT, memory_order_relaxed);
	if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == handler)
		sigaction(sig, &table.slots[sig].before, NULL);
}

static void free_slots(const sigset_t *set)
{
	spin_lock(&table.lock);
	for (int sig = 0; next_in(set, &sig);) {
		table.slots[sig].source = NULL;
		atomic_store_explicit(&table.slots[sig].came, false, memory_order_relaxed);
	}
	spin_unlock(&table.lock);
}

static void stop_listening(struct source *src)
{
	bool last;

	spin_lock(&table.lock);
	last = --table.takers == 0;
	spin_unlock(&table.lock);
	if (last) {
		atomic_fetch_add_explicit(&table.bell, 1, memory_order_release);
		plat_futex_wake(&table.bell, 1, false);
	}
	src->listening = false;
	deadlock_outside(-1);
}

static void await_idle(const struct source *src)
{
	unsigned turn = 0;
	bool busy;

	for (;;) {
		spin_lock(&table.lock);
		busy = table.busy == src;
		spin_unlock(&table.lock);
		if (!busy)
			return;
		spin_pause(&turn);
	}
}

/* The scope or queue goes away. */
static void end(void *arg)
{
	struct source *src = arg;

	for (int sig = 0; next_in(&src->set, &sig);)
		give_back(sig);
	free_slots(&src->set);
	await_idle(src);
	if (src->listening)
		stop_listening(src);
	mem_free(src);
}

/* In the child of a fork the helper is not there, and the signals are not for it: they do again
 * what they did before. */
static void forked(void)
{
	table.lock = (struct spin){ 0 };
	table.busy = NULL;
	table.helper = ABSENT;
	table.takers = 0;
	for (int sig = 1; sig <= SIGNALS; sig++) {
		struct source *src = table.slots[sig].source;

		if (!src)
			continue;
		give_back(sig);
		sigdelset(&src->set, sig);
		src->listening = false;
		table.slots[sig].source = NULL;
	}
}

/* -- taking */

/* A fault in the program itself cannot wait for a thread to hear of it. */
static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGTRAP;
}

static int collect(const int *sigs, size_t n, sigset_t *ret)
{
	sigemptyset(ret);
	for (size_t i = 0; i < n; i++)
		if (sigs[i] > SIGNALS || is_fault(sigs[i]) || sigaddset(ret, sigs[i]) < 0)
			return -EINVAL;
	return n ? 0 : -EINVAL;
}

/* All of set for src, or none. */
static int claim(struct source *src, const sigset_t *set)
{
	int r = 0;

	spin_lock(&table.lock);
	for (int sig = 0; next_in(set, &sig);)
		if (table.slots[sig].source)
			r = -EBUSY;
	for (int sig = 0; next_in(set, &sig);)
		if (r == 0)
			table.slots[sig].source = src;
	spin_unlock(&table.lock);
	return r;
}

/* Have the helper thread run.  Who finds another about to start it waits for how that ends. */
static int call_helper(void)
{
	unsigned turn = 0;
	int was, r;

	do {
		spin_lock(&table.lock);
		was = table.helper;
		if (was == ABSENT)
			table.helper = STARTING;
		spin_unlock(&table.lock);
		if (was == STARTING)
			spin_pause(&turn);
	} while (was == STARTING);
	if (was == PRESENT)
		return 0;
	r = plat_thread_begin(help, NULL, "tl-signals");
	spin_lock(&table.lock);
	table.helper = r < 0 ? ABSENT : PRESENT;
	spin_unlock(&table.lock);
	return r;
}

static int listen_for(struct source *src)
{
	static atomic_flag watched = ATOMIC_FLAG_INIT;
	int r;

	if (src->listening)
		return 0;
	if (!atomic_flag_test_and_set_explicit(&watched, memory_order_relaxed))
		pthread_atfork(NULL, NULL, forked);
	spin_lock(&table.lock);
	table.takers++;
	spin_unlock(&table.lock);
	deadlock_outside(1);
	src->listening = true;
	r = call_helper();
	if (r < 0)
		stop_listening(src);
	return r;
}

static int install(struct source *src, const sigset_t *set)
{
	struct sigaction ours = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK };

	for (int sig = 0; next_in(set, &sig);) {
		struct slot *s = &table.slots[sig];

		atomic_store_explicit(
			&s->next, src->scope && sig == SIGINT ? FIRST : SOFT, memory_order_relaxed);
		if (sigaction(sig, &ours, &s->before) < 0)
			return -errno;
		sigaddset(&src->set, sig);
	}
	return 0;
}

static int add(struct source *src, const sigset_t *set)
{
	int r = claim(src, set);

	if (r < 0)
		return r;
	r = listen_for(src);
	if (r == 0)
		r = install(src, set);
	if (r < 0) {
		for (int sig = 0; next_in(set, &sig);) {
			if (sigismember(&src->set, sig) == 1)
				give_back(sig);
			sigdelset(&src->set, sig);
		}
		free_slots(set);
	}
	return r;
}

int tl_scope_signals(tl_scope *s, const int *sigs, size_t n)
{
	struct strand *me = strand_self();
	struct scope *in = scope_of(s ? s : me->body->inner);
	struct source *src = in->signals;
	sigset_t set;
	int r = collect(sigs, n, &set);

	if (r < 0)
		return r;
	if (s && !scope_opened(s, "gives signals to"))
		return -EINVAL;
	if (!src) {
		src = mem_zalloc(sizeof *src);
		if (!src)
			return -ENOMEM;
		src->scope = s ? s : me->body->inner;
		in->signals = src;
		in->signals_end = end;
	}
	return add(src, &set);
}

int tl_signals_open(tl_queue **ret, const int *sigs, size_t n)
{
	tl_queue_opts o = { .name = "signals", .capacity = SIGNALS, .max_item = sizeof(int) };
	struct source *src;
	sigset_t set;
	int r = collect(sigs, n, &set);

	if (r < 0)
		return r;
	src = mem_zalloc(sizeof *src);
	r = src ? tl_queue_open(&src->queue, &o) : -ENOMEM;
	if (r < 0) {
		mem_free(src);
		return r;
	}
	src->queue->closing = end;
	src->queue->closing_arg = src;
	r = add(src, &set);
	if (r < 0)
		tl_queue_close(src->queue);
	else
		*ret = src->queue;
	return r;
}
