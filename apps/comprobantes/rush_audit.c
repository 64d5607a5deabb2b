/* rush_audit.c - what is really there, looked at from outside: files, rows, notices.
 *
 * The service has ended.  Files are read from disk and made anew from the seed by a thread per
 * processor, each with students of its own (i modulo the number of threads), so that no two touch
 * the same result; all else is done on rush's own thread.  Nothing here asks the service's code. */
#include "rush.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN 10 /* findings that are printed */

static bool is_accepted(const struct rush_result *t)
{
	return t->status == 200 || t->status == 201;
}

/* One thing that is not as the seed has it; i < 0: it belongs to no student. */
__attribute__((format(printf, 3, 4))) static void find(
	struct rush_run *run, int64_t i, const char *format, ...)
{
	char text[300], id[16] = "nobody's";
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (i >= 0)
		rush_student_id(i, id);
	if (i < 0 || !run->results[i].wrong) {
		if (run->wrong++ < SHOWN)
			fprintf(stderr, "rush: wrong: %s: %s\n", id, text);
	}
	if (i >= 0)
		run->results[i].wrong = true;
}

/* -- files */

static bool digest(
	char hex[65], size_t (*read)(void *from, size_t at, void *buf, size_t n), void *from)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t buf[65536], sum[32];
	size_t at = 0, n;
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);

	while (ok && (n = read(from, at, buf, sizeof buf)) > 0) {
		ok = EVP_DigestUpdate(md, buf, n);
		at += n;
	}
	ok = ok && EVP_DigestFinal_ex(md, sum, NULL);
	EVP_MD_CTX_free(md);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return ok;
}

static size_t read_made(void *from, size_t at, void *buf, size_t n)
{
	return rush_file_read(from, at, buf, n);
}

static size_t read_stored(void *from, size_t at, void *buf, size_t n)
{
	ssize_t k = pread(*(int *)from, buf, n, at);

	return k > 0 ? k : 0;
}

struct shard {
	struct rush_run *run;
	uint32_t first, step;
	uint8_t *findings; /* per student */
};
enum { IS_RIGHT, HAS_NO_FILE, TOLD_OTHER_SHA, FILE_DIFFERS };

static int look_at_file(struct rush_run *run, const struct rush_result *t, uint32_t i)
{
	struct rush_file file;
	char made[65], stored[65], path[PATH_MAX + 80];
	bool ok;
	int fd;

	rush_plan_file(&run->plan, i, &file);
	if (!digest(made, read_made, &file))
		return -ENOMEM;
	snprintf(path, sizeof path, "%s/files/%s", run->dir, made);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return HAS_NO_FILE;
	ok = digest(stored, read_stored, &fd);
	close(fd);
	if (!ok)
		return -ENOMEM;
	if (strcmp(made, stored) != 0)
		return FILE_DIFFERS;
	return strcmp(made, t->sha256) == 0 ? IS_RIGHT : TOLD_OTHER_SHA;
}

static int look_at_files(void *arg)
{
	struct shard *s = arg;

	for (uint32_t i = s->first; i < s->run->opts->students; i += s->step) {
		const struct rush_result *t = &s->run->results[i];
		int r = tl_checkpoint();
		if (r == 0 && is_accepted(t))
			r = look_at_file(s->run, t, i);
		if (r < 0)
			return r;
		s->findings[i] = r;
	}
	return 0;
}

static int audit_files(struct rush_run *run)
{
	struct shard shards[64];
	uint32_t n = tl_cpu_count() < 64 ? tl_cpu_count() : 64;
	uint8_t *findings = calloc(run->opts->students, 1);
	int r = findings ? 0 : -ENOMEM;

	for (uint32_t k = 0; k < n; k++)
		shards[k] = (struct shard){ run, k, n, findings };
	if (r == 0)
		r = tl_gather(shards, n, sizeof *shards, look_at_files,
			&(tl_gather_opts){ .kind = TL_THREAD }, TL_NEVER);
	for (uint32_t i = 0; r == 0 && i < run->opts->students; i++) {
		struct rush_result *t = &run->results[i];
		t->file = is_accepted(t) && findings[i] != HAS_NO_FILE;
		if (findings[i] == TOLD_OTHER_SHA)
			find(run, i, "was told sha256 %s, which is not its file's", t->sha256);
		if (findings[i] == FILE_DIFFERS)
			find(run, i, "files/%s has other bytes than were sent", t->sha256);
	}
	free(findings);
	return r;
}

/* -- who belongs to an id, or to a sum: the accepted, sorted by it */

