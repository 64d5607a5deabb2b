/* manager_types.c - the types that the manual lists for a Manager, each used by another process
 * through its proxy: what that process does, and what is left of it here. */
#include <stdio.h>
#include <telar.h>

enum {
	LIST,
	DICT,
	NAMESPACE,
	LOCK,
	RLOCK,
	SEM,
	BOUNDED,
	CONDITION,
	EVENT,
	BARRIER,
	QUEUE,
	VALUE,
	ARRAY,
	TIPOS
};

static const char *const tipos[TIPOS] = { "list", "dict", "Namespace", "Lock", "RLock", "Semaphore",
	"BoundedSemaphore", "Condition", "Event", "Barrier", "Queue", "Value", "Array" };

static void hace(tl_object o, const char *verbo, const tl_value *args, size_t n)
{
	int r = tl_object_call(o, verbo, args, n, NULL, TL_NEVER);

	if (r < 0)
		printf("  %s: %s\n", verbo, tl_error_name(r));
}

static int otro_proceso(void *arg)
{
	tl_object *o = arg;
	tl_value uno = TL_INT(1), clave[] = { TL_STR("x"), TL_NUM(0.25) };
	tl_value lugar[] = { TL_INT(2), TL_INT(7) };

	hace(o[LIST], "append", &uno, 1);
	hace(o[DICT], "set", clave, 2);
	hace(o[NAMESPACE], "set", clave, 2);
	hace(o[LOCK], "acquire", NULL, 0);
	hace(o[LOCK], "release", NULL, 0);
	hace(o[RLOCK], "acquire", NULL, 0);
	hace(o[RLOCK], "acquire", NULL, 0);
	hace(o[RLOCK], "release", NULL, 0);
	hace(o[RLOCK], "release", NULL, 0);
	hace(o[SEM], "acquire", NULL, 0);
	hace(o[BOUNDED], "release", NULL, 0); /* one more than it has: refused */
	hace(o[CONDITION], "acquire", NULL, 0);
	hace(o[CONDITION], "notify_all", NULL, 0);
	hace(o[CONDITION], "release", NULL, 0);
	hace(o[EVENT], "set", NULL, 0);
	hace(o[BARRIER], "wait", NULL, 0);
	hace(o[QUEUE], "put", clave, 1);
	tl_object_add(o[VALUE], TL_NIL, 41, NULL, TL_NEVER);
	hace(o[ARRAY], "set", lugar, 2);
	return 0;
}

static int crea(tl_manager *m, tl_object o[TIPOS])
{
	tl_value dos = TL_INT(2), valor[] = { TL_STR("i"), TL_INT(1) };
	tl_value arreglo[] = { TL_STR("d"), TL_INT(3) };
	int r = 0;

	for (int i = 0; i < TIPOS && r >= 0; i++) {
		const tl_value *con = i == VALUE ? valor : i == ARRAY ? arreglo : &dos;
		size_t n = i == VALUE || i == ARRAY ? 2 : i == SEM || i == BOUNDED || i == BARRIER;

		r = tl_manager_new(m, tipos[i], con, n, &o[i], TL_NEVER);
	}
	return r;
}

static int programa(tl_manager *m)
{
	tl_scope s = { .name = "subproceso" };
	tl_object o[TIPOS];
	char texto[128];
	int r = crea(m, o);

	if (r < 0)
		return r;
	tl_scope_open(&s);
	tl_process_start(&s, otro_proceso, o, &(tl_opts){ .copy = sizeof o });
	hace(o[EVENT], "wait", NULL, 0);
	hace(o[BARRIER], "wait", NULL, 0);
	if ((r = tl_scope_close(&s)) < 0)
		return r;
	for (int i = 0; i < TIPOS && r >= 0; i++) {
		r = tl_object_text(o[i], texto, sizeof texto, TL_NEVER);
		printf("%-16s %s\n", tipos[i], r < 0 ? tl_error_name(r) : texto);
	}
	return r;
}

int main(void)
{
	tl_manager *m;
	int r = tl_manager_open(&m, NULL, TL_NEVER);

	if (r < 0) {
		fprintf(stderr, "manager_types: %s\n", tl_error_name(r));
		return 1;
	}
	r = programa(m);
	tl_manager_close(m, TL_NEVER);
	return tl_finish() || r < 0;
}
