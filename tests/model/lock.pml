/* lock.pml - tl_lock on top of word_wait and word_wake.
 *
 * Players
 *	Strand 0	acquires; private: twice, so that it barges in between others, or for ever
 *	Strand 1	acquires once; told that the lock is lost, it recovers it
 *	Strand 2	acquires or recovers (shared), acquires or holds (private)
 *	Canceller	cancels one of them, or lets its time run out: to the lock that is the same
 *	Killer		shared only: kills one or two of them, each at any step
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  word: 0 free, else owner | WAITERS | LOST.  LOST without an owner: who
 * held it is gone and what it protects may be torn.  With an owner: held by tl_lock_hold, and lost
 * again at release.  word_wait compares and queues in one step (under the bucket's lock, or in the
 * kernel), and what park.pml proves is taken for granted; word_wake takes the oldest out of the
 * queue.  Private: strands end, also while they hold the lock, and then lose it themselves.  Shared:
 * strands are in processes that are killed; a waiter looks at the word and its owner again from time
 * to time, and only in shared memory may a wait fail that a wake was spent on.
 *
 *	acquire: CAS 0 -> me, else again:
 *		0: CAS -> me, WAITERS if it has ever slept
 *		LOST: answer EOWNERDEAD (recover, hold: CAS -> me, WAITERS as above; hold keeps LOST)
 *		owner dead: lose
 *		held: set WAITERS; word_wait
 *	who slept and leaves without the lock, with whatever answer: unless the word is held with
 *		WAITERS, word_wake 1
 *	release: CAS me -> 0, else (WAITERS) store 0 and word_wake 1; of a hold that is lost: lose
 *		(handing the lock over to an old waiter is not in the model, nor that in private
 *		memory nobody else is woken while one that was is on its way: those are explored on
 *		the sources, see ORDERS.md)
 *	lose: CAS word -> LOST, then word_wake all
 *
 * Claims (CLAIMS.md has all of them)
 *	W16	Mutual exclusion.
 *	W17	No wake-up is lost: nobody sleeps on a lock that no living strand holds.
 *	W18	Who is woken and leaves without the lock passes the turn on.
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
#define OWNER(w) ((w) & 3)

mtype = { OK, AGAIN, CANCELED, OWNERDEAD };
mtype = { ACQUIRE, RECOVER, HOLD };

byte word;
chan queue = [STRANDS] of { byte };
bool shared;

bool chosen[STRANDS];	/* taken out of the queue by a wake */
bool asleep[STRANDS];	/* ghost: in word_wait */
bool holds[STRANDS];	/* ghost: in tl_lock_hold, which is no cancel point */
bool cancelled[STRANDS];
bool killed[4];		/* by owner number */
bool gone[4];		/* by owner number: ended or killed */
bool inside[STRANDS];	/* ghost: between acquire and release */
bool torn;		/* ghost: what the lock protects is half changed */
bool left;		/* ghost: someone slept and left without the lock */
byte deaths;		/* ghost: strands that are gone while they held, or were killed */

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

/* From the word as it was seen. */
inline lose(seen)
{
	atomic {
		if
#ifdef MUT_dead_means_free
		:: word == seen -> word = 0; ok = true
#else
		:: word == seen -> word = LOST; ok = true
#endif
		:: else -> ok = false
		fi
	};
#ifndef MUT_no_wake_all
	if
	:: ok -> wake_all()
	:: else
	fi;
#endif
	ok = false
}

