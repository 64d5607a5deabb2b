/* manager.c - the student manual's Manager: a dict and a list in a server process, which another
 * process changes through its proxies. */
#include <stdio.h>
#include <telar.h>

struct par {
	tl_object d, l;
};

static int f(void *arg)
{
	struct par *p = arg;
	int r;

	if ((r = tl_object_set(p->d, TL_INT(1), TL_STR("1"), TL_NEVER)) < 0 ||
		(r = tl_object_set(p->d, TL_STR("2"), TL_INT(2), TL_NEVER)) < 0 ||
		(r = tl_object_set(p->d, TL_NUM(0.25), TL_NIL, TL_NEVER)) < 0)
		return r;
	return tl_object_call(p->l, "reverse", NULL, 0, NULL, TL_NEVER);
}

static int programa(tl_manager *m)
{
	tl_scope s = { .name = "subproceso" };
	tl_value diez[10];
	char texto[256];
	struct par p;
	int r;

	for (int i = 0; i < 10; i++)
		diez[i] = TL_INT(i);
	if ((r = tl_manager_new(m, "dict", NULL, 0, &p.d, TL_NEVER)) < 0 ||
		(r = tl_manager_new(
			 m, "list", (tl_value[]){ TL_LIST(diez, 10) }, 1, &p.l, TL_NEVER)) < 0)
		return r;

	tl_scope_open(&s);
	tl_process_start(&s, f, &p, &(tl_opts){ .copy = sizeof p });
	if ((r = tl_scope_close(&s)) < 0)
		return r;

	if ((r = tl_object_text(p.d, texto, sizeof texto, TL_NEVER)) >= 0)
		puts(texto); /* {1: '1', '2': 2, 0.25: None} */
	if ((r = tl_object_text(p.l, texto, sizeof texto, TL_NEVER)) >= 0)
		puts(texto);
	return r;
}

int main(void)
{
	tl_manager *m;
	int r = tl_manager_open(&m, NULL, TL_NEVER);

	if (r < 0) {
		fprintf(stderr, "manager: %s\n", tl_error_name(r));
		return 1;
	}
	r = programa(m);
	tl_manager_close(m, TL_NEVER);
	return tl_finish() || r < 0;
}
