/* async_gather.c - the student manual's gather of three factorials, and wait_for with a time-out.
 * --scale X shortens the seconds of the source. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static double scale = 1;

struct fact {
	const char *name;
	int number;
};

static int factorial(void *arg)
{
	struct fact *f = arg;
	int n = 1, r;

	for (int i = 2; i <= f->number; n *= i++) {
		printf("Task %s: Compute factorial(%d)...\n", f->name, i);
		if ((r = tl_sleep(tl_s(scale))) < 0)
			return r;
	}
	printf("Task %s: factorial(%d) = %d\n", f->name, f->number, n);
	return n;
}

static int eternity(void *arg)
{
	(void)arg;
	return tl_sleep(tl_s(3600));
}

int main(int argc, char **argv)
{
	struct fact f[] = { { "A", 2 }, { "B", 3 }, { "C", 4 } };
	int r;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	r = tl_gather(f, 3, sizeof f[0], factorial, NULL, TL_NEVER);
	if (tl_call(eternity, NULL, tl_after(tl_s(scale))) == -ETIMEDOUT)
		puts("timeout!");
	return r < 0;
}
