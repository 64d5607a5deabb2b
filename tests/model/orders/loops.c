/* loops.c - see loops.h; and what the loop calls beside it, reduced to what matters in a scenario:
 * no descriptors, no timers, one process, memory enough. */
#include "loops.h"
#include "run/stack.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct loop *loops[LOOPS];
struct strand zeros[LOOPS], tasks[TASKS];
unsigned deadlocks;
static struct body bodies[LOOPS];
static int n_loops;
static void (*runs[LOOPS])(void);
static intptr_t calls; /* of the clock, each thread's own */

static struct poller poller;
static uint32_t events; /* its eventfd */
static bool closed;

static void enter(void *arg)
{
	int i = (int)(intptr_t)arg;

	loop_here = loops[i];
	wait_me = &zeros[i].park;
	runs[i]();
}

static void begin(void)
{
	orders_local(&wait_me);
	orders_local(&loop_here);
	orders_local(&calls);
	wait_ops = &loop_ops;
	for (int i = 0; i < TASKS; i++)
		tasks[i].begun = tasks[i].at_home = true, list_init(&tasks[i].sibling);
}

void loops_run(void (*fn)(void))
{
	int i = n_loops++;
	struct strand *s = &zeros[i];
	struct body *b = &bodies[i];

	if (i == 0)
		begin();
	runs[i] = fn;
	loops[i] = loop_open(s);
	s->loop = loops[i];
	s->begun = s->at_home = true;
	list_init(&s->sibling);
	s->body = b;
	b->inner = &b->outer;
	scope_of(b->inner)->owner = s;
	list_init(&scope_of(b->inner)->strands);
	orders_thread(enter, (void *)(intptr_t)i);
}

void loops_poll(int i)
{
	loops[i]->polling = 1;
	loops[i]->poller = &poller;
}

/* -- the floor below */

int64_t loops_tick = 30000;
int64_t plat_now(void) { return ++calls * loops_tick; }
int plat_cpu_count(void) { return 1; }
int plat_cpu(void) { return 0; }
pid_t plat_thread_id(void) { return 1; }
int plat_thread_count(void) { return n_loops; }
int plat_thread_helpers(void) { return 0; }
bool plat_barrier_both;

int plat_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline, bool shared)
{
	(void)deadline, (void)shared;
	return orders_futex_wait(word, expected) ? 0 : -EAGAIN;
}

void plat_futex_wake(_Atomic uint32_t *word, int n, bool shared)
{
	(void)shared;
	orders_futex_wake(word, n);
}

int plat_futex_wait_any(const struct plat_word *words, unsigned n, int64_t deadline)
{
	(void)words, (void)n, (void)deadline;
	return -ENOSYS;
}

/* An eventfd: a wake is kept until somebody has waited for it. */
void poller_wait(struct poller *p, int64_t deadline)
{
	(void)p;
	if (deadline >= 0)
		orders_take(&events);
}

void poller_wake(struct poller *p)
{
	(void)p;
	orders_read(&closed);
	ORDERS_CHECK(!closed);
	orders_post(&events);
}

void poller_close(struct poller *p)
{
	if (!p)
		return;
	orders_write(&closed);
	closed = true;
}

/* -- memory, without end and at the same addresses in every run */

static char arena[1 << 16] __attribute__((aligned(64)));
static size_t used;

void *mem_alloc(size_t size)
{
	void *p = arena + used;

	used += (size + 63) / 64 * 64;
	return p;
}

void *mem_alloc_lines(size_t size) { return mem_alloc(size); }
void *mem_resize(void *p, size_t size) { return p ? NULL : mem_alloc(size); }
void mem_free(void *p) { (void)p; }
void *aligned_alloc(size_t align, size_t size) { return (void)align, mem_alloc(size); }

/* -- the same floor */

bool task_settle(struct strand *s) { return s != NULL; }
int task_begin(struct strand *s) { return s ? -ENOMEM : 0; }
void stack_give(struct stack *k) { (void)k; }
int scope_interrupted(struct strand *s)
{
	return atomic_load_explicit(&scope_of(s->body->inner)->flags, memory_order_relaxed) &
			       SCOPE_CANCELLED
		       ? -ECANCELED
		       : 0;
}
int64_t scope_grace(const tl_scope *s) { return (void)s, 0; }
tl_scope *scope_outside(const tl_scope *s) { return (void)s, NULL; }
void embed_touch(struct loop *l) { (void)l, orders_failed("embedded", __FILE__, __LINE__); }
void embed_close(struct loop *l) { (void)l; }
_Atomic bool process_unheard;
void process_hear(void) {}
void process_listen(void) {}
bool window_holds(const void *addr) { return (void)addr, false; }
struct plat_word window_deaths(void) { return (struct plat_word){ 0 }; }
uint32_t slot_count(void) { return 2; }
struct strand *slot_at(uint32_t slot) { return &zeros[slot - 1]; }
struct strand *slot_find(tl_strand t) { return (void)t, NULL; }
tl_end strand_end(struct strand *s, int r)
{
	(void)s, (void)r, orders_failed("ended", __FILE__, 0);
}
void thread_hire(tl_fn *fn, unsigned number) { (void)fn, (void)number; }
struct strand *strand_adopt(void) { orders_failed("a strand is adopted", __FILE__, __LINE__); }
int tl_sleep_until(tl_time t) { return (void)t, 0; }

int tl_inspect(tl_strand t, tl_info *i)
{
	(void)t;
	*i = (tl_info){ .state = TL_BLOCKED };
	return 0;
}

int loop_word_wait(const struct waiter *w, _Atomic uint32_t *word, uint32_t expected, int64_t until)
{
	(void)w, (void)word, (void)expected, (void)until;
	return -ENOSYS;
}

int shared_wait(_Atomic uint32_t *addr, uint32_t expected, struct waiter *w, tl_time deadline)
{
	(void)addr, (void)expected, (void)w, (void)deadline;
	orders_failed("a shared wait", __FILE__, __LINE__);
}

void report(enum tl_report_kind kind, struct strand *s, int value, const char *fmt, ...)
{
	(void)s, (void)value;
	if (kind != TL_R_DEADLOCK)
		orders_failed(fmt, __FILE__, __LINE__);
	deadlocks++;
}
