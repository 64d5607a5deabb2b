/* use_cases.c - where threads are of use, the student manual says: several downloads in parallel; a
 * large document that is saved while another is edited; several searches at the same time; a set of
 * systems that are tested at once.  All four, in small, and without leaving this machine: a server
 * of our own gives out the files, and two addresses play the systems that are out of order.
 * --scale X shortens the second for which a system may stay silent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <telar.h>

enum { FILE_BYTES = 1 << 16, LARGE_BYTES = 1 << 22, MANY = 3 };

static double scale = 1;
static char server[64], refused[64], silent[64]; /* addresses */

/* The server's side: the same file for everybody. */
static int give_file(tl_stream *peer, void *file)
{
	return tl_write_all(peer, file, FILE_BYTES, NULL, tl_after(tl_s(10)));
}

static int serve(void *listener)
{
	static char file[FILE_BYTES];

	memset(file, 'x', sizeof file);
	return tl_serve(listener, give_file, file, NULL) < 0 ? -EIO : 0;
}

/* 1. varias descargas de ficheros en paralelo */
static int descargar(void *numero)
{
	char buf[4096], nombre[32];
	tl_stream *s;
	ssize_t n;
	FILE *f;
	int r = tl_connect(&s, server, tl_after(tl_s(10)));

	if (r < 0)
		return r;
	snprintf(nombre, sizeof nombre, "descarga-%d", *(int *)numero);
	if (!(f = fopen(nombre, "w")))
		return tl_close(s, TL_NEVER), -EIO;
	while ((n = tl_read(s, buf, sizeof buf, tl_after(tl_s(10)))) > 0)
		fwrite(buf, 1, (size_t)n, f);
	printf("Descarga %d: %ld bytes\n", *(int *)numero, ftell(f));
	fclose(f);
	tl_close(s, TL_NEVER);
	return (int)n;
}

/* 2. guardar un documento de un gran tamaño mientras se está editando otro */
static int guardar(void *nombre)
{
	static char pagina[1 << 16];
	tl_store *st;
	int r = tl_store_open(&st, AT_FDCWD, TL_NEVER);

	if (r < 0)
		return r;
	memset(pagina, 'g', sizeof pagina);
	for (int n = 0; n < LARGE_BYTES && r == 0; n += (int)sizeof pagina)
		r = tl_store_write(st, pagina, sizeof pagina, TL_NEVER);
	if (r == 0)
		r = tl_store_commit(st, nombre, TL_NEVER);
	if (r == 0)
		printf("Documento grande guardado: %ld bytes\n", (long)tl_store_size(st));
	tl_store_close(st);
	return r;
}

static void editar_mientras(tl_strand guarda)
{
	int lineas = 0;

	do
		lineas++; /* here one would type */
	while (tl_sleep(tl_ms(1)) == 0 && tl_alive(guarda));
	printf("Otro documento editado mientras tanto: %s\n", lineas > 0 ? "sí" : "no");
}

/* 3. varias operaciones de búsqueda al mismo tiempo */
static int buscar(void *palabra)
{
	static const char texto[] = "un hilo espera, otro hilo trabaja, y la tarea espera al hilo";
	int veces = 0;

	for (const char *p = texto; (p = strstr(p, *(char **)palabra)); p++)
		veces++;
	printf("Búsqueda de '%s': %d\n", *(char **)palabra, veces);
	return 0;
}

/* 4. probar el funcionamiento de un conjunto de sistemas simultáneamente */
struct sistema {
	const char *nombre, *direccion;
};

static int probar(void *arg)
{
	struct sistema *x = arg;
	tl_time limite = tl_after(tl_s(scale));
	tl_stream *s = NULL;
	char byte;
	int r = tl_connect(&s, x->direccion, limite);

	if (r == 0)
		r = (int)tl_read(s, &byte, 1, limite);
	printf("Sistema %s: %s\n", x->nombre, r > 0 ? "funciona" : tl_error_name(r));
	tl_close(s, TL_NEVER);
	return 0;
}

/* A thread for each of MANY records, and the end of all. */
static int cada_uno(void *base, size_t size, tl_fn *fn)
{
	return tl_gather(base, MANY, size, fn, &(tl_gather_opts){ .kind = TL_THREAD }, TL_NEVER);
}

static int casos(void)
{
	struct sistema sistemas[] = { { "A", server }, { "B", refused }, { "C", silent } };
	const char *palabras[] = { "hilo", "espera", "proceso" };
	int r = cada_uno((int[]){ 1, 2, 3 }, sizeof(int), descargar);
	tl_strand guarda;

	if (r < 0)
		return r;
	remove("grande.txt");
	tl_thread_start(NULL, guardar, "grande.txt", &(tl_opts){ .ret = &guarda });
	editar_mientras(guarda);
	if ((r = cada_uno(palabras, sizeof palabras[0], buscar)) < 0)
		return r;
	return cada_uno(sistemas, sizeof sistemas[0], probar);
}

static int listen_at(tl_listener **ret, char address[64])
{
	int r = tl_listen(ret, "127.0.0.1:0");

	if (r == 0)
		tl_listener_address(*ret, address, 64);
	return r;
}

int main(int argc, char **argv)
{
	tl_listener *l[3] = { NULL };
	tl_scope all = { .name = "use cases" };
	int r;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	if ((r = listen_at(&l[0], server)) < 0 || (r = listen_at(&l[1], refused)) < 0 ||
		(r = listen_at(&l[2], silent)) < 0)
		return fprintf(stderr, "listen: %s\n", tl_error_name(r)), 1;
	tl_listener_close(l[1], TL_NEVER); /* nobody listens there any more */
	tl_scope_open(&all);
	tl_task_start(&all, serve, l[0], &(tl_opts){ .daemon = true, .name = "servidor" });
	if ((r = casos()) < 0)
		tl_scope_fail(&all, r);
	r = tl_scope_close(&all);
	tl_listener_close(l[0], TL_NEVER);
	tl_listener_close(l[2], TL_NEVER);
	return tl_finish() || r < 0;
}
