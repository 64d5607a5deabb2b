/* test_degraded.c - a kernel that refuses io_uring is reported once, and all goes on. */
#include "../plat/refuse.h"
#include "io/pair.h"

static _Atomic int degraded;

static void hook(const tl_report *r, void *arg)
{
	(void)arg;
	CHECK_EQ(r->kind, TL_R_DEGRADED);
	CHECK_EQ(r->value, -EPERM);
	CHECK(strstr(r->text, "io_uring") != NULL);
	degraded++;
}

static int send_one(void *arg) { return tl_write_all(arg, "x", 1, NULL, TL_NEVER); }

static int receive_one(void *arg)
{
	char c;

	return tl_read_all(arg, &c, 1, NULL, TL_NEVER);
}

TEST(told_once)
{
	const char *wish = getenv("TELAR_POLLER");
	tl_scope s = { 0 };
	struct pair p[3];
	tl_strand t;

	tl_on_report(hook, NULL);
	refuse(SYS_io_uring_setup, EPERM);
	CHECK(strcmp(tl_poller(), "epoll") == 0);
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		p[i] = pair_make();
		tl_thread_start(&s, receive_one, p[i].a, &(tl_opts){ .ret = &t });
		while (tl_state(t) != TL_BLOCKED) /* who need not wait needs no ring */
			tl_sleep(tl_us(100));
		tl_thread_start(&s, send_one, p[i].b, NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(degraded == (wish && strcmp(wish, "epoll") == 0 ? 0 : 1));
}

static int wait_for_it(void *arg)
{
	char c;

	return tl_read(arg, &c, 1, TL_NEVER) == 1 ? 0 : -EPROTO;
}

TEST(one_of_the_two_is_named)
{
	const char *wish = getenv("TELAR_POLLER"), *is = tl_poller();
	struct pair p = pair_make();
	tl_scope s = { 0 };
	tl_strand t;

	CHECK(strcmp(is, "uring") == 0 || strcmp(is, "epoll") == 0);
	if (wish && strcmp(wish, "epoll") == 0)
		CHECK(strcmp(is, "epoll") == 0);
	tl_scope_open(&s);
	tl_task_start(&s, wait_for_it, p.a, &(tl_opts){ .ret = &t });
	await_blocked(t);
	CHECK_EQ(tl_write(p.b, "x", 1, TL_NEVER), 1);
	CHECK_EQ(tl_scope_close(&s), 0);
	pair_close(p);
}
