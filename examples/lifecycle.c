/* lifecycle.c - the student manual's life cycle: each state is printed as it is observed, with
 * is_alive, first of a task, then of a thread.
 *
 * The states are the manual's.  What it divides in two, "listo" and "ejecutable", is one in telar,
 * ready: here "listo" is one that was started and has been given nothing yet, "ejecutable" one that
 * has all it needs but its turn.  A task shares its thread with the observer, so it holds still to
 * be seen in both; a thread that can run is seen "en ejecución" already.
 * is_alive is true from the creation on, as in telar nothing remains to be done but to let it run;
 * in Python it is False until start(). */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <telar.h>

struct vida {
	_Atomic int visto; /* in how many of its places it has been seen */
	tl_lock candado;
	tl_cond condicion;
	tl_strand hilo;
};

static const char *estado(const tl_info *i)
{
	const char *espera = i->waits ? i->waits : "";

	switch (i->state) {
	case TL_CREATED: return "Creado";
	case TL_READY: return i->os_id ? "Ejecutable" : "Listo";
	case TL_RUNNING: return "En ejecución";
	case TL_BLOCKED:
		return !strcmp(espera, "sleep")       ? "Bloqueado por sleep()"
		       : !strcmp(espera, "condition") ? "Bloqueado por wait()"
						      : "Bloqueado";
	default: return "Muerto";
	}
}

/* Look until it is in the state that is expected, and print that. */
static int observar(tl_strand hilo, const char *esperado)
{
	tl_info i;
	int r;

	while ((r = tl_inspect(hilo, &i)) == 0 && strcmp(estado(&i), esperado) != 0)
		if ((r = tl_sleep(tl_ms(1))) < 0)
			return r;
	if (r == 0)
		printf("%s: %s, is_alive() = %s\n", i.name, esperado,
			tl_alive(hilo) ? "True" : "False");
	return r;
}

static bool vista_la_espera(void *vida) { return ((struct vida *)vida)->visto >= 3; }

/* What it does; nowhere does it go on before it has been seen there. */
static int run(void *arg)
{
	struct vida *v = arg;
	int r = observar(v->hilo, "En ejecución"); /* itself */

	while (r == 0 && v->visto < 1)
		r = tl_yield();
	while (r == 0 && v->visto < 2)
		r = tl_sleep(tl_ms(20));
	if (r < 0 || (r = tl_lock_acquire(&v->candado, TL_NEVER)) < 0)
		return r;
	r = tl_cond_wait_for(&v->condicion, &v->candado, vista_la_espera, v, TL_NEVER);
	tl_lock_release(&v->candado);
	return r;
}

static void vivir(int start(tl_scope *, tl_fn *, void *, const tl_opts *))
{
	struct vida v = { 0 };

	start(NULL, run, &v, &(tl_opts){ .ret = &v.hilo, .paused = true });
	observar(v.hilo, "Creado");
	tl_resume(v.hilo);
	if (tl_kind(v.hilo) == TL_TASK) {
		observar(v.hilo, "Listo");
		observar(v.hilo, "Ejecutable");
	}
	v.visto = 1;
	observar(v.hilo, "Bloqueado por sleep()");
	v.visto = 2;
	observar(v.hilo, "Bloqueado por wait()");

	tl_lock_hold(&v.candado);
	v.visto = 3;
	tl_cond_notify(&v.condicion, 1);
	tl_lock_release(&v.candado);
	tl_join(v.hilo, NULL, TL_NEVER);
	observar(v.hilo, "Muerto");
}

int main(void)
{
	vivir(tl_task_start);
	vivir(tl_thread_start);
	return tl_finish();
}
