/* log_handler.c - a handler: takes a record, makes a line of it, and has its sink write it.
 *
 * The line is made before the lock is taken.  A record that cannot be written is counted in
 * dropped (for ever) and pending (until told); the next line that goes out has in front of it, in
 * the same write, one that tells.  Who already holds the lock is the handler's own fn, and must not
 * come back into it; who hurries does not wait for it. */
#include "log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char log_self[] = "telar.log";

const char *log_level_name(int level, char buf[24])
{
	static const char *const names[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };

	if (level % 10 == 0 && level >= TL_DEBUG && level <= TL_CRITICAL)
		return names[level / 10 - 1];
	snprintf(buf, 24, "Level %d", level);
	return buf;
}

/* -- emit */

void handler_drop(tl_handler *h, int why)
{
	h->pending++;
	h->why = why;
	atomic_fetch_add_explicit(&h->dropped, 1, memory_order_relaxed);
}

void handler_notice(struct record *ret, char text[96], uint64_t n, int why)
{
	int size = snprintf(text, 96, "%llu record%s dropped here: %s", (unsigned long long)n,
		n == 1 ? " was" : "s were", why == -EAGAIN ? "no room" : tl_error_name(why));

	ret->level = TL_WARNING;
	ret->logger = log_self;
	ret->file = ret->func = "";
	ret->line = 0;
	ret->message = text;
	ret->size = (size_t)size;
}

static void make_line(const tl_handler *h, struct text *t, const struct record *rec)
{
	if (h->json)
		json_record(t, rec);
	else
		format_record(&h->format, t, rec);
	if (t->cut && !h->json)
		text_end(t, " [cut]");
	if (!h->sink->datagrams)
		text_end(t, "\n");
	t->at[t->n] = 0; /* for an fn */
}

static int write_line(tl_handler *h, const struct record *rec, const char *line, size_t n)
{
	struct record notice = *rec;
	char said[96];
	struct text t;
	int r;

	if (!h->pending)
		return h->sink->write(h, rec->level, line, n);
	handler_notice(&notice, said, h->pending, h->why);
	text_init(&t, 2 * LOG_TEXT);
	make_line(h, &t, &notice);
	if (h->sink->datagrams || h->fn) {
		r = h->sink->write(h, notice.level, t.at, t.n);
		h->pending = r < 0 ? h->pending : 0;
		r = r < 0 ? r : h->sink->write(h, rec->level, line, n);
	} else {
		text_put(&t, line, n);
		r = t.cut ? -ENOMEM : h->sink->write(h, rec->level, t.at, t.n);
		h->pending = r < 0 ? h->pending : 0;
	}
	text_free(&t);
	return r;
}

/* false: it is not to be waited for. */
static bool enter(tl_handler *h, bool hurries)
{
	int r = tl_lock_acquire(&h->lock, TL_POLL);

	if (r == -EDEADLK || (r == -EAGAIN && hurries))
		return false;
	if (r < 0) /* also one that a fork has lost: what it guards is made anew below */
		tl_lock_hold(&h->lock);
	return true;
}

static void look_for_fork(tl_handler *h)
{
	unsigned forks = atomic_load_explicit(&log_forks, memory_order_relaxed);

	if (h->forks != forks)
		h->pending = 0; /* the parent tells of those */
	h->forks = forks;
}

void handler_emit(tl_handler *h, const struct record *rec)
{
	struct text t;
	int r;

	if (rec->level < h->level)
		return;
	if (h->queue) {
		queue_emit(h, rec);
		return;
	}
	text_init(&t, LOG_TEXT);
	make_line(h, &t, rec);
	if (enter(h, rec->hurries)) {
		look_for_fork(h);
		r = write_line(h, rec, t.at, t.n);
		if (r < 0)
			handler_drop(h, r);
		tl_lock_release(&h->lock);
	} else {
		atomic_fetch_add_explicit(&h->dropped, 1, memory_order_relaxed);
	}
	text_free(&t);
}

/* -- open, close */

static bool reserved_zero(const tl_handler_opts *o)
{
	uint64_t any = 0;

	for (size_t i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		any |= o->reserved[i];
	return !any;
}

static bool sound(const tl_handler_opts *o)
{
	int ways = (o->path != NULL) + (o->syslog != NULL) + (o->fn != NULL) + (o->to != NULL);

	return ways <= 1 && reserved_zero(o) && o->fd >= 0 && (!o->fd || !ways) &&
	       (o->path || (!o->max_bytes && !o->backups)) && (!o->n_to == !o->to) &&
	       !(o->json && (o->format || o->datefmt)) &&
	       (!o->to || !(o->format || o->datefmt || o->json));
}

static int open_format(tl_handler *h, const tl_handler_opts *o)
{
	const char *format = o->format   ? o->format
			     : o->syslog ? "%(message)s"
					 : "%(levelname)s:%(name)s:%(message)s";
	int r = format_open(&h->format, format, o->datefmt, NULL, 0);

	h->needs = o->json ? JSON_NEEDS : h->format.needs;
	return r;
}

static int open_sink(tl_handler *h, const tl_handler_opts *o)
{
	int r;

	if (o->to)
		return queue_open(h, o);
	r = open_format(h, o);
	if (r < 0)
		return r;
	h->json = o->json;
	h->sink = o->path ? &sink_file : o->syslog ? &sink_syslog : o->fn ? &sink_fn : &sink_fd;
	return h->sink->open(h, o);
}

static void free_handler(tl_handler *h)
{
	if (h->queue)
		queue_close(h);
	else if (h->sink)
		h->sink->close(h);
	format_close(&h->format);
	free(h);
}

int tl_handler_open(tl_handler **ret, const tl_handler_opts *o)
{
	static const tl_handler_opts defaults;
	tl_handler *h;
	int r = log_fork_watch();

	o = o ? o : &defaults;
	if (r < 0)
		return r;
	if (!sound(o))
		return -EINVAL;
	h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	h->level = o->level;
	h->forks = atomic_load_explicit(&log_forks, memory_order_relaxed);
	r = open_sink(h, o);
	if (r < 0)
		free_handler(h);
	else
		*ret = h;
	return r;
}

int tl_handler_close(tl_handler *h, tl_time deadline)
{
	int r;

	if (!h)
		return 0;
	if (atomic_load_explicit(&h->users, memory_order_relaxed))
		return -EBUSY;
	log_forget(h);
	r = gate_wait(deadline);
	if (r == 0 && h->queue)
		r = tl_handler_stop(h, deadline);
	if (r == 0 && h->queue)
		r = queue_drain(h, deadline);
	if (r == 0)
		free_handler(h);
	return r;
}

uint64_t tl_handler_dropped(const tl_handler *h)
{
	return atomic_load_explicit(&h->dropped, memory_order_relaxed);
}

void tl_handler_reopen(tl_handler *h)
{
	atomic_store_explicit(&h->reopen, true, memory_order_relaxed);
}
