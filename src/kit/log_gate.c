/* log_gate.c - nothing that a logging call may look at is freed under its eyes.
 *
 * Who logs passes the gate: counted in one of two halls, which take turns.  Who wants to free
 * something first takes it out of sight, then waits here: the halls change, and the old one must
 * have emptied; twice, because one who gave up waiting may have left people in the other hall.
 *
 *	logs                                    frees
 *	t = turn                                out of sight
 *	inside[t] + 1                           turn + 1
 *	turn still t?  else out, try again      wait for inside[old turn] == 0
 *	look                                    ... and the same once more; free
 *
 * Claims (tests/model/log_gate.pml, tests/kit/test_log_gate.c):
 *  G1  what was out of sight before a wait is looked at by nobody after it;
 *  G2  a wait ends when those have left who were inside at its beginning, or came before the halls
 *      changed for the second time; whoever comes later does not keep it.
 *
 * All here is seq_cst: between the check of `turn` and that of `inside` each side stores, then
 * loads, and one of them must see the other.  waiting and left are the same pair once more.  `one`:
 * one waits at a time.  A fork empties the halls, and passes from before it are not given back. */
#include "log.h"
#include <errno.h>

static struct {
	_Atomic unsigned turn;
	_Atomic int inside[2];
	_Atomic int waiting;
	tl_event left;
	tl_lock one;
} gate;

enum { HALL = 1, FORKS = 1 }; /* a pass: hall, and above it the count of forks */

static void leave(unsigned hall)
{
	if (atomic_fetch_sub(&gate.inside[hall], 1) == 1 && atomic_load(&gate.waiting))
		tl_event_set(&gate.left);
}

unsigned gate_enter(void)
{
	unsigned forks = atomic_load_explicit(&log_forks, memory_order_relaxed);

	for (;;) {
		unsigned turn = atomic_load(&gate.turn);

		atomic_fetch_add(&gate.inside[turn & HALL], 1);
		if (atomic_load(&gate.turn) == turn)
			return forks << FORKS | (turn & HALL);
		leave(turn & HALL);
	}
}

void gate_leave(unsigned pass)
{
	if (pass >> FORKS == (atomic_load_explicit(&log_forks, memory_order_relaxed) << 1) >> 1)
		leave(pass & HALL);
}

static int empty(unsigned hall, tl_time deadline)
{
	int r = 0;

	while (r == 0) {
		tl_event_clear(&gate.left);
		if (atomic_load(&gate.inside[hall]) == 0)
			return 0;
		r = tl_event_wait(&gate.left, deadline);
	}
	return r;
}

int gate_wait(tl_time deadline)
{
	int r = tl_lock_acquire(&gate.one, deadline);

	if (r == -EOWNERDEAD) /* it died in a fork: its wait has nothing to do with ours */
		r = tl_lock_recover(&gate.one, deadline);
	if (r < 0)
		return r;
	atomic_store(&gate.waiting, 1);
	r = 0;
	for (int i = 0; r == 0 && i < 2; i++)
		r = empty(atomic_fetch_add(&gate.turn, 1) & HALL, deadline);
	atomic_store(&gate.waiting, 0);
	tl_lock_release(&gate.one);
	return r;
}

void gate_forked(void)
{
	atomic_store(&gate.inside[0], 0);
	atomic_store(&gate.inside[1], 0);
	atomic_store(&gate.waiting, 0);
	gate.left = (tl_event){ 0 };
}
