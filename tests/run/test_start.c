/* Starting: the copy of the argument, options, stacks. */
#include "strands.h"
#include <pthread.h>
#include <stdint.h>

struct big {
	char bytes[5000];
	int n;
};

static _Atomic int sum;

static int add(void *arg)
{
	struct big *b = arg;

	CHECK_EQ((uintptr_t)arg % _Alignof(max_align_t), 0);
	atomic_fetch_add(&sum, b->n);
	b->n = -1; /* its own */
	return 0;
}

TEST(copy_is_the_strands_own)
{
	static struct big b;
	tl_opts o = { .copy = sizeof b };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (b.n = 1; b.n <= 100; b.n++)
		CHECK_EQ((b.n % 10 ? tl_task_start : tl_thread_start)(&s, add, &b, &o), 0);
	CHECK_EQ(b.n, 101);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(sum, 5050);
}

static void refused(start_fn *how, tl_fn *fn, void *arg, tl_opts o, int expected)
{
	tl_scope s = { 0 };
	tl_strand t = { 99 };
	tl_end end;

	o.ret = &t;
	tl_scope_open(&s);
	CHECK_EQ(how(&s, fn, arg, &o), expected);
	CHECK_EQ(t.id, 0);
	CHECK_EQ(tl_join(t, &end, TL_POLL), -ESRCH);
	CHECK_EQ(tl_scope_close(&s), expected == -ECANCELED ? 0 : expected);
}

static char said[200];
static int n_said;

static void note_report(const tl_report *r, void *arg)
{
	(void)arg;
	CHECK_EQ(r->kind, TL_R_MISUSE);
	n_said++;
	snprintf(said, sizeof said, "%s", r->text);
}

/* Refused, and the report and the scope's failure say for what. */
static void senseless(start_fn *how, tl_fn *fn, void *arg, tl_opts o, const char *option)
{
	tl_scope s = { .max_failures = 1 };
	int before = n_said;
	tl_failure f;

	s.failures = &f;
	tl_on_report(note_report, NULL);
	refused(how, fn, arg, o, -EINVAL);
	CHECK_EQ(n_said, before + 1);
	tl_scope_open(&s);
	CHECK_EQ(how(&s, fn, arg, &o), -EINVAL);
	CHECK_EQ(tl_scope_close(&s), -EINVAL);
	CHECK_EQ(s.n_failures, 1);
	CHECK_EQ(f.strand.id, tl_self().id);
	CHECK(strstr(f.why, option) != NULL);
	CHECK(strstr(said, f.why) != NULL);
}

TEST(options_that_make_no_sense)
{
	start_fn *both[] = { tl_task_start, tl_thread_start };
	int x = 0;

	for (int i = 0; i < 2; i++) {
		senseless(both[i], NULL, NULL, (tl_opts){ 0 }, "no function");
		senseless(both[i], answer, NULL, (tl_opts){ .copy = 4 }, ".copy");
		senseless(both[i], answer, &x, (tl_opts){ .copy = SIZE_MAX }, ".copy");
		senseless(both[i], answer, &x, (tl_opts){ .at = TL_POLL }, ".at");
		senseless(both[i], answer, &x, (tl_opts){ .every = tl_ns(-1) }, ".every");
		senseless(both[i], answer, &x, (tl_opts){ .slack = tl_ns(-1) }, ".slack");
		senseless(both[i], answer, &x, (tl_opts){ .missed = TL_DELAY }, ".missed");
		senseless(both[i], answer, &x, (tl_opts){ .stack = SIZE_MAX }, ".stack");
		senseless(both[i], answer, &x, (tl_opts){ .process = (void *)&x }, ".process");
		senseless(both[i], answer, &x, (tl_opts){ .slack = tl_ms(1) }, ".slack");
	}
	senseless(tl_task_start, answer, &x, (tl_opts){ .every = tl_ms(1), .missed = TL_DELAY + 1 },
		".missed");
}

TEST(options_of_another_kind)
{
	tl_thread_opts thread = { 0 };
	tl_time at = tl_after(tl_ms(1));
	int x = 0;

	senseless(tl_task_start, answer, &x, (tl_opts){ .thread = &thread }, ".thread");
	senseless(tl_thread_start, answer, &x, (tl_opts){ .every = tl_ms(1) }, ".every");
	senseless(tl_thread_start, answer, &x, (tl_opts){ .at = at, .slack = tl_ms(1) }, ".slack");
	senseless(tl_thread_start, answer, &x, (tl_opts){ .anywhere = true }, ".anywhere");
}

