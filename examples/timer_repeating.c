/* timer_repeating.c - the student manual's RepeatingTimer(0, 1, tarea): a task that counts once a
 * second, and cancels itself when it comes to 10.  The source makes a new Timer after each call, so
 * that each comes a little later; .every counts from the planned time, and does not drift.
 * --scale X shortens the second of the source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static int contador;

static int tarea(void *arg)
{
	(void)arg;
	contador = contador + 1;
	if (contador == 10)
		tl_cancel(tl_self());
	else
		printf("%d\n", contador);
	return 0;
}

int main(int argc, char **argv)
{
	double scale = 1;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	tl_task_start(NULL, tarea, NULL, &(tl_opts){ .at = tl_now(), .every = tl_s(scale) });
	return tl_finish();
}
