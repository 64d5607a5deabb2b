/* attach.h - the first stage of a receipt, on the connection's own task. */
#ifndef ATTACH_H
#define ATTACH_H
#include "conn.h"
#include "job.h"
#include "multipart.h"

/* Read the body of the request whose head is in c, and hand the receipt to the validators.
 * 0: *ret will be answered (job.h).  > 0: an enum why, with its own sentence in *text, or NULL.
 * < 0: -EPIPE (the body ended early), -ETIMEDOUT (too slow), -EAGAIN (no room), -ECANCELED, or what
 * memory, disk or connection said.  *ret, if not NULL, is the caller's to drop in any case. */
int attach_receive(struct conn *c, const char *query, struct job **ret, const char **text);

/* Are these student and name as they must be?  Out of a form's fields; out of a query, into row. */
enum why attach_fields(const char *student, size_t student_n, const char *name, size_t name_n);
enum why attach_query(const char *query, struct row *row);
bool attach_is_form(const struct conn *c);

#endif
