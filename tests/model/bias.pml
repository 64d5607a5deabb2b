/* bias.pml - locks that their owner need not take (src/run/bias.h).
 *
 * Players
 *	Owner 0, 1	threads with a loop; each touches its own things, thing i, and now and then the
 *			scope (thing 0's kind) and the strand (thing 2) of the other
 *	Stranger	a thread that only visits
 *	Buffers		lets a delayed store become visible, at any time or never
 *
 * What the model stands for.  A processor may delay its own stores past its later loads: late[i] is
 * the store inside := true of thread i that nobody else sees yet.  The heavy barrier makes all such
 * stores visible; so does a read-modify-write of the thread itself.  Everything else happens at
 * once.  gone is bias_state != 0, split into its parts.  A section is two steps long, so that two in
 * it at once are seen.
 *
 * Thing 0 and 1 are scopes, with their shared flags; thing 2 is a strand that was started .anywhere
 * on thread 0, is stolen by thread 1 and begins there.
 *
 * Claims (CLAIMS.md has all of them)
 *	W23	Who is inside, and who has visited and taken the real lock, never touch a thing at
 *		once, whatever the barrier delays.
 *	W24	The same holds for those who find a scope shared and come without a visit.
 *	W25	A strand that may still change its loop is nobody's own.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_no_heavy: W23 */
/* MUT_no_wait: W23 */
/* MUT_enter_late: W23 */
/* MUT_lost_first: W23 */
/* MUT_regain_anyhow: W23 */
/* MUT_leave_early: W23 */
/* MUT_owner_no_lock: W23 */
/* MUT_shared_before_inside: W24 */
/* MUT_shared_without_visit: W24 */
/* MUT_shared_ignored: W24 */
/* MUT_at_home_at_birth: W25 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define STRAND 2
#define NOBODY 3

bool inside[2], late[2]; /* as others see it; our store that they do not see yet */
byte visitors;
bool lost;
bool lk[3];
bool shared[2];
bool at_home; /* of the strand */
byte loop;    /* of the strand */
byte busy[3]; /* ghost: how many are in a section on a thing */

#ifdef MUT_shared_before_inside
#define PEEK(i) (shared[i])
#else
#define PEEK(i) (false)
#endif

inline touch(n, what)
{
	busy[what]++;
	W(n, busy[what] == 1);
	busy[what]--
}

inline lock(what)
{
	atomic { !lk[what] -> lk[what] = true }
}

inline visit(me)
{
	d_step {
		known = lost;
		visitors++;
#ifdef MUT_lost_first
		lost = true;
#endif
	}
	if
	:: known -> skip
	:: else ->
#ifndef MUT_no_heavy
		d_step { /* the heavy barrier */
			skip;
			if :: late[0] -> late[0] = false; inside[0] = true :: else -> skip fi;
			if :: late[1] -> late[1] = false; inside[1] = true :: else -> skip fi
		}
#endif
#ifndef MUT_no_wait
		!inside[0];
		!inside[1];
#endif
		lost = true
	fi
}

inline leave()
{
	visitors--
}

/* The owner's section on a thing of thread me; n: the claim */
inline own(me, what, n)
{
	was = PEEK(what);
	ok = false;
#ifdef MUT_enter_late
	ok = (visitors == 0 && !lost);
	late[me] = true;
#else
	late[me] = true;
	ok = (visitors == 0 && !lost); /* the load; late may become visible before or after it */
#endif
	if
	:: ok && what != STRAND ->
#ifdef MUT_shared_before_inside
		ok = !was
#else
#ifndef MUT_shared_ignored
		ok = !shared[what % 2]
#else
		skip
#endif
#endif
	:: else -> skip
	fi;
	if
	:: ok ->
#ifdef MUT_leave_early
		d_step { late[me] = false; inside[me] = false };
#endif
		touch(n, what);
		d_step { late[me] = false; inside[me] = false }
	:: else ->
		d_step { late[me] = false; inside[me] = false };
		if /* bias_met: now and then */
		:: true ->
			d_step {
				skip;
				if
#ifdef MUT_regain_anyhow
				:: lost -> lost = false; visitors = 0
#else
				:: lost && visitors == 0 -> lost = false
#endif
				:: else -> skip
				fi
			}
		:: true -> skip
		fi;
#ifdef MUT_owner_no_lock
		touch(n, what)
#else
		lock(what);
		touch(n, what);
		lk[what] = false
#endif
	fi
}

/* A thread that is not the owner, on a scope */
inline far_scope(me, what)
{
	if
	:: shared[what] ->
		lock(what);
		touch(24, what);
		lk[what] = false
	:: else ->
#ifndef MUT_shared_without_visit
		visit(me);
#endif
		lock(what);
		touch(23, what);
		shared[what] = true;
		lk[what] = false;
#ifndef MUT_shared_without_visit
		leave()
#endif
	fi
}

/* Any thread with a loop, on the strand */
inline any_strand(me)
{
	if
	:: at_home && loop == me -> own(me, STRAND, 25)
	:: else ->
		visit(me);
		lock(STRAND);
		touch(25, STRAND);
		lk[STRAND] = false;
		leave()
	fi
}

active proctype Owner0()
{
	bool ok, was, known;
	byte turn;

	do
	:: turn < 2 ->
		turn++;
		if
		:: true -> own(0, 0, 23)
		:: true -> own(0, 0, 24)
		:: true -> far_scope(0, 1)
		:: true -> any_strand(0)
		fi
	:: else -> break
	od
}

active proctype Owner1()
{
	bool ok, was, known;

	if
	:: true -> own(1, 1, 24)
	:: true -> far_scope(1, 0)
	:: true -> skip
	fi;
	/* it steals the strand and begins it */
	loop = 1;
	own(1, STRAND, 25);
	at_home = true;
	if
	:: true -> own(1, 1, 23)
	:: true -> any_strand(1)
	fi
}

active proctype Stranger()
{
	bool known;

	if
	:: visit(NOBODY);
		lock(0);
		touch(23, 0);
		lk[0] = false;
		leave()
	:: true -> far_scope(NOBODY, 0)
	:: visit(NOBODY);
		lock(STRAND);
		touch(25, STRAND);
		lk[STRAND] = false;
		leave()
	fi;
	if
	:: true -> far_scope(NOBODY, 0)
	:: true -> skip
	fi
}

active proctype Buffers()
{
end:	do
	:: atomic { late[0] -> late[0] = false; inside[0] = true }
	:: atomic { late[1] -> late[1] = false; inside[1] = true }
	od
}

#ifdef MUT_at_home_at_birth
init { at_home = true }
#endif
