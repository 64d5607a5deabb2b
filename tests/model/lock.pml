/* lock.pml - tl_lock in shared memory: lock.c on top of word_wait and word_wake.
 *
 * Players
 *	Strand 0	acquires; if nobody is killed, twice, or it keeps the lock for ever, or ends
 *			with it, which loses it
 *	Strand 1	acquires once; told that the lock is lost, it recovers it
 *	Strand 2	acquires, or holds, or recovers
 *	Canceller	cancels one of them, or lets its time run out: to the lock that is the same
 *	Killer		kills one or two of them, each at any step
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  The word as in lock_word.h, without COMING: private memory has that,
 * and a model of its own, lock_queue.pml.  Each strand is in a process of its own.  A load with the
 * CAS that follows it is one step: a CAS that fails changes nothing and looks again.  word_wait
 * compares and queues in one step, in the kernel; word_wake takes the oldest out of the queue.  A
 * waiter looks at the word and its owner again from time to time, for what somebody killed owed it,
 * and a wait may fail that a wake was spent on.
 *
 *	acquire: CAS 0 -> me, else again:
 *		free: CAS -> me, WAITERS if it has ever slept
 *		LOST: answer EOWNERDEAD (recover, hold: CAS as above, keeping LOST; hold: STALE)
 *		owner dead: lose
 *		held: set WAITERS; word_wait
 *	a wait that fails: no owner: word_wake 1; held: set WAITERS
 *	release: CAS me -> 0, else STALE: lose, as long as it is mine; else exchange 0, and if
 *		WAITERS was set word_wake 1
 *	lose: CAS word -> LOST, then word_wake all
 *
 * Claims (CLAIMS.md has all of them)
 *	W16	Mutual exclusion.
 *	W17	No wake-up is lost: nobody sleeps on a lock that no living strand holds.
 *	W18	Who leaves a wait without the lock passes on the turn that it may have had.
 *	W19	Only recover and hold let anyone in where an owner died, until a repairer has released.
 *	W20	A failed acquire does not hold.
 *	W21	Nobody sleeps for ever on a lost lock, or on one whose owner has died.
 *	W22	A cancelled or timed-out acquire always returns.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_take_without_cas: W16 */
/* MUT_release_of_a_stranger: W16 */
/* MUT_woken_without_waiters: W17 */
/* MUT_wait_without_compare: W17 */
/* MUT_wake_before_store: W17 */
/* MUT_release_forgets_waiters: W17 */
/* MUT_no_pass_on: W18 */
/* MUT_pass_on_only_free: W18 */
/* MUT_dead_means_free: W19 */
/* MUT_hold_makes_sound: W19 */
/* MUT_dead_is_taken: W20 */
/* MUT_no_wake_all: W21 */
/* MUT_no_second_look: W21 */
/* MUT_wait_ignores_cancel: W22 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define STRANDS	 3
#define WAITERS	 4
#define LOST	 8
#define STALE	 16
#define OWNER(w) ((w) & 3)

mtype = { OK, AGAIN, CANCELED, OWNERDEAD };
mtype = { ACQUIRE, RECOVER, HOLD };

byte word;
chan queue = [STRANDS] of { byte };

bool chosen[STRANDS];	/* taken out of the queue by a wake */
bool asleep[STRANDS];	/* ghost: in word_wait */
bool holds[STRANDS];	/* ghost: in tl_lock_hold, which is no cancel point */
bool cancelled[STRANDS];
bool killed[4];		/* by owner number */
bool gone[4];		/* by owner number: ended or killed */
bool inside[STRANDS];	/* ghost: between acquire and release */
bool torn;		/* ghost: what the lock protects is half changed */
bool left;		/* ghost: a wait has failed */
byte deaths;		/* ghost: strands that were killed */

#define ME	   (i + 1)

inline wake_one()
{
	d_step {
		if
		:: queue?j -> chosen[j] = true
		:: empty(queue)
		fi;
		j = 0
	}
}

inline wake_all()
{
	d_step {
		do
		:: queue?j -> chosen[j] = true
		:: empty(queue) -> break
		od;
		j = 0
	}
}

inline drop_out()
{
	if
	:: queue??[eval(i)] -> queue??eval(i)
	:: else
	fi
}

/* The owner is gone, or me and I am ending. */
inline lose(is_gone)
{
	atomic {
		is_gone ->
#ifdef MUT_dead_means_free
		word = 0
#else
		word = LOST
#endif
	};
#ifndef MUT_no_wake_all
	wake_all()
#endif
}

/* The ghosts' part of having got in. */
inline enter()
{
	W(16, !inside[0] && !inside[1] && !inside[2]);
	inside[i] = true;
	W(19, how != ACQUIRE || !torn);
	whole = !torn;
	torn = true
}

#define CAN_TAKE  (OWNER(word) == 0 && (!(word & LOST) || how != ACQUIRE))
#define IS_LOST	  (OWNER(word) == 0 && (word & LOST) && how == ACQUIRE)
#define KEPT	  (word & LOST -> (how == HOLD -> LOST | STALE : LOST) : 0)
#ifdef MUT_woken_without_waiters
#define FLAGS	  (word & WAITERS)
#else
#define FLAGS	  ((word & WAITERS) | (slept -> WAITERS : 0))
#endif
#define IS_DEAD	  (gone[OWNER(word)])
#define IS_HELD	  (OWNER(word) != 0 && !IS_DEAD)

