/* notify.c - the fourth stage: the notices that are owed, delivered at least once.
 *
 * The table is the outbox.  The queue only says which rows are new; what it had no room for, what a
 * crash left and what failed is found in the table.  A notice is marked as sent after its message
 * is durable, so a crash in between delivers it again, under the same name.
 *
 * One thread; s->outbox is its own, s->writing is its turn as a writer. */
#include "notice.h"
#include "stages.h"
#include <errno.h>
#include <unistd.h>

#define BATCH 128
#define RETRY 1 /* seconds until failed notices are tried again */

struct post {
	struct service *service;
	bool failed; /* some are still owed: look again in a while */
	size_t n;
	struct item {
		struct service *service;
		struct notice notice;
		int r;
	} items[BATCH];
	struct row rows[BATCH];
};

static bool out_of_time(struct service *s)
{
	int64_t stop = atomic_load_explicit(&s->stop_ns, memory_order_acquire);

	return stop != 0 && tl_now().ns > stop;
}

static int deliver_one(void *arg)
{
	struct item *item = arg;

	item->r = notice_deliver(item->service->notices, &item->notice.row);
	return 0;
}

/* Mark those that are out, in one transaction. */
static int mark(struct post *p)
{
	struct service *s = p->service;
	int64_t now = service_wall_ms();
	int r;

	tl_lock_hold(&s->writing);
	r = db_begin(s->outbox);
	for (size_t i = 0; i < p->n && r >= 0; i++) {
		if (p->items[i].r == 0)
			r = db_notified(s->outbox, p->items[i].notice.row.id, now);
	}
	if (r >= 0)
		r = db_commit(s->outbox);
	if (r < 0) {
		service_say("notices could not be marked as sent: %s", db_error(s->outbox));
		db_rollback(s->outbox);
	}
	tl_lock_release(&s->writing);
	return r;
}

static void deliver(struct post *p)
{
	struct service *s = p->service;
	bool known = false;
	int r;

	for (size_t i = 0; i < p->n; i++) {
		p->items[i].service = s;
		p->items[i].r = -ECANCELED;
	}
	(void)tl_gather(p->items, p->n, sizeof p->items[0], deliver_one,
		&(tl_gather_opts){ .keep_going = true }, TL_NEVER);
	for (size_t i = 0; i < p->n; i++)
		known |= p->items[i].r == -EEXIST;
	/* Delivered before a crash; its name may not have been durable then. */
	r = known && fsync(s->notices) < 0 ? -errno : 0;
	for (size_t i = 0; i < p->n; i++) {
		struct item *item = &p->items[i];
		if (item->r == -EEXIST)
			item->r = r;
		if (item->r == 0)
			continue;
		p->failed = true;
		service_say("the notice of %s could not be delivered: %s; it is tried again",
			item->notice.row.id, tl_error_name(item->r));
	}
	if (mark(p) < 0) {
		p->failed = true;
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->items[i].r != 0)
			continue;
		metrics_add(&s->metrics.notified);
		metrics_stage(&s->metrics, STAGE_NOTIFY, p->items[i].notice.since);
	}
}

/* Deliver what the table owes, until it owes nothing or a batch has not worked. */
static void sweep(struct post *p)
{
	struct service *s = p->service;
	int n = 1;

	p->failed = false;
	while (n > 0 && !p->failed && !out_of_time(s)) {
		n = db_owed(s->outbox, p->rows, BATCH);
		if (n < 0) {
			p->failed = true;
			service_say("the notices that are owed cannot be read: %s",
				db_error(s->outbox));
			return;
		}
		for (int i = 0; i < n; i++)
			p->items[i].notice = (struct notice){ p->rows[i], tl_now() };
		p->n = (size_t)n;
		if (n > 0)
			deliver(p);
	}
}

/* Wait for one, then take all that are there.  0: it is time to look into the table; -EPIPE: the
 * end. */
static int take(struct post *p)
{
	tl_time deadline = p->failed ? tl_after(tl_s(RETRY)) : TL_NEVER;
	int r = 0;

	for (p->n = 0; p->n < BATCH && r >= 0; deadline = TL_POLL) {
		struct notice *to = &p->items[p->n].notice;
		r = tl_queue_get(p->service->notify, to, sizeof *to, deadline);
		p->n += r >= 0;
	}
	return p->n > 0 ? (int)p->n : r == -ETIMEDOUT ? 0 : r;
}

int notify_strand(void *arg)
{
	static struct post post; /* too large for a stack; there is one such strand */
	struct service *s = arg;

	post.service = s;
	sweep(&post);
	while (!out_of_time(s)) {
		int n = take(&post);
		if (n < 0)
			break;
		if (n > 0)
			deliver(&post);
		/* acq_rel pairs with the release in owe_notice: its row is committed. */
		if (n == 0 || atomic_exchange_explicit(&s->owed, false, memory_order_acq_rel))
			sweep(&post);
	}
	return 0;
}
