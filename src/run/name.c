/* name.c - what strands are called: a name of their own, else their kind and a number.
 *
 * A name lies in the strand's extra, which its first rename makes if need be, and is read and
 * written under the strand's lock.  tl_my_name shows the strand a copy in its body, which nobody
 * else touches: a rename only says that it is stale. */
#include "base/mem.h"
#include "run/bias.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Numbers of default names, per kind.  Tasks get theirs from a block that their thread has taken:
 * in order on each thread. */
enum { BLOCK = 64 };
static _Atomic uint32_t last_number[STRAND_FOREIGN + 1];
static _Thread_local uint32_t last_task;

uint32_t name_number(int kind)
{
	if (kind != TL_TASK)
		return atomic_fetch_add_explicit(&last_number[kind], 1, memory_order_relaxed) + 1;
	if (last_task % BLOCK == 0)
		last_task =
			atomic_fetch_add_explicit(&last_number[kind], BLOCK, memory_order_relaxed);
	return ++last_task;
}

void name_cut(char *to, size_t cap, const char *from)
{
	size_t n = strnlen(from, cap);

	if (n == cap)
		for (n = cap - 1; n && ((unsigned char)from[n] & 0xc0) == 0x80;)
			n--;
	memcpy(to, from, n);
	to[n] = 0;
}

const char *strand_kind_name(const struct strand *s)
{
	static const char *const names[] = { "?", "Task", "Thread", "Process" };

	return LOOK(s->foreign) ? "Foreign" : names[LOOK(s->kind)];
}

const char *strand_name(struct strand *s, char buf[32])
{
	bool visitor = strand_hold(s);
	struct extra *x = LOOK(s->extra);

	if (x && x->name[0])
		memcpy(buf, x->name, 32);
	else
		snprintf(buf, 32, "%s-%.13s%u", strand_kind_name(s),
			LOOK(s->kind) == TL_PROCESS ? process_family : "", LOOK(s->number));
	strand_let(s, visitor);
	return buf;
}

const char *tl_my_name(void)
{
	struct strand *s = strand_self();
	struct body *b = s->body;

	if (LOOK(b->name_stale)) {
		SHOW(b->name_stale, false); /* first: who renames it now says so again */
		strand_name(s, b->name);
	}
	return b->name;
}

int tl_name(tl_strand t, char *buf, size_t cap)
{
	struct strand *s = slot_find(t);
	char name[32];

	if (!s)
		return -ESRCH;
	strand_name(s, name);
	if (!slot_find(t))
		return -ESRCH;
	return snprintf(buf, cap, "%s", name);
}

/* -- renaming */

static bool lives(void *t) { return tl_alive(*(tl_strand *)t); }

/* *ret_thread: the system's id of the thread that is to be told, or 0. */
static int rename_it(
	struct strand *s, uint64_t id, const char *name, struct extra **spare, pid_t *ret_thread)
{
	bool visitor = strand_hold(s);
	uint32_t life = atomic_load_explicit(&s->life, memory_order_acquire);
	bool live = atomic_load_explicit(&s->id, memory_order_relaxed) == id &&
		    !(life & (LIFE_ENDED | LIFE_FREE));

	if (live && !s->extra) {
		SHOW(s->extra, *spare);
		*spare = NULL;
	}
	if (live)
		name_cut(s->extra->name, sizeof s->extra->name, name);
	if (live && s->body) {
		SHOW(s->body->name_stale, true);
		*ret_thread = s->kind != TL_TASK ? s->loop->os_id : 0;
	}
	strand_let(s, visitor);
	return live ? 0 : -ESRCH;
}

/* Two who rename it at once may tell the system in the wrong order: who finds another name than it
 * has told tells again. */
void name_tell_system(struct strand *s, tl_strand t, pid_t thread)
{
	char name[32], now[32], cut[16];

	strand_name(s, now);
	do {
		memcpy(name, now, sizeof name);
		name_cut(cut, sizeof cut, name);
		plat_thread_rename(thread, cut, lives, &t);
		strand_name(s, now);
	} while (lives(&t) && strcmp(name, now) != 0);
}

int tl_rename(tl_strand t, const char *name)
{
	struct strand *s = slot_find(t);
	struct extra *spare;
	pid_t thread = 0;
	int r;

	if (!name || !name[0])
		return -EINVAL;
	if (!s)
		return -ESRCH;
	spare = mem_zalloc(sizeof *spare);
	if (!spare)
		return -ENOMEM;
	r = rename_it(s, t.id, name, &spare, &thread);
	mem_free(spare);
	if (thread)
		name_tell_system(s, t, thread);
	return r;
}
