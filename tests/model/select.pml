/* select.pml - a strand that waits in two lists at once, with one word.
 *
 * Players
 *	Select		waits for the first item of queue 0 or queue 1, in any order, and commits one
 *	Getter		waits for an item of queue 0 alone, before or behind Select
 *	Waker 0, 1	put one item each into queue 0 and queue 1
 *	Canceller	publishes Select's cancel flag, then pokes it
 *	Stray		pokes Select without a cause
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  Both ways to use a list are explored.  With hand-over (a queue) the
 * waker gives its item to the waiter it claims; what nobody waits for is stored.  With notice (an
 * event, a count, readiness) the item is stored, then one waiter is woken, tries for itself and may
 * find that another was quicker.  Waiter records: 0 is Select in list 0, 1 is Select in list 1, 2 is
 * Getter in list 0.  word, token and gen are as in park.pml, one per strand; lk[q] is the spinlock of
 * list q.
 *
 * Select in short:
 *	try each list under its lock; took one: done
 *	begin (word := WAITING), then link in each list under its lock, looking again;
 *	found something while linking: withdraw, unlink all, try again
 *	park as in park.pml; then unlink all
 *	woken with hand-over: done; with notice: try again, and pass the notice on if the item that
 *	was taken in the end is one of the other list
 *
 * Claims (CLAIMS.md has all of them)
 *	W1	A strand is made ready exactly once per block, and never while it is running.
 *	W5	No one touches a waiter after its strand has left.
 *	W9	Exactly one branch commits, and none on failure.
 *	W10	A wake is never swallowed: what was put to the branch not taken is stored or goes to the
 *		next waiter, and nobody sleeps beside it.
 *	W11	A select sleeps only while it is linked in every list and is not cancelled.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_withdraw_keeps_token: W1 */
/* MUT_leave_one_linked: W5 */
/* MUT_take_without_withdraw: W9 */
/* MUT_word_per_branch: W9 */
/* MUT_cancel_beats: W9 */
/* MUT_loser_stops: W10 */
/* MUT_withdraw_drops_wake: W10 */
/* MUT_keep_notice: W10 */
/* MUT_begin_after_link: W10 */
/* MUT_no_second_look: W10 */
/* MUT_link_one: W11 */

mtype = { IDLE, WAITING, POKED, CLAIMED, WOKEN };

#define SELECT 0
#define GETTER 1
#define STRAND(rec) ((rec) >> 1)

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

mtype word[2] = IDLE;
#ifdef MUT_word_per_branch
mtype word1 = IDLE; /* Select's word of list 1 */
#endif
bool token[2], blocked[2], ended[2];
byte gen[2];
bool cancelled;	     /* Select only */
bool given[3];	     /* in the record: an item was handed over */
byte woken_by = 2;   /* in Select: the list whose waker won; 2 is none */
byte put[2], got[2]; /* ghost, per queue */
byte commits;	     /* ghost: items that Select took or was given */
byte store[2];	     /* the queues */
bool notice;	     /* which way */

bool lk[2];
chan list[2] = [2] of { byte };

#define LOCK(q)	  atomic { !lk[q] -> lk[q] = true }
#define UNLOCK(q) lk[q] = false

inline make_ready(s)
{
	d_step {
		W(1, !token[s] && !ended[s]);
		token[s] = true
	}
}

/* the last thing before the strand uses its stack for something else */
inline leave(s)
{
	d_step {
		W(1, !token[s]);
		word[s] = IDLE;
		gen[s]++
	}
}

inline take(s, q)
{
	d_step {
		got[q]++;
		if
		:: s == SELECT -> commits++
		:: else
		fi;
		W(9, s == GETTER || commits == 1)
	}
}

/* Wake the oldest of list q: under its lock.  won: NONE, READY (was WAITING), STORE (was POKED) */
#define NONE  0
#define READY 1
#define STORE 2

