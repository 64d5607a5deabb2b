/* Tasks that wait on shared words in their loop's ring, without the bridge. */
#include "../run/strands.h"
#include "plat/linux.h"
#include "plat/plat.h"
#include "plat/poller.h"
#include "telar/shared.h"
#include "wait/wait.h"

static _Atomic uint32_t *word;
static _Atomic int returned;

static int wait_change(void *arg)
{
	int r = 0;

	(void)arg;
	while (r == 0 && atomic_load(word) == 0)
		r = word_wait(word, 0, "shared", word, TL_NEVER);
	atomic_fetch_add(&returned, r == 0);
	return r;
}

static long sleepers_woken(void) { return syscall(SYS_futex, word, FUTEX_WAKE, 1); }

static bool words_in_ring(void)
{
	struct poll_op op = { .kind = POLLER_WORD, .buf = (void *)word };
	struct poller *p;
	bool yes;

	CHECK_EQ(poller_open(&p), 0);
	yes = poller_arm(p, &op) == 0 && !poller_disarm(p, &op);
	poller_close(p);
	return yes;
}

/* A wait that was cancelled, by whichever means the system has, has taken no wake with it. */
TEST(a_cancelled_wait_takes_no_wake)
{
	tl_scope s = { 0 };
	tl_strand t[20];

	word = tl_shared(sizeof *word);
	tl_scope_open(&s);
	for (int i = 0; i < 20; i++)
		tl_task_start(&s, wait_change, NULL, &(tl_opts){ .ret = &t[i] });
	for (int i = 0; i < 20; i++)
		UNTIL(tl_state(t[i]) == TL_BLOCKED);
	CHECK_EQ(plat_thread_helpers(), words_in_ring() ? 0 : 1);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned, 0);
	if (words_in_ring())
		CHECK_EQ(sleepers_woken(), 0);
}

/* The word stays as it is: else a task whose wait has not reached the kernel yet leaves without a
 * wake. */
static int wait_once(void *arg)
{
	int r = word_wait(word, 0, "shared", word, TL_NEVER);

	(void)arg;
	atomic_fetch_add(&returned, r == 0);
	return r;
}

static int wake_in_bits(void *arg)
{
	(void)arg;
	for (int n = 0; n < 20;) {
		n += (int)sleepers_woken();
		tl_yield();
	}
	return 0;
}

TEST(each_wake_is_for_one)
{
	tl_scope s = { 0 };
	tl_strand t[20];

	word = tl_shared(sizeof *word);
	if (!words_in_ring())
		return; /* the bridge takes many wakes at once */
	tl_scope_open(&s);
	for (int i = 0; i < 20; i++)
		tl_task_start(&s, wait_once, NULL, &(tl_opts){ .ret = &t[i] });
	for (int i = 0; i < 20; i++)
		UNTIL(tl_state(t[i]) == TL_BLOCKED);
	tl_thread_start(&s, wake_in_bits, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned, 20);
}
