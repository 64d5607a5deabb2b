/* Stacks: how many there may be, what they cost, and that their memory goes back. */
#include "check.h"
#include "plat/plat.h"
#include "plat/switch.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <telar.h>

static long resident(void) /* bytes */
{
	FILE *f = fopen("/proc/self/statm", "r");
	long whole, pages;

	CHECK(f != NULL);
	CHECK_EQ(fscanf(f, "%ld %ld", &whole, &pages), 2);
	fclose(f);
	return pages * (long)plat_page();
}

static int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	CHECK(f != NULL);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static int parked;

static int sleeper(void *arg)
{
	(void)arg;
	parked++;
	return tl_sleep_until(TL_NEVER);
}

static void park(tl_scope *s, int n)
{
	parked = 0;
	tl_scope_open(s);
	for (int i = 0; i < n; i++)
		CHECK_EQ(tl_task_start(s, sleeper, NULL, NULL), 0);
	while (parked < n)
		tl_yield();
}

static void end(tl_scope *s)
{
	tl_scope_cancel(s);
	CHECK_EQ(tl_scope_close(s), 0);
}

#define PLAIN_ONLY (SANITIZED ? SKIP("the sanitizer's own memory hides what stacks cost") : (void)0)

static void guard_without_mapping(void)
{
	size_t page = plat_page();
	char *p = plat_reserve(3 * page);
	int before;

	CHECK(p != NULL);
	CHECK_EQ(plat_open(p, 3 * page), 0);
	before = mappings();
	if (plat_guard(p + page, page) < 0)
		SKIP("this system refuses guards");
	if (mappings() != before)
		SKIP("this system has no MADV_GUARD_INSTALL: each guard is a mapping");
}

#ifdef __OPTIMIZE__
enum { PAGES_EACH = 1 };
#else
enum { PAGES_EACH = 2 };
#endif

static void many(int n)
{
	tl_scope s = { 0 };
	long before;

	PLAIN_ONLY;
	guard_without_mapping();
	before = resident();
	park(&s, n);
	CHECK(mappings() < 2000);
	/* A page of stack, 128 bytes of record, a place among the timers.  Some use two pages, and
	 * all may where frames are as large as without optimisation. */
	CHECK((resident() - before) / n < PAGES_EACH * (long)plat_page() + 400);
	end(&s);
}

/* Were each guard a mapping, the default limit of 65,530 would end this below 33,000. */
TEST_LIMIT(more_than_there_may_be_mappings, 60) { many(70000); }
TEST_LONG(a_million, 300) { many(1000000); }

TEST(memory_of_the_ended_goes_back)
{
	enum { N = 20000 };
	tl_scope s = { 0 };
	long before, full;

	PLAIN_ONLY;
	CHECK_EQ(tl_checkpoint(), 0);
	before = resident();
	park(&s, N);
	full = resident();
	CHECK(full - before > N * (long)plat_page());
	end(&s);
	CHECK(resident() - before < (full - before) / 2); /* records and warm stacks stay */
}

/* -- what is written on a stack stays, and a used stack serves again */

enum { WORDS = 300 };

static int keep(void *arg)
{
	volatile uintptr_t mine[WORDS];

	for (int i = 0; i < WORDS; i++)
		mine[i] = (uintptr_t)arg * WORDS + (uintptr_t)i;
	for (int turn = 0; turn < 3; turn++)
		tl_yield();
	for (int i = 0; i < WORDS; i++)
		CHECK_EQ(mine[i], (uintptr_t)arg * WORDS + (uintptr_t)i);
	return 0;
}

static int keepers(void *arg)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (uintptr_t i = 0; i < AT_ONCE(12000) / 4; i++)
		tl_task_start(&s, keep, (void *)(i + (uintptr_t)arg), NULL);
	return tl_scope_close(&s);
}

/* Three thousand at once: past what thread and pool keep warm, so cold ones come back too; and
 * from threads that end, whose caches go to the pool. */
TEST_LIMIT(stacks_are_apart_and_serve_again, 60)
{
	tl_scope s = { 0 };

	for (uintptr_t round = 0; round < 3; round++) {
		tl_scope_open(&s);
		for (uintptr_t i = 0; i < 3; i++)
			tl_thread_start(&s, keepers, (void *)(i * 10000), NULL);
		CHECK_EQ(keepers((void *)(round * 7)), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

/* -- a program that locks all its memory */

TEST(locked_memory_is_not_filled_with_stacks)
{
	enum { ROOM = 512 << 20 };
	tl_scope s = { 0 };
	void *room;
	long before;

	PLAIN_ONLY;
	guard_without_mapping();
	CHECK_EQ(tl_checkpoint(), 0);
	if (mlockall(MCL_FUTURE) < 0)
		SKIP("mlockall is refused here");
	if (!(room = plat_reserve(ROOM)))
		SKIP("so much memory may not be locked here");
	plat_release(room, ROOM);
	before = resident();
	park(&s, 1000);
	CHECK(resident() - before < 32 << 20); /* four arenas whole would be 260 MiB */
	end(&s);
}

static int overflow(void *arg)
{
	volatile char frame[256];

	frame[0] = 1;
	return arg ? overflow((char *)arg + 1) + frame[0] : 0;
}

static void dies_in_the_guard(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		tl_scope s = { 0 };

		signal(SIGSEGV, SIG_DFL);
		tl_scope_open(&s);
		tl_task_start(&s, overflow, &s, NULL);
		_exit(tl_scope_close(&s) == 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

/* Stacks that were made before all was locked, too: their neighbours get guards of another kind. */
TEST(guards_in_locked_memory)
{
	tl_scope s = { 0 };

	PLAIN_ONLY;
	park(&s, 10);
	end(&s);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		SKIP("mlockall is refused here");
	park(&s, 500);
	dies_in_the_guard();
	end(&s);
	dies_in_the_guard();
}