static int by_id(const void *a, const void *b)
{
	return strcmp((*(struct rush_result *const *)a)->id, (*(struct rush_result *const *)b)->id);
}

static int by_sum(const void *a, const void *b)
{
	return strcmp((*(struct rush_result *const *)a)->sha256,
		(*(struct rush_result *const *)b)->sha256);
}

struct index {
	struct rush_result **at;
	size_t n;
	int (*order)(const void *, const void *);
};

static int index_make(
	struct index *x, struct rush_run *run, int (*order)(const void *, const void *))
{
	*x = (struct index){ .order = order };
	x->at = calloc(run->opts->students, sizeof *x->at);
	if (!x->at)
		return -ENOMEM;
	for (uint32_t i = 0; i < run->opts->students; i++) {
		if (is_accepted(&run->results[i]))
			x->at[x->n++] = &run->results[i];
	}
	qsort(x->at, x->n, sizeof *x->at, order);
	for (size_t k = 1; k < x->n; k++) {
		if (order(&x->at[k - 1], &x->at[k]) == 0)
			find(run, x->at[k] - run->results, "was told the same %s as another",
				order == by_id ? "id" : "sum");
	}
	return 0;
}

static struct rush_result *index_get(const struct index *x, const struct rush_result *key)
{
	struct rush_result **p = bsearch(&key, x->at, x->n, sizeof *x->at, x->order);

	return p ? *p : NULL;
}

static int audit_strangers(struct rush_run *run)
{
	struct rush_result key = { 0 };
	char path[PATH_MAX + 80];
	struct index sums;
	struct dirent *e;
	int r = index_make(&sums, run, by_sum);
	DIR *d;

	snprintf(path, sizeof path, "%s/files", run->dir);
	d = r == 0 ? opendir(path) : NULL;
	if (r == 0 && !d)
		r = -errno;
	while (r == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(key.sha256, sizeof key.sha256, "%.64s", e->d_name);
		if (strlen(e->d_name) != 64 || !index_get(&sums, &key))
			find(run, -1, "files/%s, which no accepted upload made", e->d_name);
	}
	if (d)
		closedir(d);
	free(sums.at);
	return r;
}

/* -- rows */

static const char *text(sqlite3_stmt *q, int column)
{
	const unsigned char *t = sqlite3_column_text(q, column);

	return t ? (const char *)t : "";
}

static void keep_times(struct rush_run *run, const struct rush_result *t, sqlite3_stmt *q)
{
	int64_t before = t->begun_ms;

	for (int stage = 0; stage < RUSH_STAGES; stage++) {
		int64_t at = sqlite3_column_int64(q, 6 + stage);
		/* One upload can be sent twice and kept from the first time: no time below 0. */
		run->times[stage][run->rows] = at > before ? at - before : 0;
		before = at;
	}
	run->rows++;
}

static void look_at_row(struct rush_run *run, const struct index *ids, sqlite3_stmt *q)
{
	struct rush_result key = { 0 }, *t;
	const struct rush_student *s;
	char id[16], name[64];
	uint32_t i;

	snprintf(key.id, sizeof key.id, "%s", text(q, 0));
	t = index_get(ids, &key);
	if (!t) {
		find(run, -1, "row %s (student %s), which nobody was told", key.id, text(q, 1));
		return;
	}
	i = t - run->results;
	s = &run->plan.students[i];
	rush_student_id(i, id);
	rush_student_name(&run->plan, i, name);
	if (t->row)
		find(run, i, "has more than one row");
	t->row = true;
	if (strcmp(text(q, 1), id) != 0 || strcmp(text(q, 2), name) != 0)
		find(run, i, "its row names %s, %s", text(q, 1), text(q, 2));
	if (strcmp(text(q, 3), t->sha256) != 0)
		find(run, i, "its row has sum %s", text(q, 3));
	if (strcmp(text(q, 4), rush_kind_mime(s->kind)) != 0)
		find(run, i, "its row has type %s", text(q, 4));
	if ((uint64_t)sqlite3_column_int64(q, 5) != s->cut)
		find(run, i, "its row has size %s", text(q, 5));
	if (sqlite3_column_int64(q, 9) <= 0)
		find(run, i, "its row says that its notice is not out");
	if (run->rows < run->opts->students)
		keep_times(run, t, q);
}

static int open_rows(sqlite3 **db, const char *dir)
{
	char path[PATH_MAX + 80];

	snprintf(path, sizeof path, "%s/comprobantes.db", dir);
	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_busy_timeout(*db, 2000);
	return 0;
}

