/* snooze_pool.c - class 8's ten sleeps of five seconds in a pool of two: two at a time, about 25
 * seconds in all.  (Its text says that five run at once; of Pool(processes=2) it is two.)
 * Threads, or with --processes processes, which is one word here; only what a job is to know must
 * be in its record then, for another process does not see our variables.  --scale X
 * shortens them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

enum { JOBS = 10 };

struct sleep {
	int number;
	double scale;
};

static int snooze(void *arg)
{
	struct sleep *s = arg;
	int r;

	printf("Hilo %d durmiendo 5 segundos\n", s->number);
	fflush(stdout);
	if ((r = tl_sleep(tl_s(5 * s->scale))) < 0)
		return r;
	printf("Hilo %d despierto\n", s->number);
	fflush(stdout);
	return 0;
}

static int arguments(int argc, char **argv, tl_pool_opts *o, double *scale)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--processes") == 0)
			o->kind = TL_PROCESS;
		else if (strcmp(argv[i], "--scale") != 0 || ++i == argc ||
			 !((*scale = atof(argv[i])) > 0))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	tl_pool_opts o = { .workers = 2 };
	struct sleep sleeps[JOBS];
	tl_job jobs[JOBS];
	double scale = 1;
	tl_pool *pool;
	int r;

	if (arguments(argc, argv, &o, &scale) < 0)
		return fprintf(stderr, "usage: %s [--scale X] [--processes]\n", argv[0]), 2;
	r = tl_pool_open(&pool, &o);
	if (r < 0)
		return fprintf(stderr, "%s\n", tl_error_name(r)), 1;
	for (int i = 0; i < JOBS; i++) {
		sleeps[i] = (struct sleep){ i, scale };
		tl_pool_submit(pool, snooze, &sleeps[i], sizeof sleeps[i],
			&(tl_job_opts){ .ret = &jobs[i] }, TL_NEVER);
	}
	for (int i = 0; i < JOBS; i++)
		if ((r = tl_job_get(jobs[i], TL_NEVER)) < 0)
			printf("Hilo %d: %s\n", i, tl_error_name(r));
	tl_pool_close(pool, TL_NEVER);
	return tl_finish();
}
