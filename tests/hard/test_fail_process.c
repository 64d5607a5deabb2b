/* test_fail_process.c - a zygote is made, processes are started, asked to stop and joined, with
 * every call of the program to the system failing once.  See every.h.
 *
 * The calls of the zygote and of its processes do not fail: they are another image. */
#include "every.h"
#include "run/gone.h"
#include <limits.h>

struct shared {
	_Atomic int zygote, begun;
};

static int seven(void *arg)
{
	((struct shared *)arg)->zygote = getppid();
	return 7;
}

static int stays(void *arg)
{
	((struct shared *)arg)->begun = 1;
	return tl_sleep(tl_s(1000));
}

/* The zygote would stay, and with it a descriptor and a thread. */
static void end_zygote(struct shared *m)
{
	if (m->zygote && kill(m->zygote, SIGKILL) == 0)
		gone(m->zygote);
}

static int begin_and_end(struct shared *m)
{
	tl_scope s = { .keep_going = true };
	tl_strand t[2] = { { 0 } };
	tl_end e = { 0 };
	int r;

	tl_scope_open(&s);
	tl_process_start(&s, seven, m, &(tl_opts){ .ret = &t[0], .name = "seven" });
	tl_process_start(&s, stays, m, &(tl_opts){ .ret = &t[1], .paused = true });
	if (t[1].id && tl_resume(t[1]) == 0)
		tl_cancel(t[1]);
	if (t[0].id && (r = tl_join(t[0], &e, TL_NEVER)) == 0 && e.how == TL_RETURNED &&
		e.value >= 0)
		CHECK_EQ(e.value, 7);
	r = tl_scope_close(&s);
	return r == -EOWNERDEAD && every_fails ? -ECONNRESET : r; /* lost with their zygote */
}

FAULTS_LIMIT(processes, 300)
{
	struct shared *m = tl_shared(sizeof *m);
	int r = m ? begin_and_end(m) : -ENOMEM;

	if (m)
		end_zygote(m);
	tl_shared_free(m);
	return r == -ENOTSUP || r == -ENOSPC ? every_fails ? -ENOMEM : r : r;
}
