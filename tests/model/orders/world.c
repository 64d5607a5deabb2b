/* world.c - see world.h; and what the floors under test call beside it, reduced to what matters in
 * a scenario: there is one process, memory does not end, and no report is expected. */
#include "world.h"
#include "talk/shared.h"
#include <errno.h>
#include <string.h>

static struct {
	struct strand strand;
	struct body body;
	struct loop loop;
	uint32_t token;
	int64_t late;
	void (*fn)(void);
} world[STRANDS];
static int n_strands;

static int index_of(const struct parker *p)
{
	int i = 0;

	while (&world[i].strand.park != p)
		i++;
	return i;
}

static void block(struct parker *me, const struct waiter *w, int64_t deadline)
{
	(void)w, (void)deadline;
	orders_take(&world[index_of(me)].token);
}

static void ready(struct parker *who) { orders_post(&world[index_of(who)].token); }

static int interrupted(struct parker *me, int64_t deadline)
{
	struct scope *in = scope_of(strand_of(me)->body->inner);

	(void)deadline;
	if (strand_of(me)->body->deaf)
		return 0;
	return atomic_load_explicit(&in->flags, memory_order_seq_cst) & SCOPE_CANCELLED ? -ECANCELED
											: 0;
}

static bool is_shared(const void *addr) { return (void)addr, false; }
static const struct wait_ops ops = {
	.block = block, .ready = ready, .interrupted = interrupted, .is_shared = is_shared
};

static void enter(void *arg)
{
	int i = (int)(intptr_t)arg;

	wait_me = &world[i].strand.park;
	world[i].fn();
}

struct strand *world_strand(int i) { return &world[i].strand; }

void world_run(void (*fn)(void))
{
	int i = n_strands++;
	struct strand *s = &world[i].strand;
	struct body *b = &world[i].body;

	if (i == 0)
		orders_local(&wait_me);
	wait_ops = &ops;
	world[i].fn = fn;
	world[i].loop.budget = 1000;
	s->loop = &world[i].loop;
	s->body = b;
	b->inner = &b->outer;
	b->lock_word = ((uint64_t)i + 1) << 40 | 1;
	orders_thread(enter, (void *)(intptr_t)i);
}

void world_cancel(int i)
{
	struct scope *in = scope_of(world[i].body.inner);

	atomic_fetch_or_explicit(&in->flags, SCOPE_CANCELLED, memory_order_seq_cst);
	wait_poke(&world[i].strand.park);
}

void world_late(int i, int64_t by) { world[i].late = by; }

int64_t plat_now(void) { return 1 + world[index_of(wait_me)].late; }

int scope_interrupted(struct strand *s) { return interrupted(&s->park, 0); }
void loop_share(struct loop *l) { (void)l; }
void (*strand_lost)(struct strand *s);
int plat_cpu_count(void) { return 1; } /* nobody watches: each look is a step of its own */
bool window_holds(const void *addr) { return is_shared(addr); }
bool window_dead(uint32_t participant) { return (void)participant, false; }
uint32_t window_participant(void) { return 1; }
void plat_futex_wake(_Atomic uint32_t *word, int n, bool shared)
{
	(void)word, (void)n, (void)shared;
}

struct strand *strand_adopt(void) { orders_failed("a strand is adopted", __FILE__, __LINE__); }

static int shared(const void *object)
{
	(void)object;
	orders_failed("shared memory", __FILE__, __LINE__);
}
int shared_sem_acquire(tl_sem *m, tl_time deadline) { return (void)deadline, shared(m); }
int shared_sem_release(tl_sem *m, int n) { return (void)n, shared(m); }
int shared_sem_count(const tl_sem *m) { return shared(m); }
int shared_cond_wait(tl_cond *c, tl_lock *l, tl_time d) { return (void)l, (void)d, shared(c); }
void shared_cond_notify(tl_cond *c, int n) { (void)n, shared(c); }
int shared_cond_waiters(const tl_cond *c) { return shared(c); }

int shared_wait(_Atomic uint32_t *addr, uint32_t expected, struct waiter *w, tl_time deadline)
{
	(void)addr, (void)expected, (void)w, (void)deadline;
	orders_failed("a shared wait", __FILE__, __LINE__);
}

void report(enum tl_report_kind kind, struct strand *s, int value, const char *fmt, ...)
{
	(void)kind, (void)s, (void)value;
	orders_failed(fmt, __FILE__, __LINE__);
}
