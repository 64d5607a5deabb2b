/* process.pml - src/run/process.c, zygote_link.c and zygote.c: a process begins once and is told
 * ended once it is gone, whoever is killed; a signal reaches no stranger; who is asked to stop is
 * looked at.
 *
 * Players
 *	Zygote 1, 2	forks what it is told to, reaps; the first may be killed at any moment
 *	Child 1, 2	forked by the zygote of that number; killed with it, but not at once
 *	Hear		the program's thread: hears of ends, or finds the zygote dead
 *	Signal		tl_signal: opens a pidfd, looks at gone, sends
 *	Cancel		asks the process to stop, and rings the bell
 *	Others		fill the line with orders
 *	Monitor		looks when nothing moves any more
 *
 * What the model stands for.  Every step is one access to shared memory or one system call; memory
 * is sequentially consistent.  word is the launch record's: NEW and the number of the order, BEGUN,
 * LOST.  A pid is the child's until it is reaped, then any stranger's.  The line has room for ROOM
 * messages; after MANY orders, at most ROOM, the zygote looks at all of its own.
 *
 * Claims (CLAIMS.md has all of them)
 *	W60	The function of a process is called at most once, also if its zygote is killed.
 *	W61	When its end is told it runs no more, and its end is told.
 *	W62	A signal reaches it or nobody.
 *	W63	A process that is asked to stop is looked at, or has ended.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_one_number: W61 */
/* MUT_look_then_store: W60 */
/* MUT_not_awaited: W61 */
/* MUT_not_begun_again: W61 */
/* MUT_reaped_before_gone: W62 */
/* MUT_gone_before_open: W62 */
/* MUT_bell_only: W63 */
/* MUT_rings_before_asking: W63 */

#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define BEGUN 1
#define LOST 3
#define NEW 10 /* and the number of the order */
#define ROOM 2
#define MANY 2

#ifdef MUT_one_number
#define ORDER(k) NEW
#else
#define ORDER(k) (NEW + k)
#endif

mtype = { START, LOOK, OTHER };
chan line = [ROOM] of { mtype }; /* to the first zygote */
chan next = [1] of { mtype };	 /* to the second */
chan news = [1] of { bool };
byte word;
byte calls;	  /* ghost: how often the function was called ... */
byte inside;	  /* ... and how many are in it */
bool runs[3];	  /* the child of that zygote */
bool killed[3];	  /* it will take no further step soon */
bool exited[3];	  /* it waits to be reaped */
bool mortal, dead; /* the first zygote: it is to be killed; it was */
bool told;	  /* the end */
bool gone;
byte pid_of;	  /* whose the pid is: 1 the child's, 2 a stranger's; 0 nobody's */
bool asked, looked;

proctype Child(byte k)
{
	bool mine = false;

	/* A kill takes effect between two steps, sooner or later. */
	if
	:: killed[k] -> goto out
	:: true
	fi;
#ifdef MUT_look_then_store
	mine = (word == ORDER(k));
	if
	:: mine -> word = BEGUN
	:: else
	fi;
#else
	atomic {
		if
		:: word == ORDER(k) -> word = BEGUN; mine = true
		:: else
		fi
	}
#endif
	if
	:: mine ->
		atomic { calls++; inside++ };
		W(60, calls == 1);
		if
		:: true
		:: true -> looked || killed[k] /* it does not end by itself */
		fi;
		inside--
	:: else
	fi;
out:
	atomic { runs[k] = false; exited[k] = true }
}

proctype First()
{
	mtype m;
	byte orders = 0;

	do
	:: atomic { line?m ->
		if
		:: m == START -> runs[1] = true; pid_of = 1; run Child(1)
		:: else
		fi }
		orders++;
		if
#ifdef MUT_bell_only
		:: m == LOOK
#else
		:: m == LOOK || orders >= MANY
#endif
			-> orders = 0; looked = looked || asked
		:: else
		fi
	:: exited[1] && !gone && pid_of == 1 ->
#ifdef MUT_reaped_before_gone
		pid_of = 2;
		gone = true;
#else
		gone = true;
		pid_of = 2;
#endif
		news!true
	:: atomic { mortal -> dead = true; killed[1] = true; break } /* SIGKILL, at any moment */
	:: told -> break
	od
}

proctype Second()
{
	mtype m;

	if
	:: next?m ->
		atomic { runs[2] = true; run Child(2) };
		do
		:: exited[2] -> break
		:: asked && !looked -> looked = true /* by the same ways as the first */
		od;
		news!true
	:: told
	fi
}

proctype Hear()
{
	bool begun = false;

	if
	:: news?_
	:: dead && empty(news) ->
#ifdef MUT_not_begun_again
		skip;
#else
		atomic {
			if
			:: word == ORDER(1) -> word = LOST
			:: else -> begun = true
			fi
		}
		if
		:: begun ->
#ifndef MUT_not_awaited
			!runs[1];
#endif
			skip
		:: else ->
			word = ORDER(2);
			next!START;
			news?_
		fi
#endif
	fi;
	W(61, inside == 0 && (calls == 1 || dead));
	told = true
}

proctype Signal()
{
	byte whom;
#ifdef MUT_gone_before_open
	bool was = gone;

	whom = pid_of;
	if
	:: !was -> W(62, whom != 2)
	:: else
	fi
#else
	whom = pid_of; /* pidfd_open */
	if
	:: !gone -> W(62, whom != 2)
	:: else
	fi
#endif
}

inline ring()
{
	atomic {
		if
		:: nfull(line) -> line!LOOK
		:: full(line)
		fi
	}
}

proctype Cancel()
{
#ifdef MUT_rings_before_asking
	ring();
	asked = true
#else
	asked = true;
	ring()
#endif
}

proctype Others()
{
	byte n = 0;

	do
	:: n < 3 ->
		if
		:: line!OTHER; n++
		:: dead || told -> break
		fi
	:: else -> break
	od
}

proctype Monitor()
{
	timeout -> d_step {
		W(61, told);
		W(63, !asked || looked || dead || told)
	}
}

init {
	atomic {
		if
		:: mortal = true
		:: true
		fi;
		word = ORDER(1);
		line!START;
		run First();
		run Second();
		run Hear();
		run Signal();
		run Cancel();
		run Others();
		run Monitor()
	}
}
