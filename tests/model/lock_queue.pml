/* lock_queue.pml - tl_lock in private memory: lock_queue.c, and what lock.c does without a list.
 *
 * Players
 *	Strand 0	acquires three times, so that it barges in between others; or keeps the lock
 *			for ever; or ends with it, which loses it
 *	Strand 1	acquires once; told that the lock is lost, it recovers it
 *	Strand 2	acquires, holds, or has the lock as one case of a select
 *	Canceller	cancels one of them, or lets its time run out: to the lock that is the same
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  The word as in lock_word.h.  A hold of the bucket's lock is one step:
 * while the word is held and says WAITERS, nobody changes it without that lock, and a free word is
 * taken by one CAS.  So is a load with the CAS that follows it: one that fails changes nothing and
 * looks again.  What park.pml proves of a strand's one word is taken for granted: a waiter is
 * claimed, once, or has left.  Time is anybody's guess: any waiter may have waited for long enough
 * to be handed the lock; PASSES is 1.
 *
 *	acquire: a free word: CAS -> me, keeping WAITERS and COMING; lost and not repairing: answer
 *	wait: mine: done.  Free: CAS as above, but without COMING if I was coming.  Held: set
 *		WAITERS, without COMING if I was coming, and lie down where I was, or at the end
 *	woken: watch (CAS on a free and sound word), then wait
 *	leave: out of the list; it was the last: clear WAITERS and COMING
 *	release: CAS me -> 0, else COMING and the oldest not passed too often: free it, and that is
 *		all; else call the oldest that is coming or can be called: free it, COMING; or,
 *		where that one was passed too often, or has waited for long and lay, make it the owner
 *	lose: LOST, keeping WAITERS; call all
 *	a select that was called looks once, and leaves with the lock or without
 *
 * Claims (CLAIMS.md has all of them)
 *	W16	Mutual exclusion.
 *	W17	No wake-up is lost: nobody lies in the list of a lock that no living strand holds.
 *	W18	Who leaves the list without the lock passes on the turn that it may have had.
 *	W19	Only recover and hold let anyone in where an owner died, until a repairer has released.
 *	W20	A failed acquire does not hold.
 *	W21	Nobody sleeps for ever on a lost lock.
 *	W22	A cancelled or timed-out acquire always returns.
 *	W56	A waiter of a sound lock is passed by no more than PASSES that came after it.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_take_without_cas: W16 */
/* MUT_watch_without_cas: W16 */
/* MUT_waiters_before_list: W17 */
/* MUT_release_in_two_steps: W17 */
/* MUT_release_forgets_waiters: W17 */
/* MUT_take_forgets_waiters: W17 */
/* MUT_leave_clears_always: W17 */
/* MUT_lies_down_with_mark: W17 */
/* MUT_takes_with_mark: W17 */
/* MUT_watch_keeps_mark: W17 */
/* MUT_calls_who_left: W18 */
/* MUT_select_does_not_look: W18 */
/* MUT_lost_means_free: W19 */
/* MUT_hold_makes_sound: W19 */
/* MUT_hands_to_who_left: W20 */
/* MUT_lose_calls_nobody: W21 */
/* MUT_wait_ignores_cancel: W22 */
/* MUT_skips_who_comes: W56 */
/* MUT_passes_not_counted: W56 */
/* MUT_mark_before_passes: W56 */
/* MUT_loses_its_place: W56 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define STRANDS	 3
#define NOBODY	 STRANDS
#define PASSES	 1
#define WAITERS	 4
#define LOST	 8
#define COMING	 16
#define STALE	 32
#define OWNER(w) ((w) & 3)
#define ME	 (i + 1)

mtype = { OK, CANCELED, OWNERDEAD };
mtype = { ACQUIRE, RECOVER, HOLD, SELECT };

byte word;
chan list = [STRANDS] of { byte };
bool lies[STRANDS];	/* its parker is WAITING: it can be called, or leave by itself */
bool up[STRANDS];	/* it was called */
bool coming[STRANDS];	/* it was called for this lock, and has not looked since */
byte passed[STRANDS];	/* how often the lock was freed since it came, no more than PASSES */
bool cancelled[STRANDS];
bool holds[STRANDS];	/* ghost: in tl_lock_hold, which is no cancel point */
bool inside[STRANDS];	/* ghost: between acquire and release */
bool torn;		/* ghost: what the lock protects is half changed */
bool left;		/* ghost: someone was in the list and left without the lock */
bool died;		/* ghost: a strand has ended with the lock */
byte overtaken[STRANDS]; /* ghost: how often, by one that came later, while the lock was sound */

/* Once round the list, which is then as it was. */
#define EACH_BEGIN \
	m = len(list); \
	do \
	:: m > 0 -> \
		list?j; \
		list!j; \
		m--;
#define EACH_END \
	:: else -> break \
	od; \
	m = 0; \
	j = 0

#define STAYS(k) (lies[k] || up[k] || coming[k])

