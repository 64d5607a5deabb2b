/* log_open.c - logging in one call, and telar's own reports as records.
 *
 * A handler that was replaced while somebody wrote through it is closed when tl_log_open or
 * tl_log_close comes by again: mine is the list of them, the one in use first.  lock guards it. */
#include "log.h"
#include <errno.h>
#include <telar/report.h>

static struct {
	tl_lock lock;
	tl_handler *mine;
	bool used; /* the first of them is in use */
} own;

/* Close all from *at on, as far as that goes. */
static int close_all(tl_handler **at, tl_time deadline)
{
	int r = 0;

	while (r == 0 && *at) {
		tl_handler *next = (*at)->next;

		r = tl_handler_close(*at, deadline);
		if (r == 0)
			*at = next;
	}
	return r;
}

int tl_log_open(const tl_log_opts *o)
{
	static const tl_log_opts defaults;
	tl_handler_opts ho = { 0 };
	tl_handler *h;
	uint64_t any = 0;
	int r;

	o = o ? o : &defaults;
	for (size_t i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		any |= o->reserved[i];
	if (any)
		return -EINVAL;
	ho.fd = o->fd;
	ho.format = o->format;
	ho.datefmt = o->datefmt;
	ho.path = o->path;
	ho.json = o->json;
	r = tl_handler_open(&h, &ho);
	if (r < 0)
		return r;
	r = tl_logger_add(tl_log_root, h);
	if (r < 0) {
		(void)!tl_handler_close(h, TL_POLL); /* nobody has met it */
		return r;
	}
	tl_logger_level(tl_log_root, o->level ? o->level : TL_WARNING);
	tl_lock_hold(&own.lock);
	if (own.mine && own.used)
		log_forget(own.mine);
	h->next = own.mine;
	own.mine = h;
	own.used = true;
	close_all(&h->next, TL_POLL);
	tl_lock_release(&own.lock);
	return 0;
}

int tl_log_close(tl_time deadline)
{
	int r = log_checkpoint(deadline), q;

	tl_lock_hold(&own.lock);
	own.used = false;
	q = close_all(&own.mine, deadline);
	tl_lock_release(&own.lock);
	return r < 0 ? r : q;
}

/* -- reports */

static tl_logger *reports;

__attribute__((format(printf, 2, 3))) static void say(struct record *rec, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_record(reports, rec, fmt, args);
	va_end(args);
}

static int level_of(enum tl_report_kind kind)
{
	switch (kind) {
	case TL_R_MISUSE:
	case TL_R_FAILURE: return TL_ERROR;
	case TL_R_DEADLOCK: return TL_CRITICAL;
	default: return TL_WARNING;
	}
}

static void on_report(const tl_report *r, void *arg)
{
	struct record rec = { .level = level_of(r->kind), .hurries = true, .file = "", .func = "" };
	char site[128] = "";

	(void)arg;
	if (!tl_logger_enabled(reports, rec.level))
		return;
	if (r->site)
		tl_site_text(r->site, site, sizeof site);
	say(&rec, "%s%s%s%s%s%s%s", r->name[0] ? "'" : "", r->name, r->name[0] ? "' " : "", r->text,
		site[0] ? " (started at " : "", site, site[0] ? ")" : "");
}

void tl_log_reports(bool on)
{
	if (on)
		reports = tl_logger_at("telar");
	tl_on_report(on ? on_report : NULL, NULL);
}
