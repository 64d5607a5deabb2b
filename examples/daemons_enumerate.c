/* daemons_enumerate.c - the student manual's ten daemons: list who is alive, leave main out, show
 * name, ids and flag of each, and wait for it.
 *
 * In the source a daemon that is done before the list is made is not in it, so what it prints is up
 * to chance; here they wait until they have been listed.  Its text says that main's name cannot be
 * asked for; it can, here as there.  Id is telar's, which is never used again; Sistema is Linux's.
 * Nothing sleeps, so there is no time to scale. */
#include <stdio.h>
#include <telar.h>

enum { HILOS = 10 };

static tl_latch listos = { HILOS };
static tl_event contad;

static int contar(void *numero)
{
	tl_latch_down(&listos, 1);
	if (tl_event_wait(&contad, TL_NEVER) < 0)
		return 0;
	for (int contador = 1; contador <= 10; contador++)
		printf("%d %llu %d\n", *(int *)numero, (unsigned long long)tl_self().id, contador);
	return 0;
}

int main(void)
{
	tl_info hilos[HILOS + 1];
	int n;

	for (int numero = 1; numero <= HILOS; numero++)
		tl_thread_start(
			NULL, contar, &numero, &(tl_opts){ .copy = sizeof numero, .daemon = true });
	tl_latch_wait(&listos, TL_NEVER);
	n = tl_list(hilos, HILOS + 1);
	tl_event_set(&contad);
	for (int i = 0; i < n && i < HILOS + 1; i++) {
		if (hilos[i].strand.id == tl_main().id)
			continue;
		printf("Nombre:  %s Id:  %llu Sistema:  %d Demonio:  %s Activo:  %d\n",
			hilos[i].name, (unsigned long long)hilos[i].strand.id, (int)hilos[i].os_id,
			hilos[i].daemon ? "True" : "False", tl_list(NULL, 0));
		tl_join(hilos[i].strand, NULL, TL_NEVER); /* -ESRCH: it has ended already */
	}
	return tl_finish();
}
