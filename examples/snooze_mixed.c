/* snooze_mixed.c - class 8's two processes of five threads each, all asleep for five seconds at
 * once.  --scale X shortens them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static double scale = 1;

static int snooze(void *i)
{
	int r;

	printf("Hilo %d durmiendo 5 segundos\n", *(int *)i);
	if ((r = tl_sleep(tl_s(5 * scale))) < 0)
		return r;
	printf("Hilo %d despierto\n", *(int *)i);
	return 0;
}

/* In a process scale is its own: 1, until it is told. */
static int thread_snooze(void *told)
{
	tl_strand threads[5];

	scale = *(double *)told;
	for (int i = 0; i < 5; i++)
		tl_thread_start(
			NULL, snooze, &i, &(tl_opts){ .copy = sizeof i, .ret = &threads[i] });
	for (int i = 0; i < 5; i++)
		tl_join(threads[i], NULL, TL_NEVER);
	return 0;
}

int main(int argc, char **argv)
{
	tl_strand processes[2];

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	for (int i = 0; i < 2; i++)
		tl_process_start(NULL, thread_snooze, &scale,
			&(tl_opts){ .copy = sizeof scale, .ret = &processes[i] });
	for (int i = 0; i < 2; i++)
		tl_join(processes[i], NULL, TL_NEVER);
	return tl_finish();
}
