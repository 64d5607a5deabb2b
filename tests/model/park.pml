/* park.pml - one list, the strands that park on it, those that wake and those that poke them.
 *
 * Players
 *	Strand 0	parks up to twice on the list, each time for one item, then ends
 *	Strand 1	parks once behind or before it, so that a wake has somewhere to go
 *	Waker 1, 2	each puts one item: hands it to the first waiter it can claim, else stores it
 *	Canceller	publishes the cancel flag of one strand, then pokes it
 *	Stray		pokes strand 0 without a cause: a late timer of an earlier park
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  word[s] is the park word.  `list` holds the linked waiter records
 * under the spinlock `lk`; one record per strand and park, told apart by gen[s], which counts up
 * when the strand leaves park: its stack frame, and the record in it, is gone.  token[s] is the
 * strand's place on its loop's run queue: make-ready sets it, being run takes it.  `reg` is the
 * lock under which pokers find a strand, and under which it takes its name out before it ends.
 *
 * Claims (CLAIMS.md has all of them)
 *	W1	A strand is made ready exactly once per block, and never while it is running.
 *	W2	Completion beats cancel: a handed-over item is consumed exactly once, and only success
 *		consumes one.
 *	W3	No wake-up is lost: nobody sleeps while an item is there.
 *	W4	A cancelled or timed-out strand always returns.
 *	W5	No one touches a waiter after its strand has left park.
 *	W6	Who was woken may free the list: the waker does not touch it after that.
 *	W7	No one touches a strand after it has ended.
 *	W8	A poke without a cause changes no answer: -ECANCELED only when cancelled.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_leave_with_token: W1 */
/* MUT_woken_needs_no_token: W1 */
/* MUT_ready_a_poked: W1 */
/* MUT_poke_is_a_store: W1 */
/* MUT_no_claimed: W2 */
/* MUT_result_after_ready: W2 */
/* MUT_cancel_beats: W2 */
/* MUT_waiting_after_link: W3 */
/* MUT_no_recheck: W3 */
/* MUT_loser_stops: W3 */
/* MUT_claim_once: W3 */
/* MUT_check_before_waiting: W4 */
/* MUT_check_before_rearm: W4 */
/* MUT_poke_before_publish: W4 */
/* MUT_unlink_without_lock: W5 */
/* MUT_no_unlink: W5 */
/* MUT_ready_under_lock: W6 */
/* MUT_poke_unregistered: W7 */
/* MUT_any_poke_cancels: W8 */

mtype = { IDLE, WAITING, POKED, CLAIMED, WOKEN };

#define STRANDS 2

mtype word[STRANDS] = IDLE;
bool cancelled[STRANDS];  /* the published cause */
bool token[STRANDS];      /* on the run queue */
bool blocked[STRANDS];    /* ghost: has given up the CPU */
bool ended[STRANDS];      /* ghost: the strand is gone */
byte gen[STRANDS];        /* ghost: parks that this strand has left */
byte result[STRANDS];     /* in the waiter: the item handed over, 0 is none */
bool registered[STRANDS] = true;
byte consumed[3];         /* ghost: how often item 1, 2 was consumed */

bool lk, reg;
chan list = [STRANDS] of { byte };
chan items = [2] of { byte };

#define LOCK(l)    atomic { !l -> l = true }
#define UNLOCK(l)  l = false
/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif
/* every access to a waiter record or a strand says so */
#define WAITER(s, g) W(5, gen[s] == g)
#define STRAND(s)    W(7, !ended[s])

inline make_ready(s)
{
	d_step {
		STRAND(s);
		W(1, !token[s]);
		token[s] = true
	}
}

inline consume(k)
{
	d_step {
		W(2, k != 0);
		consumed[k]++;
		W(2, consumed[k] == 1)
	}
}

/* took: the item that was there at once, or 0; then the strand is linked and WAITING */
/* took: the item that was there at once, or 0; then the strand is linked and WAITING */
inline link_or_take(s, took)
{
	took = 0;
#ifdef MUT_no_recheck
	do
	:: empty(items) -> break /* looked at before the lock, and not again under it */
	:: nempty(items) ->
		LOCK(lk);
		if
		:: items?took -> goto unlock
		:: empty(items) -> UNLOCK(lk)
		fi
	od;
#endif
	LOCK(lk);
	if
#ifndef MUT_no_recheck
	:: items?took
	:: empty(items) ->
#else
	:: true ->
#endif
#ifndef MUT_waiting_after_link
		word[s] = WAITING;
#endif
		result[s] = 0;
		list!s
	fi;
unlock:
	UNLOCK(lk);
#ifdef MUT_waiting_after_link
	if
	:: took == 0 -> word[s] = WAITING
	:: else
	fi
#endif
}

inline unlink(s)
{
#ifdef MUT_no_unlink
	skip
#else
#ifndef MUT_unlink_without_lock
	LOCK(lk);
#endif
	d_step {
		if
		:: list??[eval(s)] -> list??eval(s)
		:: else /* a waker popped it and lost */
		fi
	};
#ifndef MUT_unlink_without_lock
	UNLOCK(lk)
#endif
#endif
}

/* The stack frame of park goes: whatever was in it must not be touched again. */
inline leave(s)
{
	d_step {
		word[s] = IDLE;
		W(1, !token[s]);
		gen[s]++
	}
}

