/* Several processes, each with tasks and threads, write one file that rotates, and some are killed:
 * every line is whole, and none is there twice; none of a process that lived is missing. */
#include "lines.h"
#include <sys/mman.h>
#include <sys/prctl.h>

enum { STRANDS = 4, LINES = 150, BACKUPS = 400 };

struct writer {
	int process, strand;
};

static _Atomic int *lines_of; /* so many has each process written; shared */
static const char filler[] = "a-line-of-some-length-so-that-pages-are-crossed";

/* "process strand number filler ... !": n fillers, so that lines have many lengths. */
static void write_line(const struct writer *w, int i)
{
	char text[1000] = "";

	for (int n = (i * 7 + w->strand) % 11; n >= 0; n--)
		strcat(text, filler);
	tl_log(TL_ERROR, "%d %d %d %s !", w->process, w->strand, i, text);
	atomic_fetch_add(&lines_of[w->process], 1);
}

static int writes(void *arg)
{
	const struct writer *w = arg;

	for (int i = 0; i < LINES; i++) {
		write_line(w, i);
		if (i % 5 == 0)
			tl_yield();
	}
	return 0;
}

static tl_handler *begin_to_log(void)
{
	tl_handler *h;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	h = handler(&(tl_handler_opts){
		.path = "log", .format = "%(message)s", .max_bytes = 20000, .backups = BACKUPS });
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	return h;
}

static void writer_process(int number, bool to_be_killed)
{
	tl_handler *h = begin_to_log();
	struct writer w[STRANDS];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < STRANDS; i++) {
		w[i] = (struct writer){ number, i };
		if (i % 2)
			tl_thread_start(&s, writes, &w[i], NULL);
		else
			tl_task_start(&s, writes, &w[i], NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	while (to_be_killed)
		pause();
	CHECK_EQ(tl_handler_dropped(h), 0);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	_exit(0);
}

static pid_t begin(int number, bool to_be_killed)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		writer_process(number, to_be_killed);
	return pid;
}

static void share(void)
{
	lines_of = mmap(NULL, 16 * sizeof *lines_of, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(lines_of != MAP_FAILED);
}

static char seen[16][STRANDS][LINES];

static void parted(const char *line)
{
	fprintf(stderr, "a parted line: %s\n", line);
	CHECK(!"all lines are whole");
}

/* One line of a file, without its newline. */
static void look_at(const char *line)
{
	int process, strand, number, n = 0;
	const char *at;

	if (sscanf(line, "%d %d %d %n", &process, &strand, &number, &n) != 3 || !n)
		parted(line);
	CHECK(process < 16 && strand < STRANDS && number < LINES);
	at = line + n;
	for (n = (number * 7 + strand) % 11; n >= 0; n--, at += sizeof filler - 1)
		if (strncmp(at, filler, sizeof filler - 1) != 0)
			parted(line);
	if (strcmp(at, " !") != 0)
		parted(line);
	CHECK_EQ(seen[process][strand][number]++, 0);
}

/* Answers how many files there are. */
static int look_at_all(void)
{
	char name[32] = "log";
	int n = 0;

	while (access(name, F_OK) == 0) {
		size_t size;
		char *text = slurp(name, &size);

		CHECK(size > 0 && size <= 20000 && text[size - 1] == '\n');
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			look_at(line);
		free(text);
		snprintf(name, sizeof name, "log.%d", ++n);
	}
	return n;
}

static void all_seen(int from, int to)
{
	for (int p = from; p < to; p++)
		for (int s = 0; s < STRANDS; s++)
			for (int i = 0; i < LINES; i++)
				CHECK_EQ(seen[p][s][i], 1);
}

static void ended(pid_t pid, int wanted)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, wanted);
}

/* D20: several processes share a rotating file: every line is whole, none is lost, none twice */
TEST_LIMIT(processes, 90)
{
	pid_t pid[4];
	int n;

	share();
	for (int i = 0; i < 4; i++)
		pid[i] = begin(i, false);
	for (int i = 0; i < 4; i++)
		ended(pid[i], 0);
	n = look_at_all();
	CHECK(n > 10 && n < BACKUPS);
	all_seen(0, 4);
}

enum { VICTIMS = 8, SURVIVOR = VICTIMS, LAST, WITNESS, ASKED };

static void await_lines(int process, int n)
{
	while (atomic_load(&lines_of[process]) < n)
		sched_yield();
}

/* Writes a line whenever it is asked to. */
static pid_t begin_witness(void)
{
	struct writer w = { WITNESS, 0 };
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	begin_to_log();
	for (int i = 0; i <= VICTIMS; i++) {
		await_lines(ASKED, i + 1);
		write_line(&w, i);
	}
	_exit(0);
}

/* Who has seen the file before takes away what a killed process has left; who has not would let it
 * stand.  So a witness writes before the first victim, and after each before the next. */
static void ask_witness(int n)
{
	atomic_store(&lines_of[ASKED], n);
	await_lines(WITNESS, n);
}

/* D20: a process killed while it writes parts no line and keeps nobody from rotating */
TEST_LIMIT(killed, 90)
{
	pid_t survivor, last, witness;

	share();
	witness = begin_witness();
	survivor = begin(SURVIVOR, false);
	ask_witness(1);
	await_lines(SURVIVOR, 1);
	for (int i = 0; i < VICTIMS; i++) {
		pid_t victim = begin(i, true);

		await_lines(i, 50 + 60 * i);
		CHECK_EQ(kill(victim, SIGKILL), 0);
		ended(victim, SIGKILL);
		ask_witness(i + 2);
	}
	ended(survivor, 0);
	ended(witness, 0);
	last = begin(LAST, false);
	ended(last, 0);
	CHECK(look_at_all() > 10);
	all_seen(SURVIVOR, LAST + 1);
	for (int i = 0; i <= VICTIMS; i++)
		CHECK_EQ(seen[WITNESS][0][i], 1);
}
