/* Several processes, each with tasks and threads, write one file, which all, some or none of them
 * rotate, and some are killed: every line is whole, and none is there twice; none of a process that
 * lived is missing. */
#include "lines.h"
#include <sys/mman.h>
#include <sys/prctl.h>

enum { STRANDS = 4, LINES = 150, BACKUPS = 400, MAX_BYTES = 20000 };

struct writer {
	int process, strand;
};

static _Atomic int *lines_of; /* so many has each process written; shared */
static enum { ALL, SOME, NONE } rotating;
static int parts_left; /* so many parted lines of killed processes may stand there */
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

static tl_handler *begin_to_log(int number)
{
	bool rotates = rotating == ALL || (rotating == SOME && number % 2);
	tl_handler *h;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	h = handler(&(tl_handler_opts){ .path = "log",
		.format = "%(message)s",
		.max_bytes = rotates ? MAX_BYTES : 0,
		.backups = BACKUPS });
	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	return h;
}

static void writer_process(int number, bool to_be_killed)
{
	tl_handler *h = begin_to_log(number);
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
	if (--parts_left >= 0)
		return;
	fprintf(stderr, "a parted line: %s\n", line);
	CHECK(!"all lines are whole");
}

/* One line of a file, without its newline. */
static void look_at(const char *line)
{
	int process, strand, number, n = 0;
	const char *at;

	if (sscanf(line, "%d %d %d %n", &process, &strand, &number, &n) != 3 || !n)
		return parted(line);
	CHECK(process < 16 && strand < STRANDS && number < LINES);
	at = line + n;
	for (n = (number * 7 + strand) % 11; n >= 0; n--, at += sizeof filler - 1)
		if (strncmp(at, filler, sizeof filler - 1) != 0)
			return parted(line);
	if (strcmp(at, " !") != 0)
		return parted(line);
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

		CHECK(size > 0 && text[size - 1] == '\n');
		CHECK(rotating != ALL || size <= MAX_BYTES);
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

static int shared_by_processes(void)
{
	pid_t pid[4];
	int n;

	share();
	for (int i = 0; i < 4; i++)
		pid[i] = begin(i, false);
	for (int i = 0; i < 4; i++)
		ended(pid[i], 0);
	n = look_at_all();
	all_seen(0, 4);
	return n;
}

/* D20: several processes share a rotating file: every line is whole, none is lost, none twice */
TEST_LIMIT(processes, 90)
{
	int n = shared_by_processes();

	CHECK(n > 10 && n < BACKUPS);
}

TEST_LIMIT(processes_of_which_some_rotate, 90)
{
	int n;

	rotating = SOME;
	n = shared_by_processes();
	CHECK(n > 1 && n < BACKUPS);
}

TEST_LIMIT(processes_that_do_not_rotate, 90)
{
	rotating = NONE;
	CHECK_EQ(shared_by_processes(), 1);
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
	begin_to_log(WITNESS);
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

static int kill_some(void)
{
	pid_t survivor, last, witness;
	int n;

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
	n = look_at_all();
	all_seen(SURVIVOR, LAST + 1);
	for (int i = 0; i <= VICTIMS; i++)
		CHECK_EQ(seen[WITNESS][0][i], 1);
	return n;
}

/* D20: a process killed while it writes parts no line and keeps nobody from rotating */
TEST_LIMIT(killed, 90) { CHECK(kill_some() > 10); }

/* Others write all the time, so the part may be left, as a line. */
TEST_LIMIT(killed_without_rotation, 90)
{
	rotating = NONE;
	parts_left = VICTIMS;
	CHECK_EQ(kill_some(), 1);
}
