/* posix_spawn(3) of this program again, linked statically so that it begins at once, which then
 * leaves.  That is what it costs to run a function of one's own in a new process this way. */
#include "../../process.h"
#include <spawn.h>

static char *self;

static void one_after_another(long n)
{
	char *argv[] = { self, (char *)"leave", NULL };

	for (long i = 0; i < n; i++) {
		pid_t pid;

		bench_check(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0, "posix_spawn");
		bench_check(waitpid(pid, NULL, 0) == pid, "waitpid");
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	self = argv[0];
	bench_processes(one_after_another);
	return 0;
}
