/* test_signals.c - signals to scopes and queues, and what is there after them. */
#include "io/pair.h"
#include "telar/select.h"
#include "telar/signal.h"
#include <signal.h>
#include <sys/wait.h>

static volatile sig_atomic_t own_calls;
static void own_handler(int sig) { own_calls += sig == SIGTERM; }

static int wait_for_ever(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}

static int raise_from_task(void *arg) { return raise(*(int *)arg) == 0 ? 0 : -EIO; }

static void check_default(int sig)
{
	struct sigaction now;

	CHECK_EQ(sigaction(sig, NULL, &now), 0);
	CHECK(now.sa_handler == SIG_DFL);
}

TEST(cancels_a_scope)
{
	static const int sigs[] = { SIGINT, SIGTERM };

	for (int round = 0; round < 20; round++) {
		tl_scope s = { .name = "ends on signals" };
		int sig = sigs[round % 2];

		tl_scope_open(&s);
		CHECK_EQ(tl_scope_signals(&s, sigs, 2), 0);
		tl_task_start(&s, wait_for_ever, NULL, NULL);
		tl_thread_start(&s, wait_for_ever, NULL, NULL);
		tl_task_start(&s, raise_from_task, &sig, NULL);
		CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_scope_close(&s), 0);
		check_default(SIGINT);
		check_default(SIGTERM);
	}
	CHECK_EQ(tl_finish(), 0);
}

TEST(restores_what_was_there)
{
	struct sigaction mine = { .sa_handler = own_handler };
	static const int term = SIGTERM;
	tl_scope s = { 0 };
	tl_queue *q;

	CHECK_EQ(sigaction(SIGTERM, &mine, NULL), 0);
	tl_scope_open(&s);
	CHECK_EQ(tl_scope_signals(&s, &term, 1), 0);
	CHECK_EQ(raise(SIGTERM), 0);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(own_calls, 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(raise(SIGTERM), 0);
	CHECK_EQ(own_calls, 1);

	CHECK_EQ(tl_signals_open(&q, &term, 1), 0);
	CHECK(!tl_queue_close(q));
	CHECK_EQ(raise(SIGTERM), 0);
	CHECK_EQ(own_calls, 2);

	/* What the program itself puts in our place stays. */
	CHECK_EQ(signal(SIGTERM, SIG_DFL) == own_handler, 1);
	CHECK_EQ(tl_signals_open(&q, &term, 1), 0);
	CHECK_EQ(sigaction(SIGTERM, &mine, NULL), 0);
	CHECK(!tl_queue_close(q));
	CHECK_EQ(raise(SIGTERM), 0);
	CHECK_EQ(own_calls, 3);
}

/* Runs fn in a child; answers the signal that it died of, or 0. */
static int dies_of(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void interrupt_twice(void)
{
	static const int sigint = SIGINT;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_signals(&s, &sigint, 1), 0);
	CHECK_EQ(raise(SIGINT), 0);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(raise(SIGINT), 0);
	for (;;)
		; /* in no call of telar's */
}

TEST(second_interrupt_ends_the_program) { CHECK_EQ(dies_of(interrupt_twice), SIGINT); }

static void interrupt_twice_apart(void)
{
	static const int sigint = SIGINT;

	for (int i = 0; i < 2; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		CHECK_EQ(tl_scope_signals(&s, &sigint, 1), 0);
		CHECK_EQ(raise(SIGINT), 0);
		CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(tl_finish(), 0);
}

TEST(first_of_each_scope_is_a_first) { CHECK_EQ(dies_of(interrupt_twice_apart), 0); }

TEST(queue_receives)
{
	static const int sigs[] = { SIGUSR1, SIGUSR2, SIGINT };
	tl_queue *q;
	int got = 0;

	CHECK_EQ(tl_signals_open(&q, sigs, 3), 0);
	CHECK_EQ(tl_queue_get(q, &got, sizeof got, TL_POLL), -EAGAIN);
	for (int round = 0; round < 50; round++) {
		int sig = sigs[round % 3];

		CHECK_EQ(raise(sig), 0);
		CHECK_EQ(tl_queue_get(q, &got, sizeof got, TL_NEVER), sizeof got);
		CHECK_EQ(got, sig);
	}
	CHECK_EQ(raise(SIGUSR2), 0);
	tl_case c[] = { TL_GET(q, &got, sizeof got) };
	CHECK_EQ(tl_select(c, 1, TL_NEVER), 0);
	CHECK_EQ(got, SIGUSR2);
	CHECK(!tl_queue_close(q));
	check_default(SIGUSR1);
	CHECK_EQ(tl_finish(), 0);
}

/* However many come unread: each number is there once, none is lost. */
TEST(queue_merges)
{
	static const int sigs[] = { SIGUSR1, SIGUSR2, SIGTERM };
	bool seen[65] = { false };
	tl_queue *q;
	int got;

	CHECK_EQ(tl_signals_open(&q, sigs, 3), 0);
	for (int i = 0; i < 2000; i++)
		CHECK_EQ(raise(sigs[i % 2]), 0);
	CHECK_EQ(raise(SIGTERM), 0);
	while (!seen[SIGTERM] || !seen[SIGUSR1] || !seen[SIGUSR2]) {
		CHECK_EQ(tl_queue_get(q, &got, sizeof got, TL_NEVER), sizeof got);
		CHECK(tl_queue_count(q) <= 3);
		seen[got] = true;
	}
	CHECK(!tl_queue_close(q));
}

TEST(errors)
{
	static const int usr1 = SIGUSR1, both[] = { SIGUSR2, SIGUSR1 };
	static const int bad[] = { 0, -1, SIGKILL, SIGSTOP, SIGSEGV, 65, 1000, 32 };
	tl_scope s = { 0 };
	tl_queue *q = NULL, *other = NULL;

	tl_scope_open(&s);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		int sigs[] = { SIGUSR1, bad[i] };

		CHECK_EQ(tl_scope_signals(&s, sigs, 2), -EINVAL);
		CHECK_EQ(tl_signals_open(&q, sigs, 2), -EINVAL);
		check_default(SIGUSR1);
	}
	CHECK_EQ(tl_signals_open(&q, NULL, 0), -EINVAL);
	CHECK(!q);
	CHECK_EQ(tl_signals_open(&q, &usr1, 1), 0);
	CHECK_EQ(tl_scope_signals(&s, both, 2), -EBUSY);
	CHECK_EQ(tl_signals_open(&other, both, 2), -EBUSY);
	check_default(SIGUSR2);
	CHECK(!other);
	q = tl_queue_close(q);
	CHECK_EQ(tl_scope_signals(&s, both, 2), 0);
	CHECK_EQ(tl_signals_open(&other, &usr1, 1), -EBUSY);
	CHECK_EQ(tl_scope_close(&s), 0);
	check_default(SIGUSR2);
	CHECK_EQ(tl_signals_open(&q, both, 2), 0);
	q = tl_queue_close(q);
}

/* One scope may be given signals more than once; a NULL scope is the innermost. */
TEST(added_later)
{
	static const int usr1 = SIGUSR1, usr2 = SIGUSR2;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_signals(&s, &usr1, 1), 0);
	CHECK_EQ(tl_scope_signals(NULL, &usr2, 1), 0);
	CHECK_EQ(tl_scope_signals(&s, &usr1, 1), -EBUSY);
	CHECK_EQ(raise(SIGUSR2), 0);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
	check_default(SIGUSR1);
	check_default(SIGUSR2);
}

