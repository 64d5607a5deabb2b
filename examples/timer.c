/* timer.c - the student manual's Timer: a thread that begins after five seconds and tells the time,
 * one that takes an argument, one after a fraction of a second, and one that is cancelled in time.
 * --scale X shortens the seconds of the source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>
#include <time.h>

static double scale = 1;

static void reloj(const char *texto)
{
	time_t ahora = time(NULL);
	struct tm t;
	char hora[16];

	strftime(hora, sizeof hora, "%H:%M:%S", localtime_r(&ahora, &t));
	printf("%s %s\n", texto, hora);
}

static int mostrar_hora(void *arg)
{
	(void)arg;
	reloj("Se ejecuta en:");
	return 0;
}

static int mostrar(void *mensaje)
{
	puts(mensaje);
	return 0;
}

static tl_strand temporizador(double segundos, tl_fn *fn, const char *mensaje)
{
	tl_strand t;

	tl_thread_start(NULL, fn, (void *)mensaje,
		&(tl_opts){ .at = tl_after(tl_s(segundos * scale)),
			.copy = mensaje ? strlen(mensaje) + 1 : 0,
			.ret = &t });
	return t;
}

int main(int argc, char **argv)
{
	tl_strand hilo;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	reloj("Lanzamos el hilo en:");
	hilo = temporizador(5, mostrar_hora, NULL);
	tl_join(hilo, NULL, TL_NEVER);
	hilo = temporizador(3, mostrar, "Hola mundo!");
	tl_join(hilo, NULL, TL_NEVER);
	temporizador(0.5, mostrar, "Medio segundo");
	hilo = temporizador(3600, mostrar, "Esto no se muestra nunca");
	tl_cancel(hilo); /* else the end of main would wait for it */
	return tl_finish();
}
