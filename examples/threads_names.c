/* threads_names.c - the student manual's named threads: 'Servicio' and 'Worker' have names of their
 * own, the third has the default one.  Default names count from 1 in each program, so it is
 * Thread-1 here and not the 42nd thread of somebody's session.
 * --scale X shortens the two seconds of the source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static double scale = 1;

static int worker(void *arg)
{
	(void)arg;
	printf("%s Iniciando...\n", tl_my_name());
	printf("%s En pausa...\n", tl_my_name());
	tl_sleep(tl_s(2 * scale));
	printf("%s Finalizando...\n", tl_my_name());
	return 0;
}

static int servicio(void *arg)
{
	(void)arg;
	printf("%s Iniciando...\n", tl_my_name());
	printf("%s Finalizando...\n", tl_my_name());
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	tl_thread_start(NULL, worker, NULL, &(tl_opts){ .name = "Worker" });
	tl_thread_start(NULL, worker, NULL, NULL);
	tl_thread_start(NULL, servicio, NULL, &(tl_opts){ .name = "Servicio" });
	return tl_finish();
}
