/* generator_pipeline.c - class 8's pipes, as in UNIX: one generator makes values and sends them to
 * others, these to others, and so on to the final consumer.
 *
 *	lineas | grep python | numerar | imprimir
 *
 * It runs twice: pushed by the source, each stage sending to the next; and pulled by the consumer,
 * each stage asking the one before.  Both print the same. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <telar.h>

static char *const lineas[] = { "Hola", "python es un lenguaje", "una serpiente", "se llama python",
	"Adios" };
enum { LINEAS = sizeof lineas / sizeof *lineas, ANCHO = 80 };

/* -- pushed: a stage is sent lines, and its arg is the next one */

static int push_grep(void *next)
{
	void *linea;
	int r;

	while ((r = tl_gen_yield(NULL, &linea)) == 0)
		if (strstr(linea, "python"))
			tl_gen_send(next, linea, NULL);
	return r;
}

static int push_numerar(void *next)
{
	char numerada[ANCHO];
	void *linea;
	int r, n = 0;

	while ((r = tl_gen_yield(NULL, &linea)) == 0) {
		snprintf(numerada, ANCHO, "%d: %s", ++n, (char *)linea);
		tl_gen_send(next, numerada, NULL);
	}
	return r;
}

static int push_imprimir(void *arg)
{
	void *linea;
	int n = 0;

	(void)arg;
	for (; tl_gen_yield(NULL, &linea) == 0; n++)
		puts(linea);
	return n;
}

static int empujar(void)
{
	tl_fn *const stages[] = { push_imprimir, push_numerar, push_grep };
	tl_gen *g[3] = { NULL };
	int r = 0;

	for (int i = 0; i < 3 && r == 0; i++) { /* from the last to the first, which needs it */
		r = tl_gen_open(&g[i], stages[i], i ? g[i - 1] : NULL, NULL);
		if (r == 0)
			r = tl_gen_send(g[i], NULL, NULL);
	}
	for (int i = 0; i < LINEAS && r == 0; i++)
		r = tl_gen_send(g[2], lineas[i], NULL);
	tl_gen_close(g[2]);
	tl_gen_close(g[1]);
	return r < 0 ? r : tl_gen_close(g[0]);
}

/* -- pulled: a stage yields lines, and its arg is the one before */

static int pull_lineas(void *arg)
{
	int r = 0;

	(void)arg;
	for (int i = 0; i < LINEAS && r == 0; i++)
		r = tl_gen_yield(lineas[i], NULL);
	return r;
}

static int pull_grep(void *before)
{
	void *linea;
	int r;

	while ((r = tl_gen_send(before, NULL, &linea)) == 0)
		if (strstr(linea, "python") && (r = tl_gen_yield(linea, NULL)) < 0)
			return r;
	return r == -EPIPE ? 0 : r;
}

static int pull_numerar(void *before)
{
	char numerada[ANCHO];
	void *linea;
	int r, n = 0;

	while ((r = tl_gen_send(before, NULL, &linea)) == 0) {
		snprintf(numerada, ANCHO, "%d: %s", ++n, (char *)linea);
		if ((r = tl_gen_yield(numerada, NULL)) < 0)
			return r;
	}
	return r == -EPIPE ? 0 : r;
}

static int tirar(void)
{
	tl_fn *const stages[] = { pull_lineas, pull_grep, pull_numerar };
	tl_gen *g[3] = { NULL };
	void *linea;
	int r = 0, n = 0;

	for (int i = 0; i < 3 && r == 0; i++)
		r = tl_gen_open(&g[i], stages[i], i ? g[i - 1] : NULL, NULL);
	for (; r == 0 && (r = tl_gen_send(g[2], NULL, &linea)) == 0; n++)
		puts(linea);
	for (int i = 2; i >= 0; i--)
		tl_gen_close(g[i]);
	return r == -EPIPE ? n : r;
}

int main(void)
{
	int r = empujar();

	printf("empujadas: %d\n", r);
	r = tirar();
	printf("tiradas: %d\n", r);
	return tl_finish();
}
