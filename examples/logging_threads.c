/* logging_threads.c - the student manual's logging from a thread: each line names its thread.
 * --scale X shortens the sleep of the source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static double scale = 1;

static int worker(void *arg)
{
	int r;

	(void)arg;
	tl_log(TL_DEBUG, "Iniciando...");
	r = tl_sleep(tl_s(2 * scale));
	tl_log(TL_DEBUG, "Finalizando...");
	return r;
}

int main(int argc, char **argv)
{
	int r;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	r = tl_log_open(&(tl_log_opts){ .fd = 1,
		.level = TL_DEBUG,
		.format = "[%(levelname)s] - %(threadName)-10s : %(message)s" });
	if (r < 0)
		return fprintf(stderr, "no log: %s\n", tl_error_name(r)), 1;
	tl_thread_start(NULL, worker, NULL, &(tl_opts){ .name = "Worker" });
	return tl_finish();
}
