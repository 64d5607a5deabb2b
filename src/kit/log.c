/* log.c - the tree of loggers, and the way of a record through it.
 *
 * Loggers are made and never freed.  Links from a logger to its handlers are a list that a record
 * follows without a lock, between gate_enter and gate_leave; it is changed under tree.lock, and a
 * link that was taken out is freed once nobody can be at it.  `least` and needs of a logger follow
 * from levels and links of it and of those above, and are computed anew, under the lock, when one
 * of these changes; a call that reads them meanwhile may go by the old ones. */
#include "log.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct link {
	tl_handler *handler;
	struct link *_Atomic next;
	struct link *garbage;
};

struct logger {
	tl_logger pub; /* first */
	_Atomic int level;
	_Atomic bool propagate;
	_Atomic unsigned needs; /* of all handlers that a record may come to */
	struct logger *parent, *children, *sibling;
	struct link *_Atomic links;
	const char *name;
};

static struct logger root = { .pub = { INT_MAX }, .level = TL_WARNING, .name = "root" };
tl_logger *const tl_log_root = &root.pub;

static struct {
	tl_lock lock;
	struct link *garbage;
} tree;

static struct logger *inside(const tl_logger *l) { return (struct logger *)l; }
/* seq_cst, as the stores to them: see log_gate.c. */
static struct link *first(const struct logger *g) { return atomic_load(&g->links); }
static struct link *after(const struct link *k) { return atomic_load(&k->next); }
static struct logger *above(const struct logger *g)
{
	return atomic_load_explicit(&g->propagate, memory_order_relaxed) ? g->parent : NULL;
}

/* -- the tree, under its lock */

/* Is name that of a child, the first n bytes of dotted? */
static bool names(const struct logger *g, const char *dotted, size_t n)
{
	return strncmp(g->name, dotted, n) == 0 && g->name[n] == 0;
}

static void settle(struct logger *g);

static struct logger *child(struct logger *parent, const char *dotted, size_t n)
{
	struct logger *g;

	for (g = parent->children; g; g = g->sibling)
		if (names(g, dotted, n))
			return g;
	g = calloc(1, sizeof *g);
	if (!g || !(g->name = strndup(dotted, n))) {
		free(g);
		return NULL;
	}
	g->parent = parent;
	g->sibling = parent->children;
	atomic_store_explicit(&g->propagate, true, memory_order_relaxed);
	settle(g);
	parent->children = g;
	return g;
}

tl_logger *tl_logger_at(const char *dotted)
{
	struct logger *g = &root, *next = dotted ? g : NULL;

	tl_lock_hold(&tree.lock);
	for (size_t n = 0; next && dotted[n]; n += dotted[n] == '.') {
		n += strcspn(dotted + n, ".");
		next = child(g, dotted, n);
		g = next ? next : g;
	}
	tl_lock_release(&tree.lock);
	return &g->pub;
}

const char *tl_logger_name(const tl_logger *l) { return inside(l)->name; }

int tl_logger_effective(const tl_logger *l)
{
	const struct logger *g = inside(l);
	int level;

	while ((level = atomic_load_explicit(&g->level, memory_order_relaxed)) == 0 && g->parent)
		g = g->parent;
	return level;
}

/* Only handlers that would take it make a record wanted. */
static void settle_one(struct logger *g)
{
	int level = tl_logger_effective(&g->pub), least = INT_MAX;
	unsigned needs = 0;

	for (const struct logger *up = g; up; up = above(up))
		for (const struct link *k = first(up); k; k = after(k)) {
			needs |= k->handler->needs;
			least = k->handler->level < least ? k->handler->level : least;
		}
	atomic_store_explicit(&g->needs, needs, memory_order_relaxed);
	__atomic_store_n(&g->pub.least, least > level ? least : level, __ATOMIC_RELAXED);
}

/* g and all below. */
static void settle(struct logger *g)
{
	settle_one(g);
	for (struct logger *c = g->children; c; c = c->sibling)
		settle(c);
}

void tl_logger_level(tl_logger *l, int level)
{
	tl_lock_hold(&tree.lock);
	atomic_store_explicit(&inside(l)->level, level, memory_order_relaxed);
	settle(inside(l));
	tl_lock_release(&tree.lock);
}

void tl_logger_propagate(tl_logger *l, bool on)
{
	tl_lock_hold(&tree.lock);
	atomic_store_explicit(&inside(l)->propagate, on, memory_order_relaxed);
	settle(inside(l));
	tl_lock_release(&tree.lock);
}

/* -- handlers of loggers */

