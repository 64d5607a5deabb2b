/* threads_args.c - the student manual's args=(i,): each thread gets its own copy of its number. */
#include <stdio.h>
#include <telar.h>

static int worker(void *alumno)
{
	printf("Alumno %d adjuntando comprobante....\n", *(int *)alumno);
	return 0;
}

int main(void)
{
	for (int i = 1; i <= 3; i++)
		tl_thread_start(NULL, worker, &i, &(tl_opts){ .copy = sizeof i });
	return tl_finish();
}
