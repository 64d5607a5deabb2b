/* deque.pml - the deque of .anywhere tasks (src/run/work.c).
 *
 * Players
 *	Owner		puts tasks in, takes the youngest back, takes old ones under the lock
 *	Thief 0, 1	take up to MOST of the oldest, under the lock
 *	Buffer		lets the owner's delayed store of tail become visible, at any time or never
 *
 * What the model stands for.  The owner's processor may delay its store of a lower tail past its
 * load of head: late is that store.  (Its store of a higher tail, at a push, publishes an entry and
 * is a release: it comes after the entry and after all before; delaying it more hides the entry
 * only.)  The heavy barrier makes a delayed store visible.  The ring is so small that it wraps.
 *
 * Claims (CLAIMS.md has all of them)
 *	W26	Each task is taken exactly once.
 *	W27	An entry is not written over before it was read: whoever takes gets the task that lay
 *		there.
 *
 * Mutations, each of which must break the claim it names
 */
/* MUT_no_heavy: W26 */
/* MUT_owner_trusts: W26 */
/* MUT_thief_keeps: W26 */
/* MUT_head_first: W26 */
/* MUT_two_thieves: W26 */
/* MUT_end_unlocked: W26 */
/* MUT_no_slack: W27 */
/* MUT_read_first: W27 */

#ifdef ONLY
#define W(n, e) assert((e) || n != ONLY)
#else
#define W(n, e) assert(e)
#endif

#define TASKS 4
#define MOST  2
#ifdef MUT_no_slack
#define ROOM 2
#define SLACK 0
#else
#define ROOM 4
#define SLACK MOST
#endif

byte head, tail;	/* as others see them */
byte mine;		/* tail as its owner knows it */
bool late;		/* mine is not yet in tail */
bool lk;
byte ring[ROOM];
byte taken[TASKS + 1];	/* ghost, by task; 0 is none */
byte lies[12];		/* ghost: which task was put at an index last */
byte left;		/* ghost: put and not taken */

inline got(task, index)
{
	d_step {
		W(27, task == lies[index]);
		taken[task]++;
		W(26, taken[task] == 1);
		left--
	}
}

inline settle() /* a read-modify-write, or a store that comes after */
{
	d_step { late = false; tail = mine }
}

#ifdef MUT_two_thieves
#define LOCK skip
#else
#define LOCK atomic { !lk -> lk = true }
#endif

active proctype Owner()
{
	byte put, task, h;

	do
	:: put < TASKS && mine + SLACK - head < ROOM ->
		put++;
		ring[mine % ROOM] = put;
		d_step { lies[mine] = put; left++; mine++; late = false; tail = mine }
	:: mine > head -> /* the youngest, back */
		task = ring[(mine - 1) % ROOM];
#ifdef MUT_head_first
		h = head;
#endif
		d_step { mine--; late = true };
#ifndef MUT_head_first
		h = head;
#endif
		if
		:: h <= mine -> got(task, mine)
#ifdef MUT_owner_trusts
		:: else -> got(task, mine)
#else
		:: else ->
			atomic { !lk -> lk = true; late = false; tail = mine };
			if
			:: head <= mine -> got(task, mine)
			:: else -> mine++; tail = mine
			fi;
			lk = false
#endif
		fi
	:: mine > head || put == TASKS -> /* the oldest, under the lock; none: it may end */
		atomic { !lk -> lk = true; late = false; tail = mine };
		if
		:: head < mine -> got(ring[head % ROOM], head); head++; lk = false
		:: head >= mine ->
			lk = false;
			if :: put == TASKS -> break :: put < TASKS -> skip fi
		fi
#ifdef MUT_end_unlocked
	:: put == TASKS && mine <= head -> break
#endif
	od
}

proctype Thief()
{
	byte n, was, seen, i;
	byte loot[MOST];

	LOCK;
	was = head;
	n = tail;
	if
	:: n > was ->
		n = n - was;
		if :: n > MOST -> n = MOST :: else -> skip fi;
#ifdef MUT_read_first
		i = 0;
		do :: i < n -> loot[i] = ring[(was + i) % ROOM]; i++ :: else -> break od;
#endif
		head = was + n;
#ifndef MUT_no_heavy
		settle();
#endif
#ifndef MUT_thief_keeps
		seen = tail;
		if
		:: seen <= was -> n = 0
		:: seen > was && seen - was < n -> n = seen - was
		:: else -> skip
		fi;
#endif
		i = 0;
		do
		:: i < n ->
#ifndef MUT_read_first
			loot[i] = ring[(was + i) % ROOM];
#endif
			got(loot[i], was + i);
			i++
		:: else -> break
		od;
		head = was + n
	:: else -> skip
	fi;
	lk = false
}

active proctype Buffer()
{
end:	do
	:: atomic { late -> late = false; tail = mine }
	od
}

init
{
	run Thief();
	run Thief();
}

active proctype Monitor()
{
	timeout;
	W(26, left == 0)
}