proctype Strand(byte s; byte parks)
{
	byte took;
	bool stop;

again:
	do
	:: parks == 0 -> break
	:: else ->
		parks--;
#ifdef MUT_check_before_waiting
		stop = cancelled[s];
#endif
		link_or_take(s, took);
		if
		:: took != 0 -> consume(took); goto next
		:: else
		fi;
interrupted:
#ifndef MUT_check_before_waiting
		stop = cancelled[s];
#endif
		if
		:: stop ->
			/* leave, unless someone has been quicker: then a token is on its way */
			if
			:: atomic { word[s] == WAITING -> word[s] = IDLE };
				goto left
#ifdef MUT_leave_with_token
			:: atomic { word[s] == POKED -> word[s] = IDLE };
				goto left
#endif
#ifdef MUT_woken_needs_no_token
			:: word[s] == WOKEN -> goto woken
#endif
			:: else
			fi
		:: else
		fi;
		blocked[s] = true;
end_block:
		atomic { token[s] -> token[s] = false; blocked[s] = false };
		W(1, word[s] != IDLE && word[s] != WAITING);
#ifdef MUT_cancel_beats
		if
		:: cancelled[s] -> word[s] = IDLE; goto left
		:: else
		fi;
#endif
#ifdef MUT_any_poke_cancels
		if
		:: atomic { word[s] == POKED -> word[s] = IDLE }; goto left
		:: else
		fi;
#endif
#ifdef MUT_check_before_rearm
		/* the flag is looked at while the word still says POKED */
		stop = cancelled[s];
		if
		:: stop ->
			if
			:: atomic { word[s] == POKED -> word[s] = IDLE }; goto left
			:: else
			fi
		:: else
		fi;
		if
		:: atomic { word[s] == POKED -> word[s] = WAITING };
			blocked[s] = true;
			goto end_block
		:: else
		fi;
#endif
		if
		:: atomic { word[s] == POKED -> word[s] = WAITING };
			goto interrupted
		:: else
		fi;
		word[s] == WOKEN; /* spins while CLAIMED */
woken:
		took = result[s];
		leave(s);
		consume(took);
		goto next;
left:
		unlink(s);
		d_step {
			W(2, result[s] == 0);
			W(8, cancelled[s])
		};
		leave(s);
next:
		skip
	od;
#ifndef MUT_poke_unregistered
	LOCK(reg);
	registered[s] = false;
	UNLOCK(reg);
#endif
	W(1, !token[s]);
	ended[s] = true
}

#define NONE  0
#define READY 1 /* was WAITING: make it ready */
#define STORE 2 /* was POKED: it is ready already, tell it */
#ifdef MUT_claim_once
#define MAY(state) (word[s] == state && seen == state)
#else
#define MAY(state) (word[s] == state)
#endif

proctype Waker(byte item)
{
	byte s, g, won = NONE;
	mtype seen;

	LOCK(lk);
	do
	:: atomic { list?s -> g = gen[s] };
#ifdef MUT_claim_once
		d_step { WAITER(s, g); seen = word[s] };
#endif
		/* the claim: a loop of CAS, settled by the one step that succeeds */
		atomic {
			WAITER(s, g);
			STRAND(s);
			if
#ifdef MUT_claim_once
			:: seen != word[s] -> skip /* the CAS failed: taken for lost */
#endif
			:: MAY(WAITING) -> word[s] = WOKEN; won = READY
#ifdef MUT_no_claimed
			:: MAY(POKED) -> word[s] = WOKEN; won = STORE
#else
#ifdef MUT_ready_a_poked
			:: MAY(POKED) -> word[s] = WOKEN; won = READY
#else
			:: MAY(POKED) -> word[s] = CLAIMED; won = STORE
#endif
#endif
			:: else /* lost: it has left */
			fi
		};
		if
		:: won != NONE -> break
		:: else
#ifdef MUT_loser_stops
			-> items!item; break
#endif
		fi
	:: empty(list) -> items!item; break
	od;
#ifndef MUT_ready_under_lock
	UNLOCK(lk);
#endif
	if
	:: won != NONE ->
#ifndef MUT_result_after_ready
		d_step { WAITER(s, g); result[s] = item };
#endif
		if
		:: won == READY -> make_ready(s)
		:: won == STORE -> d_step { WAITER(s, g); STRAND(s); word[s] = WOKEN }
		fi;
#ifdef MUT_result_after_ready
		d_step { WAITER(s, g); result[s] = item }
#endif
	:: else
	fi;
#ifdef MUT_ready_under_lock
	d_step {
		W(6, won == NONE || gen[s] == g);
		UNLOCK(lk)
	}
#endif
}

inline poke(s)
{
	STRAND(s);
	if
#ifdef MUT_poke_is_a_store
	:: word[s] != IDLE -> word[s] = POKED; make_ready(s)
#else
	:: atomic { word[s] == WAITING -> word[s] = POKED };
		make_ready(s)
#endif
	:: else
	fi
}

proctype Canceller(byte s)
{
	LOCK(reg);
	if
	:: registered[s] ->
#ifdef MUT_poke_before_publish
		poke(s);
		cancelled[s] = true
#else
		cancelled[s] = true;
		poke(s)
#endif
	:: else
	fi;
	UNLOCK(reg)
}

proctype Stray(byte s)
{
	LOCK(reg);
	if
	:: registered[s] -> poke(s)
	:: else
	fi;
	UNLOCK(reg)
}

proctype Monitor()
{
	byte s;

	timeout ->
	d_step {
		s = 0;
		do
		:: s < STRANDS ->
			W(3, ended[s] || blocked[s]);
			W(3, ended[s] || empty(items));
			W(4, ended[s] || !cancelled[s]);
			s++
		:: else -> break
		od;
		W(2, consumed[1] + consumed[2] + len(items) == 2);
		assert(!lk && !reg)
	}
}

init {
	atomic {
		run Strand(0, 2);
		run Strand(1, 1);
		run Waker(1);
		run Waker(2);
		if
		:: run Canceller(0)
		:: run Canceller(1)
		fi;
		run Stray(0);
		run Monitor()
	}
}
