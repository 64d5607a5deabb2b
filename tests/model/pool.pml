/* pool.pml - src/kit/pool_crew.c and pool_child.c: jobs in the slots of a worker process, which may
 * die at any step; the next one takes its place.
 *
 * Players
 *	Worker		works its slots off; is killed once, at any step, or leaves between two jobs
 *	Kill		kills it
 *	Tender		buries it when it has ended, and starts the next
 *	Keeper		looks what has been done when it is rung for
 *	Watcher		looks by itself for a moment, as who waits for a job does
 *	Taker		takes one job back, for another worker or for good
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  Every step is one access to shared memory; memory is sequentially
 * consistent.  The program's players have its lock, so what only they see is changed in passing.  A
 * slot has a state, which job its bytes are of, and of which its result is.  A bell is one item: it
 * rings or not.  A kill takes effect at once; that the tender hears of it only afterwards is W61.
 *
 * Claims (CLAIMS.md has all of them)
 *	W80	A job begins once, and once more for each worker that ended under it; it is taken back
 *		or begun, never both.
 *	W81	What is answered as done was done, and has that job's result; of a worker that ended
 *		exactly that job is lost which it had begun and not counted.
 *	W82	Nobody sleeps for ever beside what he waits for: every job is answered.
 *	W83	The bytes of a slot are the job's from before it begins until its end was counted.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_look_then_take: W80 */
/* MUT_taken_back_by_a_store: W80 */
/* MUT_buried_as_not_begun: W80 */
/* MUT_counted_before_full: W81 */
/* MUT_done_before_the_end: W81 */
/* MUT_buried_without_a_look: W81 */
/* MUT_flag_after_look: W82 */
/* MUT_rings_before_counting: W82 */
/* MUT_told_before_done: W82 */
/* MUT_keeper_looks_first: W82 */
/* MUT_no_last_look: W82 */
/* MUT_death_rings_nobody: W82 */
/* MUT_counted_before_bytes: W83 */
/* MUT_hole_is_room: W83 */

#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define SLOTS 2
#define JOBS  3 /* numbered from 1 */

#define LOCK     atomic { !lk -> lk = true }
#define UNLOCK   lk = false
#define OVER     (answered == JOBS)
#define ONE_LESS waits[3] = false; answered = 1

mtype = { FREE, FULL, TAKEN };

/* of the channel */
mtype state[SLOTS] = FREE;
byte bytes[SLOTS], result[SLOTS];
byte posted, done;
bool sleeps, bell;
/* of the hub */
bool hub_sleeps, hub_bell;
byte watched;
/* the program's, under its lock */
bool lk;
byte job[SLOTS]; /* 0: none, or taken back */
byte sent, reaped, holes;
bool waits[JOBS + 1];
byte i, k, at_end, begun_by_it;
byte tries[JOBS + 1];
byte answered;
bool killed, alive, may_leave;
/* ghosts */
byte calls[JOBS + 1];
bool counted[JOBS + 1], told[JOBS + 1];

inline answer(j)
{
	W(81, !told[j]);
	told[j] = true;
	answered++
}

/* -- the worker */

inline tell()
{
	if
	:: watched > 0
	:: else ->
		if
		:: !hub_sleeps
		:: else ->
			atomic { was = hub_sleeps; hub_sleeps = false };
			if
			:: was -> atomic { hub_bell = true; was = false }
			:: else
			fi
		fi
	fi
}

inline work_off()
{
#ifdef MUT_look_then_take
	mine = (state[at % SLOTS] == FULL);
	if
	:: mine -> state[at % SLOTS] = TAKEN
	:: else
	fi;
#else
	atomic {
		if
		:: state[at % SLOTS] == FULL -> state[at % SLOTS] = TAKEN; mine = true
		:: else
		fi
	};
#endif
#ifdef MUT_done_before_the_end
	done = at + 1;
#endif
	if
	:: mine ->
		atomic {
			j = bytes[at % SLOTS];
			W(83, j != 0);
			calls[j]++;
			W(80, calls[j] <= tries[j] + 1 && !told[j] && !waits[j])
		};
		atomic {
			W(83, bytes[at % SLOTS] == j);
			result[at % SLOTS] = j
		}
	:: else
	fi;
#ifdef MUT_told_before_done
	tell();
#endif
	atomic { /* done, and its ghost */
#ifndef MUT_done_before_the_end
		done = at + 1;
#endif
		counted[j] = mine;
		mine = false;
		j = 0;
		at++
	};
#ifndef MUT_told_before_done
	tell()
#endif
}

proctype Worker()
{
	byte at, j;
	bool mine, was;

	{
		do
		:: may_leave -> may_leave = false; break /* recycled, or asked to stop */
		:: OVER -> break
		:: posted != at -> work_off()
		:: !OVER && posted == at ->
#ifdef MUT_flag_after_look
			if
			:: posted == at -> sleeps = true; atomic { bell || OVER -> bell = false }
			:: else
			fi;
#else
			sleeps = true;
			if
			:: posted == at -> atomic { bell || OVER -> bell = false }
			:: else
			fi;
#endif
			sleeps = false
		od
	} unless { killed };
	alive = false
}

proctype Kill() { killed = true }

/* -- the program, with its lock */

