/* receipts_sync.c - Figure 1 of the student manual: a receipt is attached, validated, uploaded and
 * notified, one student after another, like a queue; 2.7 seconds each, most of them in the upload,
 * the blocking step.  The figure's total is the source's; how it falls to the four steps is ours.
 * receipts_async.c does the same with threads and with tasks.
 *
 * --students N: how many are served (3); for the 3,000 the time is worked out, not waited for.
 * --scale X shortens the seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

static const struct {
	const char *text;
	double length;
} steps[] = {
	{ "El estudiante adjunta su comprobante de pago", 0.4 },
	{ "El sistema valida el comprobante", 0.2 },
	{ "El sistema sube el comprobante (código bloqueante)", 1.8 },
	{ "El sistema envía notificación del pago registrado", 0.3 },
};

static double seconds_since(tl_time t) { return (double)(tl_now().ns - t.ns) / 1e9; }

static int receipt(int student, double scale)
{
	int r = 0;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && r == 0; i++) {
		printf("Alumno %d: %s\n", student, steps[i].text);
		r = tl_sleep(tl_s(steps[i].length * scale));
	}
	return r;
}

int main(int argc, char **argv)
{
	double scale = 1, each;
	int students = 3, i = 1;
	tl_time start;

	for (; i + 1 < argc; i += 2)
		if (!strcmp(argv[i], "--scale"))
			scale = atof(argv[i + 1]);
		else if (!strcmp(argv[i], "--students"))
			students = atoi(argv[i + 1]);
		else
			break;
	if (i < argc || !(scale > 0) || students < 1)
		return fprintf(stderr, "usage: %s [--scale X] [--students N]\n", argv[0]), 2;

	start = tl_now();
	for (i = 1; i <= students; i++)
		receipt(i, scale);
	each = seconds_since(start) / students;
	printf("%d alumnos, uno tras otro: %.2f s cada uno, %.2f s en total\n", students, each,
		each * students);
	printf("3000 alumnos a la vez: el último espera %.0f s (%.1f horas)\n", each * 3000,
		each * 3000 / 3600);
	return tl_finish();
}
