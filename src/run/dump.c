/* dump.c - what runs right now.  Looks at live records from outside: every field is read as it
 * stands, and the id before and after, so that two strands are never mixed into one line. */
#include "run/bias.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Under its lock the body stays, and the scope of one that has not ended, which still counts it.
 * The
 * life is read first: a scope that is seen after a life is not of an earlier one. */
static void look_inside(struct strand *s, tl_info *i)
{
	tl_scope *scope;
	struct body *b;
	bool lives, visitor = strand_hold(s);

	lives = !(atomic_load_explicit(&s->life, memory_order_acquire) & (LIFE_ENDED | LIFE_FREE));
	scope = LOOK(s->scope);
	b = s->body;
	if (b) {
		i->waits = atomic_load_explicit(&b->waits, memory_order_relaxed);
		i->object =
			i->waits ? atomic_load_explicit(&b->object, memory_order_relaxed) : NULL;
		i->since.ns = atomic_load_explicit(&b->since, memory_order_relaxed);
		i->os_id = s->loop->os_id;
	} else
		i->os_id = process_id(s);
	if (lives && scope)
		i->parent.id =
			atomic_load_explicit(&scope_of(scope)->owner->id, memory_order_relaxed);
	strand_let(s, visitor);
}

static int inspect(struct strand *s, uint64_t id, tl_info *ret)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_acquire);
	tl_info i = { .strand = { id }, .site = LOOK(s->site), .kind = LOOK(s->kind) };

	if (life & LIFE_FREE)
		return -ESRCH;
	i.state = (enum tl_state)strand_state(s);
	i.daemon = life & LIFE_DAEMON;
	look_inside(s, &i);
	strand_name(s, i.name);
	if (atomic_load_explicit(&s->id, memory_order_acquire) != id)
		return -ESRCH;
	*ret = i;
	return 0;
}

int tl_inspect(tl_strand t, tl_info *ret)
{
	struct strand *s = slot_find(t);

	return s ? inspect(s, t.id, ret) : -ESRCH;
}

int tl_list(tl_info *buf, size_t cap)
{
	uint32_t n = slot_count();
	size_t found = 0;

	for (uint32_t slot = 1; slot < n; slot++) {
		struct strand *s = slot_at(slot);
		tl_info i;

		if (inspect(s, atomic_load_explicit(&s->id, memory_order_acquire), &i) < 0 ||
			i.state == TL_ENDED)
			continue;
		if (found < cap)
			buf[found] = i;
		found++;
	}
	return (int)found;
}

static const char *const states[] = { "?", "created", "ready", "running", "blocked", "ended" };

static const char *const kinds[] = { "?", "task", "thread", "process" };

static int line(const tl_info *i, int64_t now, char *buf, size_t cap)
{
	char waits[96] = "", site[128] = "";

	if (i->waits && i->state == TL_BLOCKED)
		snprintf(waits, sizeof waits, " waits for %s %p since %.3f s", i->waits, i->object,
			(double)(now - i->since.ns) / 1e9);
	if (i->site)
		tl_site_text(i->site, site, sizeof site);
	return snprintf(buf, cap, "%016llx %-7s %-20s %-8s%s%s%s%s\n",
		(unsigned long long)i->strand.id, kinds[i->kind], i->name, states[i->state],
		i->daemon ? " daemon" : "", waits, site[0] ? " from " : "", site);
}

static int put(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		text += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

int tl_dump(int fd)
{
	uint32_t n = slot_count();
	int64_t now = plat_now();
	char head[32];
	int lines = 0, n_head = snprintf(head, sizeof head, "poller: %s\n", tl_poller());
	int r = put(fd, head, (size_t)n_head);

	for (uint32_t slot = 1; r == 0 && slot < n; slot++) {
		struct strand *s = slot_at(slot);
		char buf[512];
		tl_info i;
		int len;

		if (inspect(s, atomic_load_explicit(&s->id, memory_order_acquire), &i) < 0 ||
			i.state == TL_ENDED)
			continue;
		len = line(&i, now, buf, sizeof buf);
		r = put(fd, buf, len < (int)sizeof buf ? (size_t)len : sizeof buf - 1);
		lines++;
	}
	return r < 0 ? r : lines;
}
