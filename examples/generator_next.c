/* generator_next.c - class 8's two sides of yield: a generator gives data to whoever asks for the
 * next, and a coroutine is sent data.  The source shows both without running them; here they run.
 */
#include <stdint.h>
#include <stdio.h>
#include <telar.h>

static int generador(void *arg)
{
	int r = 0;

	(void)arg;
	for (intptr_t n = 0; n < 10 && r == 0; n++)
		r = tl_gen_yield((void *)n, NULL); /* control goes to whoever asked */
	return r;
}

static int corrutina(void *arg)
{
	void *dato;

	(void)arg;
	while (tl_gen_yield(NULL, &dato) == 0) /* it comes from whoever has sent */
		puts(dato);
	puts("Alguien ha llamado a close()");
	return 0;
}

int main(void)
{
	tl_gen *g, *c;
	void *n;
	int r;

	if (tl_gen_open(&g, generador, NULL, NULL) < 0 ||
		tl_gen_open(&c, corrutina, NULL, NULL) < 0)
		return 1;
	while ((r = tl_gen_send(g, NULL, &n)) == 0)
		printf("%d\n", (int)(intptr_t)n);
	printf("fin: %s\n", tl_error_name(r)); /* EPIPE is Python's StopIteration */
	tl_gen_close(g);

	tl_gen_send(c, NULL, NULL);
	tl_gen_send(c, "Hola", NULL);
	tl_gen_send(c, "python", NULL);
	tl_gen_close(c);
	return tl_finish();
}