/* Free the links that were taken out, unless somebody may still be at one. */
static void sweep(void)
{
	if (!tree.garbage || gate_wait(TL_POLL) < 0)
		return;
	while (tree.garbage) {
		struct link *k = tree.garbage;

		tree.garbage = k->garbage;
		free(k);
	}
}

static void unlink_from(struct logger *g, const tl_handler *h)
{
	struct link *_Atomic *at = &g->links;
	struct link *k;

	while ((k = atomic_load_explicit(at, memory_order_relaxed)) && k->handler != h)
		at = &k->next;
	if (!k)
		return;
	atomic_store(at, after(k));
	k->garbage = tree.garbage;
	tree.garbage = k;
	settle(g);
}

int tl_logger_add(tl_logger *l, tl_handler *h)
{
	struct logger *g = inside(l);
	struct link *_Atomic *at = &g->links;
	struct link *k, *fresh = calloc(1, sizeof *fresh);

	if (!fresh)
		return -ENOMEM;
	fresh->handler = h;
	tl_lock_hold(&tree.lock);
	while ((k = atomic_load_explicit(at, memory_order_relaxed)) && k->handler != h)
		at = &k->next;
	if (!k) {
		atomic_store(at, fresh);
		fresh = NULL;
		settle(g);
	}
	sweep();
	tl_lock_release(&tree.lock);
	free(fresh);
	return 0;
}

void tl_logger_remove(tl_logger *l, tl_handler *h)
{
	tl_lock_hold(&tree.lock);
	unlink_from(inside(l), h);
	sweep();
	tl_lock_release(&tree.lock);
}

static void unlink_below(struct logger *g, const tl_handler *h)
{
	unlink_from(g, h);
	for (struct logger *c = g->children; c; c = c->sibling)
		unlink_below(c, h);
}

void log_forget(const tl_handler *h)
{
	tl_lock_hold(&tree.lock);
	unlink_below(&root, h);
	sweep();
	tl_lock_release(&tree.lock);
}

/* -- a record */

/* Names that it asks for; buf: two of 32 bytes. */
static void who(struct record *rec, unsigned needs, char (*buf)[32])
{
	tl_strand thread;

	rec->process = atomic_load_explicit(&log_process, memory_order_relaxed);
	rec->strand_name = rec->thread_name = "";
	if (needs & NEED_OS_ID)
		rec->thread = log_thread();
	if (!(needs & NEED_STRAND))
		return;
	rec->strand = tl_self().id;
	rec->strand_name = rec->thread_name = tl_my_name();
	thread = tl_my_thread();
	if (thread.id == rec->strand)
		return;
	rec->task_name = rec->strand_name;
	if (needs & NEED_THREAD && tl_name(thread, buf[1], sizeof buf[1]) >= 0)
		rec->thread_name = buf[1];
}

static void pass(const struct logger *g, const struct record *rec)
{
	for (; g; g = above(g))
		for (const struct link *k = first(g); k; k = after(k))
			handler_emit(k->handler, rec);
}

void log_record(const tl_logger *l, struct record *rec, const char *fmt, va_list args)
{
	const struct logger *g = inside(l);
	char names[2][32];
	unsigned gate;
	struct text t;
	int e = errno;

	clock_gettime(CLOCK_REALTIME, &rec->at);
	text_init(&t, LOG_MESSAGE);
	text_vputf(&t, fmt, args);
	if (t.cut)
		text_end(&t, " [cut]");
	rec->message = t.at;
	rec->size = t.n;
	rec->logger = g->name;
	gate = gate_enter();
	who(rec, atomic_load_explicit(&g->needs, memory_order_relaxed), names);
	pass(g, rec);
	gate_leave(gate);
	text_free(&t);
	errno = e;
}

void tl_log_write(
	tl_logger *l, int level, const char *file, int line, const char *func, const char *fmt, ...)
{
	struct record rec = { .level = level, .line = line };
	va_list args;

	if (!tl_logger_enabled(l, level))
		return;
	rec.file = file ? file : "";
	rec.func = func ? func : "";
	va_start(args, fmt);
	log_record(l, &rec, fmt, args);
	va_end(args);
}

void(tl_log_to)(tl_logger *l, int level, const char *fmt, ...)
{
	struct record rec = { .level = level, .file = "", .func = "" };
	va_list args;

	if (!tl_logger_enabled(l, level))
		return;
	va_start(args, fmt);
	log_record(l, &rec, fmt, args);
	va_end(args);
}

void(tl_log)(int level, const char *fmt, ...)
{
	struct record rec = { .level = level, .file = "", .func = "" };
	va_list args;

	if (!tl_logger_enabled(tl_log_root, level))
		return;
	va_start(args, fmt);
	log_record(tl_log_root, &rec, fmt, args);
	va_end(args);
}
