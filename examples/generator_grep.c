/* generator_grep.c - class 8's grep: a generator that is sent lines and prints those that hold its
 * pattern, until close asks it to leave. */
#include <stdio.h>
#include <string.h>
#include <telar.h>

static int grep(void *pattern)
{
	void *line;

	printf("Buscando cadena %s\n", (char *)pattern);
	while (tl_gen_yield(NULL, &line) == 0)
		if (strstr(line, pattern))
			puts(line);
	puts("Cerrando");
	return 0;
}

int main(void)
{
	tl_gen *g;

	if (tl_gen_open(&g, grep, "python", NULL) < 0)
		return 1;
	tl_gen_send(g, NULL, NULL); /* to its first yield */
	for (int i = 0; i < 3; i++)
		tl_gen_send(g, "Hola", NULL);
	tl_gen_send(g, "python", NULL);
	tl_gen_close(g);
	return tl_finish();
}
