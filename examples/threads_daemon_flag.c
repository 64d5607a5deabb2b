/* threads_daemon_flag.c - the student manual's set_daemon() after construction, and its flag that
 * is inherited from the creator.
 *
 * A strand can be made a daemon as long as it has not begun: here it is started .paused.  What a
 * daemon starts is not a daemon by a flag of its own, but it lives inside the daemon and ends with
 * it, which comes to the same.  Nothing sleeps for a time, so there is none to scale. */
#include <stdio.h>
#include <telar.h>

static tl_event vigila;

static int hijo(void *arg)
{
	(void)arg;
	tl_event_set(&vigila);
	if (tl_sleep_until(TL_NEVER) < 0)
		printf("%s termina con el demonio\n", tl_my_name());
	return 0;
}

static int vigilar(void *arg)
{
	(void)arg;
	return tl_thread_start(NULL, hijo, NULL, &(tl_opts){ .name = "hijo" });
}

static int trabajar(void *arg)
{
	(void)arg;
	if (tl_event_wait(&vigila, TL_NEVER) == 0)
		printf("%s ha terminado\n", tl_my_name());
	return 0;
}

static void mostrar(const char *cuando, tl_strand t)
{
	tl_info i;

	if (tl_inspect(t, &i) == 0)
		printf("%s: Demonio: %s\n", cuando, i.daemon ? "True" : "False");
}

int main(void)
{
	tl_strand t;

	if (tl_thread_start(NULL, vigilar, NULL,
		    &(tl_opts){ .name = "vigilar", .paused = true, .ret = &t }) < 0)
		return 1;
	mostrar("creado", t);
	tl_daemon_set(t, true);
	mostrar("cambiado", t);
	tl_resume(t);
	tl_event_wait(&vigila, TL_NEVER);
	printf("iniciado: %s\n", tl_error_name(tl_daemon_set(t, false)));
	mostrar("iniciado", t);
	tl_thread_start(NULL, trabajar, NULL, &(tl_opts){ .name = "trabajar" });
	return tl_finish(); /* waits for trabajar alone, then ends vigilar, and with it hijo */
}
