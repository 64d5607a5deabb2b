/* log_gate.pml - nothing that a logging call may look at is freed under its eyes
 * (src/kit/log_gate.c).
 *
 * Players
 *	Logger		enters the gate, looks at both things if they are in sight, leaves; twice
 *	Closer 0, 1	takes thing i out of sight, waits at the gate, frees it; 0 may give up waiting
 *			once, and waits again
 *	Watch		looks when nobody else can do anything
 *
 * A thing that was seen is used a step later.  left is an event: waiting for it takes one step.
 *
 * Claims (CLAIMS.md has all of them)
 *	W50	What was out of sight before a wait is used by nobody after it.
 *	W51	A wait ends when those who were inside have left.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_one_hall: W50 */
/* MUT_look_first: W50 */
/* MUT_hide_late: W50 */
/* MUT_leave_first: W50 */
/* MUT_no_tell: W51 */
/* MUT_clear_late: W51 */
/* MUT_waiting_late: W51 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define LOGGERS 1
#define CLOSERS 2

byte turn, inside[2];
bool waiting, left, one;
bool unseen[CLOSERS], freed[CLOSERS];
byte done;

inline look()
{
	seen[0] = !unseen[0];
	seen[1] = !unseen[1];
}

inline use_seen()
{
	W(50, !(seen[0] && freed[0]));
	W(50, !(seen[1] && freed[1]))
}

inline go()
{
	d_step { inside[hall]--; last = (inside[hall] == 0) };
#ifndef MUT_no_tell
	if
	:: last && waiting -> left = true
	:: else -> skip
	fi
#endif
}

active [LOGGERS] proctype Logger()
{
	bool seen[2], last;
	byte hall, n;

	do
	:: n < 2 ->
		n++;
#ifdef MUT_look_first
		look();
#endif
		hall = turn % 2;
		inside[hall]++;
#ifndef MUT_look_first
		look();
#endif
#ifdef MUT_leave_first
		go();
		use_seen();
#else
		use_seen();
		go();
#endif
		d_step { seen[0] = false; seen[1] = false; last = false; hall = 0 }
	:: else -> break
	od;
	done++
}

/* Until hall is empty, or: gave_up. */
inline drained()
{
	do
	:: true ->
#ifdef MUT_clear_late
		if :: inside[hall] == 0 -> break :: else -> skip fi;
		left = false;
#else
		left = false;
		if :: inside[hall] == 0 -> break :: else -> skip fi;
#endif
#ifdef MUT_waiting_late
		waiting = true;
#endif
		if
		:: left -> skip
		:: me == 0 && !patient -> gave_up = true; patient = true; break
		fi
	od
}

inline wait()
{
	atomic { !one -> one = true };
#ifndef MUT_waiting_late
	waiting = true;
#endif
	gave_up = false;
	d_step { hall = turn % 2; turn++ };
	drained();
#ifndef MUT_one_hall
	if
	:: !gave_up ->
		d_step { hall = turn % 2; turn++ };
		drained()
	:: else -> skip
	fi;
#endif
	waiting = false;
	one = false
}

proctype Closer(byte me)
{
	bool gave_up, patient;
	byte hall;

#ifndef MUT_hide_late
	unseen[me] = true;
#endif
	wait();
	if
	:: gave_up -> wait()
	:: else -> skip
	fi;
#ifdef MUT_hide_late
	unseen[me] = true;
#endif
	freed[me] = true;
	done++
}

active proctype Watch()
{
	timeout -> W(51, done == LOGGERS + CLOSERS)
}

init
{
	atomic {
		run Closer(0);
		run Closer(1)
	}
}
