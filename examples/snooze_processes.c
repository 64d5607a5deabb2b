/* snooze_processes.c - class 8's ten processes that sleep five seconds each: about five in all.
 * --scale X shortens them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

struct nap {
	int number;
	double scale; /* what main has set is not set in a process: it goes along */
};

static int snooze(void *arg)
{
	struct nap *n = arg;
	int r;

	printf("Proceso %d durmiendo 5 segundos\n", n->number);
	if ((r = tl_sleep(tl_s(5 * n->scale))) < 0)
		return r;
	printf("Proceso %d despierto\n", n->number);
	return 0;
}

int main(int argc, char **argv)
{
	tl_strand processes[10];
	double scale = 1;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	for (int i = 0; i < 10; i++)
		tl_process_start(NULL, snooze, &(struct nap){ i, scale },
			&(tl_opts){ .copy = sizeof(struct nap), .ret = &processes[i] });
	for (int i = 0; i < 10; i++)
		tl_join(processes[i], NULL, TL_NEVER);
	return tl_finish();
}
