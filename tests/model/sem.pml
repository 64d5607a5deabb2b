/* sem.pml - tl_sem: a value that counts units above 0 and waiters below, and a list in a bucket.
 *
 * Players
 *	Strand 0	acquires and releases, perhaps twice, so that it comes back behind others;
 *			or keeps its unit for ever
 *	Strand 1, 2	acquire and release once
 *	Giver		releases two or three units of its own, beyond what was there at first
 *	Canceller	cancels one strand, or lets its time run out: to the semaphore that is the same
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  value > 0: units free; < 0: so many wait.  `list` holds the waiters
 * under the bucket's lock `lk`.  What park.pml proves is taken for granted: state[s] is decided in
 * one step, between a waker's claim and the strand's own leaving.
 *
 *	acquire: value > 0: CAS value -> value - 1, inside.  Else under lk: value--; it was > 0: inside;
 *		else link, and sleep until granted; who leaves unlinks itself and, unless a granter who
 *		lost it has done so, counts itself out, under lk
 *	release n: value >= 0: CAS value -> value + n, if that fits.  Else under lk, if value < 0 still
 *		and n fits into an empty one: claim the n oldest that can be, then in one step value +=
 *		n, and one for each that was lost
 *
 * Claims (CLAIMS.md has all of them)
 *	W30	Units are neither made nor lost: free ones and those inside are as many as were given.
 *	W31	No wake-up is lost: nobody sleeps while a unit is free.
 *	W32	Nobody overtakes: a unit goes to the oldest that waits, never to a newcomer past it.
 *	W33	A release beyond the limit is refused, and changes nothing.
 *	W34	A cancelled or timed-out acquire always returns.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_take_without_cas: W30 */
/* MUT_release_without_cas: W30 */
/* MUT_leaver_stays_counted: W30 */
/* MUT_uncounted_twice: W30 */
/* MUT_claim_is_a_store: W30 */
/* MUT_loser_takes_the_unit: W31 */
/* MUT_no_second_look: W31 */
/* MUT_counted_before_the_lock: W31 */
/* MUT_grant_forgets_waiters: W31 */
/* MUT_newest_first: W32 */
/* MUT_woken_must_compete: W32 */
/* MUT_limit_looked_at_once: W33 */
/* MUT_waiters_make_room: W33 */
/* MUT_value_step_by_step: W33 */
/* MUT_wait_ignores_cancel: W34 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define STRANDS 3
#define FIRST	1 /* units at first */
#define LIMIT	2

#define LOCK(l)	  atomic { !l -> l = true }
#define UNLOCK(l) l = false

mtype = { OUT, WAITING, GRANTED, LEFT };

short value = FIRST;
short given = FIRST;	/* ghost: units that there should be */
bool bounded;
bool lk;
chan list = [STRANDS] of { byte };

mtype state[STRANDS] = OUT;
bool uncounted[STRANDS]; /* in the waiter: a granter has counted it out */
bool cancelled[STRANDS];
bool asleep[STRANDS];	 /* ghost */
byte ticket[STRANDS];	 /* ghost: its place in the order of coming; 0: does not wait */
byte tickets;		 /* ghost */
byte inside;		 /* ghost: units held */

/* Ghost: strand s gets a unit now; nobody who waits came before it.  Who is leaving may be passed. */
#define OLDER(o, s) (state[o] == WAITING && ticket[o] != 0 && (ticket[s] == 0 || ticket[o] < ticket[s]))
inline gets(s)
{
	W(32, !OLDER(0, s) && !OLDER(1, s) && !OLDER(2, s));
	inside++
}

inline acquire(s)
{
	do
	:: v = value;
		if
		:: v > 0 ->
			atomic {
				if
#ifdef MUT_take_without_cas
				:: true -> value = v - 1; gets(s); ok = true; goto acquired
#else
				:: value == v -> value = v - 1; gets(s); ok = true; goto acquired
				:: else
#endif
				fi
			}
		:: else -> break
		fi
	od;
#ifdef MUT_counted_before_the_lock
	atomic { value--; ok = (value >= 0) };
	LOCK(lk);
#else
	LOCK(lk);
	atomic { value--; ok = (value >= 0) };
#endif
#ifdef MUT_no_second_look
	ok = false;
#endif
	if
	:: ok -> atomic { gets(s); UNLOCK(lk); goto acquired }
	:: else
	fi;
	atomic {
		state[s] = WAITING;
		tickets++;
		ticket[s] = tickets;
		list!s;
		UNLOCK(lk)
	};
again:
	asleep[s] = true;
end_sleep:
	atomic {
		if
		:: state[s] == GRANTED -> ok = true
#ifndef MUT_wait_ignores_cancel
		:: state[s] == WAITING && cancelled[s] -> state[s] = LEFT; ok = false
#endif
		fi;
		asleep[s] = false
	};
#ifdef MUT_woken_must_compete
	if
	:: ok -> /* the unit was put down for it to pick up */
		atomic { inside--; value++ };
		v = value;
		atomic {
			if
			:: v > 0 && value == v -> value = v - 1; gets(s); goto out
			:: else
			fi
		};
		LOCK(lk);
		atomic { value--; state[s] = WAITING; list!s; UNLOCK(lk) };
		goto again
	:: else
	fi;
#endif
	if
	:: !ok ->
		LOCK(lk);
		d_step {
			if
			:: list??[eval(s)] -> list??eval(s)
			:: else
			fi;
			if
#ifdef MUT_leaver_stays_counted
			:: true
#else
#ifdef MUT_uncounted_twice
			:: true -> value++
#else
			:: !uncounted[s] -> value++
			:: else
#endif
#endif
			fi;
			UNLOCK(lk)
		}
	:: else
	fi;
out:
	atomic { state[s] = OUT; ticket[s] = 0; uncounted[s] = false };
acquired:
	v = 0
}