inline claim(q, rec, g, won)
{
	won = NONE;
	do
	:: atomic {
		if
		:: list[q]?rec
		:: empty(list[q]) -> break
		fi;
		g = gen[STRAND(rec)]
	   };
		atomic {
			W(5, gen[STRAND(rec)] == g && !ended[STRAND(rec)]);
			if
#ifdef MUT_word_per_branch
			:: rec == 1 && word1 == WAITING -> word1 = WOKEN; won = READY; break
			:: rec == 1 && word1 != WAITING
#endif
			:: word[STRAND(rec)] == WAITING ->
				word[STRAND(rec)] = WOKEN; won = READY; break
			:: word[STRAND(rec)] == POKED ->
				word[STRAND(rec)] = CLAIMED; won = STORE; break
			:: else
			fi
		};
#ifdef MUT_loser_stops
		break
#endif
	od
}

inline finish(q, rec, g, won)
{
	if
	:: won != NONE ->
		d_step {
			W(5, gen[STRAND(rec)] == g && !ended[STRAND(rec)]);
			given[rec] = !notice;
			if
			:: rec != 2 -> woken_by = q
			:: else
			fi
		};
		if
		:: won == READY -> make_ready(STRAND(rec))
		:: won == STORE ->
			d_step {
				W(5, gen[STRAND(rec)] == g && !ended[STRAND(rec)]);
				word[STRAND(rec)] = WOKEN
			}
		fi
	:: else
	fi
}

proctype Waker(byte q)
{
	byte rec, g, won;

	LOCK(q);
	put[q]++;
	if
	:: notice -> store[q]++; claim(q, rec, g, won)
	:: else ->
		claim(q, rec, g, won);
		if
		:: won == NONE -> store[q]++
		:: else
		fi
	fi;
	UNLOCK(q);
	finish(q, rec, g, won)
}

inline try(s, q, ok)
{
	LOCK(q);
	if
	:: store[q] > 0 -> store[q]--; ok = true
	:: else
	fi;
	UNLOCK(q);
	if
	:: ok -> take(s, q)
	:: else
	fi
}

inline unlink(q)
{
	LOCK(q);
	d_step {
		if
		:: list[q]??[eval(q)] -> list[q]??eval(q)
		:: else
		fi
	};
	UNLOCK(q)
}

inline unlink_all()
{
	unlink(0);
#ifndef MUT_leave_one_linked
	unlink(1)
#endif
}

inline take_token(s)
{
	blocked[s] = true;
end_block:
	atomic { token[s] -> token[s] = false; blocked[s] = false }
}