static int audit_rows(struct rush_run *run, const struct index *ids)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	int step = SQLITE_ERROR, r = open_rows(&db, run->dir);

	if (r == 0 &&
		sqlite3_prepare_v2(db,
			"SELECT id, student, name, sha256, type, size, attached_ms, validated_ms,"
			" stored_ms, notified_ms FROM receipts",
			-1, &q, NULL) == SQLITE_OK) {
		while ((step = sqlite3_step(q)) == SQLITE_ROW)
			look_at_row(run, ids, q);
	}
	if (step == SQLITE_DONE && sqlite3_finalize(q) == SQLITE_OK &&
		sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL) == SQLITE_OK) {
		if (sqlite3_step(q) != SQLITE_ROW || strcmp(text(q, 0), "ok") != 0)
			find(run, -1, "the database is not sound: %s", text(q, 0));
	} else {
		rush_fail(run, "the receipts cannot be read: %s", sqlite3_errmsg(db));
		r = -EIO;
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
	return r;
}

int rush_count_notified(const char *dir)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	int r = -EAGAIN;

	if (open_rows(&db, dir) == 0 &&
		sqlite3_prepare_v2(db, "SELECT count(*) FROM receipts WHERE notified_ms > 0", -1,
			&q, NULL) == SQLITE_OK &&
		sqlite3_step(q) == SQLITE_ROW)
		r = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return r;
}

/* -- notices */

/* The value of the line "Name: value" in a text. */
static bool header(const char *head, const char *name, char *ret, size_t cap)
{
	size_t n = strlen(name);

	for (const char *p = head; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
			p += n + 1;
			p += strspn(p, " ");
			snprintf(ret, cap, "%.*s", (int)strcspn(p, "\r\n"), p);
			return true;
		}
	}
	return false;
}

static void look_at_notice(
	struct rush_run *run, const struct index *ids, int folder, const char *name)
{
	struct rush_result key = { 0 }, *t;
	char head[4096], student[32] = "", id[16];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head - 1);

	if (fd >= 0)
		close(fd);
	head[n > 0 ? n : 0] = 0;
	if (!header(head, "X-Comprobante", key.id, sizeof key.id) ||
		!header(head, "X-Student", student, sizeof student)) {
		find(run, -1, "notice %s names no receipt or student", name);
		return;
	}
	t = index_get(ids, &key);
	if (!t) {
		find(run, -1, "notice %s is for receipt %s, which nobody was told", name, key.id);
		return;
	}
	rush_student_id(t - run->results, id);
	if (strcmp(student, id) != 0)
		find(run, t - run->results, "its notice names student %s", student);
	else
		t->notices++;
}

static int audit_notices(struct rush_run *run, const struct index *ids)
{
	char path[PATH_MAX + 80];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "%s/maildir/new", run->dir);
	d = opendir(path);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (e->d_name[0] != '.')
			look_at_notice(run, ids, dirfd(d), e->d_name);
	}
	closedir(d);
	return 0;
}

/* -- and the sum of it */

static void audit_students(struct rush_run *run)
{
	for (uint32_t i = 0; i < run->opts->students; i++) {
		struct rush_result *t = &run->results[i];
		const struct rush_student *s = &run->plan.students[i];
		char id[16];

		if (s->fate == RUSH_TWIN &&
			is_accepted(t) + is_accepted(&run->results[s->twin]) != 1)
			find(run, i, "of two with the same bytes, not exactly one is accepted");
		t->lost = is_accepted(t) && (!t->file || !t->row || t->notices == 0);
		if (!t->lost)
			continue;
		rush_student_id(i, id);
		if (run->lost++ < SHOWN)
			fprintf(stderr, "rush: lost: %s, receipt %s:%s%s%s\n", id, t->id,
				t->file ? "" : " no file", t->row ? "" : " no row",
				t->notices ? "" : " no notice");
	}
}

int rush_audit(struct rush_run *run)
{
	struct index ids = { 0 };
	int r = audit_files(run);

	if (r == 0)
		r = audit_strangers(run);
	if (r == 0)
		r = index_make(&ids, run, by_id);
	if (r == 0)
		r = audit_rows(run, &ids);
	if (r == 0)
		r = audit_notices(run, &ids);
	free(ids.at);
	if (r == 0)
		audit_students(run);
	else if (r != -ECANCELED)
		rush_fail(run, "the audit cannot be made: %s", tl_error_name(r));
	return r;
}
