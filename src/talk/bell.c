/* bell.c - listening and ringing across processes; see bell.h.
 *
 * The word is the futex that is slept on, in the shared window.  Who rings takes the mark of
 * listening away and counts in one step, so a sleeper that looked before it does not fall asleep
 * after it. */
#include "talk/bell.h"
#include "run/run.h"
#include <errno.h>

int bell_wait(
	struct bell *b, uint32_t heard, const char *what, const void *object, tl_time deadline)
{
	struct loop *l = strand_self()->loop;
	int64_t from = plat_now(), look = from + BELL_LOOK_AGAIN_NS;
	bool mine = deadline.ns && deadline.ns <= look;
	int r = word_wait(&b->word, heard, what, object, mine ? deadline : (tl_time){ look });

	if (r == 0 && atomic_load_explicit(&b->word, memory_order_relaxed) == heard)
		return BELL_SILENT;
	if (r == 0)
		watch_told(l, from, atomic_load_explicit(&b->rung_at, memory_order_relaxed),
			atomic_load_explicit(&b->rung_on, memory_order_relaxed));
	return r == -ETIMEDOUT && !mine ? BELL_SILENT : r;
}

void bell_call(struct bell *b, int n)
{
	uint32_t w = atomic_load_explicit(&b->word, memory_order_relaxed);

	hostile_pause();
	do
		if (!(w & BELL_LISTENS))
			return;
	while (!atomic_compare_exchange_weak_explicit(&b->word, &w, (w & ~BELL_LISTENS) + BELL_ONE,
		memory_order_seq_cst, memory_order_relaxed));
	atomic_store_explicit(&b->rung_on, plat_cpu(), memory_order_relaxed);
	atomic_store_explicit(&b->rung_at, plat_now(), memory_order_relaxed);
	word_wake(&b->word, b, n);
}