/* ok: j was lying, and was called */
inline call()
{
	ok = lies[j];
	if
	:: ok -> lies[j] = false; up[j] = true; coming[j] = true
	:: else
	fi
}

/* The ghosts' part of having got in: the owner is me, and I am still in the list if I ever was. */
inline enter()
{
	W(16, !inside[0] && !inside[1] && !inside[2]);
	inside[i] = true;
	W(19, how == RECOVER || how == HOLD || !torn);
	whole = !torn;
	torn = true;
	ok = !(word & LOST);
	EACH_BEGIN
		if
		:: j == i -> ok = false /* those behind came later than I */
		:: j != i && ok && STAYS(j) ->
			overtaken[j]++;
			W(56, overtaken[j] <= PASSES)
		:: else
		fi
	EACH_END;
	ok = false;
	r = OK
}

#define SOUND	   (how == ACQUIRE || how == SELECT)
#define CAN_TAKE   (OWNER(word) == 0 && (!(word & LOST) || !SOUND))
#define IS_LOST	   (OWNER(word) == 0 && (word & LOST) && SOUND)
#define KEPT	   (word & LOST -> (how == HOLD -> LOST | STALE : LOST) : 0)
#ifdef MUT_take_forgets_waiters
#define FLAGS	   (word & COMING)
#else
#define FLAGS	   (word & (WAITERS | COMING))
#endif
#define DROP	   (coming[i] || len(list) == 0 -> COMING : 0)

inline leave()
{
	if
	:: list??[eval(i)] -> list??eval(i)
	:: else
	fi;
	if
#ifdef MUT_leave_clears_always
	:: true ->
#else
	:: (word & WAITERS) && len(list) == 0 ->
#endif
		word = word & ~(WAITERS | COMING)
	:: else
	fi;
	coming[i] = false;
	passed[i] = 0;
	overtaken[i] = 0
}

/* What look of lock_queue.c answers, but PARKS: it is held. */
inline take_or_answer()
{
	if
	:: OWNER(word) == ME -> enter()
	:: CAN_TAKE ->
#ifdef MUT_takes_with_mark
		word = ME | KEPT | FLAGS;
#else
		word = ME | KEPT | (FLAGS & ~DROP);
#endif
		enter()
	:: IS_LOST -> r = OWNERDEAD
	:: else
	fi
}

inline lie_down()
{
	lies[i] = true;
	coming[i] = false;
	if
#ifdef MUT_loses_its_place
	:: list??[eval(i)] -> list??eval(i); list!i; passed[i] = 0
#endif
#ifndef MUT_loses_its_place
	:: list??[eval(i)]
#endif
	:: else -> list!i
	fi
}

inline mark_held()
{
#ifdef MUT_lies_down_with_mark
	word = word | WAITERS
#else
	word = (word | WAITERS) & ~DROP
#endif
}

/* Answers r; on OK the strand is inside. */
inline acquire()
{
	r = 0;
	if
#ifdef MUT_take_without_cas
	:: atomic { CAN_TAKE -> n = ME | KEPT | FLAGS };
		atomic { word = n; n = 0; enter() }
#else
	:: atomic { CAN_TAKE -> word = ME | KEPT | FLAGS; enter() }
#endif
	:: atomic { IS_LOST -> r = OWNERDEAD }
	:: atomic { OWNER(word) != 0 -> skip }
	fi;
	do
	:: atomic { r != 0 -> break }
	:: atomic {
		r == 0 ->
		take_or_answer();
		if
		:: r != 0 -> left = left || (r == OWNERDEAD && list??[eval(i)]); leave(); break
		:: else -> mark_held()
		fi;
#ifndef MUT_waiters_before_list
		lie_down()
#endif
	   };
#ifdef MUT_waiters_before_list
	   atomic { lie_down() };
#endif
end_sleep:
	   if
	   :: atomic { up[i] -> up[i] = false };
		if
		:: atomic {
			how == SELECT ->
#ifndef MUT_select_does_not_look
			take_or_answer();
			if
			:: r == 0 -> mark_held()
			:: else
			fi;
#endif
			if
			:: r == 0 -> r = CANCELED /* it has looked, and takes something else */
			:: else
			fi;
			left = left || r != OK;
			leave();
			break
		   }
		:: how != SELECT ->
			if
#ifdef MUT_watch_without_cas
			:: atomic {
				OWNER(word) == 0 && !(word & LOST) ->
				n = ME | (word & ~COMING)
			   };
				atomic { word = n; n = 0 }
#else
			:: atomic {
				OWNER(word) == 0 && !(word & LOST) ->
#ifdef MUT_watch_keeps_mark
				word = ME | word
#else
				word = ME | (word & ~(coming[i] -> COMING : 0))
#endif
			   }
#endif
			:: true
			fi
		fi
#ifndef MUT_wait_ignores_cancel
	   :: atomic { lies[i] && cancelled[i] && how != HOLD -> lies[i] = false; r = CANCELED };
		atomic { W(20, OWNER(word) != ME); left = true; leave(); break }
#endif
	   fi
	od
}

