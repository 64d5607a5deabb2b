/* notice.h - the notice of a receipt: a message file in a maildir. */
#ifndef NOTICE_H
#define NOTICE_H
#include "db.h"

/* Deliver the notice of row into the folder open as dir (maildir/new), durably, under a name that
 * depends on the receipt alone: delivering again answers -EEXIST and changes nothing.  Cancel
 * point. */
int notice_deliver(int dir, const struct row *row);

/* The message itself; answers its length.  cap: NOTICE_CAP is enough. */
#define NOTICE_CAP 2048
size_t notice_text(const struct row *row, char *buf, size_t cap);

#endif
