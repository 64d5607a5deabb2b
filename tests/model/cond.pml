/* cond.pml - tl_cond: a list in a bucket, and the caller's lock.
 *
 * Players
 *	Strand 0	waits twice, so that it comes back behind others
 *	Strand 1, 2	wait once
 *	Notifier	under the lock tells one, then two
 *	Canceller	cancels one strand, or lets its time run out: to the condition that is the same
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  `owner` is the lock that they wait with; lock.pml proves it.  `list`
 * holds the waiters under the bucket's lock `lk`.  What park.pml proves is taken for granted:
 * state[s] is decided in one step, between a waker's claim and the strand's own leaving.
 *
 *	wait, holding: under lk: link; release; sleep until told; who leaves unlinks itself, under lk;
 *		acquire again
 *	notify n: under lk, n times: take waiters out until one can be claimed
 *
 * Claims (CLAIMS.md has all of them)
 *	W35	No notification is lost: who began to wait before it, and does not leave, is in the list.
 *	W36	A notification that meets a cancel goes to one of them: who was told answers success, and
 *		a waiter that left costs no other its turn.
 *	W37	Notify n tells n at most, the oldest first, of those who wait already: nothing is stored.
 *	W38	A wait holds the lock again, whatever it answers.
 *	W39	A cancelled or timed-out wait returns, once it can have the lock.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_release_before_link: W35 */
/* MUT_cancel_beats: W36 */
/* MUT_claim_is_a_store: W36 */
/* MUT_loser_is_counted: W36 */
/* MUT_newest_first: W37 */
/* MUT_notification_is_stored: W37 */
/* MUT_loser_tells_two: W37 */
/* MUT_cancelled_leaves_without: W38 */
/* MUT_wait_ignores_cancel: W39 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define STRANDS	   3
#define NOBODY	   9
#define NOTIFIER   8

#define LOCK(l)	   atomic { !l -> l = true }
#define UNLOCK(l)  l = false
#define ACQUIRE(o) atomic { owner == NOBODY -> owner = o }

mtype = { OUT, WAITING, TOLD, LEFT };

byte owner = NOBODY;
bool lk;
chan list = [STRANDS] of { byte };

mtype state[STRANDS] = OUT;
bool cancelled[STRANDS];
bool waits[STRANDS];	/* ghost: it has begun to wait, holding the lock, and has not left */
bool asleep[STRANDS];	/* ghost */
byte ticket[STRANDS];	/* ghost: its place in the order of coming; 0: does not wait */
byte tickets;		/* ghost */
byte told;		/* ghost: by the notification that goes on */
byte stored;		/* notifications without a waiter: 0 but for a mutation */

/* Ghost: who came before s waits still. */
#define OLDER(o, s) (state[o] == WAITING && ticket[o] != 0 && ticket[o] < ticket[s])

inline wait(s)
{
	d_step { tickets++; ticket[s] = tickets; state[s] = WAITING; waits[s] = true };
#ifdef MUT_release_before_link
	owner = NOBODY;
#endif
	LOCK(lk);
#ifdef MUT_notification_is_stored
	if
	:: stored > 0 -> stored--; state[s] = TOLD
	:: else -> list!s
	fi;
#else
	list!s;
#endif
	UNLOCK(lk);
#ifndef MUT_release_before_link
	W(38, owner == s);
	owner = NOBODY;
#endif
	asleep[s] = true;
end_sleep:
	atomic {
		if
		:: state[s] == TOLD ->
			ok = true;
#ifdef MUT_cancel_beats
			ok = !cancelled[s]
#endif
#ifndef MUT_wait_ignores_cancel
		:: state[s] == WAITING && cancelled[s] ->
			state[s] = LEFT;
			waits[s] = false;
			ok = false
#endif
		fi;
		asleep[s] = false
	};
	if
	:: !ok ->
		LOCK(lk);
		d_step {
			if
			:: list??[eval(s)] -> list??eval(s)
			:: else
			fi;
			UNLOCK(lk)
		}
	:: else
	fi;
#ifdef MUT_cancelled_leaves_without
	if
	:: ok -> ACQUIRE(s)
	:: else
	fi;
#else
	ACQUIRE(s);
#endif
	W(38, owner == s);
	d_step { W(36, ok == (state[s] == TOLD)); state[s] = OUT; ticket[s] = 0 }
}

proctype Strand(byte i; byte rounds)
{
	bool ok;

	do
	:: rounds == 0 -> break
	:: else ->
		rounds--;
		ACQUIRE(i);
		wait(i);
		owner = NOBODY;
		ok = false
	od
}

inline notify(all)
{
	LOCK(lk);
	n = all;
	told = 0;
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
				W(36, state[j] == WAITING);
#else
			:: state[j] == WAITING ->
#endif
				W(37, !OLDER(0, j) && !OLDER(1, j) && !OLDER(2, j));
				state[j] = TOLD;
				waits[j] = false;
				told++;
				n--
#ifndef MUT_claim_is_a_store
			:: else ->
#ifdef MUT_loser_is_counted
				n--
#else
#ifdef MUT_loser_tells_two
				n++
#else
				skip
#endif
#endif
#endif
			fi;
			j = 0
		}
	:: else -> break
	od;
	atomic {
		W(37, told <= all && stored == 0);
		/* not all were spent: nobody is left */
		W(36, told == all || empty(list));
		W(35, told == all || !(waits[0] || waits[1] || waits[2]));
#ifdef MUT_notification_is_stored
		stored = stored + n;
#endif
		n = 0;
		told = 0;
		UNLOCK(lk)
	}
}

proctype Notifier()
{
	byte n, j;

	ACQUIRE(NOTIFIER);
	notify(1);
	owner = NOBODY;
	ACQUIRE(NOTIFIER);
	notify(2);
	owner = NOBODY
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
			W(39, !asleep[i] || !cancelled[i]);
			i++
		:: else -> break
		od;
		assert(!lk && owner == NOBODY)
	}
}

init {
	byte i;

	atomic {
		run Strand(0, 2);
		run Strand(1, 1);
		run Strand(2, 1);
		run Notifier();
		select (i : 0 .. 2);
		run Canceller(i);
		run Monitor()
	}
}
