/* loop.pml - how a strand gets back to its loop from another thread, and the loop to sleep.
 *
 * Players
 *	Loop		one thread after the other in the same slot: the first waits for strands 1
 *			and 2, strand 1 twice, and ends; the next one waits for strand 3
 *	Waker 1, 2, 3	make strand 1 (twice), 2 and 3 ready from other threads
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  head and next[] are the inbox: pushed onto by CAS, taken whole by one
 * exchange.  `sleeping` is the loop's flag.  Both ways to sleep are explored: futex (sleeps only
 * while the flag still holds 1) and poller (an eventfd, `event`, whose count stays until it is
 * read).  The loop may also come back by itself, once: a timer, I/O, EINTR.
 *
 * Claims (CLAIMS.md has all of them)
 *	W12	Every push is run exactly once: none is lost, none twice.
 *	W13	A loop never sleeps beside a full inbox.
 *	W14	No one touches a loop that is gone: the strand that was pushed may end its thread
 *		before the pusher has looked at `sleeping`, so loop slots are recycled, never freed,
 *		and keep their eventfd.
 *	W15	A kick proves nothing: one that comes late, even to the next thread in the slot, is
 *		harmless.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_push_is_a_store: W12 */
/* MUT_take_in_two_steps: W12 */
/* MUT_take_one: W12 */
/* MUT_no_recheck: W13 */
/* MUT_check_before_flag: W13 */
/* MUT_look_before_push: W13 */
/* MUT_kick_without_clear: W13 */
/* MUT_free_the_loop: W14 */
/* MUT_kick_means_work: W15 */
/* MUT_sleep_on_unarmed: W13 */

/* a claim as an assertion; to test a mutation only the claim that it must break is looked at */
#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

/* the slot */
byte head;	  /* the inbox; 0 is empty */
byte next[4];	  /* in the strand */
byte sleeping;	  /* the flag */
bool event;	  /* the eventfd */
bool asleep;	  /* in the kernel, on the futex */
bool there = true; /* ghost: the slot's memory */

bool by_futex;	  /* which way to sleep */
bool parked;	  /* ghost: sleeps now */
byte life;	  /* ghost: 1 the first thread, 2 the next one, 3 both have ended */
byte pushed[4], ran[4];

inline touch()
{
	W(14, there)
}

inline push(s)
{
	byte h;

#ifdef MUT_push_is_a_store
	touch();
	h = head;
	next[s] = h;
	d_step { head = s; pushed[s]++ }
#else
	do
	:: touch();
		h = head;
		next[s] = h;
		if
		:: atomic { head == h -> head = s; pushed[s]++ }; break
		:: else
		fi
	od;
	skip
#endif
}

inline kick()
{
	if
	:: by_futex -> asleep = false
	:: else -> event = true
	fi
}

inline make_ready(s)
{
	byte old;

#ifdef MUT_look_before_push
	old = sleeping;
	push(s);
#else
	push(s);
	d_step { touch(); old = sleeping };
#endif
	if
	:: old == 1 ->
#ifndef MUT_kick_without_clear
		d_step { touch(); old = sleeping; sleeping = 0 };
#endif
		if
		:: old == 1 -> touch(); kick()
		:: else
		fi
	:: else
	fi
}

proctype Waker1()
{
	life == 1;
	make_ready(1);
	ran[1] == 1; /* it blocks again, and is found blocked */
	make_ready(1)
}

proctype Waker(byte s; byte l)
{
	life == l;
	make_ready(s)
}

/* Takes the inbox whole and runs what is in it. */
inline take_and_run()
{
#ifdef MUT_take_in_two_steps
	h = head;
	head = 0;
#else
	d_step { h = head; head = 0 };
#endif
	do
	:: h == 0 -> break
	:: else ->
		n = next[h];
		d_step {
			ran[h]++;
			W(12, ran[h] <= pushed[h])
		};
#ifdef MUT_take_one
		break;
#endif
		h = n
	od
}

proctype Loop()
{
	byte h, n;
	bool stray = true; /* comes back by itself, once */

	life = 1;
	do
	:: 	take_and_run();
		if
		:: life == 1 && ran[1] == 2 && ran[2] == 1 ->
			/* the first thread ends, the next one finds the slot */
#ifdef MUT_free_the_loop
			there = false;
#endif
			life = 2
		:: life == 2 && ran[3] == 1 -> break
		:: else ->
#ifdef MUT_check_before_flag
			n = head;
			sleeping = 1;
#else
			sleeping = 1;
#ifdef MUT_no_recheck
			n = 0;
#else
			n = head;
#endif
#endif
			if
			:: n != 0 -> sleeping = 0
			:: else ->
sleep:
				if
				:: by_futex ->
					if
					:: atomic { sleeping == 1 -> asleep = true; parked = true };
end_futex:
						if
						:: atomic { !asleep -> parked = false }
						:: atomic { stray -> stray = false; asleep = false;
							parked = false }
						fi
					:: else
					fi
				:: else ->
					parked = true;
end_poll:
					if
					:: atomic { event -> event = false; parked = false }
					:: atomic { stray -> stray = false; parked = false }
					fi
				fi;
#ifdef MUT_sleep_on_unarmed
				if
				:: head == 0 -> goto sleep
				:: else
				fi;
#endif
#ifdef MUT_kick_means_work
				W(15, head != 0);
#endif
				sleeping = 0
			fi
		fi
	od;
	life = 3
}

proctype Monitor()
{
	timeout ->
	d_step {
		W(13, !(parked && head != 0));
		W(12, ran[1] == pushed[1] && ran[2] == pushed[2] && ran[3] == pushed[3]);
		W(12, life == 3)
	}
}

init {
	atomic {
		if
		:: by_futex = true
		:: by_futex = false
		fi;
		run Loop();
		run Waker1();
		run Waker(2, 1);
		run Waker(3, 2);
		run Monitor()
	}
}
