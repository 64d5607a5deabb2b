/* fork(2) and waitpid(2): nothing else is executed. */
#include "../../process.h"

static void one_after_another(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		bench_check(waitpid(pid, NULL, 0) == pid, "fork");
	}
}

int main(void)
{
	bench_processes(one_after_another);
	return 0;
}
