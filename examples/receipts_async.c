/* receipts_async.c - Figure 1 of the student manual, and what its text proposes: the same receipts
 * one after another, each in a thread of its own, in a process of its own, and in a task of its
 * own; a table of how long it took and how much memory, and a picture of who ran when.
 *
 * Each student's receipt is attached, validated, uploaded and notified: 2.7 seconds, most of them
 * waiting for the upload.  A part of the validation is real work for the processor: 0.15 s, or less
 * where so many students come that it would be more than 0.6 s for all of them together.  One after
 * another is done for three students only, and worked out for all; processes are for 300 at most.
 *
 * Every way runs in a process of its own, so that the most memory it needed is its own.  What it
 * leaves is what its strands noted of themselves: before each wait "blocked", after it "running",
 * and between the moment it was waited for and the moment they ran, "ready"; also where a thread
 * that works sees that time has passed without it.
 *
 * --students N (3000; at most 5,000, as each is a thread of the system), --scale X shortens the
 * seconds, --timeline FILE.html, --svg FILE.svg */
#include "timeline.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FEW = 3,
	SOME = 300,
	MANY = 5000,
	MARKS = 200,
	VALIDATE = 2,
	STEPS = 4,
	NOISE = 5000 /* ns */
};

static const char *const names[] = { "", "adjuntar", "validar", "subir", "notificar" };
static const double lengths[] = { 0, 0.4, 0.2, 1.8, 0.3 };

static double scale = 1;
static int students = 3000;
static tl_time began;

struct student {
	int number, step;
	struct lane *lane;
	int64_t wall, cpu; /* when it last looked, while it ran */
};

static int64_t since(void) { return tl_now().ns - began.ns; }

static int64_t ns(double seconds) { return (int64_t)(seconds * scale * 1e9); }