static void raise_term(void)
{
	raise(SIGTERM);
	for (;;)
		;
}

/* The child of a fork has the dispositions from before, and can take signals of its own. */
static void child_again(void)
{
	static const int term = SIGTERM;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_signals(&s, &term, 1), 0);
	CHECK_EQ(raise(SIGTERM), 0);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(forked_child)
{
	static const int term = SIGTERM;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_scope_signals(&s, &term, 1), 0);
	CHECK_EQ(dies_of(raise_term), SIGTERM);
	CHECK_EQ(dies_of(child_again), 0);
	CHECK_EQ(raise(SIGTERM), 0);
	CHECK_EQ(tl_sleep_until(TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}

static void note_misuse(const tl_report *r, void *n) { *(int *)n += r->kind == TL_R_MISUSE; }

TEST(signals_for_a_scope_that_is_not_open)
{
	static const int usr1 = SIGUSR1;
	tl_scope s = { 0 };
	int misuses = 0;

	tl_on_report(note_misuse, &misuses);
	CHECK_EQ(tl_scope_signals(&s, &usr1, 1), -EINVAL);
	CHECK_EQ(misuses, 1);
	tl_on_report(NULL, NULL);
	tl_scope_open(&s);
	CHECK_EQ(tl_scope_signals(&s, &usr1, 1), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* A scope that closes just when its signal comes: nothing touches it afterwards. */
TEST(closes_while_it_comes)
{
	static const int usr1 = SIGUSR1;

	signal(SIGUSR1, SIG_IGN);
	for (int round = 0; round < 500; round++) {
		tl_scope s = { 0 };
		tl_queue *q;

		tl_scope_open(&s);
		CHECK_EQ(tl_scope_signals(&s, &usr1, 1), 0);
		CHECK_EQ(raise(SIGUSR1), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		memset(&s, 0xee, sizeof s);
		CHECK_EQ(tl_signals_open(&q, &usr1, 1), 0);
		CHECK_EQ(raise(SIGUSR1), 0);
		q = tl_queue_close(q);
	}
	CHECK_EQ(tl_finish(), 0);
}
