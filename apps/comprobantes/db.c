/* db.c - the table receipts, through prepared statements.
 *
 * Three connections, so that a reader never waits: the store strand's and the notify strand's (they
 * take turns as writers under service.writing, not by SQLite's polling), and the one for looking,
 * which is opened serialized and locked through its own mutex for one look at a time, because an
 * abandoned look may still be running. */
#include "db.h"
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS receipts(id TEXT PRIMARY KEY, student TEXT NOT NULL,"
	" name TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, type TEXT NOT NULL,"
	" size INTEGER NOT NULL, attached_ms INTEGER, validated_ms INTEGER, stored_ms INTEGER,"
	" notified_ms INTEGER);"
	"CREATE INDEX IF NOT EXISTS owed ON receipts(stored_ms) WHERE notified_ms IS NULL;"
	"PRAGMA user_version = 1";

#define COLUMNS \
	"id, student, name, sha256, type, size, attached_ms, validated_ms, stored_ms, notified_ms"

enum statement { S_BEGIN, S_COMMIT, S_FIND, S_INSERT, S_OWED, S_NOTIFIED, S_LOOK, S_COUNT };

static const struct {
	unsigned uses; /* by whom, as bits of 1 << db_use */
	const char *sql;
} statements[S_COUNT] = {
	[S_BEGIN] = { 1 << DB_STORE | 1 << DB_NOTIFY, "BEGIN IMMEDIATE" },
	[S_COMMIT] = { 1 << DB_STORE | 1 << DB_NOTIFY, "COMMIT" },
	[S_FIND] = { 1 << DB_STORE, "SELECT id, student FROM receipts WHERE sha256 = ?1" },
	[S_INSERT] = { 1 << DB_STORE,
		"INSERT INTO receipts(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
		" NULL)" },
	[S_OWED] = { 1 << DB_NOTIFY,
		"SELECT " COLUMNS " FROM receipts WHERE notified_ms IS NULL ORDER BY stored_ms"
		" LIMIT ?1" },
	[S_NOTIFIED] = { 1 << DB_NOTIFY,
		"UPDATE receipts SET notified_ms = ?2 WHERE id = ?1 AND notified_ms IS NULL" },
	[S_LOOK] = { 1 << DB_LOOK, "SELECT " COLUMNS " FROM receipts WHERE id = ?1" },
};

struct db {
	sqlite3 *h;
	enum db_use use;
	sqlite3_stmt *s[S_COUNT];
};

/* Has its file been removed, or another put in its place?  What is written is nobody's then. */
static bool is_gone(const struct db *db)
{
	int gone = 0;

	sqlite3_file_control(db->h, "main", SQLITE_FCNTL_HAS_MOVED, &gone);
	return gone;
}

const char *db_error(const struct db *db)
{
	return is_gone(db) ? "the database has been taken away" : sqlite3_errmsg(db->h);
}

static int status_of(struct db *db, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return 0;
	if ((rc & 0xff) == SQLITE_NOMEM)
		return -ENOMEM;
	if ((rc & 0xff) == SQLITE_FULL ||
		((rc & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db->h) == ENOSPC))
		return -ENOSPC;
	return -EIO;
}

/* Run a statement that answers no rows, with what is bound to it. */
static int run(struct db *db, enum statement which)
{
	int rc = sqlite3_step(db->s[which]);

	/* reset answers what step answered; a bound text must not outlive its owner's frame. */
	sqlite3_reset(db->s[which]);
	sqlite3_clear_bindings(db->s[which]);
	return status_of(db, rc);
}

static void bind(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

/* -- opening */

static int prepare(struct db *db)
{
	for (int i = 0; i < S_COUNT; i++) {
		if (!(statements[i].uses & 1u << db->use))
			continue;
		int rc = sqlite3_prepare_v3(
			db->h, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, &db->s[i], NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

/* The single number that a pragma answers; < 0: it failed. */
static int pragma(struct db *db, const char *sql, bool *ok)
{
	sqlite3_stmt *s = NULL;
	int value = -1;

	*ok = sqlite3_prepare_v2(db->h, sql, -1, &s, NULL) == SQLITE_OK &&
	      sqlite3_step(s) == SQLITE_ROW;
	if (*ok) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		value = sqlite3_column_int(s, 0);
		*ok = strcmp(sql, "PRAGMA quick_check(1)") != 0 || (text && !strcmp(text, "ok"));
	}
	sqlite3_finalize(s);
	return value;
}

/* Is it sound, and one of ours?  Then bring it to life. */
static int prove(struct db *db, const char *path, char *problem, size_t cap)
{
	bool sound;
	int version = pragma(db, "PRAGMA user_version", &sound);

	if (sound && version > VERSION) {
		snprintf(problem, cap,
			"%s was written by a newer comprobantes; use that one, or another --data",
			path);
		return -EINVAL;
	}
	if (sound)
		pragma(db, "PRAGMA quick_check(1)", &sound);
	return sound &&
			       sqlite3_exec(db->h, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) ==
				       SQLITE_OK &&
			       sqlite3_exec(db->h, schema, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : -EIO;
}

static int explain(struct db *db, const char *path, char *problem, size_t cap)
{
	int rc = sqlite3_errcode(db->h), r = status_of(db, rc);

	if (*problem)
		return -EINVAL;
	if (r == -ENOSPC)
		snprintf(problem, cap, "the disk is full: free space for %s", path);
	else if (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY || rc == SQLITE_PERM)
		snprintf(
			problem, cap, "%s cannot be written; give this user the right to it", path);
	else if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		snprintf(problem, cap, "%s is in use by another program; end it first", path);
	else
		snprintf(problem, cap,
			"%s is damaged or no database of this service; restore it from a backup,"
			" or move it away",
			path);
	return r < 0 ? r : -EIO;
}

int db_open(struct db **ret, const char *dir, enum db_use use, char *problem, size_t cap)
{
	int flags = use == DB_LOOK ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX
				   : SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	struct db *db = calloc(1, sizeof *db);
	char path[PATH_MAX];
	int r = 0;

	*problem = 0;
	snprintf(path, sizeof path, "%s/comprobantes.db", dir);
	if (!db) {
		snprintf(problem, cap, "there is no memory to begin with");
		return -ENOMEM;
	}
	db->use = use;
	if (sqlite3_open_v2(path, &db->h, flags | (use == DB_STORE ? SQLITE_OPEN_CREATE : 0),
		    NULL) != SQLITE_OK)
		r = -EIO;
	sqlite3_extended_result_codes(db->h, 0);
	sqlite3_busy_timeout(db->h, 5000);
	if (r == 0 && use == DB_STORE)
		r = prove(db, path, problem, cap);
	if (r == 0 && (sqlite3_exec(db->h, "PRAGMA synchronous = FULL; PRAGMA cache_size = -256",
			       NULL, NULL, NULL) != SQLITE_OK ||
			      prepare(db) != SQLITE_OK))
		r = -EIO;
	if (r < 0) {
		r = explain(db, path, problem, cap);
		db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (int i = 0; i < S_COUNT; i++)
		sqlite3_finalize(db->s[i]);
	sqlite3_close(db->h);
	free(db);
	return NULL;
}

/* -- transactions */

int db_begin(struct db *db) { return is_gone(db) ? -EIO : run(db, S_BEGIN); }

int db_commit(struct db *db) { return run(db, S_COMMIT); }

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
}

/* -- rows */

static void copy(char *to, size_t cap, sqlite3_stmt *s, int column)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	snprintf(to, cap, "%s", text ? (const char *)text : "");
}

static void take_row(struct row *row, sqlite3_stmt *s)
{
	char mime[32];

	copy(row->id, sizeof row->id, s, 0);
	copy(row->student, sizeof row->student, s, 1);
	copy(row->name, sizeof row->name, s, 2);
	copy(row->sha256, sizeof row->sha256, s, 3);
	copy(mime, sizeof mime, s, 4);
	row->type = types_of_mime(mime);
	row->size = (uint64_t)sqlite3_column_int64(s, 5);
	row->attached_ms = sqlite3_column_int64(s, 6);
	row->validated_ms = sqlite3_column_int64(s, 7);
	row->stored_ms = sqlite3_column_int64(s, 8);
	row->notified_ms = sqlite3_column_int64(s, 9);
}

/* Is there a row with these bytes?  1: this student's, and row->id is now its; 0: no. */
static int find(struct db *db, struct row *row)
{
	sqlite3_stmt *s = db->s[S_FIND];
	char student[sizeof row->student];
	int rc, r;

	bind(s, 1, row->sha256);
	rc = sqlite3_step(s);
	r = status_of(db, rc);
	if (rc == SQLITE_ROW) {
		copy(student, sizeof student, s, 1);
		r = strcmp(student, row->student) == 0 ? 1 : -EEXIST;
		if (r == 1)
			copy(row->id, sizeof row->id, s, 0);
	}
	sqlite3_reset(s);
	return r;
}

int db_insert(struct db *db, struct row *row)
{
	sqlite3_stmt *s = db->s[S_INSERT];
	int r = find(db, row);

	if (r != 0)
		return r == 1 ? 0 : r;
	bind(s, 1, row->id);
	bind(s, 2, row->student);
	bind(s, 3, row->name);
	bind(s, 4, row->sha256);
	bind(s, 5, types_mime(row->type));
	sqlite3_bind_int64(s, 6, (int64_t)row->size);
	sqlite3_bind_int64(s, 7, row->attached_ms);
	sqlite3_bind_int64(s, 8, row->validated_ms);
	sqlite3_bind_int64(s, 9, row->stored_ms);
	r = run(db, S_INSERT);
	return r < 0 ? r : 1;
}

int db_owed(struct db *db, struct row *rows, size_t n)
{
	sqlite3_stmt *s = db->s[S_OWED];
	size_t have = 0;
	int rc;

	sqlite3_bind_int64(s, 1, (int64_t)n);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && have < n)
		take_row(&rows[have++], s);
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? (int)have : status_of(db, rc);
}

int db_notified(struct db *db, const char *id, int64_t ms)
{
	bind(db->s[S_NOTIFIED], 1, id);
	sqlite3_bind_int64(db->s[S_NOTIFIED], 2, ms);
	return run(db, S_NOTIFIED);
}

int db_look(struct db *db, struct row *row)
{
	sqlite3_mutex *mutex = sqlite3_db_mutex(db->h);
	sqlite3_stmt *s = db->s[S_LOOK];
	int rc, r;

	sqlite3_mutex_enter(mutex);
	bind(s, 1, row->id);
	rc = sqlite3_step(s);
	r = status_of(db, rc);
	if (rc == SQLITE_ROW) {
		r = 1;
		take_row(row, s);
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	sqlite3_mutex_leave(mutex);
	return r;
}
