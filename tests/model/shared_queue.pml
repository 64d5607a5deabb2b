/* shared_queue.pml - a queue between processes, one of which may be killed at any step.
 *
 * Players
 *	0, 1		putters of an item each and getter 2, with the Killer; or
 *	0, 2, 3		without, one putter of two and two getters, which get until they are told
 *	Ender		ends the queue when the putters are through or dead
 *	Killer		kills putter 0 or getter 2, at any step, or none
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  The ring has one place.  Header n commits record n; in_n only repeats
 * it; out_n commits a get.  lock[IN] and lock[OUT] name their holder, and are taken from the dead.
 * Who waits listens to a bell: it sets `listens`, looks again, and sleeps unless the bell's count
 * has changed.  Who rings takes the mark and counts in one step, and wakes one in another: between
 * them it may be killed.  Once somebody was killed and nothing moves, sleepers look again.
 *
 * Claims (CLAIMS.md has all of them)
 *	W70	A record is got as it was put.
 *	W71	What a put answered for is got once, or still there; nothing is got twice.
 *	W72	Who is told the end has left nothing behind: an item is in before it, or is refused.
 *	W73	Nobody sleeps for ever beside what he waits for, whoever was killed.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_header_before_bytes: W70 */
/* MUT_place_freed_before_copy: W70 */
/* MUT_lock_taken_from_the_living: W71 */
/* MUT_no_mend: W71 */
/* MUT_get_committed_late: W71 */
/* MUT_end_without_lock: W72 */
/* MUT_no_second_look: W73 */
/* MUT_not_passed_on: W73 */
/* MUT_no_look_again: W73 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define IN   0
#define OUT  1
#define ITEMS 2
#define NOBODY 9

byte lock[2] = NOBODY;
bool dead[5];
bool kills, killed;
byte header;		/* of the one place: n + 1 of the record that is committed in it */
byte bytes = NOBODY;	/* what it holds */
byte in_n, out_n;
bool ended;

bool listens;	/* the getters' bell */
byte count;
bool asleep[4];

bool answered[ITEMS];	/* ghost: the put has answered 0 */
byte got[ITEMS];	/* ghost */
byte put_as[ITEMS];	/* ghost: what record n was to hold */
bool told[4];		/* ghost: the end */
bool through[4];

inline enter(e)
{
	do
	:: atomic { lock[e] == NOBODY -> lock[e] = me; break }
#ifdef MUT_lock_taken_from_the_living
	:: atomic { lock[e] != NOBODY && lock[e] != me -> lock[e] = me; break }
#else
	:: atomic { lock[e] != NOBODY && lock[e] != me && dead[lock[e]] ->
		lock[e] = me;
#ifndef MUT_no_mend
		if
		:: e == IN && header == in_n + 1 -> in_n++
		:: else
		fi;
#endif
		break }
#endif
	od
}

inline leave(e)
{
	lock[e] = NOBODY
}

/* Wake one who sleeps. */
inline ring()
{
	if
	:: atomic { listens -> listens = false; count = (count + 1) % 16 };
		atomic {
			if
			:: asleep[2] -> asleep[2] = false
			:: asleep[3] -> asleep[3] = false
			:: else
			fi
		}
	:: else
	fi
}

#define MAY_PUT (ended || in_n == out_n)
#define MAY_GET (ended || header == out_n + 1)

/* r: 0 done, 1 must wait, 2 ended */
inline put_now(v)
{
	enter(IN);
	if
	:: atomic { ended -> r = 2 }
	:: atomic { !ended && in_n != out_n -> r = 1 }
	:: atomic { !ended && in_n == out_n -> put_as[in_n] = v };
#ifdef MUT_header_before_bytes
		header = in_n + 1;
		bytes = v;
#else
		bytes = v;
		header = in_n + 1;
#endif
		atomic { in_n++; r = 0 }
	fi;
	leave(IN)
}

