/* The records of strands: each is one strand's at a time, and a crowd that ended in disorder leaves
 * none to the next. */
#include "run/run.h"
#include "strands.h"
#include <sys/wait.h>

enum { N = 40000, CACHED = 256 }; /* more than two slabs; a thread keeps so many */
static struct strand *taken[N];

static uint32_t number_of(const struct strand *s) { return (uint32_t)s->id & 0xffffff; }
static uint32_t number(int i) { return number_of(taken[i]); }

static void take_all(void)
{
	static bool mine[1 << 24];

	memset(mine, 0, sizeof mine);
	for (int i = 0; i < N; i++) {
		CHECK((taken[i] = slot_take()) != NULL);
		CHECK(number(i) > 0 && number(i) < slot_count());
		CHECK(slot_at(number(i)) == taken[i]);
		CHECK(!mine[number(i)]);
		mine[number(i)] = true;
	}
}

static void give_all(void)
{
	unsigned seed = 12345;

	for (int i = N; i > 0; i--) {
		seed = seed * 1103515245 + 12345;
		int k = (int)((seed >> 8) % (unsigned)i);

		slot_give(taken[k]);
		taken[k] = taken[i - 1];
	}
}

static int descents(void)
{
	int n = 0;

	for (int i = 1; i < N; i++)
		n += number(i) < number(i - 1);
	return n;
}

TEST(records_come_in_the_order_of_their_addresses)
{
	uint32_t slots;

	tl_self();
	take_all();
	CHECK(descents() <= 1); /* where those end that were there before */
	slots = slot_count();
	for (int round = 0; round < 3; round++) {
		give_all();
		take_all();
		CHECK(descents() <= CACHED + 1); /* but for the warm ones, which come first */
		CHECK(slot_count() < slots + CACHED);
	}
}

static int take_and_give(void *arg)
{
	_Atomic bool *mine = arg;
	struct strand *s[8];

	for (int i = 0; i < 20000; i++) {
		for (int k = 0; k < 8; k++) {
			CHECK((s[k] = slot_take()) != NULL);
			CHECK(!atomic_exchange(&mine[number_of(s[k])], true));
		}
		for (int k = 0; k < 8; k++) {
			atomic_store(&mine[number_of(s[(k + i) % 8])], false);
			slot_give(s[(k + i) % 8]);
		}
		if (i % 3 == 0)
			slot_flush();
	}
	return 0;
}

TEST_LIMIT(threads_never_have_the_same_record, 60)
{
	static _Atomic bool mine[1 << 24];
	tl_scope s = { 0 };

	tl_self();
	take_all();
	give_all();
	slot_flush();
	tl_scope_open(&s);
	for (int i = 0; i < 4; i++)
		tl_thread_start(&s, take_and_give, (void *)mine, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(the_child_of_a_fork_has_the_spare_ones_too)
{
	uint32_t slots;
	int status = -1;
	pid_t pid;

	tl_self();
	take_all();
	slots = slot_count();
	give_all();
	pid = fork();
	if (pid == 0) {
		take_all();
		CHECK(slot_count() < slots + CACHED);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}
