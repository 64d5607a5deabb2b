/* zygotes.h - what the tests of zygotes share: memory with their processes, who the zygote is just
 * now, and a process that stays. */
#ifndef TESTS_ZYGOTES_H
#define TESTS_ZYGOTES_H
#include "check.h"
#include <telar.h>

struct shared {
	_Atomic int zygote, begun, inner;
	tl_lock lock;
	long a;
};
static struct shared *m;

static inline void share(void)
{
	m = tl_shared(sizeof *m);
	CHECK(m);
}

static inline int notes_zygote(void *arg)
{
	((struct shared *)arg)->zygote = getppid();
	return 0;
}

static inline pid_t zygote_now(void)
{
	tl_scope s = { 0 };

	if (!m)
		share();
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, notes_zygote, m, NULL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	return m->zygote;
}

static inline int stays(void *arg)
{
	((struct shared *)arg)->begun++;
	return tl_sleep(tl_s(1000));
}

#endif
