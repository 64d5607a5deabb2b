/* threads_kwargs.c - the student manual's kwargs: any kind of parameter, by name.  In C that is a
 * struct with named fields: what is not named is zero, and .copy gives the thread, or the timer,
 * its own copy, so that the caller may use the struct again at once.
 * The source builds a Timer with args=(...) alone; it takes kwargs as well.
 * --scale X shortens the timer's three seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

struct kwargs {
	int alumno;
	const char *archivo;
	double monto;
};

static int worker(void *arg)
{
	const struct kwargs *k = arg;

	printf("Alumno %d adjuntando %s por %.2f....\n", k->alumno,
		k->archivo ? k->archivo : "comprobante", k->monto);
	return 0;
}

int main(int argc, char **argv)
{
	double scale = 1;
	struct kwargs k = { .alumno = 1, .archivo = "recibo.pdf", .monto = 45.5 };

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;

	/* Thread(target=worker, kwargs={...}) */
	tl_thread_start(NULL, worker, &k, &(tl_opts){ .copy = sizeof k });

	/* Timer(3, worker, kwargs={...}), in a thread of its own as in Python */
	k = (struct kwargs){ .monto = 12, .alumno = 2 };
	tl_thread_start(
		NULL, worker, &k, &(tl_opts){ .copy = sizeof k, .at = tl_after(tl_s(3 * scale)) });

	k = (struct kwargs){ .alumno = -1, .archivo = "(nadie lo ve)" };
	return tl_finish();
}
