/* orders.h - a model checker for the memory orders of real source files.
 *
 * The sources are compiled against shim/any/stdatomic.h, so that each atomic operation is a step of
 * a virtual thread.  The checker runs a scenario again and again until it has seen every consistent
 * execution: every schedule, every value that a load may return, every order in which stores may
 * reach memory (memory.h says by which rules).  A scenario fails when a check does, when two plain
 * accesses race, or when threads are left blocked for ever. */
#ifndef ORDERS_H
#define ORDERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum orders_order {
	ORDERS_RELAXED,
	ORDERS_ACQUIRE = 1,
	ORDERS_RELEASE = 2,
	ORDERS_ACQ_REL = 3,
	ORDERS_SEQ_CST = 7
};
enum orders_rmw { exchange, fetch_add, fetch_sub, fetch_or, fetch_and };

struct orders_site {
	const char *file, *function, *op;
	int line, order, failure;
} __attribute__((aligned(64))); /* so that a section of them is an array */

/* -- what shim/any/stdatomic.h calls */
uint64_t orders_load(void *p, size_t size, const struct orders_site *at);
void orders_store(void *p, size_t size, uint64_t x, const struct orders_site *at);
uint64_t orders_rmw(
	void *p, size_t size, enum orders_rmw how, uint64_t x, const struct orders_site *at);
bool orders_cas(void *p, size_t size, uint64_t *expected, uint64_t x, const struct orders_site *at);
void orders_fence(const struct orders_site *at);

/* -- steps for the rest of the world.  p: any address that is used for nothing else */
void orders_lock(void *p);
void orders_unlock(void *p);
bool orders_try(void *p);
void orders_post(void *p); /* one token more */
void orders_take(void *p); /* waits for a token; it carries what its giver did before */
/* futex(2), without time: sleeps if *word holds expected; promises no more than the kernel does. */
bool orders_futex_wait(uint32_t *word, uint32_t expected);
void orders_futex_wake(uint32_t *word, int n);
/* membarrier(2): a full fence here, and somewhere in every other thread meanwhile; weakened it is
 * nothing. */
void orders_barrier(const struct orders_site *at);
/* The body of a loop that waits for the location it has just read: go on when that changes. */
void orders_pause(void);

/* -- what scenarios say */
void orders_thread(void (*fn)(void *arg), void *arg); /* in setup only */
void orders_local(void *p); /* a pointer that each virtual thread has of its own; in setup */
void orders_read(void *p);  /* a plain access of *p comes: must not race */
void orders_write(void *p);
void orders_free(void *p, size_t size); /* an atomic that nobody may touch any more */
void orders_may_block(void);       /* some thread is left blocked, and that is right; in setup */
void orders_outcome(unsigned bit); /* this execution is of that kind, 0 to 63 */
void orders_failed(const char *what, const char *file, int line) __attribute__((noreturn));
#define ORDERS_CHECK(x) ((x) ? (void)0 : orders_failed(#x, __FILE__, __LINE__))

struct orders_scenario {
	const char *name;
	void (*setup)(void); /* runs alone */
	void (*after)(void); /* the same, when all threads have ended; or NULL */
	uint64_t outcomes;   /* those that must be seen, and no others; 0: does not matter */
	enum {
		ORDERS_ALWAYS,
		ORDERS_LONG,
		ORDERS_CHANCE
	} when; /* the last two only with --long,
								    CHANCE not in all runs */
};
extern const struct orders_scenario orders_scenarios[]; /* ends with a name of NULL */

#endif
