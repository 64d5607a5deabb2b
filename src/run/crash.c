/* crash.c - in which strand the program died; opt-in, see tl_crash_reports.
 *
 * The handler runs on an alternate stack, since a strand's own may be used up, and touches only
 * what its own thread owns: loop_here, the strand that runs there, its name and its site.  It
 * allocates nothing, takes no lock, writes one line, puts back the disposition that was there
 * before
 * it, and returns: the faulting instruction runs again, and what would have happened happens.
 *
 * A thread's alternate stack and bounds are its own; the old dispositions are under `lock`, and
 * read without it by the handler, which is installed after they are written. */
#include "plat/plat.h"
#include "run/run.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { ALTERNATE = 64 << 10, GAP = 64 << 10 };
static const int signals[] = { SIGSEGV, SIGBUS };
static const char *const names[] = { "SIGSEGV", "SIGBUS" };
enum { SIGNALS = sizeof signals / sizeof *signals };

static struct spin lock;
static atomic_bool on;
static struct sigaction old[SIGNALS];

static _Thread_local struct own {
	char *alternate; /* NULL: none of ours */
	const char *low; /* of the thread's stack */
	size_t size;
} own;

/* -- one line, without the C library's help */

struct line {
	size_t n;
	char text[512];
};

static void put(struct line *l, const char *s)
{
	while (*s && l->n < sizeof l->text - 1)
		l->text[l->n++] = *s++;
}

static void put_number(struct line *l, uintptr_t value, unsigned base)
{
	char digits[24];
	size_t i = sizeof digits;

	digits[--i] = 0;
	do
		digits[--i] = "0123456789abcdef"[value % base];
	while (value /= base);
	put(l, digits + i);
}

static void put_address(struct line *l, const void *addr)
{
	put(l, "0x");
	put_number(l, (uintptr_t)addr, 16);
}

static void put_name(struct line *l, const struct strand *s)
{
	put(l, "'");
	if (s->extra && s->extra->name[0]) {
		put(l, s->extra->name);
	} else {
		put(l, strand_kind_name(s));
		put(l, "-");
		put_number(l, s->number, 10);
	}
	put(l, "'");
}

static void put_site(struct line *l, const void *site)
{
	const char *module;
	uintptr_t offset;

	if (!site)
		return;
	put(l, " (started at ");
	if (plat_module_of(site, &module, &offset)) {
		put(l, module);
		put(l, "+0x");
		put_number(l, offset, 16);
	} else {
		put_address(l, site);
	}
	put(l, ")");
}

/* -- the handler */

/* How large was the stack that addr lies just below, in its guard?  0: it does not.  A task's or a
 * generator's is the one it runs on; the main thread's has no guard but the limit of its growth. */
static size_t overflown(const char *addr, const struct strand *s)
{
	const struct ground *on = s->body->on;
	size_t page = plat_page();

	if (own.low && addr < own.low + page && addr >= own.low - GAP)
		return own.size;
	if (on == &s->loop->body.own || !on->note.low)
		return 0;
	if (addr >= (const char *)on->note.low && addr < (const char *)on->note.low + page)
		return (on->note.size - 1) / page * page;
	return 0;
}

static void describe(int i, const void *addr)
{
	struct strand *s = loop_here ? loop_here->now_runs : NULL;
	struct line l = { 0 };
	size_t size = s && s->body ? overflown(addr, s) : 0;

	put(&l, "telar: ");
	if (size) {
		put(&l, "stack overflow in ");
		put(&l, s->body->on->from ? "a generator of " : "");
	} else {
		put(&l, names[i]);
		put(&l, " at ");
		put_address(&l, addr);
		put(&l, s ? " in strand " : " outside of any strand");
	}
	if (s) {
		put_name(&l, s);
		put_site(&l, s->site);
	}
	if (size) {
		put(&l, ", stack of ");
		put_number(&l, size / 1024, 10);
		put(&l, " KiB");
	}
	l.text[l.n++] = '\n';
	if (write(STDERR_FILENO, l.text, l.n) < 0)
		return; /* nobody left to tell */
}

static void handle(int signum, siginfo_t *info, void *context)
{
	int saved = errno, i = signum == signals[0] ? 0 : 1;

	(void)context;
	describe(i, info->si_addr);
	sigaction(signum, &old[i], NULL);
	if (info->si_code <= 0)
		raise(signum); /* somebody sent it, so it does not come again by itself */
	errno = saved;
}

/* -- the calling thread's part */

static int arm(void)
{
	stack_t now, mine = { .ss_size = ALTERNATE };

	if (!own.low)
		plat_stack_bounds(&own.low, &own.size);
	if (own.alternate || sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE))
		return 0; /* it has one already, ours or the program's */
	mine.ss_sp = plat_reserve(ALTERNATE);
	if (!mine.ss_sp)
		return -ENOMEM;
	if (plat_open(mine.ss_sp, ALTERNATE) < 0 || sigaltstack(&mine, NULL) < 0) {
		plat_release(mine.ss_sp, ALTERNATE);
		return -ENOMEM;
	}
	own.alternate = mine.ss_sp;
	return 0;
}

/* Without memory its overflows go unnamed; all else is said. */
void crash_enter(void)
{
	if (atomic_load_explicit(&on, memory_order_relaxed))
		(void)arm();
}

void crash_leave(void)
{
	stack_t now;

	if (!own.alternate)
		return;
	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == own.alternate)
		sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
	plat_release(own.alternate, ALTERNATE);
	own = (struct own){ 0 };
}

static void install(void)
{
	struct sigaction act = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&act.sa_mask);
	for (int i = 0; i < SIGNALS; i++) {
		sigaction(signals[i], NULL, &old[i]);
		sigaction(signals[i], &act, NULL);
	}
}

/* What somebody has installed after us stays. */
static void uninstall(void)
{
	struct sigaction now;

	for (int i = 0; i < SIGNALS; i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
			now.sa_sigaction == handle)
			sigaction(signals[i], &old[i], NULL);
}

int tl_crash_reports(bool wanted)
{
	int r;

	strand_self(); /* so that main, too, is armed like a thread that enters */
	r = wanted ? arm() : 0;
	if (r < 0)
		return r;
	spin_lock(&lock);
	if (wanted != atomic_load_explicit(&on, memory_order_relaxed)) {
		if (wanted)
			install();
		else
			uninstall();
		atomic_store_explicit(&on, wanted, memory_order_relaxed);
	}
	spin_unlock(&lock);
	return 0;
}
