/* word_wait and word_wake on words in shared memory: other processes, tasks through the bridge. */
#include "../run/strands.h"
#include "telar/shared.h"
#include "wait/wait.h"

static _Atomic uint32_t *words;
static _Atomic int returned;

static void *shared_words(void)
{
	words = tl_shared(256 * sizeof *words);
	CHECK(words != NULL);
	CHECK_EQ(words[255], 0);
	return words;
}

static int wait_while(_Atomic uint32_t *w, uint32_t value, tl_time deadline)
{
	int r = 0;

	while (r == 0 && atomic_load(w) == value)
		r = word_wait(w, value, "shared", w, deadline);
	return r;
}

static int wait_change(void *arg)
{
	int r = wait_while(arg, 0, TL_NEVER);

	atomic_fetch_add(&returned, r == 0);
	return r;
}

static int blocked(void)
{
	tl_info all[300];
	int n = tl_list(all, 300), found = 0;

	for (int i = 0; i < n; i++)
		found += all[i].waits && strcmp(all[i].waits, "shared") == 0;
	return found;
}

static pid_t in_child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	return pid;
}

static void ended_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* The child plays the odd turns, whoever it is the even ones. */
enum { TURNS = 4000 };

static int play(uint32_t mine, uint32_t players)
{
	uint32_t now;

	while ((now = atomic_load(&words[0])) < TURNS) {
		if (now % players != mine) {
			CHECK_EQ(wait_while(&words[0], now, TL_NEVER), 0);
			continue;
		}
		atomic_store(&words[0], now + 1);
		word_wake(&words[0], &words[0], INT32_MAX);
	}
	return 0;
}

static void play_odd(void) { play(1, 2); }
static int play_even(void *arg) { return (void)arg, play(0, 2); }

TEST_LIMIT(a_process_and_a_thread, 60)
{
	pid_t pid;

	shared_words();
	pid = in_child(play_odd);
	play(0, 2);
	ended_well(pid);
}

TEST_LIMIT(a_process_and_a_task, 60)
{
	tl_scope s = { 0 };
	pid_t pid;

	shared_words();
	pid = in_child(play_odd);
	tl_scope_open(&s);
	tl_task_start(&s, play_even, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	ended_well(pid);
}

static int play_third(void *arg) { return play((uint32_t)(uintptr_t)arg, 3); }

static void play_third_as_task(void)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, play_third, (void *)2, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST_LIMIT(a_task_a_thread_and_a_task_of_a_child, 60)
{
	tl_scope s = { 0 };
	pid_t pid;

	shared_words();
	pid = in_child(play_third_as_task);
	tl_scope_open(&s);
	tl_task_start(&s, play_third, (void *)0, NULL);
	tl_thread_start(&s, play_third, (void *)1, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	ended_well(pid);
}

static void set_and_wake_all(void)
{
	for (int i = 0; i < 200; i++) {
		atomic_store(&words[i], 1);
		word_wake(&words[i], &words[i], INT32_MAX);
	}
}

static void many(int n_words)
{
	tl_scope s = { 0 };
	pid_t pid;

	shared_words();
	tl_scope_open(&s);
	for (int i = 0; i < 200; i++)
		tl_task_start(&s, wait_change, &words[i % n_words], NULL);
	tl_thread_start(&s, wait_change, &words[0], NULL);
	UNTIL(blocked() == 201);
	CHECK_EQ(returned, 0);
	pid = in_child(set_and_wake_all);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned, 201);
	ended_well(pid);
}

TEST(many_tasks_on_one_word) { many(1); }
TEST(many_tasks_on_many_words) { many(200); }

static void ends(start_fn *how)
{
	tl_scope s = { .deadline = tl_after(tl_ms(5)) };

	tl_scope_open(&s);
	for (int i = 0; i < 5; i++)
		how(&s, wait_change, &words[i], NULL);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	s = (tl_scope){ 0 };
	tl_scope_open(&s);
	for (int i = 0; i < 5; i++)
		how(&s, wait_change, &words[i], NULL);
	UNTIL(blocked() == 5);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned, 0);
}

static int times_out(void *arg)
{
	tl_time when = tl_after(tl_ms(3));

	CHECK_EQ(word_wait(arg, 1, "shared", arg, TL_NEVER), 0); /* holds another value */
	CHECK_EQ(wait_while(arg, 0, PAST), -ETIMEDOUT);
	CHECK_EQ(wait_while(arg, 0, when), -ETIMEDOUT);
	CHECK(tl_now().ns >= when.ns);
	return 0;
}

TEST(deadlines_and_cancels)
{
	tl_scope s = { 0 };

	shared_words();
	ends(tl_task_start);
	ends(tl_thread_start);
	times_out(words);
	tl_scope_open(&s);
	tl_task_start(&s, times_out, words, NULL);
	tl_thread_start(&s, times_out, words, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int tick_private(void *arg) { return count_up(arg); }

/* A thread that waits on a shared word runs its tasks meanwhile. */
TEST(tasks_run_while_their_thread_waits)
{
	_Atomic int n = 0;
	tl_scope s = { 0 };

	shared_words();
	tl_scope_open(&s);
	tl_task_start(
		&s, tick_private, (void *)&n, &(tl_opts){ .every = tl_us(100), .daemon = true });
	do /* at least once, and until it was not held up for longer than it waits */
		CHECK_EQ(wait_while(&words[0], 0, tl_after(tl_ms(2))), -ETIMEDOUT);
	while (!atomic_load(&n));
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* The first wait of a task for shared memory begins the bridge: in a child, too. */
static void bridge_again(void)
{
	tl_scope s = { 0 };

	returned = 0;
	tl_scope_open(&s);
	tl_task_start(&s, wait_change, &words[1], NULL);
	UNTIL(blocked() == 1);
	atomic_store(&words[1], 1);
	word_wake(&words[1], &words[1], 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(returned, 1);
}

TEST(a_child_has_a_bridge_of_its_own)
{
	shared_words();
	bridge_again();
	atomic_store(&words[1], 0);
	ended_well(in_child(bridge_again));
}
