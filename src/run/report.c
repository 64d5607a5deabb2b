/* report.c - the one hook for what went wrong where nobody was asked, and names for code addresses.
 */
#include "run/run.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void hook_fn(const tl_report *r, void *arg);

static struct hook {
	struct spin lock;
	hook_fn *fn;
	void *arg;
} hook;
static _Thread_local bool inside; /* the hook; what it reports itself is told as without it */

void tl_on_report(void (*fn)(const tl_report *r, void *arg), void *arg)
{
	spin_lock(&hook.lock);
	hook.fn = fn;
	hook.arg = arg;
	spin_unlock(&hook.lock);
}

void report_forked(void) { hook.lock = (struct spin){ 0 }; }

static const char *const kinds[] = { "?", "misuse", "failure", "straggler", "deadlock", "degraded",
	"leak", "torn" };

/* The default: one line to stderr, in one write. */
static void tell(const tl_report *r)
{
	char line[512], site[128] = "";
	int n;

	if (r->site)
		tl_site_text(r->site, site, sizeof site);
	n = snprintf(line, sizeof line, "telar: %s: %s%s%s%s%s%s%s\n", kinds[r->kind],
		r->name[0] ? "'" : "", r->name, r->name[0] ? "' " : "", r->text,
		r->site ? " (started at " : "", site, r->site ? ")" : "");
	if (n >= (int)sizeof line) {
		n = sizeof line;
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody left to tell */
}

static void deliver(const tl_report *r)
{
	hook_fn *fn;
	void *arg;

	if (inside) {
		tell(r);
		return;
	}
	inside = true;
	spin_lock(&hook.lock);
	fn = hook.fn;
	arg = hook.arg;
	spin_unlock(&hook.lock);
	if (fn)
		fn(r, arg);
	else
		tell(r);
	inside = false;
#ifdef TELAR_DEBUG
	if (r->kind == TL_R_MISUSE && !fn)
		abort();
#endif
}

void report(enum tl_report_kind kind, struct strand *s, int value, const char *fmt, ...)
{
	char text[256], name[32] = "";
	tl_report r = { .kind = kind, .value = value, .text = text, .name = name };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (s) {
		r.strand.id = atomic_load_explicit(&s->id, memory_order_relaxed);
		r.site = LOOK(s->site);
		strand_name(s, name);
		if (kind == TL_R_STRAGGLER && strand_state(s) == TL_ENDED)
			return; /* meanwhile; and its name may be gone */
	}
	deliver(&r);
}

static void end_text(tl_end end, char *buf, size_t cap)
{
	const char *sig = end.how == TL_SIGNALLED ? sigabbrev_np(end.value) : NULL;

	switch (end.how) {
	case TL_SIGNALLED:
		snprintf(buf, cap, "was killed by signal %d (%s%s)", end.value, sig ? "SIG" : "",
			sig ? sig : "?");
		break;
	case TL_EXITED: snprintf(buf, cap, "exited with code %d", end.value); break;
	case TL_UNKNOWN: snprintf(buf, cap, "was lost with its zygote"); break;
	default: snprintf(buf, cap, "failed with %d (%s)", end.value, tl_error_name(end.value));
	}
}

void report_end(
	enum tl_report_kind kind, tl_strand who, const char *name, const void *site, tl_end end)
{
	char text[64];

	end_text(end, text, sizeof text);
	deliver(&(tl_report){ kind, who, strand_status(end), text, name, site });
}

int tl_site_text(const void *site, char *buf, size_t cap)
{
	Dl_info d;

	if (!dladdr(site, &d) || !d.dli_fname)
		return snprintf(buf, cap, "%p", site);
	if (d.dli_sname)
		return snprintf(buf, cap, "%s+0x%zx (%s)", d.dli_sname,
			(size_t)((const char *)site - (const char *)d.dli_saddr), d.dli_fname);
	return snprintf(buf, cap, "%s+0x%zx", d.dli_fname,
		(size_t)((const char *)site - (const char *)d.dli_fbase));
}
