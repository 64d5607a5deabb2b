/* Who frees what logging may look at waits until all have left who may be at it: G1 and G2 of
 * src/kit/log_gate.c. */
#include "check.h"
#include "kit/log.h"
#include "telar/scope.h"
#include <errno.h>
#include <sched.h>

/* One who gave up waiting has left somebody in the other hall: that one is waited for, too. */
TEST(G1_nobody_is_left_inside)
{
	unsigned first = gate_enter(), second;

	CHECK_EQ(gate_wait(TL_POLL), -EAGAIN);
	CHECK_EQ(gate_wait(tl_after(tl_ms(1))), -ETIMEDOUT);
	second = gate_enter();
	CHECK_EQ(gate_wait(TL_POLL), -EAGAIN);
	gate_leave(first);
	CHECK_EQ(gate_wait(TL_POLL), -EAGAIN);
	gate_leave(second);
	CHECK_EQ(gate_wait(TL_POLL), 0);
}

static _Atomic bool over;

static int come_and_go(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		unsigned pass = gate_enter();

		tl_yield();
		gate_leave(pass);
		sched_yield(); /* there may be one processor */
	}
	return 0;
}

TEST_LIMIT(G2_newcomers_do_not_keep_it_waiting, 60)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 6; i++)
		(i % 2 ? tl_task_start : tl_thread_start)(&s, come_and_go, NULL, NULL);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(gate_wait(TL_NEVER), 0);
	atomic_store(&over, true);
	CHECK_EQ(tl_scope_close(&s), 0);
}
