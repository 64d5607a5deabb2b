/* rush.c - `comprobantes rush`: its options, its folder, its limits.
 *
 * Many students at once against a service in another process: rush_plan.c says who sends what,
 * rush_run.c does it.  What rush made it removes: a temporary folder goes whatever the end was. */
#include "rush.h"
#include "app.h"
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* -- what it needs */

int rush_allow_files(uint32_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= n)
		return 0;
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	fprintf(stderr, "comprobantes: rush: needs %u open files; allow them with `ulimit -n %u`\n",
		n, n);
	return -1;
}

int rush_temp_make(char dir[PATH_MAX])
{
	const char *base = getenv("TMPDIR");

	snprintf(dir, PATH_MAX, "%s/comprobantes-rush-XXXXXX", base && *base ? base : "/tmp");
	if (mkdtemp(dir))
		return 0;
	fprintf(stderr, "comprobantes: rush: cannot make a folder %s: %s; set TMPDIR\n", dir,
		strerror(errno));
	return -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

void rush_temp_remove(const char *dir) { nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

/* The folder of this rush: given and without receipts, or a fresh one. */
static int make_folder(struct rush_run *run)
{
	const char *data = run->opts->data;
	char path[PATH_MAX + 32];

	if (!data)
		return rush_temp_make(run->dir);
	snprintf(run->dir, sizeof run->dir, "%s", data);
	snprintf(path, sizeof path, "%s/comprobantes.db", data);
	if (access(path, F_OK) == 0) {
		fprintf(stderr,
			"comprobantes: rush: %s holds receipts already; give --data a new folder\n",
			data);
		return -1;
	}
	run->made = mkdir(data, 0777) == 0;
	if (run->made || errno == EEXIST)
		return 0;
	fprintf(stderr, "comprobantes: rush: cannot make the folder %s: %s\n", data,
		strerror(errno));
	return -1;
}

static int check_space(struct rush_run *run)
{
	uint64_t need = run->plan.bytes + run->plan.bytes / 8 + (64 << 20);
	struct statvfs fs;

	if (statvfs(run->dir, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= need)
		return 0;
	fprintf(stderr,
		"comprobantes: rush: %s has not the %llu MiB that this needs; free some, or give"
		" --data another folder\n",
		run->dir, (unsigned long long)(need >> 20));
	return -1;
}

static int make_room(struct rush_run *run)
{
	uint32_t n = run->opts->students;

	run->results = calloc(n, sizeof *run->results);
	for (int i = 0; i < RUSH_STAGES; i++)
		run->times[i] = calloc(n, sizeof *run->times[i]);
	if (rush_plan_make(&run->plan, run->opts->seed, n, RUSH_LIMIT) == 0 && run->results &&
		run->times[0] && run->times[1] && run->times[2] && run->times[3])
		return 0;
	fprintf(stderr, "comprobantes: rush: not enough memory for %u students\n", n);
	return -1;
}

static int run_rush(const struct rush_opts *o)
{
	struct rush_run run = { .opts = o, .server.pidfd = -1 };
	int r = 1;

	/* A connection, a spool file, and some more per student. */
	if (rush_allow_files(3 * o->students + 256) == 0 && make_room(&run) == 0 &&
		make_folder(&run) == 0) {
		if (check_space(&run) == 0)
			r = rush_run(&run);
		else if (run.made)
			rmdir(run.dir);
		if (!o->data && !o->keep)
			rush_temp_remove(run.dir);
		else if (access(run.dir, F_OK) == 0)
			fprintf(stderr, "comprobantes: rush: the service's folder is %s\n",
				run.dir);
	}
	for (int i = 0; i < RUSH_STAGES; i++)
		free(run.times[i]);
	free(run.results);
	rush_plan_free(&run.plan);
	return r;
}

/* -- options */

static const char usage[] =
	"usage: comprobantes rush [--students N] [--seed S] [--data DIR] [--keep] [--kill K]"
	" [--server PROGRAM] [--compare] [--quiet]\n";

static int bad(const char *what, const char *option)
{
	fprintf(stderr, "comprobantes: rush: %s%s; see `comprobantes rush --help`\n", what, option);
	return -1;
}

static int number(
	const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
	char *end, what[80];
	unsigned long long n;

	errno = 0;
	n = text ? strtoull(text, &end, 10) : 0;
	if (text && *text >= '0' && *text <= '9' && !*end && !errno && n >= least && n <= most) {
		*ret = n;
		return 0;
	}
	snprintf(what, sizeof what, "needs a number from %llu to %llu after ",
		(unsigned long long)least, (unsigned long long)most);
	return bad(what, option);
}

/* argv[*i], and its value if it has one.  0, or -1 after a line on stderr; 1: only help is wanted.
 */
static int take_option(struct rush_opts *o, char **argv, int *i)
{
	const char *name = argv[*i], *value = argv[*i + 1];
	uint64_t n = 0;
	int r;

	if (strcmp(name, "--keep") == 0)
		return o->keep = true, 0;
	if (strcmp(name, "--compare") == 0)
		return o->compare = true, 0;
	if (strcmp(name, "--quiet") == 0)
		return o->quiet = true, 0;
	if (strcmp(name, "--help") == 0)
		return fputs(usage, stdout), 1;
	(*i)++;
	if (strcmp(name, "--students") == 0)
		return r = number(name, value, 1, 20000, &n), o->students = n, r;
	if (strcmp(name, "--kill") == 0)
		return r = number(name, value, 0, RUSH_KILLS, &n), o->kills = n, r;
	if (strcmp(name, "--seed") == 0)
		return number(name, value, 0, UINT64_MAX, &o->seed);
	if (strcmp(name, "--data") == 0 && value && *value)
		return o->data = value, 0;
	if (strcmp(name, "--data") == 0)
		return bad("needs a folder after ", name);
	if (strcmp(name, "--server") == 0 && value)
		return o->server = value, 0;
	if (strcmp(name, "--only") == 0 && value)
		return o->only = value, 0;
	return bad("unknown option ", name);
}

int rush_main(int argc, char **argv)
{
	struct rush_opts o = { .students = 3000, .seed = 1 };

	for (int i = 1; i < argc; i++) {
		int r = take_option(&o, argv, &i);
		if (r != 0)
			return r < 0 ? 2 : 0;
	}
	signal(SIGPIPE, SIG_IGN); /* `rush | head` must not leave a service behind */
	if (o.only)
		return rush_compare_one(&o);
	return o.compare ? rush_compare(&o) : run_rush(&o);
}
