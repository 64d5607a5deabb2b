/* rush_compare.c - the same work three ways: one after another, with threads, with tasks.
 *
 * Each way runs in a process of its own, so that its memory is its own, on the same files of the
 * same seed, without HTTP: attach (into a spool file), validate (type, size, wholeness, SHA-256),
 * store (durable, under its sum), notify (a durable notice).  What differs is who waits for whom.
 * Students share the work read-only; the two counters are atomic. */
#include "rush.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ONE_BY_ONE 200 /* students at most: more would only take longer */
#define THREADS    64  /* at once */
#define TASKS      512
#define CHUNK      32768

struct work {
	struct rush_plan plan;
	bool offload; /* validate on helper threads */
	int files, notices;
	_Atomic(uint32_t) accepted, rejected;
};

struct student {
	struct work *work;
	uint32_t i;
};

/* -- the four stages */

static int attach(struct student *s, tl_store **ret)
{
	struct rush_file file;
	char buf[CHUNK];
	size_t at = 0, n;
	int r = tl_store_open(ret, s->work->files, TL_NEVER);

	if (r < 0)
		return r;
	rush_plan_file(&s->work->plan, s->i, &file);
	while (r == 0 && (n = rush_file_read(&file, at, buf, sizeof buf)) > 0) {
		r = tl_store_write(*ret, buf, n, TL_NEVER);
		at += n;
	}
	return r;
}

struct check {
	int fd;
	size_t size, limit;
	char sha256[65];
};

static bool ends_with(int fd, size_t size, const void *end, size_t n)
{
	char tail[16];

	return pread(fd, tail, n, size - n) == (ssize_t)n && memcmp(tail, end, n) == 0;
}

/* 1: whole and of a known type; 0: to be refused. */
static int is_whole(const struct check *c)
{
	char head[8] = "";

	if (c->size > c->limit || pread(c->fd, head, sizeof head, 0) != sizeof head)
		return 0;
	if (memcmp(head, "%PDF-", 5) == 0)
		return ends_with(c->fd, c->size, "%%EOF\n", 6);
	if (memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0)
		return ends_with(c->fd, c->size, "\0\0\0\0IEND\xae\x42\x60\x82", 12);
	if (memcmp(head, "\xff\xd8\xff", 3) == 0)
		return ends_with(c->fd, c->size, "\xff\xd9", 2);
	return 0;
}

static int validate(void *arg)
{
	struct check *c = arg;
	EVP_MD_CTX *md;
	uint8_t buf[CHUNK], sum[32];
	size_t at = 0;
	ssize_t n;

	if (!is_whole(c))
		return 0;
	md = EVP_MD_CTX_new();
	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		return EVP_MD_CTX_free(md), -ENOMEM;
	while ((n = pread(c->fd, buf, sizeof buf, at)) > 0) {
		EVP_DigestUpdate(md, buf, n);
		at += n;
	}
	EVP_DigestFinal_ex(md, sum, NULL);
	EVP_MD_CTX_free(md);
	for (int i = 0; i < 32; i++)
		snprintf(c->sha256 + 2 * i, 3, "%02x", sum[i]);
	return n < 0 ? -EIO : 1;
}

static int notify(struct student *s, const char *sha256)
{
	char text[256], id[16];
	tl_store *st;
	int n, r = tl_store_open(&st, s->work->notices, TL_NEVER);

	if (r < 0)
		return r;
	rush_student_id(s->i, id);
	n = snprintf(
		text, sizeof text, "X-Comprobante: %s\nX-Student: %s\n\nRecibido.\n", sha256, id);
	r = tl_store_write(st, text, n, TL_NEVER);
	if (r == 0)
		r = tl_store_commit(st, id, TL_NEVER);
	tl_store_close(st);
	return r;
}

/* All four for one student. */
static int serve(void *arg)
{
	struct student *s = arg;
	struct work *w = s->work;
	tl_store *st = NULL;
	struct check c = { .limit = w->plan.limit };
	bool refused = false;
	int r = attach(s, &st);

	if (r == 0) {
		c.fd = tl_store_fd(st);
		c.size = tl_store_size(st);
		r = w->offload ? tl_offload(validate, &c, sizeof c, TL_NEVER) : validate(&c);
	}
	refused = r == 0;
	if (r == 1)
		r = tl_store_commit(st, c.sha256, TL_NEVER);
	if (r == -EEXIST) { /* the other twin's */
		refused = true;
		r = 0;
	}
	if (r == 0 && !refused)
		r = notify(s, c.sha256);
	tl_store_close(st);
	if (r < 0)
		return r;
	atomic_fetch_add_explicit(refused ? &w->rejected : &w->accepted, 1, memory_order_relaxed);
	return 0;
}

/* -- the three ways */

static int one_by_one(struct student *s, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = serve(&s[i]);
	return r;
}

static int with_threads(struct student *s, size_t n)
{
	tl_gather_opts o = { .kind = TL_THREAD, .limit = THREADS };

	return tl_gather(s, n, sizeof *s, serve, &o, TL_NEVER);
}

static int with_tasks(struct student *s, size_t n)
{
	tl_gather_opts o = { .limit = TASKS };

	s->work->offload = true;
	return tl_gather(s, n, sizeof *s, serve, &o, TL_NEVER);
}

static const struct way {
	const char *name, *text;
	int (*run)(struct student *s, size_t n);
	uint32_t most;
} ways[] = {
	{ "one", "one after another", one_by_one, ONE_BY_ONE },
	{ "threads", "threads, 64 at once", with_threads, UINT32_MAX },
	{ "tasks", "tasks, 512 at once", with_tasks, UINT32_MAX },
};
#define WAYS (sizeof ways / sizeof *ways)

