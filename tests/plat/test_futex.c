/* Futexes, processes, threads, processors. */
#include "check.h"
#include "plat/plat.h"
#include "refuse.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

static _Atomic uint32_t word, words[128];

TEST(futex_answers)
{
	int64_t until = plat_now() + 3000000;

	for (int shared = 0; shared < 2; shared++) {
		CHECK_EQ(plat_futex_wait(&word, 1, 0, shared), -EAGAIN);
		CHECK_EQ(plat_futex_wait(&word, 0, 1, shared), -ETIMEDOUT);
		CHECK_EQ(plat_futex_wait(&word, 0, -5, shared), -ETIMEDOUT);
		CHECK_EQ(plat_futex_wait(&word, 0, until, shared), -ETIMEDOUT);
		CHECK(plat_now() >= until);
		plat_futex_wake(&word, 1, shared); /* nobody there */
	}
}

static void need_waitv(void)
{
	struct plat_word w = { &word, 1, false };

	if (plat_futex_wait_any(&w, 1, 1) == -ENOSYS)
		SKIP("this system has no futex_waitv");
}

TEST(futex_any_answers)
{
	struct plat_word w[128];

	need_waitv();
	for (int i = 0; i < 128; i++)
		w[i] = (struct plat_word){ &words[i], 0, i % 2 };
	CHECK_EQ(plat_futex_wait_any(w, 128, 1), -ETIMEDOUT);
	CHECK_EQ(plat_futex_wait_any(w, 128, plat_now() - 5), -ETIMEDOUT);
	words[127] = 1;
	CHECK_EQ(plat_futex_wait_any(w, 128, 0), -EAGAIN);
	CHECK_EQ(plat_futex_wait_any(w, 127, plat_now() + 1000000), -ETIMEDOUT);
}

/* Filters that do not know a call answer EPERM, or as a kernel without it. */
static void waitv_refused(int error)
{
	struct plat_word w[2] = { { &words[0], 0, true }, { &words[1], 0, false } };

	refuse(SYS_futex_waitv, error);
	CHECK_EQ(plat_futex_wait_any(w, 2, 0), -ENOSYS);
}

TEST(futex_any_unknown) { waitv_refused(ENOSYS); }
TEST(futex_any_refused) { waitv_refused(EPERM); }

static void *wake_seven(void *arg)
{
	atomic_store(&words[7], 1);
	while (!atomic_load(&word)) {
		plat_futex_wake(&words[7], 1, true);
		sched_yield();
	}
	return arg;
}

TEST(futex_any_tells_which)
{
	struct plat_word w[9];
	pthread_t t;
	int r;

	need_waitv();
	for (int i = 0; i < 9; i++)
		w[i] = (struct plat_word){ &words[i], 0, i % 2 };
	w[7].expected = 1; /* woken though it has not changed since */
	words[7] = 1;
	CHECK_EQ(pthread_create(&t, NULL, wake_seven, NULL), 0);
	while ((r = plat_futex_wait_any(w, 9, 0)) == -EAGAIN)
		;
	CHECK_EQ(r, 7);
	atomic_store(&word, 1);
	pthread_join(t, NULL);
}

TEST(a_shared_futex_crosses_processes)
{
	_Atomic uint32_t *w =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		atomic_store(w, 1);
		plat_futex_wake(w, 1, true);
		_exit(0);
	}
	while (!atomic_load(w))
		plat_futex_wait(w, 0, 0, true);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

/* -- who is who */

TEST(the_stamp_of_a_process)
{
	uint64_t mine = plat_process_stamp(getpid()), its;
	int ends[2], status;
	pid_t pid;

	CHECK(mine != 0);
	CHECK_EQ(plat_process_stamp(getpid()), mine);
	CHECK_EQ(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		char c;
		close(ends[1]);
		_exit(read(ends[0], &c, 1) != 0);
	}
	its = plat_process_stamp(pid);
	CHECK(its != 0 && its != mine);
	CHECK_EQ(plat_process_stamp(pid), its);
	close(ends[1]);
	siginfo_t info;
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	CHECK_EQ(plat_process_stamp(pid), 0); /* a zombie runs no more */
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(plat_process_stamp(pid), 0);
}

TEST(a_number_used_again_has_another_stamp)
{
	uint64_t first = 0;
	pid_t number = 0;

	for (int i = 0; i < 2; i++) {
		int status, ends[2];
		uint64_t stamp;
		pid_t pid;

		if (i) { /* root may choose the next number: */
			FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
			if (!f || fprintf(f, "%d", (int)number - 1) < 0 || fclose(f) != 0)
				SKIP("the next process number cannot be chosen here");
		}
		CHECK_EQ(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			char c;
			close(ends[1]);
			_exit(read(ends[0], &c, 1) != 0);
		}
		stamp = plat_process_stamp(pid);
		close(ends[0]);
		close(ends[1]);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(stamp != 0);
		if (i && pid != number)
			SKIP("another process took the number");
		CHECK(stamp != first);
		first = stamp;
		number = pid;
	}
}

static _Atomic int began;

static void helper(void *arg)
{
	char name[16];
	sigset_t set;

	CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
	CHECK_STR(name, arg);
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
	CHECK(sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) &&
		sigismember(&set, SIGCHLD));
	CHECK(plat_thread_id() != getpid());
	atomic_store(&began, 1);
}

TEST(threads_of_our_own)
{
	CHECK_EQ(plat_thread_helpers(), 0);
	CHECK_EQ(plat_thread_begin(helper, "123456789012345", "1234567890123456789"), 0);
	while (!atomic_load(&began) || plat_thread_helpers())
		sched_yield();
	CHECK(plat_thread_count() >= 1);
	CHECK_EQ(plat_thread_id(), getpid());
	CHECK(plat_cpu_count() >= 1 && plat_cpu_count() <= sysconf(_SC_NPROCESSORS_CONF));
}

TEST(one_processor_when_bound_to_one)
{
	cpu_set_t set, mine;
	int cpu = 0;

	CHECK_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
	while (!CPU_ISSET(cpu, &mine))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
	CHECK_EQ(plat_cpu_count(), 1);
}

TEST(random_differs)
{
	uint64_t a[2] = { 0 }, b[2] = { 0 };

	plat_random(a, sizeof a);
	plat_random(b, sizeof b);
	CHECK(memcmp(a, b, sizeof a) != 0);
}