proctype Select()
{
	byte first, q, n, rec, g, won, owed = 2;
	bool ok, found, stop;

again:
	/* try all, from a random start */
	if
	:: first = 0
	:: first = 1
	fi;
	q = first;
	try(SELECT, q, ok);
	if
	:: !ok -> q = 1 - first; try(SELECT, q, ok)
	:: else
	fi;
	if
	:: ok ->
#ifndef MUT_keep_notice
		/* the notice of the other list was for an item that is still there */
		if
		:: owed != 2 && owed != q ->
			LOCK(owed);
			won = NONE;
			if
			:: store[owed] > 0 -> claim(owed, rec, g, won)
			:: else
			fi;
			UNLOCK(owed);
			finish(owed, rec, g, won)
		:: else
		fi;
#endif
		goto done
	:: else
	fi;
	owed = 2;

	/* register with all */
	found = false;
	d_step { given[0] = false; given[1] = false; woken_by = 2 };
#ifndef MUT_begin_after_link
	word[SELECT] = WAITING;
#ifdef MUT_word_per_branch
	word1 = WAITING;
#endif
#endif
	n = 0;
	do
	:: n == 2 || found -> break
	:: else ->
		q = (first + n) % 2;
		LOCK(q);
		if
#ifdef MUT_take_without_withdraw
		:: store[q] > 0 -> store[q]--; UNLOCK(q); take(SELECT, q); found = true
#else
#ifndef MUT_no_second_look
		:: store[q] > 0 -> UNLOCK(q); found = true
#endif
#endif
		:: else ->
			list[q]!q;
			UNLOCK(q)
		fi;
		n++
#ifdef MUT_link_one
		; n = 2
#endif
	od;
#ifdef MUT_begin_after_link
	word[SELECT] = WAITING;
#endif
	if
	:: found ->
		/* withdraw: answers by the word whether a waker was quicker */
		if
		:: atomic { word[SELECT] == WAITING -> word[SELECT] = IDLE };
			goto withdrawn
#ifdef MUT_withdraw_keeps_token
		:: atomic { word[SELECT] == POKED -> word[SELECT] = IDLE };
			goto withdrawn
#endif
		:: else
		fi;
		token[SELECT] -> token[SELECT] = false; /* it is on its way */
		if
		:: atomic { word[SELECT] == POKED -> word[SELECT] = IDLE };
			goto withdrawn
		:: else
		fi;
		word[SELECT] == WOKEN;
#ifdef MUT_withdraw_drops_wake
		goto withdrawn;
#endif
		goto woken;
withdrawn:
		unlink_all();
		leave(SELECT);
#ifdef MUT_take_without_withdraw
		goto done;
#endif
		goto again
	:: else
	fi;

	/* park, as in park.pml */
interrupted:
	stop = cancelled;
	if
	:: stop ->
		if
		:: atomic { word[SELECT] == WAITING -> word[SELECT] = IDLE };
			goto failed
		:: else
		fi
	:: else
	fi;
	take_token(SELECT);
#ifdef MUT_cancel_beats
	if
	:: cancelled -> word[SELECT] = IDLE; goto failed
	:: else
	fi;
#endif
#ifdef MUT_word_per_branch
	if
	:: word1 == WOKEN -> goto woken
	:: else
	fi;
#endif
	if
	:: atomic { word[SELECT] == POKED -> word[SELECT] = WAITING };
		goto interrupted
	:: else
	fi;
	word[SELECT] == WOKEN; /* spins while CLAIMED */
woken:
	unlink_all();
	owed = woken_by;
	W(9, !(given[0] && given[1]));
	leave(SELECT);
	if
	:: !notice -> take(SELECT, owed); goto done
	:: else -> goto again
	fi;
failed:
	unlink_all();
	d_step {
		W(9, commits == 0 && !given[0] && !given[1]);
		W(11, cancelled)
	};
	leave(SELECT);
done:
	ended[SELECT] = true
}

proctype Getter()
{
	bool ok;

again:
	LOCK(0);
	if
	:: store[0] > 0 -> store[0]--; ok = true; UNLOCK(0); take(GETTER, 0)
	:: else ->
		given[2] = false;
		word[GETTER] = WAITING;
		list[0]!2;
		UNLOCK(0);
		take_token(GETTER);
		word[GETTER] == WOKEN;
		ok = given[2];
		leave(GETTER);
		if
		:: ok -> take(GETTER, 0)
		:: else -> goto again
		fi
	fi;
	ended[GETTER] = true
}

/* pokers find only strands that have not ended: W7 in park.pml */
inline poke()
{
	if
	:: atomic { !ended[SELECT] && word[SELECT] == WAITING -> word[SELECT] = POKED };
		make_ready(SELECT)
	:: else
	fi
}

proctype Canceller()
{
	cancelled = true;
	poke()
}

proctype Stray()
{
	poke()
}

proctype Monitor()
{
	timeout ->
	d_step {
		W(9, put[0] == got[0] + store[0] && put[1] == got[1] + store[1]);
		W(11, ended[SELECT] || (blocked[SELECT] && !cancelled));
		W(11, ended[SELECT] || (list[0]??[0] && list[1]??[1]));
		W(10, ended[SELECT] || (store[0] == 0 && store[1] == 0));
		W(10, ended[GETTER] || (blocked[GETTER] && store[0] == 0));
		W(10, ended[GETTER] || list[0]??[2])
	}
}

init {
	atomic {
		if
		:: notice = true
		:: notice = false
		fi;
		run Select();
		run Getter();
		run Waker(0);
		run Waker(1);
		if
		:: run Canceller()
		:: skip
		fi;
		run Stray();
		run Monitor()
	}
}
