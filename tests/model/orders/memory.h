/* memory.h - the execution so far as a graph of events, and what may come next.
 *
 * The rules are C17's, with the repairs of RC11 and C++20 where C17 leaves too much open:
 *  - happens-before is program order and synchronizes-with: release stores, release sequences (by
 *    read-modify-writes alone, as in C++20), fences;
 *  - each location has a modification order.  A store may take any place in it that does not
 *    contradict happens-before; a load may read any store that does not; a read-modify-write reads
 *    the one just before it;
 *  - one order of all seq_cst accesses and fences agrees with happens-before and with the order in
 *    which accesses of one location come (reads-from, modification order, from-read), also where
 *    the accesses are not seq_cst but stand before or behind seq_cst fences.
 * Left out: a load never sees a store that depends on it or that comes later in the run (load
 * buffering), as program order and reads-from together are taken to have no cycle.
 *
 * Events are added one by one, always the newest of its thread; nothing is ever taken back but by
 * memory_reset. */
#ifndef ORDERS_MEMORY_H
#define ORDERS_MEMORY_H
#include "orders.h"

enum { THREADS = 5, PLACES = 64, WRITES = 48, EVENTS = 500, SEQ_CSTS = 128 };

enum kind { READ = 1, WRITE = 2, UPDATE = 3, FENCE = 4 };

struct event {
	uint8_t kind, thread; /* thread THREADS: a location's first value */
	int16_t index;        /* in its thread, from 1 */
	int16_t place, from;  /* from: the event that it reads */
	int16_t at;           /* its place in the modification order, if it writes */
	int16_t seq_cst;      /* its number among those, from 0; -1: is none */
	uint64_t value;
	int16_t seen[THREADS];  /* so many of each thread happen before it, or are it */
	int16_t gives[THREADS]; /* the same for who acquires from it */
	const struct orders_site *site;
};

void memory_begin(void);                   /* a new scenario */
void memory_reset(void);                   /* a new run of it */
int memory_place(void *addr, size_t size); /* the number of a location; the same in every run */
const char *memory_full(void);             /* NULL, or what there is too much of */

/* Which stores may thread t read next, newest first: places in the modification order.  update: for
 * a read-modify-write.  after: only behind that event; -1: any.  Answers how many. */
int memory_readable(int t, int place, int order, bool update, int after, int *ret);
/* Where may its next store go: it will be behind so many. */
int memory_writable(int t, int place, int order, int *ret);
uint64_t memory_value(int place, int at); /* at -1: the newest */
int memory_writer(int place, int at);     /* the event */
int memory_newest(int place);             /* its place */

/* The event happens.  at: the place of the store that is read, or behind how many ours goes. */
void memory_read(int t, int place, int order, int at, const struct orders_site *site);
void memory_write(
	int t, int place, int order, int at, uint64_t value, const struct orders_site *site);
void memory_update(
	int t, int place, int order, int at, uint64_t value, const struct orders_site *site);
int memory_fence(int t, int order, const struct orders_site *site);
void memory_sc_before(int a, int b); /* the seq_cst order has fence a before b */

/* A plain access; false: it races. */
bool memory_plain(int t, void *addr, bool write);
/* The location is given back: false if somebody may still be at it. */
bool memory_free(int t, int place);
bool memory_gone(int place);
/* Of the graph, however it came about. */
uint64_t memory_hash(void);
void memory_print(void);

#endif