inline get_now()
{
	enter(OUT);
	was_ended = ended;
	if
	:: header == out_n + 1 ->
#ifdef MUT_place_freed_before_copy
		out_n++;
		v = bytes;
		atomic { W(70, v == put_as[out_n - 1]); got[v]++ };
#else
		v = bytes;
#ifdef MUT_get_committed_late
		atomic { got[v]++ };
		leave(OUT);
		enter(OUT);
		out_n++;
#else
		atomic { W(70, v == put_as[out_n]); out_n++; got[v]++ };
#endif
#endif
		W(71, got[v] == 1);
		r = 0
	:: else -> r = (was_ended -> 2 : 1)
	fi;
	atomic { was_ended = false; v = 0; lock[OUT] = NOBODY }
}

inline fall_asleep()
{
	atomic {
		if
		:: count == heard -> asleep[me] = true
		:: else
		fi
	};
#ifdef MUT_no_look_again
	!asleep[me];
#else
	if
	:: !asleep[me]
	:: atomic { timeout && killed && asleep[me] -> asleep[me] = false }
	fi;
#endif
	atomic { slept = true; heard = 0 }
}

inline pass_on()
{
#ifndef MUT_not_passed_on
	if
	:: slept && MAY_GET -> ring()
	:: else
	fi;
#endif
	slept = false
}

/* How a putter waits for room is left out: as a getter does for an item. */
inline put(v)
{
	do
	:: MAY_PUT ->
		put_now(v);
		if
		:: r != 1 -> break
		:: else
		fi
	od;
	if
	:: r == 0 -> ring(); answered[v] = true
	:: else
	fi;
	r = 0
}

proctype Putter(byte me; byte first; byte last)
{
	byte r, v = first;

	{
		do
		:: v <= last -> put(v); v++
		:: else -> break
		od;
		through[me] = true
	} unless { dead[me] }
}

proctype Getter(byte me)
{
	byte r, heard, v;
	bool slept, was_ended;

	{
		do
		:: get_now();
			do
			:: r == 1 ->
				atomic { listens = true; heard = count };
#ifndef MUT_no_second_look
				get_now();
				if
				:: r != 1 -> break
				:: else
				fi;
#endif
				fall_asleep();
#ifdef MUT_no_second_look
				get_now()
#endif
			:: else -> break
			od;
			if
			:: r == 2 -> told[me] = true
			:: else
			fi;
			pass_on();
			r = 0;
			if
			:: told[me] -> break
			:: else
			fi
		od;
		through[me] = true
	} unless { dead[me] }
}

/* Rings for all: each sleeper is woken by the ring of the one before, or by this. */
proctype Ender()
{
	byte me = 4;

	(through[0] || dead[0]) && (through[1] || dead[1]) || killed;
#ifdef MUT_end_without_lock
	ended = true;
#else
	enter(IN);
	ended = true;
	leave(IN);
#endif
	ring()
}

/* Of two that do the same, one.  The end then comes before the putters are through, too. */
proctype Killer()
{
	if
	:: atomic { kills && !through[0] -> dead[0] = true }
	:: atomic { kills && !through[2] -> dead[2] = true }
	:: skip
	fi;
	killed = dead[0] || dead[2]
}

#define STUCK(s) (asleep[s] && !dead[s])

active proctype Monitor()
{
	byte i = 0;

	atomic {
		if
		:: run Putter(0, 0, 0); run Putter(1, 1, 1); kills = true
		:: run Putter(0, 0, 1); run Getter(3); through[1] = true
		fi;
		run Getter(2);
		run Ender();
		run Killer()
	}
#ifdef MUT_no_look_again
	timeout;
#else
	timeout && !(killed && (STUCK(2) || STUCK(3)));
#endif
	W(73, !STUCK(2) && !STUCK(3));
	do
	:: i < ITEMS ->
		W(71, !answered[i] || got[i] == 1 || (header == out_n + 1 && bytes == i));
		i++
	:: else -> break
	od;
	W(72, !(told[2] || told[3]) || header != out_n + 1)
}