/* Answers r; on OK the strand is inside. */
inline acquire()
{
	do
#ifdef MUT_take_without_cas
	:: atomic { CAN_TAKE -> n = ME | KEPT | FLAGS };
		atomic { word = n; enter(); r = OK; break }
#else
	:: atomic { CAN_TAKE -> word = ME | KEPT | FLAGS; enter(); r = OK; break }
#endif
	:: atomic { IS_LOST -> r = OWNERDEAD; break }
#ifdef MUT_dead_is_taken
	:: atomic { IS_DEAD -> word = ME | LOST | (word & WAITERS); r = OWNERDEAD; break }
#else
	:: lose(IS_DEAD)
#endif
	:: atomic { IS_HELD -> word = word | WAITERS; n = word };
		atomic {
			/* word_wait(word, n): compares and queues in one step */
			if
#ifndef MUT_wait_without_compare
			:: word != n -> goto look_again
#endif
			:: else -> queue!i; asleep[i] = true
			fi
		};
end_sleep:
		atomic {
			if
			:: chosen[i] -> r = AGAIN
#ifndef MUT_wait_ignores_cancel
			:: cancelled[i] && how != HOLD -> drop_out(); r = CANCELED
#endif
#ifndef MUT_no_second_look
			/* from time to time; only one that sees something new matters */
			:: deaths > 0 && !chosen[i] && (word != n || killed[OWNER(word)]) ->
				drop_out(); r = AGAIN
#endif
			fi;
			chosen[i] = false;
			asleep[i] = false;
			slept = true;
			if
			:: r == CANCELED -> break
			:: else
			fi
		};
look_again:
		atomic { n = 0; r = 0 }
	od;
	W(20, r == OK || OWNER(word) != ME);
	if
	:: r == CANCELED -> pass_on()
	:: else
	fi
}

/* A wake may have been spent on us. */
inline pass_on()
{
	left = true;
#ifndef MUT_no_pass_on
	if
	:: atomic { OWNER(word) == 0 -> n = 0 };
		wake_one()
#ifdef MUT_pass_on_only_free
	:: OWNER(word) != 0
#else
	:: atomic { OWNER(word) != 0 -> word = word | WAITERS }
#endif
	fi
#endif
}

inline release()
{
	atomic {
		W(16, OWNER(word) == ME);
		inside[i] = false;
		torn = (how == HOLD && !whole); /* hold repairs nothing */
		if
#ifndef MUT_hold_makes_sound
		:: word & STALE -> n = STALE
#endif
		:: else ->
			n = word & WAITERS;
#ifdef MUT_wake_before_store
			if
			:: n == 0 -> word = 0
			:: else
			fi
#else
			word = 0
#endif
		fi
	};
	if
	:: n == STALE -> lose(OWNER(word) == ME)
	:: n == WAITERS ->
#ifdef MUT_wake_before_store
		wake_one();
		word = 0
#else
#ifndef MUT_release_forgets_waiters
		wake_one()
#endif
#endif
	:: else
	fi
#ifdef MUT_release_of_a_stranger
	; word = 0 /* a second time */
#endif
}

proctype Strand(byte i; byte rounds; mtype other)
{
	byte n, j;
	bool slept, whole;
	mtype r, how = ACQUIRE;

	{
		if
		:: atomic { other != ACQUIRE -> how = other; holds[i] = (other == HOLD) }
		:: true
		fi;
		do
		:: rounds == 0 -> break
		:: else ->
again:
			acquire();
			atomic { n = 0; slept = false };
			if
			:: r == OK ->
				if
				:: release()
				:: rounds == 2 ->
end_keeps:
					false /* for ever */
				:: rounds == 2 ->
					/* ends while it holds the lock, and loses it itself */
					inside[i] = false;
					lose(OWNER(word) == ME);
					break
				fi
			:: r == OWNERDEAD && i == 1 -> how = RECOVER; goto again
			:: else
			fi;
			rounds--
		od
	} unless {
		killed[ME]
	};
	atomic {
		gone[ME] = true;
		n = 0; j = 0; r = 0; how = 0; rounds = 0; slept = false; whole = false
	}
}

proctype Killer(byte kills)
{
	byte i;

	do
	:: deaths < kills ->
		atomic {
			select (i : 0 .. 2);
			if
			:: !gone[ME] ->
				killed[ME] = true;
				gone[ME] = true;
				deaths++;
				inside[i] = false;
				asleep[i] = false;
				chosen[i] = false;
				drop_out() /* the kernel does */
			:: else -> break
			fi
		}
	:: break
	od
}

proctype Canceller(byte i)
{
	cancelled[i] = true
}

proctype Monitor()
{
	byte i;
	bool kept; /* strand 0 keeps the lock and will wake somebody if ever it releases it */

	timeout ->
	d_step {
		i = 0;
		do
		:: i < STRANDS ->
			W(22, !asleep[i] || !cancelled[i] || holds[i]);
			W(21, !asleep[i] || (!(word & LOST) && !killed[OWNER(word)]));
			kept = (word & WAITERS) && inside[0] && OWNER(word) == 1;
			W(18, !asleep[i] || !left || kept);
			W(17, !asleep[i] || kept);
			i++
		:: else -> break
		od
	}
}

init {
	byte i;

	atomic {
		/* all at once would be too many states: each pair of troubles is here */
		if
		:: run Strand(0, 2, ACQUIRE);
			run Strand(2, 1, HOLD);
			select (i : 0 .. 2);
			run Canceller(i)
		:: run Strand(0, 1, ACQUIRE);
			run Strand(2, 1, RECOVER);
			run Killer(2)
		:: run Strand(0, 1, ACQUIRE);
			run Strand(2, 1, HOLD);
			run Killer(1);
			run Canceller(1)
		fi;
		run Strand(1, 1, ACQUIRE);
		run Monitor()
	}
}