inline lose_mine()
{
	do
	:: w = word; /* again: a waiter may add WAITERS meanwhile */
		lose(w);
		if
		:: OWNER(word) != ME -> break
		:: else
		fi
	od
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

#define CAN_TAKE  (w == 0 || (w == LOST && how != ACQUIRE))
#define IS_LOST	  (w == LOST && how == ACQUIRE)
#define IS_DEAD	  (shared && gone[OWNER(w)])
#define IS_HELD	  (OWNER(w) != 0 && !IS_DEAD)

/* Answers r; on OK the strand is inside.  Each atomic is one access to what is shared. */
inline acquire()
{
	do
	:: w = word;
		if
		:: atomic {
			CAN_TAKE ->
#ifdef MUT_woken_without_waiters
			n = ME | (how == HOLD -> w & LOST : 0);
#else
			n = ME | (how == HOLD -> w & LOST : 0) | (slept -> WAITERS : 0);
#endif
			if
#ifdef MUT_take_without_cas
			:: true -> word = n; enter(); r = OK; break
#else
			:: word == w -> word = n; enter(); r = OK; break
#endif
			:: else
			fi
		   }
		:: atomic { IS_LOST -> r = OWNERDEAD; break }
#ifdef MUT_dead_is_taken
		:: atomic {
			IS_DEAD ->
			if
			:: word == w -> word = ME | LOST | (w & WAITERS); r = OWNERDEAD; break
			:: else
			fi
		   }
#else
		:: IS_DEAD -> lose(w)
#endif
		:: atomic { IS_HELD && slept && cancelled[i] && how != HOLD -> r = CANCELED; break }
		:: atomic {
			IS_HELD ->
			n = w | WAITERS;
			if
			:: word == w -> word = n; r = OK
			:: else -> r = AGAIN
			fi
		   };
			if
			:: atomic { r == OK ->
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
				:: cancelled[i] && how != HOLD && (!chosen[i] || shared) ->
					drop_out(); r = CANCELED
#endif
#ifndef MUT_no_second_look
				/* from time to time; only one that sees something new matters */
				:: shared && deaths > 0 && !chosen[i] &&
					(word != n || killed[OWNER(word)]) ->
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
			   }
			:: else
			fi
		fi;
look_again:
		n = 0
	od;
	W(20, r == OK || OWNER(word) != ME);
	if
	:: atomic { r != OK && slept ->
		left = true;
		w = word;
		n = 0
	   };
#ifndef MUT_no_pass_on
		if
		:: OWNER(w) == 0 || !(w & WAITERS) -> wake_one()
		:: else
		fi
#endif
	:: else
	fi
}

inline release()
{
	atomic {
		W(16, OWNER(word) == ME);
		inside[i] = false;
		torn = (how == HOLD && !whole); /* hold repairs nothing */
		if
		:: word & LOST -> n = LOST
		:: word == ME -> n = 0; word = 0
		:: else -> n = WAITERS
		fi
	};
	if
	:: n == LOST ->
#ifdef MUT_hold_makes_sound
		word = 0;
		wake_all()
#else
		lose_mine()
#endif
	:: n == WAITERS ->
#ifdef MUT_wake_before_store
		wake_one();
		word = 0
#else
		word = 0;
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

proctype Strand(byte i; byte rounds)
{
	byte w, n, j;
	bool slept, ok, whole;
	mtype r, how = ACQUIRE;

	{
		if
		:: i == 2 && !shared -> how = HOLD; holds[i] = true
		:: i == 2 && shared -> how = RECOVER
		:: true
		fi;
		do
		:: rounds == 0 -> break
		:: else ->
again:
			acquire();
			atomic { w = 0; n = 0; slept = false };
			if
			:: r == OK ->
				if
				:: release()
				:: i == 0 && !shared ->
end_keeps:
					false /* for ever */
				:: !shared && deaths == 0 ->
					/* ends while it holds the lock, and loses it itself */
					d_step { deaths++; inside[i] = false };
					lose_mine();
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
		w = 0; n = 0; r = 0; how = 0; rounds = 0; slept = false; ok = false; whole = false
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
			W(21, !asleep[i] || (word != LOST && !killed[OWNER(word)]));
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
		:: run Strand(0, 2);
			select (i : 0 .. 2);
			run Canceller(i)
		:: shared = true;
			run Strand(0, 1);
			run Killer(2)
		:: shared = true;
			run Strand(0, 1);
			run Killer(1);
			run Canceller(1)
		fi;
		run Strand(1, 1);
		run Strand(2, 1);
		run Monitor()
	}
}
