/* shared_sem.pml - the semaphore in shared memory: one word, units and WAITED.
 *
 * Players
 *	Strand 0, 1, 2	take a unit, and give it back, or keep it for ever
 *	Giver		gives two units, one after the other
 *	Canceller	cancels one strand, or lets its time run out
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  The kernel compares the word and queues a sleeper in one step; a wake
 * takes as many out of the queue as it is told to.  A cancel and a wake that meet: the wake is spent.
 * That a killed process may owe a wake is not in the model: sleepers look again by themselves.
 *
 *	acquire: units: CAS to one less, with WAITED if it has ever slept; it had slept and leaves
 *		units behind: wake 1.  None: CAS WAITED in; sleep while the word is WAITED alone
 *	who leaves without a unit: units: wake 1; none: set WAITED
 *	release n: CAS to n more, without WAITED; it was set: wake n
 *
 * Claims (CLAIMS.md has all of them)
 *	W54	Nobody sleeps while a unit is free.
 *	W55	A cancelled acquire returns, and takes nobody's turn along; units are neither made nor lost.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_slept_without_waited: W54 */
/* MUT_leaves_units_unsaid: W54 */
/* MUT_wake_before_store: W54 */
/* MUT_no_pass_on: W54 */
/* MUT_take_without_cas: W55 */
/* MUT_wait_ignores_cancel: W55 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define STRANDS 3

byte units = 1;
bool waited;
byte given = 1;	      /* ghost: units that there should be */
byte inside;	      /* ghost: units held */
bool queued[STRANDS]; /* sleeps in the kernel */
bool cancelled[STRANDS];

/* Which of the sleepers is any of them. */
inline wake(n)
{
	atomic {
		k = n;
		do
		:: k > 0 && queued[0] -> queued[0] = false; k--
		:: k > 0 && queued[1] -> queued[1] = false; k--
		:: k > 0 && queued[2] -> queued[2] = false; k--
		:: k == 0 || !(queued[0] || queued[1] || queued[2]) -> break
		od;
		k = 0
	}
}

inline release(n)
{
#ifdef MUT_wake_before_store
	if
	:: waited -> wake(n)
	:: else
	fi;
#endif
	atomic { given = given + n; units = units + n; was = waited; waited = false };
#ifndef MUT_wake_before_store
	if
	:: was -> wake(n)
	:: else
	fi;
#endif
	was = false
}

proctype Strand(byte i)
{
	bool slept, left, was;
	byte k, v;

again:
	v = units;
	if
	:: v > 0 ->
		atomic {
			if
#ifdef MUT_take_without_cas
			:: true ->
#else
			:: units == v ->
#endif
				units = v - 1;
				inside++;
				W(55, units + inside == given);
#ifndef MUT_slept_without_waited
				waited = waited || slept;
#endif
				left = units > 0
#ifndef MUT_take_without_cas
			:: else -> goto again
#endif
			fi
		};
#ifndef MUT_leaves_units_unsaid
		if
		:: slept && left -> wake(1)
		:: else
		fi;
#endif
		goto got
	:: else
	fi;
	if
	:: slept && cancelled[i] -> goto leave
	:: else
	fi;
	atomic {
		if
		:: units > 0 -> goto again
		:: else -> waited = true
		fi
	};
	slept = true;
	atomic {
		if
		:: units == 0 && waited -> queued[i] = true
		:: else -> goto again
		fi
	};
end_sleep:
	if
	:: !queued[i] -> goto again
#ifndef MUT_wait_ignores_cancel
	:: cancelled[i] -> queued[i] = false; goto again
#endif
	fi;
leave:
#ifndef MUT_no_pass_on
	atomic {
		left = units > 0;
		if
		:: !left -> waited = true
		:: else
		fi
	};
	if
	:: left -> wake(1)
	:: else
	fi;
#endif
	goto out;
got:
	if
	:: true
	:: true ->
end_keeps:
		false /* for ever */
	fi;
	atomic { inside--; units++; was = waited; waited = false };
	if
	:: was -> wake(1)
	:: else
	fi;
out:
	skip
}

proctype Giver()
{
	bool was;
	byte k;

	release(1);
	release(1)
}

proctype Canceller(byte i) { cancelled[i] = true }

proctype Monitor()
{
	byte i;

	timeout ->
	d_step {
		do
		:: i < STRANDS ->
			W(54, !queued[i] || units == 0);
			W(55, !queued[i] || !cancelled[i]);
			i++
		:: else -> break
		od;
		W(55, units + inside == given)
	}
}

init {
	byte i;

	atomic {
		if
		:: units = 0;
			given = 0
		:: true
		fi;
		run Strand(0);
		run Strand(1);
		run Strand(2);
		run Giver();
		select (i : 0 .. 3);
		if
		:: i < STRANDS -> run Canceller(i)
		:: else
		fi;
		run Monitor()
	}
}
