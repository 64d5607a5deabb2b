/* daemon_join.c - the student manual's writer and daemon once more, but main joins the daemon: now
 * it does reach 100, and then it is no longer alive, which Python prints as False.
 * --scale X shortens the sleeps of the source. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <telar.h>

static double scale = 1;

static int chequear(void *nombre)
{
	struct stat st = { 0 };

	for (int contador = 1; contador <= 100; contador++) {
		stat(nombre, &st);
		printf("%s %d %ld bytes\n", tl_my_name(), contador, (long)st.st_size);
		if (tl_sleep(tl_s(0.1 * scale)) < 0)
			return -ECANCELED;
	}
	return 0;
}

static int escribir(void *nombre)
{
	for (int contador = 1; contador <= 10; contador++) {
		FILE *archivo = fopen(nombre, "a");

		if (!archivo)
			return -errno;
		fputc('1', archivo);
		fclose(archivo);
		printf("%s %d\n", tl_my_name(), contador);
		if (tl_sleep(tl_s(0.3 * scale)) < 0)
			return -ECANCELED;
	}
	return 0;
}

int main(int argc, char **argv)
{
	tl_strand hilo1;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	remove("archivo.txt");
	tl_thread_start(NULL, chequear, "archivo.txt",
		&(tl_opts){ .name = "chequear", .daemon = true, .ret = &hilo1 });
	tl_thread_start(NULL, escribir, "archivo.txt", &(tl_opts){ .name = "escribir" });
	tl_join(hilo1, NULL, TL_NEVER);
	puts(tl_alive(hilo1) ? "True" : "False");
	return tl_finish();
}
