/* tl_crash_reports: the last line of a strand that dies of a bad address or of its stack's end. */
#include "strands.h"
#include <pthread.h>
#include <telar.h>

/* What a child that ran fn wrote to stderr, and its status. */
static int dying(void (*fn)(void), char *text, size_t cap)
{
	int status, fds[2];
	char *emulator;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer's own handler stays out of it */
		signal(SIGBUS, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while (n < cap - 1 && (got = read(fds[0], text + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	if ((emulator = strstr(text, "qemu: ")))
		*emulator = 0; /* it has a line of its own to say */
	close(fds[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void dies_of(int signum, void (*fn)(void), const char *line, const char *end)
{
	char text[4096];
	int status = dying(fn, text, sizeof text);
	size_t n = strlen(text);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != signum)
		check_fail(__FILE__, __LINE__, text);
	CHECK(n > strlen(end) && text[n - 1] == '\n' && !memchr(text, '\n', n - 1));
	text[n - 1] = 0;
	if (strncmp(text, line, strlen(line)) != 0)
		check_str(__FILE__, __LINE__, "the line", text, line);
	CHECK_STR(text + strlen(text) - strlen(end), end);
}

static int overflow(void *arg)
{
	volatile char frame[256];

	frame[0] = 1;
	return arg ? overflow((char *)arg + 1) + frame[0] : 0;
}

static int bad_address(void *arg)
{
	(void)arg;
	*(volatile int *)0x1230 = 1;
	return 0;
}

static int run(start_fn *how, tl_fn *fn, const tl_opts *o)
{
	tl_scope s = { 0 };
	static int some;

	tl_scope_open(&s);
	how(&s, fn, &some, o);
	return tl_scope_close(&s);
}

/* -- stacks of every kind */

static void task_overflows(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_task_start, overflow, &(tl_opts){ .name = "deep" });
}

static void big_task_overflows(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_task_start, overflow, &(tl_opts){ .name = "big", .stack = 1 << 20 });
}

static void thread_overflows(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_thread_start, overflow, &(tl_opts){ .stack = 512 << 10 });
}

static int task_in_thread(void *arg)
{
	(void)arg;
	return run(tl_task_start, overflow, NULL);
}

static void task_of_a_thread_overflows(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_thread_start, task_in_thread, NULL);
}

static void main_overflows(void)
{
	static int some;

	CHECK_EQ(tl_crash_reports(true), 0);
	overflow(&some);
}

static int in_a_generator(void *arg)
{
	tl_gen *g;

	CHECK_EQ(tl_gen_open(&g, overflow, arg, NULL), 0);
	return tl_gen_send(g, NULL, NULL);
}

static void generator_overflows(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_task_start, in_a_generator, &(tl_opts){ .name = "outside" });
}

static void generator_of_a_thread_overflows(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_thread_start, in_a_generator, NULL);
}

TEST(a_stack_overflow_is_named)
{
	dies_of(SIGSEGV, task_overflows, "telar: stack overflow in 'deep' (started at ",
		"), stack of 256 KiB");
	dies_of(SIGSEGV, big_task_overflows, "telar: stack overflow in 'big' (started at ", " KiB");
	dies_of(SIGSEGV, thread_overflows, "telar: stack overflow in 'Thread-1' (started at ",
		" KiB");
	dies_of(SIGSEGV, task_of_a_thread_overflows,
		"telar: stack overflow in 'Task-1' (started at ", "), stack of 256 KiB");
	dies_of(SIGSEGV, main_overflows, "telar: stack overflow in 'MainThread', stack of ",
		" KiB");
	dies_of(SIGSEGV, generator_overflows,
		"telar: stack overflow in a generator of 'outside' (started at ",
		"), stack of 256 KiB");
	dies_of(SIGSEGV, generator_of_a_thread_overflows,
		"telar: stack overflow in a generator of 'Thread-1' (started at ",
		"), stack of 256 KiB");
}

/* -- other faults */

static void task_faults(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	run(tl_task_start, bad_address, NULL);
}

static void foreign_faults(void)
{
	pthread_t t;

	CHECK_EQ(tl_crash_reports(true), 0);
	CHECK_EQ(pthread_create(&t, NULL, (void *(*)(void *))(void (*)(void))bad_address, NULL), 0);
	pthread_join(t, NULL);
}

static void killed(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	raise(SIGBUS);
}

TEST(a_fault_names_its_strand)
{
	dies_of(SIGSEGV, task_faults, "telar: SIGSEGV at 0x1230 in strand 'Task-1' (started at ",
		")");
	dies_of(SIGSEGV, foreign_faults, "telar: SIGSEGV at 0x1230 outside of any strand",
		"any strand");
	dies_of(SIGBUS, killed, "telar: SIGBUS at 0x", " in strand 'MainThread'");
}

/* -- who else has a say */

static void older(int signum)
{
	(void)signum;
	_exit(42);
}

static void with_an_older_handler(void)
{
	signal(SIGSEGV, older);
	task_faults();
}

TEST(an_older_handler_has_its_turn)
{
	char text[512];
	int status = dying(with_an_older_handler, text, sizeof text);

	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 42);
	CHECK(strncmp(text, "telar: SIGSEGV at 0x1230 in strand", 34) == 0);
}

static void on_and_off(void)
{
	CHECK_EQ(tl_crash_reports(true), 0);
	CHECK_EQ(tl_crash_reports(true), 0);
	CHECK_EQ(tl_crash_reports(false), 0);
	CHECK_EQ(tl_crash_reports(false), 0);
	run(tl_task_start, bad_address, NULL);
}

static void never_on(void) { run(tl_task_start, overflow, NULL); }

TEST(off_means_silent)
{
	char text[512];
	int status = dying(on_and_off, text, sizeof text);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK_STR(text, "");
	status = dying(never_on, text, sizeof text);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK_STR(text, "");
}

/* -- the alternate stacks come and go with their threads */

static int has_alternate(void *arg)
{
	stack_t now;

	(void)arg;
	CHECK_EQ(sigaltstack(NULL, &now), 0);
	return now.ss_flags & SS_DISABLE ? -ENOENT : 0;
}

TEST(every_thread_has_its_own)
{
	tl_scope s = { 0 };

	CHECK_EQ(tl_crash_reports(true), 0);
	CHECK_EQ(has_alternate(NULL), 0);
	tl_scope_open(&s);
	for (int i = 0; i < 100; i++)
		tl_thread_start(&s, has_alternate, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}
