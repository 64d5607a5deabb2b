/* biased.pml - base/biased.h: a lock that the thread which has the bias takes with plain stores.
 *
 * Players
 *	Thread 1, 2, 3	take the lock twice (3: once), and may give themselves the bias whenever they
 *			hold it the common way; what they guard is `inside` and `data`
 *	Buffer 1, 2, 3	the processors: each lets the stores of `busy` by its thread out whenever it
 *			likes, in their order
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  A store of `busy` goes into the store buffer of its thread, where only
 * that thread sees it, and the loads that follow may overtake it: the light barrier holds back the
 * compiler, not the processor.  The heavy barrier empties all buffers (membarrier(2) runs a full
 * fence on every processor that runs one of our threads).  The exchange of the common lock empties
 * the buffer of its thread; its release is a store, but nothing hangs on when it is seen.  The
 * counting of a row is left out: a bias may be given at any hold.
 *
 * Claims (CLAIMS.md has all of them)
 *	W28	One at a time is inside, sees all that those before it wrote, and all get their turn.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_light_barrier_only: W28 */
/* MUT_no_second_look: W28 */
/* MUT_no_wait_for_busy: W28 */
/* MUT_look_before_busy: W28 */
/* MUT_busy_before_taking_away: W28 */
/* MUT_bias_of_another_stays: W28 */
/* MUT_attempt_stays_busy: W28 */
/* MUT_leaves_the_wrong_way: W28 */
/* MUT_anybody_may_have_it: W28 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define THREADS 3
#define NOBODY 0

byte owner;	  /* NOBODY or a thread */
byte only;	  /* the first who had the bias: nobody else may, ever */
bool busy;	  /* as memory has it */
chan buffer[4] = [2] of { bool };
bool held;	  /* the common lock */
bool by_owner;	  /* the holder's */
byte inside;	  /* ghost */
byte data, turns; /* what is guarded, and what it must be */
byte ended;

inline store_busy(v)
{
	atomic { nfull(buffer[me]) -> buffer[me]!v }
}

inline drain(t)
{
	do
	:: nempty(buffer[t]) -> buffer[t]?busy
	:: empty(buffer[t]) -> break
	od
}

proctype Buffer(byte t)
{
end:
	do
	:: atomic { nempty(buffer[t]) -> buffer[t]?busy }
	od
}

inline take_away()
{
#ifdef MUT_busy_before_taking_away
	!busy;
#endif
	owner = NOBODY;
#ifndef MUT_light_barrier_only
	d_step { drain(1); drain(2); drain(3) };
#endif
#ifndef MUT_busy_before_taking_away
#ifndef MUT_no_wait_for_busy
	!busy;
#endif
#endif
	skip
}

inline take_common()
{
	atomic { !held -> held = true; drain(me) };
	if
#ifdef MUT_bias_of_another_stays
	:: owner == me -> take_away()
	:: owner != me
#else
	:: owner != NOBODY -> take_away()
	:: owner == NOBODY
#endif
	fi;
	by_owner = false;
	if
#ifdef MUT_anybody_may_have_it
	:: owner = me
#else
	:: only == NOBODY || only == me -> only = me; owner = me
#endif
	:: skip
	fi
}

inline enter()
{
	in = false;
	if
	:: owner == me ->
#ifdef MUT_look_before_busy
		if
		:: owner == me -> store_busy(true); in = true
		:: else
		fi;
#else
		store_busy(true);
#ifdef MUT_no_second_look
		in = true;
#else
		if
		:: owner == me -> in = true
		:: else
		fi;
#endif
#endif
		if
		:: in -> by_owner = true
		:: else ->
#ifndef MUT_attempt_stays_busy
			store_busy(false)
#endif
		fi
	:: owner != me
	fi;
	if
	:: in
	:: else -> take_common()
	fi
}

inline leave()
{
#ifdef MUT_leaves_the_wrong_way
	if
	:: busy -> store_busy(false)
	:: else -> held = false
	fi
#else
	if
	:: by_owner -> store_busy(false)
	:: else -> held = false
	fi
#endif
}

proctype Thread(byte me; byte n)
{
	bool in;
	byte was;

	do
	:: n > 0 ->
		n--;
		enter();
		inside++;
		W(28, inside == 1);
		was = data;
		data = was + 1;
		turns++;
		inside--;
		leave()
	:: else -> break
	od;
	ended++
}

proctype Monitor()
{
	timeout -> d_step {
		W(28, ended == THREADS);
		W(28, data == turns && turns == 5)
	}
}

init {
	atomic {
		run Buffer(1);
		run Buffer(2);
		run Buffer(3);
		run Thread(1, 2);
		run Thread(2, 2);
		run Thread(3, 1);
		run Monitor()
	}
}
