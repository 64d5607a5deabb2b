/* db.h - the receipts: one row each, in SQLite.  A row whose notified_ms is NULL is a notice that
 * is still owed: the table is the outbox too. */
#ifndef DB_H
#define DB_H
#include "text.h"
#include "types.h"
#include <telar.h>

#define ID_BYTES 16

struct row {
	char id[ID_BYTES + 1], student[TEXT_STUDENT + 1], name[TEXT_NAME + 1], sha256[65];
	enum type type;
	uint64_t size;
	int64_t attached_ms, validated_ms, stored_ms, notified_ms; /* wall clock; 0: not yet */
};

enum db_use { DB_STORE, DB_NOTIFY, DB_LOOK };

/* Open the database in the folder open as dir; DB_STORE makes it if it is not there.  On failure
 * *problem is a sentence that says what to do; db_close also takes a half-opened one.  A db is used
 * by one thread at a time; db_look alone may be called from any. */
struct db;
int db_open(struct db **ret, const char *dir, enum db_use use, char *problem, size_t cap);
struct db *db_close(struct db *db);

/* A write transaction.  Errors: -ENOSPC, -ENOMEM, -EIO; after a failure, also of what stands
 * between, only db_rollback is left. */
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db);

/* DB_STORE: insert row, whose bytes are durable.  1: done; 0: this student has sent the same bytes
 * before, row->id is the first one's; -EEXIST: another student has. */
int db_insert(struct db *db, struct row *row);

/* DB_NOTIFY: read at most n rows whose notice is owed, oldest first; answers how many. */
int db_owed(struct db *db, struct row *rows, size_t n);
int db_notified(struct db *db, const char *id, int64_t ms);

/* DB_LOOK: read the row with row->id.  1: done; 0: there is none. */
int db_look(struct db *db, struct row *row);

/* What went wrong last, for the log. */
const char *db_error(const struct db *db);

#endif