static int64_t processor(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double work(void) { return 0.6 / students < 0.15 ? 0.6 / students : 0.15; }

/* -- one student, who notes what happens to him */

static void mark(const struct student *s, int64_t at, int state)
{
	lane_mark(s->lane, at, state, s->step, s->number);
}

static void look(struct student *s)
{
	s->wall = since();
	s->cpu = processor();
}

static void runs(struct student *s)
{
	look(s);
	mark(s, s->wall, TL_RUNNING);
}

/* Has the processor been taken away since the last look?  A thread is not told, so it compares the
 * time that has passed with the time it was given.  In doubt it was not running. */
static void look_again(struct student *s)
{
	struct student last = *s;

	look(s);
	if (s->wall - last.wall - (s->cpu - last.cpu) > NOISE) {
		mark(s, last.wall, TL_READY);
		mark(s, s->wall, TL_RUNNING);
	}
}

static int wait_until(struct student *s, int64_t due)
{
	int64_t up;
	int r;

	look_again(s);
	if (due <= s->wall)
		return tl_checkpoint();
	mark(s, s->wall, TL_BLOCKED);
	r = tl_sleep_until((tl_time){ began.ns + due });
	up = since();
	mark(s, due < up ? due : up, TL_READY);
	runs(s);
	return r;
}

/* Real work: the receipt is read again and again, for as long as a validation takes. */
static void validate(struct student *s)
{
	static const unsigned char receipt[4096];
	static _Thread_local volatile unsigned sum;
	int64_t end = s->cpu + ns(work());

	while (s->cpu < end) {
		for (size_t i = 0; i < sizeof receipt; i++)
			sum = (sum ^ receipt[i]) * 16777619u;
		look_again(s);
	}
}

static int serve(void *arg)
{
	struct student *s = arg;
	int r = 0;

	s->step = 1;
	runs(s);
	for (; s->step <= STEPS && r == 0; s->step++) {
		int64_t due = s->wall + ns(lengths[s->step]);

		if (s->step == VALIDATE)
			validate(s);
		r = wait_until(s, due);
	}
	s->step = STEPS;
	return r;
}

static int live(void *arg)
{
	struct student *s = arg;
	int r = serve(s);

	look_again(s);
	mark(s, s->wall, TL_ENDED);
	return r;
}

/* -- the ways */

typedef int start_fn(tl_scope *, tl_fn *, void *, const tl_opts *);

static int one_after_another(struct timeline *t)
{
	struct student s = { .lane = t->lanes };
	int r = 0;

	strcpy(t->lanes->name, tl_my_name());
	while (s.number++ < t->jobs && r == 0)
		r = serve(&s);
	s.number = t->jobs;
	mark(&s, since(), TL_ENDED);
	return r;
}

/* A strand for each: all are created, then all let go. */
static int a_strand_each(struct timeline *t, start_fn *start)
{
	struct student *s = calloc((size_t)t->n, sizeof *s);
	tl_strand *strands = calloc((size_t)t->n, sizeof *strands);
	tl_scope all = { .name = t->name };
	int r = s && strands ? 0 : -ENOMEM;

	tl_scope_open(&all);
	for (int i = 0; i < t->n && r == 0; i++) {
		s[i] = (struct student){ .number = i + 1, .step = 1, .lane = &t->lanes[i] };
		snprintf(t->lanes[i].name, sizeof t->lanes[i].name, "Alumno %d", i + 1);
		mark(&s[i], since(), TL_CREATED);
		r = start(&all, live, &s[i],
			&(tl_opts){ .name = t->lanes[i].name, .paused = true, .ret = &strands[i] });
	}
	for (int i = 0; i < t->n && r == 0; i++) {
		mark(&s[i], since(), TL_READY);
		tl_resume(strands[i]);
	}
	if (r < 0)
		tl_scope_fail(&all, r);
	r = tl_scope_close(&all);
	free(strands);
	free(s);
	return r;
}

static int with_threads(struct timeline *t) { return a_strand_each(t, tl_thread_start); }
static int with_tasks(struct timeline *t) { return a_strand_each(t, tl_task_start); }

/* A process sees neither our lanes nor what main has set: the one lies in shared memory, the other
 * goes along. */
struct kept {
	int n;
	long memory; /* KiB, its part of what it shares with others */
	struct mark marks[MARKS];
};

struct told {
	int number, students;
	double scale;
	tl_time began;
	struct kept *keep;
};

static long own_memory(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[200];
	long kib = 0;

	while (f && fgets(line, sizeof line, f) && sscanf(line, "Pss: %ld", &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib;
}

static int live_apart(void *arg)
{
	const struct told *t = arg;
	struct lane lane = { .n = 0 };
	struct student s = { .number = t->number, .step = 1, .lane = &lane };
	int r;

	students = t->students;
	scale = t->scale;
	began = t->began;
	t->keep->memory = own_memory();
	r = live(&s);
	t->keep->n = lane.n < MARKS ? lane.n : MARKS;
	memcpy(t->keep->marks, lane.marks, (size_t)t->keep->n * sizeof *lane.marks);
	t->keep->marks[t->keep->n - 1] = lane.marks[lane.n - 1];
	free(lane.marks);
	return r;
}

static void collect(struct timeline *t, const struct kept *keep)
{
	for (int i = 0; i < t->n; i++) {
		t->memory += keep[i].memory;
		for (int k = 0; k < keep[i].n; k++) {
			const struct mark *m = &keep[i].marks[k];
			lane_mark(&t->lanes[i], m->at, m->state, m->step, m->who);
		}
	}
}

static int with_processes(struct timeline *t)
{
	struct kept *keep = tl_shared((size_t)t->n * sizeof *keep);
	tl_strand *strands = calloc((size_t)t->n, sizeof *strands);
	tl_scope all = { .name = t->name };
	int r = keep && strands ? 0 : -ENOMEM;

	tl_scope_open(&all);
	for (int i = 0; i < t->n && r == 0; i++) {
		struct told told = { i + 1, students, scale, began, &keep[i] };

		snprintf(t->lanes[i].name, sizeof t->lanes[i].name, "Alumno %d", i + 1);
		lane_mark(&t->lanes[i], since(), TL_CREATED, 1, i + 1);
		r = tl_process_start(&all, live_apart, &told,
			&(tl_opts){ .name = t->lanes[i].name,
				.copy = sizeof told,
				.paused = true,
				.ret = &strands[i] });
	}
	for (int i = 0; i < t->n && r == 0; i++) {
		lane_mark(&t->lanes[i], since(), TL_READY, 1, i + 1);
		tl_resume(strands[i]);
	}
	if (r < 0)
		tl_scope_fail(&all, r);
	r = tl_scope_close(&all);
	if (r == 0)
		collect(t, keep);
	tl_shared_free(keep);
	free(strands);
	return r;
}

static const struct {
	const char *name;
	int most; /* students */
	bool one; /* in one strand */
	int (*run)(struct timeline *t);
} ways[] = {
	{ "secuencial", FEW, true, one_after_another },
	{ "hilos", MANY, false, with_threads },
	{ "procesos", SOME, false, with_processes },
	{ "tareas", MANY, false, with_tasks },
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* -- each in a process of its own, which leaves its lanes in a file */

static struct timeline blank(int way)
{
	struct timeline t = { .name = ways[way].name, .steps = names };

	t.jobs = students < ways[way].most ? students : ways[way].most;
	t.n = ways[way].one ? 1 : t.jobs;
	t.lanes = calloc((size_t)t.n, sizeof *t.lanes);
	if (!t.lanes)
		abort();
	return t;
}

static int run_way(int way, FILE *f)
{
	struct timeline t = blank(way);
	int r;

	began = tl_now();
	r = ways[way].run(&t);
	t.length = since();
	fwrite(&r, sizeof r, 1, f);
	fwrite(&t.length, sizeof t.length, 1, f);
	fwrite(&t.memory, sizeof t.memory, 1, f);
	for (int i = 0; i < t.n && r == 0; i++) {
		fwrite(&t.lanes[i], sizeof t.lanes[i], 1, f);
		fwrite(t.lanes[i].marks, sizeof(struct mark), (size_t)t.lanes[i].n, f);
	}
	return fflush(f);
}

static int read_way(struct timeline *t, FILE *f)
{
	int r = -1;

	rewind(f);
	if (fread(&r, sizeof r, 1, f) != 1 || r < 0)
		return r;
	if (fread(&t->length, sizeof t->length, 1, f) != 1 ||
		fread(&t->memory, sizeof t->memory, 1, f) != 1)
		return -1;
	for (int i = 0; i < t->n; i++) {
		struct lane *l = &t->lanes[i];

		if (fread(l, sizeof *l, 1, f) != 1)
			return -1;
		l->marks = calloc((size_t)l->n, sizeof *l->marks);
		if (!l->marks || fread(l->marks, sizeof *l->marks, (size_t)l->n, f) != (size_t)l->n)
			return -1;
	}
	return 0;
}

static int run_apart(int way, FILE *f, long *ret_memory)
{
	struct rusage used;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run_way(way, f) < 0);
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		return -1;
	*ret_memory = used.ru_maxrss;
	return status ? -1 : 0;
}

/* -- the table, and main */

static void print_row(const struct timeline *t)
{
	double each = (double)t->length / 1e9 / t->jobs;

	printf("%-12s %8d %8.2f s %9.1f MiB %4d", t->name, t->jobs, (double)t->length / 1e9,
		(double)t->memory / 1024, t->at_once);
	if (t->jobs < students && t->n > 1)
		printf("   sólo %d", t->jobs);
	else if (t->jobs < students)
		printf("   sólo %d: los %d, uno tras otro, serían %.0f s (%.1f h)", t->jobs,
			students, each * students, each * students / 3600);
	putchar('\n');
	fflush(stdout);
}

static int run_all(struct timeline all[WAYS])
{
	FILE *files[WAYS];
	long memory[WAYS];
	int r = 0;

	for (int i = 0; i < WAYS; i++)
		if (!(files[i] = tmpfile()) || run_apart(i, files[i], &memory[i]) < 0)
			return fprintf(stderr, "%s: no process, or no file for it\n", ways[i].name),
			       -1;
	for (int i = 0; i < WAYS; i++) {
		all[i] = blank(i);
		if ((r = read_way(&all[i], files[i])) < 0)
			return fprintf(stderr, "%s: %s\n", ways[i].name, tl_error_name(r)), -1;
		all[i].memory += memory[i];
		fclose(files[i]);
		timeline_measure(&all[i]);
		print_row(&all[i]);
	}
	return 0;
}

static int draw(const char *path, int how(FILE *, const struct timeline *, int),
	const struct timeline all[WAYS])
{
	FILE *f = path ? fopen(path, "w") : NULL;
	int r = 0;

	if (f)
		r = how(f, all, WAYS) | fclose(f);
	if (path && (!f || r))
		return perror(path), -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct timeline all[WAYS] = { 0 };
	const char *html = NULL, *svg = NULL;
	int i = 1, r;

	for (; i + 1 < argc; i += 2)
		if (!strcmp(argv[i], "--scale"))
			scale = atof(argv[i + 1]);
		else if (!strcmp(argv[i], "--students"))
			students = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--timeline"))
			html = argv[i + 1];
		else if (!strcmp(argv[i], "--svg"))
			svg = argv[i + 1];
		else
			break;
	if (i < argc || !(scale > 0) || students < 1 || students > MANY)
		return fprintf(stderr,
			       "usage: %s [--students N] [--scale X] [--timeline FILE.html] "
			       "[--svg FILE.svg]\n",
			       argv[0]),
		       2;
	printf("%d alumnos; validar ocupa el procesador %.2f ms por comprobante\n", students,
		(double)ns(work()) / 1e6);
	printf("forma         alumnos     tiempo       memoria  en ejecución a la vez\n");
	fflush(stdout);
	r = run_all(all) < 0 || draw(html, timeline_html, all) < 0 ||
	    draw(svg, timeline_svg, all) < 0;
	for (i = 0; i < WAYS; i++)
		timeline_free(&all[i]);
	return r;
}
