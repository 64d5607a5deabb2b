/* pipe_fd.pml - src/talk/pipe_fd.c: descriptors from hand to hand between processes, some of which
 * are killed or give up.
 *
 * Players
 *	Receiver 1	receives one; may be cancelled, or killed while it waits
 *	Receiver 2	receives one
 *	Sender 1	sends one; may be killed at any moment
 *	Sender 2	sends one; a put may fail once
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  Every step is one access to shared memory or one system call; memory
 * is sequentially consistent.  A place holds 0, a receiver's key, or the number of the sender that
 * has claimed the offer.  A box takes what is put until it is sealed or closed.  Bells are taken for
 * granted (W73), and that a receiver looks again from time to time: who waits goes on when what he
 * waits for is so, and receiver 2 once before.
 *
 * Claims (CLAIMS.md has all of them)
 *	W100	A receiver answers success exactly if one was put into its box.
 *	W101	No box gets two.
 *	W102	No receiver waits for ever beside a sender that does.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_not_sealed: W100 */
/* MUT_look_then_seal: W100 */
/* MUT_not_claimed: W101 */
/* MUT_box_before_offer: W101 */
/* MUT_claims_are_void: W101 */
/* MUT_dead_claims_hold: W102 */
/* MUT_offers_once: W102 */

#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define PLACES 2
#define KEY(r) (10 + r)
#define NOWHERE PLACES

byte place[PLACES];
byte box[3];			  /* what lies in each receiver's */
bool is_open[3], sealed[3];
bool sender_dead[3], receiver_dead[3];
byte puts[3], came[3];		  /* ghosts */
bool receives[3], sends[3];	  /* ghosts: still at it */

#define IS_CLAIM(v) (v && v < KEY(0))
#ifdef MUT_claims_are_void
#define AT_WORK(v) false
#else
#ifdef MUT_dead_claims_hold
#define AT_WORK(v) IS_CLAIM(v)
#else
#define AT_WORK(v) (IS_CLAIM(v) && !sender_dead[v])
#endif
#endif
#define FREE(v) (v == 0 || (v == 1 && sender_dead[1]) || (v == KEY(1) && receiver_dead[1]))
#ifdef MUT_offers_once
#define OFFERED(r) true
#else
#define OFFERED(r) (place[at] == KEY(r) || AT_WORK(place[at]))
#endif

inline take(r)
{
	atomic {
		if
		:: box[r] -> box[r]--; came[r]++
		:: else
		fi
	}
}

proctype Receiver(byte r)
{
	byte at = NOWHERE;
	bool offered, early = true;

	do
	::
#ifdef MUT_box_before_offer
		take(r);
		offered = at != NOWHERE && OFFERED(r);
#else
		offered = at != NOWHERE && OFFERED(r);
		take(r);
#endif
		if
		:: came[r] -> break
		:: else
		fi;
		if
		:: offered
		:: else ->
			if
			:: atomic { FREE(place[0]) -> place[0] = KEY(r); at = 0 }
			:: atomic { FREE(place[1]) -> place[1] = KEY(r); at = 1 }
			fi
		fi;
		offered = false;
end_waits:
		if
		:: box[r] || !OFFERED(r)
		:: r == 2 && early -> early = false /* it is time to look */
		:: r == 1 -> break /* cancelled */
		:: atomic { r == 1 -> receiver_dead[1] = true; is_open[1] = false; goto gone }
		fi
	od;
	atomic {
		if
		:: at != NOWHERE && place[at] == KEY(r) -> place[at] = 0
		:: else
		fi
	}
	if
	:: came[r]
	:: else ->
#ifdef MUT_look_then_seal
		take(r);
		sealed[r] = true
#else
#ifndef MUT_not_sealed
		sealed[r] = true;
#endif
		take(r)
#endif
	fi;
	is_open[r] = false;
	W(100, came[r] == puts[r]);
gone:
	receives[r] = false
}

proctype Sender(byte s)
{
	byte p, key;
	bool done, fails = (s == 2);

end_waits:
	do
	:: done -> break
	:: atomic {
		!done && (place[0] >= KEY(0) || place[1] >= KEY(0)) ->
		if
		:: place[0] >= KEY(0) -> p = 0
		:: place[1] >= KEY(0) -> p = 1
		fi;
		key = place[p] }
		atomic {
			if
			:: place[p] == key ->
#ifndef MUT_not_claimed
				place[p] = s
#endif
			:: else -> key = 0
			fi
		}
		if
		:: key == 0
		:: else ->
			if
			:: s == 1 -> goto dead
			:: fails -> fails = false; place[p] = key
			:: true ->
				atomic {
					if
					:: is_open[key - KEY(0)] && !sealed[key - KEY(0)] ->
						box[key - KEY(0)]++;
						puts[key - KEY(0)]++;
						W(101, puts[key - KEY(0)] == 1);
						done = true
					:: else
					fi
				}
				if
				:: s == 1 -> goto dead
				:: place[p] = 0
				fi
			fi
		fi;
		atomic { p = 0; key = 0 }
	od;
dead:
	atomic { sender_dead[s] = !done || place[p] == s; sends[s] = false }
}

init
{
	atomic {
		is_open[1] = true;
		is_open[2] = true;
		receives[1] = true;
		receives[2] = true;
		sends[1] = true;
		sends[2] = true;
		run Receiver(1);
		run Receiver(2);
		run Sender(1);
		run Sender(2)
	}
	timeout ->
	W(102, !((receives[1] || receives[2]) && (sends[1] || sends[2])))
}
