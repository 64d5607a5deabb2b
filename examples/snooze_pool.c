/* snooze_pool.c - class 8's ten sleeps of five seconds in a pool of two: two at a time, about 25
 * seconds in all.  (Its text says that five run at once; of Pool(processes=2) it is two.)
 * --scale X shortens them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

enum { JOBS = 10 };

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

int main(int argc, char **argv)
{
	tl_pool *pool;
	tl_job jobs[JOBS];
	int number[JOBS], r;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	r = tl_pool_open(&pool, &(tl_pool_opts){ .workers = 2 });
	if (r < 0)
		return fprintf(stderr, "%s\n", tl_error_name(r)), 1;
	for (int i = 0; i < JOBS; i++) {
		number[i] = i;
		tl_pool_submit(pool, snooze, &number[i], sizeof number[i],
			&(tl_job_opts){ .ret = &jobs[i] }, TL_NEVER);
	}
	for (int i = 0; i < JOBS; i++)
		if ((r = tl_job_get(jobs[i], TL_NEVER)) < 0)
			printf("Hilo %d: %s\n", i, tl_error_name(r));
	tl_pool_close(pool, TL_NEVER);
	return tl_finish();
}
