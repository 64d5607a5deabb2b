/* thread_subclass.c - the student manual's class MiHilo(Thread): here a struct that embeds its
 * strand and what it needs, and a run function that is given the struct.
 * The source's text says that join waits for all threads to end; it waits for the one it is called
 * on, so each of the three is over before the next begins. */
#include <stdio.h>
#include <telar.h>

struct mi_hilo {
	tl_strand hilo;
	int num;
};

static int run(void *self) /* at least a run method */
{
	struct mi_hilo *yo = self;

	printf(" Ejecutando el hilo:  %d\n", yo->num);
	return 0;
}

static int start(struct mi_hilo *yo)
{
	return tl_thread_start(NULL, run, yo, &(tl_opts){ .ret = &yo->hilo });
}

int main(void)
{
	puts("Ejecutando el hilo principal...");
	for (int i = 0; i < 3; i++) {
		struct mi_hilo t = { .num = i };

		start(&t);
		tl_join(t.hilo, NULL, TL_NEVER);
	}
	return tl_finish();
}
