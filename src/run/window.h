/* window.h - the participants of the shared window: the processes that use it. */
#ifndef TELAR_RUN_WINDOW_H
#define TELAR_RUN_WINDOW_H
#include "run/run.h"

/* Numbers are from 1 on; each is given to so many processes, one after the other. */
enum { WINDOW_PARTICIPANTS = 4095, WINDOW_GENERATIONS = 0x7fff };

struct lease_book;
struct participant {
	_Atomic uint64_t stamp; /* plat_process_stamp; 0: free */
	_Atomic uint32_t pid, generation;
	struct lease_book *_Atomic book; /* lease.c's, as is others; stays with the number */
	_Atomic uint32_t others;
};

/* By a number, with or without its generation.  There is a window. */
struct participant *window_at(uint32_t number);
bool window_runs(const struct participant *p); /* when in doubt it does */
void lease_begin(struct participant *p);       /* a new process has this number */

#endif
