/* select_lock.pml - a lock as one case of a select, whose strand may take something else instead.
 *
 * Players
 *	Select		waits for the lock, or for a flag that stays up once raised; or is cancelled
 *	Locker		waits for the lock alone, before or behind Select
 *	Barger		holds the lock at first; takes it once more if it is free as he comes by
 *	Raiser		raises the flag, and wakes Select if it is in the flag's list
 *	Canceller	cancels Select, or does not
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  The lock in private memory, less COMING: an owner and WAITERS, which
 * strands change by CAS, and a list under the bucket's lock (one step each here).  Release frees the
 * word and wakes the oldest that has not left, or, where that one has waited long enough (any may
 * have), makes it the owner.  A select comes by like a barger, without WAITERS, however often it has
 * slept; what it owes for a wake it settles as it leaves.  What park.pml and select.pml prove of
 * the one word of a strand is taken for granted.
 *
 * Claims (CLAIMS.md has all of them)
 *	W52	A select that leaves holds the lock exactly if that is the case it committed.
 *	W53	A wake for the lock that was spent on a select is passed on, whatever that took: nobody
 *		sleeps for ever beside a lock that is free, or whose holder does not know of it.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_grant_without_claim: W52 */
/* MUT_grant_unseen: W52 */
/* MUT_never_settles: W53 */
/* MUT_settles_only_free: W53 */
/* MUT_debt_forgotten: W53 */
/* MUT_no_second_look: W53 */

mtype = { IDLE, WAITING, WOKEN };

#define NOBODY 0
#define SELECT 1
#define LOCKER 2
#define BARGER 3

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

mtype word[3] = IDLE; /* of Select and Locker */
bool granted[3], ended[3];
byte owner = BARGER;
bool waiters;
chan list = [2] of { byte };
bool flag, in_flag, cancelled;

/* Take the oldest out until one can be woken: under the bucket's lock. */
inline wake_first(s, won)
{
	won = false;
	do
	:: !won && nempty(list) ->
		list?s;
#ifdef MUT_grant_without_claim
		granted[s] = true; won = true;
#endif
		if
		:: word[s] == WAITING -> word[s] = WOKEN; won = true
		:: else
		fi
	:: else -> break
	od
}

inline release(me, s, won)
{
	if
	:: atomic { owner == me && !waiters -> owner = NOBODY }
	:: atomic {
		owner == me && waiters ->
		wake_first(s, won);
		if
		:: won -> granted[s] = true; owner = s; waiters = nempty(list)
#ifndef MUT_grant_without_claim
		:: owner = NOBODY; waiters = false
#else
		:: !won -> owner = NOBODY; waiters = false
#endif
		fi;
		s = 0; won = false
	   }
	fi
}

/* Sets WAITERS and links, unless the lock is free or changed hands meanwhile: in. */
inline enlist_lock(me, seen, in)
{
	in = false;
	seen = owner;
	if
	:: seen == NOBODY
	:: else ->
		if
		:: atomic { owner == seen -> waiters = true };
			atomic {
				if
#ifndef MUT_no_second_look
				:: owner == seen && waiters -> list!me; in = true
				:: else
#else
				:: list!me; in = true
#endif
				fi;
				seen = 0
			}
		:: atomic { owner != seen -> seen = 0 }
		fi
	fi
}

inline pass_on(s, won)
{
	do
	:: atomic {
		owner == NOBODY -> wake_first(s, won);
		s = 0; won = false
	   };
		break
	:: atomic { owner != NOBODY && waiters };
		break
#ifdef MUT_settles_only_free
	:: owner != NOBODY -> break
#else
	:: atomic { owner != NOBODY && !waiters -> waiters = true };
		break
#endif
	od
}

#define try_lock(me) atomic { owner == NOBODY -> owner = me; waiters = false }

proctype Select()
{
	byte s, seen;
	bool won, in, linked, owed, has, failed, lock_first;

again:
#ifdef MUT_debt_forgotten
	owed = false;
#endif
	/* try both, from either one */
	if
	:: try_lock(SELECT); has = true; goto leave
	:: flag -> goto leave
	:: atomic { owner != NOBODY && !flag }
	fi;
	word[SELECT] = WAITING;
	if
	:: lock_first = true
	:: lock_first = false
	fi;
	linked = false;
	if
	:: lock_first -> enlist_lock(SELECT, seen, linked); in = linked
	:: else -> in = true
	fi;
	if
	:: in ->
		atomic {
			in_flag = !flag;
			in = in_flag
		}
	:: else
	fi;
	if
	:: in && !lock_first -> enlist_lock(SELECT, seen, linked); in = linked
	:: else
	fi;
	if
	:: in ->
		if
		:: atomic { word[SELECT] == WOKEN -> word[SELECT] = IDLE }
		:: atomic { cancelled && word[SELECT] == WAITING -> word[SELECT] = IDLE };
			failed = true
		fi
	:: else -> word[SELECT] = IDLE /* whether it was woken the lock's list tells */
	fi;
	atomic {
		in_flag = false;
		if
		:: list??[SELECT] -> list??eval(SELECT)
		:: else -> owed = owed || (linked && !granted[SELECT])
		fi
	};
	if
	:: failed -> goto leave
#ifndef MUT_grant_unseen
	:: !failed && granted[SELECT] -> granted[SELECT] = false; has = true; goto leave
	:: !failed && !granted[SELECT] -> goto again
#else
	:: !failed -> goto again
#endif
	fi;
leave:
	W(52, has == (owner == SELECT));
#ifndef MUT_never_settles
	if
	:: owed -> pass_on(s, won)
	:: else
	fi;
#endif
	if
	:: has -> release(SELECT, s, won)
	:: else
	fi;
	ended[SELECT] = true
}

proctype Locker()
{
	byte s, seen;
	bool won, in, slept;

again:
	if
	:: atomic { owner == NOBODY -> owner = LOCKER; waiters = slept };
		goto holds
	:: owner != NOBODY
	fi;
	word[LOCKER] = WAITING;
	enlist_lock(LOCKER, seen, in);
	if
	:: in ->
		slept = true;
		atomic { word[LOCKER] == WOKEN -> word[LOCKER] = IDLE }
	:: else -> word[LOCKER] = IDLE
	fi;
	if
	:: granted[LOCKER] -> granted[LOCKER] = false
	:: else -> goto again
	fi;
holds:
	W(52, owner == LOCKER);
	release(LOCKER, s, won);
	ended[LOCKER] = true
}

proctype Barger()
{
	byte s;
	bool won;

	release(BARGER, s, won);
	if
	:: try_lock(BARGER);
		release(BARGER, s, won)
	:: skip
	fi
}

proctype Raiser()
{
	flag = true;
	atomic {
		if
		:: in_flag && word[SELECT] == WAITING -> word[SELECT] = WOKEN
		:: else
		fi;
		in_flag = false
	}
}

proctype Canceller() { cancelled = true }

proctype Monitor()
{
	timeout ->
	d_step {
		W(53, ended[LOCKER]);
		W(53, ended[SELECT]);
		W(52, owner == NOBODY)
	}
}

init {
	atomic {
		run Select();
		run Locker();
		run Barger();
		run Raiser();
		if
		:: run Canceller()
		:: skip
		fi;
		run Monitor()
	}
}
