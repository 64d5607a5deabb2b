/* pool_crew.h - a pool's worker processes: what they share with their program.
 *
 * Each worker has a channel in shared memory: a ring of slots that the program fills and the worker
 * works off in turn, in place.  `posted` and `done` count slots since the worker began; the slots
 * from done to posted are under way.  A slot's state says who has it:
 *
 *	FREE -> FULL     the program, before it counts it as posted
 *	FULL -> TAKEN    the worker, when it begins
 *	FULL -> FREE     the program takes it back: the worker finds a hole, and goes on
 *	TAKEN -> FREE    the program, when done has passed it, or the worker is dead
 *
 * So of a dead worker exactly one job may have begun without having been done: the one that is
 * TAKEN at done (W80 to W83 of tests/model/CLAIMS.md).  Sleepers are woken by who finds their flag
 * up (claim K2: seq_cst on both sides, flag before look, count before flag). */
#ifndef TELAR_KIT_POOL_CREW_H
#define TELAR_KIT_POOL_CREW_H
#include "pool.h"
#include <errno.h>
#include <telar/process.h>
#include <telar/queue.h>
#include <telar/shared.h>

enum { SLOT_FREE, SLOT_FULL, SLOT_TAKEN };
enum { CHANNEL_SLOTS = 128, SLOT_BYTES = 64 };

struct slot {
	_Alignas(64) _Atomic uint32_t state;
	int result;
	tl_func fn;
	int64_t limit;
	size_t size, n; /* as of the job */
	void *bytes; /* its copy: here or in a block of shared memory; or what is passed as it is */
	char here[SLOT_BYTES];
};

/* Where the program listens for all workers of a pool. */
struct hub {
	tl_queue *bell;
	_Atomic uint32_t sleeps;  /* who has been told nothing since must be rung for */
	_Atomic uint32_t watched; /* so many look by themselves: there is no need */
};

struct channel {
	_Alignas(64) _Atomic uint32_t posted; /* the program's */
	_Atomic uint32_t leaves;
	tl_func init;
	void *init_arg;
	struct hub *hub;
	uint32_t recycle;
	_Alignas(64) _Atomic uint32_t done; /* the worker's */
	_Atomic uint32_t ready;             /* it has been prepared ... */
	int broken;                         /* ... or not: < 0 */
	pid_t pid;
	_Alignas(64) _Atomic uint32_t sleeps; /* the worker, on its bell */
	tl_queue *bell;
	struct slot slots[CHANNEL_SLOTS];
};

/* The program's own side of a channel. */
struct post {
	struct channel *channel;
	struct job *jobs[CHANNEL_SLOTS]; /* NULL: taken back */
	void *blocks[CHANNEL_SLOTS];     /* of shared memory, for what does not fit */
	size_t room[CHANNEL_SLOTS];
	uint32_t reaped, posted;
	bool up;    /* it takes jobs */
	bool asked; /* cancelled, for the sake of a job */
};

/* A bell is a shared queue of one item: it rings for who waits, or is about to, whatever becomes of
 * who rang it. */
static inline void bell_ring(tl_queue *bell)
{
	int r = tl_queue_put(bell, "", 1, TL_POLL);

	(void)r; /* it rings already */
}
static inline int bell_await(tl_queue *bell, tl_time until)
{
	char item;
	int r = tl_queue_get(bell, &item, 1, until);

	return r < 0 && r != -ETIMEDOUT ? r : 0;
}

int pool_child(void *channel); /* pool_child.c: the worker's function */

#endif