#define BOUNDED W(33, !bounded || value <= LIMIT)

/* n units, with lk held: all that it takes out of the list, then the value in one step. */
inline grant()
{
	change = n;
	do
	:: n > 0 && len(list) > 0 ->
	   atomic {
#ifdef MUT_newest_first
		if
		:: len(list) == 3 -> list?j; list!j; list?j; list!j; list?j
		:: len(list) == 2 -> list?j; list!j; list?j
		:: len(list) == 1 -> list?j
		fi;
#else
		list?j;
#endif
		if
#ifdef MUT_claim_is_a_store
		:: true ->
#else
		:: state[j] == WAITING ->
#endif
			gets(j);
			state[j] = GRANTED;
			n--
		:: else ->
			uncounted[j] = true;
			change++;
#ifdef MUT_loser_takes_the_unit
			n--
#endif
		fi;
#ifdef MUT_value_step_by_step
		value++;
		change--
#endif
	   }
	:: else -> break
	od;
	atomic { value = value + change; BOUNDED; change = 0; n = 0 }
}

#ifdef MUT_waiters_make_room
#define FITS(v) (!bounded || v + n <= LIMIT)
#else
#define FITS(v) (!bounded || (v > 0 -> v : 0) + n <= LIMIT)
#endif

inline release()
{
	v = value;
	do
	:: v >= 0 && FITS(v) ->
		atomic {
			if
#ifdef MUT_release_without_cas
			:: true -> value = v + n; ok = true; break
#else
#ifdef MUT_limit_looked_at_once
			:: true -> value = value + n; BOUNDED; ok = true; break
#else
			:: value == v -> value = v + n; BOUNDED; ok = true; break
			:: else -> v = value
#endif
#endif
			fi
		}
	:: v >= 0 && !FITS(v) -> ok = false; break
	:: v < 0 ->
#ifdef MUT_grant_forgets_waiters
		atomic { value = value + n; ok = true };
		break
#endif
		LOCK(lk);
		v = value;
		if
		:: v < 0 && FITS(v) ->
			ok = true;
			grant();
			UNLOCK(lk);
			break
		:: v < 0 && !FITS(v) -> UNLOCK(lk); ok = false; break
		:: else -> UNLOCK(lk)
		fi
	od;
	v = 0
}

proctype Strand(byte i; byte rounds)
{
	short v;
	byte j, n, change;
	bool ok;

	do
	:: rounds == 0 -> break
	:: else ->
		rounds--;
		acquire(i);
		if
		:: ok && i == 0 && rounds == 0 && !bounded ->
end_keeps:
			false /* for ever */
		:: ok ->
			atomic { inside--; n = 1 };
			release();
			atomic {
				/* refused: the giver has filled its place; the unit is gone with us */
				given = given - (ok -> 0 : 1);
				ok = false;
				n = 0;
				j = 0
			}
		:: else
		fi
	od
}

proctype Giver(byte n)
{
	short v, all;
	byte j, change;
	bool ok;

	all = n;
	release();
	given = given + (ok -> all : 0)
}

proctype Canceller(byte i) { cancelled[i] = true }

proctype Monitor()
{
	byte i;

	timeout ->
	d_step {
		i = 0;
		do
		:: i < STRANDS ->
			W(34, !asleep[i] || !cancelled[i]);
			W(31, !asleep[i] || inside == given);
			i++
		:: else -> break
		od;
		W(30, value + inside == given || asleep[0] || asleep[1] || asleep[2]);
		assert(!lk)
	}
}

init {
	byte i;

	atomic {
		/* all at once would be too many states: each pair of troubles is here */
		if
		:: run Strand(0, 2);
			run Strand(2, 1);
			select (i : 0 .. 2)
		:: run Strand(0, 1);
			bounded = true;
			if
			:: run Giver(2)
			:: run Giver(3)
			fi;
			select (i : 0 .. 1)
		:: run Strand(0, 1);
			run Strand(2, 1);
			run Giver(2);
			i = 3
		fi;
		run Strand(1, 1);
		if
		:: i < STRANDS -> run Canceller(i)
		:: else
		fi;
		run Monitor()
	}
}