TEST(thread_options_that_make_no_sense)
{
	cpu_set_t set;
	tl_thread_opts odd[] = { { .cpus = &set }, { .cpus_size = sizeof set }, { .nice = 20 },
		{ .nice = -21 }, { .reserved = { 0, 0, 0, 1 } } };
	int x = 0;

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		senseless(tl_thread_start, answer, &x, (tl_opts){ .thread = &odd[i] }, ".thread");
}

/* D7: a failed start is also a failure of the scope */
TEST(a_failed_start_fails_the_scope_and_cancels_siblings)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_on_report(note_report, NULL);
	tl_scope_open(&s);
	t = start(tl_task_start, &s, forever, NULL);
	CHECK_EQ(tl_task_start(&s, NULL, NULL, NULL), -EINVAL);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_task_start(&s, answer, NULL, NULL), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), -EINVAL);
}

TEST(an_impossible_stack_is_a_failure)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, answer, NULL, &(tl_opts){ .stack = SIZE_MAX / 8 });
	CHECK_EQ(tl_scope_close(&s), -ENOMEM);
	s = (tl_scope){ 0 };
	tl_scope_open(&s);
	CHECK(tl_thread_start(&s, answer, NULL, &(tl_opts){ .stack = SIZE_MAX / 8 }) < 0);
	CHECK(tl_scope_close(&s) < 0);
}

/* -- stacks */

/* Each frame is read by the one below, so that they cannot be folded into one. */
static __attribute__((noinline)) int deep(size_t bytes, const volatile char *above)
{
	volatile char here[1024];

	here[0] = (char)bytes;
	here[1023] = above[1023];
	return bytes <= sizeof here ? here[1023]
				    : deep(bytes - sizeof here - 64, here) + here[1023] - 1;
}

static int use_stack(void *arg)
{
	volatile char first[1024];

	first[1023] = 1;
	return deep(*(size_t *)arg, first) == 1 ? 0 : -EFAULT;
}

TEST(a_task_has_its_256_KiB)
{
	size_t use = (SANITIZED ? 160 : 245) * 1024;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 100; i++) /* also on recycled stacks */
		tl_task_start(&s, use_stack, &use, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(stacks_of_other_sizes)
{
	size_t big = (SANITIZED ? 10 : 15) << 20, small = 6 << 10;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 50; i++) {
		tl_task_start(&s, use_stack, &big, &(tl_opts){ .stack = 16 << 20 });
		tl_task_start(&s, use_stack, &small, &(tl_opts){ .stack = 16 << 10 });
		tl_task_start(&s, use_stack, &small, NULL);
	}
	tl_thread_start(&s, use_stack, &big, &(tl_opts){ .stack = 16 << 20 });
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int overflow(void *arg)
{
	size_t use = 1 << 20;

	(void)arg;
	return use_stack(&use);
}

static void overflows(size_t stack)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		tl_scope s = { 0 };

		signal(SIGSEGV, SIG_DFL);
		tl_scope_open(&s);
		tl_task_start(&s, overflow, NULL, &(tl_opts){ .stack = stack });
		tl_task_start(&s, overflow, NULL, &(tl_opts){ .stack = stack });
		_exit(tl_scope_close(&s) == 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(an_overflow_hits_the_guard)
{
	overflows(0);
	overflows(65536);
}

static int one_cpu(void *arg)
{
	cpu_set_t set;

	CHECK_EQ(pthread_getaffinity_np(pthread_self(), sizeof set, &set), 0);
	CHECK_EQ(CPU_COUNT(&set), 1);
	return CPU_ISSET(*(int *)arg, &set) ? 0 : -EINVAL;
}

TEST(a_thread_runs_where_it_is_told)
{
	cpu_set_t set, mine;
	tl_thread_opts thread = { .cpus = &set, .cpus_size = sizeof set };
	tl_scope s = { 0 };
	int cpu = 0;

	CHECK_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
	while (!CPU_ISSET(cpu, &mine))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, one_cpu, &cpu, &(tl_opts){ .thread = &thread }), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}