inline wake()
{
	if
	:: atomic { sleeps -> sleeps = false }; bell = true
	:: else
	fi
}

#ifdef MUT_hole_is_room
#define ROOM (sent - reaped - holes < SLOTS)
#else
#define ROOM (sent - reaped < SLOTS)
#endif

inline deal()
{
	do
	:: ROOM && (waits[1] || waits[2] || waits[3]) ->
		d_step {
			if
			:: waits[1] -> i = 1
			:: !waits[1] && waits[2] -> i = 2
			:: else -> i = 3
			fi;
			waits[i] = false;
			job[sent % SLOTS] = i
		};
#ifdef MUT_counted_before_bytes
		state[sent % SLOTS] = FULL;
		posted = sent + 1;
#endif
		bytes[sent % SLOTS] = i;
#ifdef MUT_counted_before_full
		posted = sent + 1;
#endif
		state[sent % SLOTS] = FULL;
		sent++;
#ifdef MUT_rings_before_counting
		wake();
		posted = sent
#else
		posted = sent;
		wake()
#endif
	:: else -> break
	od;
	i = 0
}

inline reap()
{
	at_end = done;
	d_step {
		do
		:: reaped != at_end ->
			k = job[reaped % SLOTS];
			if
			:: k != 0 ->
				W(81, counted[k] && result[reaped % SLOTS] == k);
				answer(k);
				job[reaped % SLOTS] = 0;
				bytes[reaped % SLOTS] = 0;
				result[reaped % SLOTS] = 0;
				state[reaped % SLOTS] = FREE
			:: else -> holes--
			fi;
			reaped++
		:: else -> break
		od;
		at_end = 0;
		k = 0
	}
}

/* The worker is dead: nobody else sees the channel. */
inline bury()
{
#ifndef MUT_buried_without_a_look
	reap();
#endif
	atomic {
		begun_by_it = 0;
		do
		:: sent != reaped ->
			sent--;
			k = job[sent % SLOTS];
			if
			:: k == 0
#ifdef MUT_buried_as_not_begun
			:: k != 0 -> waits[k] = true
#else
			:: k != 0 && state[sent % SLOTS] == FULL ->
				W(81, calls[k] <= tries[k]);
				waits[k] = true
			:: k != 0 && state[sent % SLOTS] != FULL ->
				begun_by_it++;
				W(81, begun_by_it == 1 && !counted[k]);
				if
				:: tries[k]++; waits[k] = true
				:: answer(k)
				fi
#endif
			fi;
			job[sent % SLOTS] = 0;
			bytes[sent % SLOTS] = 0;
			result[sent % SLOTS] = 0;
			state[sent % SLOTS] = FREE
		:: else -> break
		od;
		k = 0;
		begun_by_it = 0;
		holes = 0;
		sent = 0;
		reaped = 0;
		posted = 0;
		done = 0;
		sleeps = false
	}
}

proctype Tender()
{
	do
	:: !alive && !OVER ->
		LOCK;
		bury();
#ifndef MUT_death_rings_nobody
		hub_bell = true; /* it may have been about to ring */
#endif
		atomic { killed = false; alive = true; run Worker() };
		deal();
		UNLOCK
	:: OVER -> break
	od
}

proctype Keeper()
{
	do
	:: OVER -> break
	:: else ->
		LOCK;
#ifdef MUT_keeper_looks_first
		reap();
		hub_sleeps = true;
#else
		hub_sleeps = true;
		reap();
#endif
		deal();
		UNLOCK;
		atomic { hub_bell || OVER -> hub_bell = false }
	od
}

proctype Watcher()
{
	LOCK;
	watched++;
	UNLOCK;
	LOCK;
	reap();
	deal();
	watched--;
#ifndef MUT_no_last_look
	reap();
	deal();
#endif
	UNLOCK
}

proctype Taker()
{
	byte s;
	bool taken;

	LOCK;
	if
	:: s = 0
	:: s = 1
	fi;
	if
	:: job[s] != 0 ->
#ifdef MUT_taken_back_by_a_store
		taken = (state[s] == FULL);
		if
		:: taken -> state[s] = FREE
		:: else
		fi;
#else
		atomic {
			if
			:: state[s] == FULL -> state[s] = FREE; taken = true
			:: else
			fi
		};
#endif
		d_step {
			if
			:: taken ->
				holes++;
				W(80, calls[job[s]] <= tries[job[s]]);
				waits[job[s]] = true;
				job[s] = 0
			:: else
			fi
		};
		if
		:: deal()
		:: taken && waits[3] -> d_step { waits[3] = false; answer(3) } /* withdrawn */
		fi
	:: else
	fi;
	UNLOCK
}

proctype Monitor()
{
	timeout -> d_step {
		W(82, OVER);
		assert(!lk || !OVER)
	}
}

init {
	atomic {
		waits[1] = true;
		waits[2] = true;
		waits[3] = true;
		alive = true;
		run Worker();
		run Tender();
		run Keeper();
		if /* all at once would be too many states */
		:: run Taker()
		:: may_leave = true; run Taker(); ONE_LESS
		:: run Kill(); run Taker(); ONE_LESS
		:: run Kill(); run Watcher(); ONE_LESS
		fi;
		run Monitor()
	}
}
