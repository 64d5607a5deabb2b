/* check.h - the test kit: one program per file, one process per case.
 *
 *	#include "check.h"
 *	TEST(adds)                      { CHECK_EQ(1 + 1, 2); }
 *	TEST_LIMIT(waits, 60)           { ... }         // seconds until tests/run.py kills it
 *	TEST_LONG(a_million, 600)       { ... }         // only in `make test-long`
 *
 * `prog --list` prints the cases, `prog CASE` runs one here, `prog` runs each in a child of its
 * own.  Exit 0: passed; 1: failed, with file, line and expression on stderr; 77: skipped, with the
 * reason on stdout.  A failed CHECK leaves by _exit, so it may stand in any strand, and in a child
 * process it ends that child alone: look at the child's status.  C17 and C++17. */
#ifndef CHECK_H
#define CHECK_H
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Is one of them at work?  gcc tells by a macro, clang by a feature. */
#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#ifndef TSAN
#define TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifndef ASAN
#define ASAN 0
#endif
#define SANITIZED (TSAN || ASAN)

/* TSan has room for 8,128 threads and stacks at once, also counting some that have ended. */
#define AT_ONCE(n) (TSAN && (n) > 4000 ? 4000 : (n))

#if TSAN
#ifdef __cplusplus
extern "C" const char *__tsan_default_options(void);
#endif
/* The child of a fork goes on, with new threads too; the first report ends the case; and of the
 * second that a program with threads waits for more of them at its end, a twentieth is left. */
const char *__tsan_default_options(void)
{
	return "die_after_fork=0:halt_on_error=1:atexit_sleep_ms=50";
}
#endif

struct check_case {
	const char *name;
	void (*run)(void);
	int limit; /* seconds; 0: the default of tests/run.py */
	int is_long;
	struct check_case *next;
};

static struct check_case *check_first, **check_last = &check_first;

static inline void check_add(struct check_case *c)
{
	*check_last = c;
	check_last = &c->next;
}

#define CHECK_DEFINE(name, limit, is_long) \
	static void test_##name(void); \
	__attribute__((constructor)) static void check_add_##name(void) \
	{ \
		static struct check_case self = { #name, test_##name, limit, is_long, NULL }; \
		check_add(&self); \
	} \
	static void test_##name(void)
#define TEST(name)                CHECK_DEFINE(name, 0, 0)
#define TEST_LIMIT(name, seconds) CHECK_DEFINE(name, seconds, 0)
#define TEST_LONG(name, seconds)  CHECK_DEFINE(name, seconds, 1)

/* One write, so that lines of two processes do not mix. */
static inline void check_fail(const char *file, int line, const char *what)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "%s:%d: CHECK failed: %s\n", file, line, what);

	fflush(stdout);
	if (n > (int)sizeof text - 1)
		n = (int)sizeof text - 1;
	if (write(STDERR_FILENO, text, (size_t)n) < 0) {
		/* Nowhere to say it; the status says it too. */
	}
	_exit(1);
}

static inline void check_eq(const char *file, int line, const char *what, long long a, long long b)
{
	char text[512];

	if (a == b)
		return;
	snprintf(text, sizeof text, "%s: %lld is not %lld", what, a, b);
	check_fail(file, line, text);
}

static inline void check_str(
	const char *file, int line, const char *what, const char *a, const char *b)
{
	char text[800];

	if (a && b && strcmp(a, b) == 0)
		return;
	snprintf(text, sizeof text, "%s: \"%.300s\" is not \"%.300s\"", what, a ? a : "(null)",
		b ? b : "(null)");
	check_fail(file, line, text);
}

static inline void check_skip(const char *reason)
{
	puts(reason);
	fflush(stdout);
	_exit(77);
}

#define CHECK(cond) ((cond) ? (void)0 : check_fail(__FILE__, __LINE__, #cond))
/* Integers, enums and pointers; each side is evaluated once. */
#define CHECK_EQ(a, b)  check_eq(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b))
#define CHECK_STR(a, b) check_str(__FILE__, __LINE__, #a " == " #b, (a), (b))
#define SKIP(reason)    check_skip(reason)

/* Run every case in a child of its own: for a look by hand; tests/run.py does it with limits. */
static inline int check_all(void)
{
	int failed = 0;

	for (struct check_case *c = check_first; c; c = c->next) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			c->run();
			fflush(stdout);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		printf("%-40s %s\n", c->name, code == 0 ? "ok" : code == 77 ? "skipped" : "FAILED");
		failed += code != 0 && code != 77;
	}
	return failed > 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return check_all();
	for (struct check_case *c = check_first; c; c = c->next) {
		if (strcmp(argv[1], "--list") == 0)
			printf("%s\t%d\t%d\n", c->name, c->limit, c->is_long);
		else if (strcmp(argv[1], c->name) == 0)
			return c->run(), 0;
	}
	if (strcmp(argv[1], "--list") == 0)
		return 0;
	fprintf(stderr, "no such case: %s\n", argv[1]);
	return 1;
}

#endif
