/* threads_priority.c - the student manual says that threads of high priority run before those of
 * low priority.  What Linux promises is less, and this program shows it.
 *
 * .nice is a weight, from -20 to 19: of two threads that both want the same processor all the time,
 * each step of it is worth about a quarter more time, so nice 0 gets some 68 times as much as nice
 * 19; but both run.  On two processors each has its own, and the weight does nothing, so here both
 * are kept on one.  Anybody may make a thread nicer; less than zero takes CAP_SYS_NICE or
 * RLIMIT_NICE, and without them the thread fails instead of running with what it did not ask for.
 * (Who needs "always first" needs sched_setscheduler(2), and its ways to hang a machine.)
 * --scale X shortens the second in which they race. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <telar.h>
#include <time.h>
#include <unistd.h>

static double scale = 1;
static tl_barrier salida = { .parties = 2 };

struct corredor {
	const char *prioridad;
	int nice;
	long ms; /* of processor time */
};

static int correr(void *arg)
{
	struct corredor *c = arg;
	int r = tl_barrier_wait(&salida, TL_NEVER);
	tl_time meta = tl_after(tl_s(scale));
	struct timespec t;

	if (r < 0)
		return r;
	while (tl_now().ns < meta.ns)
		;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	c->ms = t.tv_sec * 1000 + t.tv_nsec / 1000000;
	c->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	return 0;
}

static int nada(void *arg) { return (void)arg, 0; }

int main(int argc, char **argv)
{
	struct corredor c[] = { { "normal", 0, 0 }, { "baja", 19, 0 } };
	tl_scope s = { .name = "carrera" };
	cpu_set_t uno;
	int cpu = sched_getcpu(), r;

	if (argc > 1 && (argc != 3 || strcmp(argv[1], "--scale") || !((scale = atof(argv[2])) > 0)))
		return fprintf(stderr, "usage: %s [--scale X]\n", argv[0]), 2;
	CPU_ZERO(&uno);
	CPU_SET(cpu < 0 ? 0 : cpu, &uno);
	tl_scope_open(&s);
	for (int i = 0; i < 2; i++)
		tl_thread_start(&s, correr, &c[i],
			&(tl_opts){ .thread = &(tl_thread_opts){ .cpus = &uno,
					    .cpus_size = sizeof uno,
					    .nice = c[i].nice } });
	r = tl_scope_close(&s);
	for (int i = 0; i < 2 && r == 0; i++)
		printf("Prioridad %s (nice %d): %.0f %% del procesador\n", c[i].prioridad,
			c[i].nice, 100.0 * (double)c[i].ms / (double)(c[0].ms + c[1].ms));

	s = (tl_scope){ .name = "alta" };
	tl_scope_open(&s);
	tl_thread_start(&s, nada, NULL, &(tl_opts){ .thread = &(tl_thread_opts){ .nice = -5 } });
	printf("Prioridad alta (nice -5): %s\n", tl_error_name(tl_scope_close(&s)));
	return tl_finish();
}
