/* test_zygote_stopped.c - a zygote that somebody has stopped or that is slow, and a fork while one
 * is made. */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <telar.h>

struct shared {
	_Atomic int zygote, begun;
};
static struct shared *m;

static int notes_zygote(void *arg)
{
	((struct shared *)arg)->zygote = getppid();
	return 0;
}

static pid_t zygote_now(void)
{
	tl_scope s = { 0 };

	if (!m)
		m = tl_shared(sizeof *m);
	CHECK(m);
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, notes_zygote, m, NULL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	return m->zygote;
}

static int stays(void *arg)
{
	((struct shared *)arg)->begun++;
	return tl_sleep(tl_s(1000));
}

static void await_begun(void)
{
	while (!m->begun)
		tl_sleep(tl_ms(1));
}

static void stop(pid_t pid)
{
	char path[40], state = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	while (state != 'T') {
		FILE *f = fopen(path, "r");

		CHECK(f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
		fclose(f);
	}
}

static int asks_id(void *t) { return tl_os_id(*(tl_strand *)t); }
static int signals(void *t) { return tl_signal(*(tl_strand *)t, 0); }
static int lets_go_on(void *pid) { return kill(*(pid_t *)pid, SIGCONT); }

/* Who wants to know a process's id before it is forked leaves his loop to others. */
TEST(stopped_it_blocks_no_loop)
{
	tl_scope s = { 0 };
	tl_strand t, a, b;
	tl_end id, sig;
	pid_t z;

	z = zygote_now();
	stop(z);
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, stays, m, &(tl_opts){ .ret = &t }), 0);
	tl_task_start(&s, asks_id, &t, &(tl_opts){ .ret = &a });
	tl_task_start(&s, signals, &t, &(tl_opts){ .ret = &b });
	tl_task_start(&s, lets_go_on, &z, NULL);
	CHECK_EQ(tl_join(a, &id, TL_NEVER), 0);
	CHECK_EQ(tl_join(b, &sig, TL_NEVER), 0);
	CHECK(id.value > 0 && id.value == tl_os_id(t));
	CHECK_EQ(sig.value, 0);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int deaf(void *arg)
{
	signal(SIGTERM, SIG_IGN);
	((struct shared *)arg)->begun++;
	while (arg)
		pause();
	return 0;
}

static void ends_deaf_ones(bool stopped_first)
{
	tl_scope s = { .grace = tl_ms(300) };
	pid_t z;

	z = zygote_now();
	tl_scope_open(&s);
	CHECK_EQ(tl_process_start(&s, deaf, m, NULL), 0);
	await_begun();
	if (stopped_first)
		stop(z);
	tl_scope_cancel(&s);
	if (!stopped_first)
		stop(z);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(stopped_it_ends_them) { ends_deaf_ones(true); }
TEST(stopped_too_late_it_ends_them) { ends_deaf_ones(false); }
