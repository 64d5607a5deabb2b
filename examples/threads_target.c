/* threads_target.c - the student manual's first threads: three of them, with a target.
 * The source writes target=worker(i), which calls worker at once, in the main thread, and leaves
 * the thread nothing to do; here the function itself is passed, as the text says. */
#include <stdio.h>
#include <telar.h>

/* What the thread does. */
static int worker(void *alumno)
{
	(void)alumno;
	puts("Alumno adjuntando comprobante...");
	return 0;
}

int main(void)
{
	for (int i = 0; i < 3; i++)
		tl_thread_start(NULL, worker, &i, &(tl_opts){ .copy = sizeof i });
	return tl_finish();
}