static int open_folder(const char *dir, const char *name)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (mkdir(path, 0777) < 0)
		return -errno;
	fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int run_way(const struct way *way, struct work *w, double *seconds)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	struct student *s = calloc(w->plan.count, sizeof *s);
	tl_scope scope = { .name = way->name };
	tl_time begin = tl_now();
	int r = s ? 0 : -ENOMEM, closed;

	tl_scope_open(&scope);
	if (r == 0)
		r = tl_scope_signals(&scope, numbers, 2);
	for (uint32_t i = 0; s && i < w->plan.count; i++)
		s[i] = (struct student){ w, i };
	if (r == 0)
		r = way->run(s, w->plan.count);
	closed = tl_scope_close(&scope);
	*seconds = (tl_now().ns - begin.ns) / 1e9;
	free(s);
	return r < 0 ? r : closed;
}

/* The line that a child says: students, accepted, rejected, seconds, KiB at the peak. */
static int tell(const struct work *w, double seconds)
{
	struct rush_server self = { .pid = getpid() };

	rush_server_sample(&self);
	printf("%u %u %u %.6f %llu\n", w->plan.count,
		atomic_load_explicit(&w->accepted, memory_order_relaxed),
		atomic_load_explicit(&w->rejected, memory_order_relaxed), seconds,
		(unsigned long long)self.peak_kib);
	return fflush(stdout) == 0 ? 0 : -EPIPE;
}

int rush_compare_one(const struct rush_opts *o)
{
	const struct way *way = ways;
	struct work w = { .files = -1, .notices = -1 };
	char dir[PATH_MAX];
	double seconds = 0;
	int r;

	while (way < ways + WAYS && strcmp(way->name, o->only) != 0)
		way++;
	if (way == ways + WAYS) {
		fprintf(stderr, "comprobantes: rush: there is no way \"%s\"\n", o->only);
		return 2;
	}
	if (rush_allow_files(2 * o->students + 256) < 0 || rush_temp_make(dir) < 0)
		return 1;
	r = rush_plan_make(
		&w.plan, o->seed, o->students < way->most ? o->students : way->most, RUSH_LIMIT);
	if (r == 0 && (r = w.files = open_folder(dir, "files")) >= 0 &&
		(r = w.notices = open_folder(dir, "notices")) >= 0)
		r = run_way(way, &w, &seconds);
	if (r == 0 && atomic_load_explicit(&w.accepted, memory_order_relaxed) !=
			      rush_plan_accepted(&w.plan))
		r = -EPROTO; /* not what the seed made */
	if (r == 0)
		r = tell(&w, seconds);
	if (r < 0 && r != -ECANCELED)
		fprintf(stderr, "comprobantes: rush: %s: %s\n", way->text, strerror(-r));
	close(w.files);
	close(w.notices);
	rush_plan_free(&w.plan);
	rush_temp_remove(dir);
	return r < 0 ? 1 : 0;
}

/* -- beside each other */

struct outcome {
	unsigned students, accepted, rejected;
	double seconds;
	unsigned long long kib;
};

static int read_outcome(tl_stream *out, struct outcome *ret)
{
	char line[256] = "";
	size_t n = 0;
	int r = tl_read_all(out, line, sizeof line - 1, &n, TL_NEVER);

	if (r < 0 && r != -EPIPE)
		return r;
	return sscanf(line, "%u %u %u %lf %llu", &ret->students, &ret->accepted, &ret->rejected,
		       &ret->seconds, &ret->kib) == 5
		       ? 0
		       : -EPROTO;
}

static int run_child(const struct rush_opts *o, const struct way *way, struct outcome *ret)
{
	char students[16], seed[24];
	char *argv[] = { "comprobantes", "rush", "--only", (char *)way->name, "--students",
		students, "--seed", seed, NULL };
	tl_stream *out = NULL;
	pid_t pid = 0;
	int status = 0, r;

	snprintf(students, sizeof students, "%u", o->students);
	snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
	r = rush_spawn(&pid, &out, NULL, argv);
	if (r == 0)
		r = read_outcome(out, ret);
	if (pid && r == -ECANCELED)
		kill(pid, SIGTERM); /* it removes its folder, and ends */
	while (pid && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	tl_close(out, TL_NEVER);
	return r == 0 && status != 0 ? -EPROTO : r;
}

static int compare(const struct rush_opts *o)
{
	int r = 0;

	printf("The same work without HTTP, seed %llu: attach, validate, store, notify.\n"
	       "  %-20s %9s %9s %9s %8s %12s %9s\n",
		(unsigned long long)o->seed, "way", "students", "accepted", "rejected", "wall s",
		"students/s", "peak MiB");
	fflush(stdout);
	for (size_t k = 0; r == 0 && k < WAYS; k++) {
		struct outcome t = { 0 };
		r = run_child(o, &ways[k], &t);
		if (r < 0)
			break;
		printf("  %-20s %9u %9u %9u %8.2f %12.1f %9.1f%s\n", ways[k].text, t.students,
			t.accepted, t.rejected, t.seconds, t.students / t.seconds, t.kib / 1024.0,
			t.students < o->students ? "  (few, for it is slow)" : "");
		fflush(stdout);
	}
	return r;
}

int rush_compare(const struct rush_opts *o)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	tl_scope scope = { .name = "compare" };
	int r, closed;

	tl_scope_open(&scope);
	r = tl_scope_signals(&scope, numbers, 2);
	if (r == 0)
		r = compare(o);
	closed = tl_scope_close(&scope);
	if (r == -ECANCELED)
		return 130;
	if (r < 0)
		fprintf(stderr, "comprobantes: rush: the comparison failed: %s\n",
			tl_error_name(r));
	return r < 0 || closed < 0 ? 1 : 0;
}