inline lose_mine()
{
	atomic {
#ifdef MUT_lost_means_free
		word = word & WAITERS;
#else
		word = LOST | (word & WAITERS);
#endif
#ifndef MUT_lose_calls_nobody
		EACH_BEGIN
			call()
		EACH_END;
#endif
		ok = false
	}
}

/* The word's next value, n. */
inline pass()
{
	n = 0;
	heir = NOBODY;
	if
	:: len(list) > 0 -> list?<j>
	:: else
	fi;
	if
	:: len(list) == 0
#ifdef MUT_mark_before_passes
	:: len(list) > 0 && (word & COMING) -> n = WAITERS | COMING
#else
	:: len(list) > 0 && (word & COMING) && passed[j] < PASSES -> n = WAITERS | COMING
#endif
	:: else ->
		late = false;
		EACH_BEGIN
			if
			:: heir == NOBODY ->
				call();
				if
#ifdef MUT_calls_who_left
				:: true -> heir = j; late = ok
#endif
#ifdef MUT_skips_who_comes
				:: ok -> heir = j; late = ok
#endif
#if !defined(MUT_calls_who_left) && !defined(MUT_skips_who_comes)
				:: coming[j] -> heir = j; late = ok
#endif
#ifdef MUT_hands_to_who_left
				:: !coming[j] -> heir = j; late = true
#endif
				:: else
				fi
			:: else
			fi
		EACH_END;
		if
		:: heir == NOBODY
#ifndef MUT_mark_before_passes
		:: heir != NOBODY && passed[heir] == PASSES -> n = (heir + 1) | WAITERS
#endif
		:: heir != NOBODY && late -> n = (heir + 1) | WAITERS
#ifdef MUT_mark_before_passes
		:: heir != NOBODY -> n = WAITERS | COMING
#else
		:: heir != NOBODY && passed[heir] < PASSES -> n = WAITERS | COMING
#endif
		fi
	fi;
	late = false;
	heir = NOBODY;
#ifndef MUT_passes_not_counted
	if
	:: OWNER(n) == 0 ->
		EACH_BEGIN
			passed[j] = (passed[j] < PASSES -> passed[j] + 1 : PASSES)
		EACH_END
	:: else
	fi;
#endif
	j = 0
}

inline release()
{
	atomic {
		W(16, OWNER(word) == ME);
		inside[i] = false;
		torn = (how == HOLD && !whole); /* hold repairs nothing */
#ifndef MUT_hold_makes_sound
		if
		:: word & STALE -> lose_mine(); goto released
		:: else
		fi;
#endif
		if
		:: word == ME -> word = 0; goto released
		:: else -> pass()
		fi
#ifdef MUT_release_in_two_steps
	};
	atomic {
#endif
#ifdef MUT_release_forgets_waiters
		word = n & ~WAITERS;
#else
		word = n;
#endif
		n = 0
	};
released:
	skip
}

proctype Strand(byte i; byte rounds)
{
	byte n, j, m, heir = NOBODY;
	bool ok, late, whole;
	mtype r, how = ACQUIRE;

	if
	:: i == 2 -> how = HOLD; holds[i] = true
	:: i == 2 -> how = SELECT
	:: true
	fi;
	do
	:: rounds == 0 -> break
	:: else ->
again:
		acquire();
		if
		:: atomic { r == OK -> r = 0 };
			if
			:: release()
			:: i == 0 ->
end_keeps:
				false /* for ever */
			:: atomic { i == 0 && !died -> died = true; inside[i] = false };
				lose_mine();
				break
			fi
		:: atomic { r == OWNERDEAD && i == 1 -> how = RECOVER; r = 0 };
			goto again
		:: else
		fi;
		rounds--
	od;
	atomic { r = 0; how = 0; rounds = 0; whole = false }
}

proctype Canceller(byte i) { cancelled[i] = true }

proctype Monitor()
{
	byte i;
	bool kept; /* strand 0 keeps the lock and will wake somebody if ever it releases it */

	timeout ->
	d_step {
		i = 0;
		do
		:: i < STRANDS ->
			W(22, !lies[i] || !cancelled[i] || holds[i]);
			W(21, !lies[i] || !(word & LOST) || OWNER(word) != 0);
			kept = (word & WAITERS) && !(word & COMING) && inside[0] && OWNER(word) == 1;
			W(18, !lies[i] || !left || kept);
			W(17, !lies[i] || kept);
			i++
		:: else -> break
		od
	}
}

init {
	byte i;

	atomic {
		run Strand(0, 3);
		run Strand(1, 1);
		run Strand(2, 1);
		select (i : 0 .. 3);
		if
		:: i < STRANDS -> run Canceller(i)
		:: else
		fi;
		run Monitor()
	}
}
