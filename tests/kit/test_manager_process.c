/* The manager as a process of its own, used by processes; and what is left when one dies. */
#include "managed.h"

#include "kit/manager.h"
#include <dirent.h>

/* Under qemu-user no process can be started. */
static tl_manager *apart(void)
{
	tl_manager *m = NULL;
	int r = tl_manager_open(&m, NULL, TL_NEVER);

	if (r == -ENOTSUP)
		SKIP("no process can be started here, or this build has no libcbor or no libmd");
	CHECK_EQ(r, 0);
	return m;
}

struct two {
	tl_object a, b;
};

static int fill(void *arg)
{
	struct two *p = arg;
	int r;

	if ((r = tl_object_set(p->a, TL_INT(1), TL_STR("1"), TL_NEVER)) < 0 ||
		(r = tl_object_set(p->a, TL_STR("2"), TL_INT(2), TL_NEVER)) < 0 ||
		(r = tl_object_set(p->a, TL_NUM(0.25), TL_NIL, TL_NEVER)) < 0)
		return r;
	return does(p->b, "reverse");
}

/* D14: another process uses what this one made, by the same value */
TEST(used_by_a_process)
{
	tl_manager *m = apart();
	struct two p = { made(m, "dict", TL_NIL), made(m, "list", TL_NIL) };
	tl_scope s = { 0 };

	for (int i = 0; i < 10; i++)
		CHECK_EQ(does_with(p.b, "append", TL_INT(i)), 0);
	tl_scope_open(&s);
	tl_process_start(&s, fill, &p, &(tl_opts){ .copy = sizeof p });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(shows(p.a), "{1: '1', '2': 2, 0.25: None}");
	CHECK_STR(shows(p.b), "[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]");
	unmanaged(m);
}

static int hold_and_wait(void *arg)
{
	struct two *p = arg;
	tl_object own;
	tl_value v = TL_NIL;
	int r = does(p->a, "acquire");

	own = made(p->a.manager, "dict", TL_NIL);
	r = r < 0 ? r : does_with(p->b, "put", TL_OBJECT(own));
	r = r < 0 ? r : does_with(p->b, "put", TL_INT(getpid()));
	r = r < 0 ? r : tl_object_call(p->b, "join", NULL, 0, &v, TL_NEVER);
	return r;
}

/* D14: a process that dies holding a Lock has lost it: others are told, and may recover it */
TEST(holder_dies)
{
	tl_manager *m = apart();
	struct two p = { made(m, "Lock", TL_NIL), made(m, "JoinableQueue", TL_NIL) };
	tl_scope s = { .keep_going = true };
	tl_object theirs;
	tl_value own;
	tl_strand t;

	tl_scope_open(&s);
	tl_process_start(&s, hold_and_wait, &p, &(tl_opts){ .copy = sizeof p, .ret = &t });
	CHECK_EQ(tl_object_call(p.b, "get", NULL, 0, &own, TL_NEVER), 0);
	CHECK_EQ(does(p.b, "get"), 0);
	CHECK_EQ(tl_object_in(p.b, own, &theirs), 0);
	while (atoi(says(p.b, "waiting", TL_NIL)) == 0)
		tl_sleep(tl_ms(1));
	CHECK_EQ(tl_object_call(p.a, "acquire", NULL, 0, NULL, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_signal(t, SIGKILL), 0);
	CHECK_EQ(does(p.a, "acquire"), -EOWNERDEAD);
	CHECK_STR(says(p.b, "waiting", TL_NIL), "0");
	CHECK_STR(shows(p.a), "<lost Lock>");
	CHECK_STR(says(p.a, "recover", TL_NIL), "True");
	CHECK_EQ(does(p.a, "release"), 0);
	CHECK_EQ(does(p.a, "acquire"), 0);
	CHECK(tl_scope_close(&s) < 0);
	unmanaged(m);
}

static int keeps_and_waits(void *arg)
{
	tl_object q = *(tl_object *)arg, d = made(q.manager, "dict", TL_NIL);
	int r = does_with(q, "put", TL_INT((int64_t)d.id));

	return r < 0 ? r : does(q, "join");
}

/* D14: what a process kept goes with it, killed or not */
TEST(keeper_dies)
{
	tl_manager *m = apart();
	tl_object q = made(m, "JoinableQueue", TL_NIL), theirs = { m, 0 };
	tl_scope s = { .keep_going = true };
	tl_value id;
	tl_strand t;

	tl_scope_open(&s);
	tl_process_start(&s, keeps_and_waits, &q, &(tl_opts){ .copy = sizeof q, .ret = &t });
	CHECK_EQ(tl_object_call(q, "get", NULL, 0, &id, TL_NEVER), 0);
	theirs.id = (uint64_t)id.i;
	CHECK_STR(shows(theirs), "{}");
	CHECK_EQ(tl_signal(t, SIGKILL), 0);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	while (does(theirs, "len") == 0) /* the server reads the end of a connection when it may */
		tl_sleep(tl_ms(1));
	CHECK_EQ(does(theirs, "len"), -ESRCH);
	CHECK(tl_scope_close(&s) < 0);
	unmanaged(m);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

struct tour {
	tl_queue *to, *from;
};

static int uses_all(void *arg)
{
	const struct tour *t = arg;
	tl_object o;
	int r;

	while (tl_queue_get(t->to, &o, sizeof o, TL_NEVER) == sizeof o) {
		CHECK_EQ(tl_object_set(o, TL_INT(1), TL_INT(2), TL_NEVER), 0);
		r = count_fds();
		CHECK_EQ(tl_queue_put(t->from, &r, sizeof r, TL_NEVER), 0);
	}
	return 0;
}

/* A process that uses managers of others, one after another, keeps nothing of those that are
 * closed. */
TEST(goes_from_manager_to_manager)
{
	tl_queue_opts o = { .shared = true, .capacity = 1, .max_item = sizeof(tl_object) };
	struct tour *t = tl_shared(sizeof *t);
	tl_manager *m = apart();
	int first = 0, n = 0;

	CHECK(t);
	CHECK_EQ(tl_queue_open(&t->to, &o), 0);
	CHECK_EQ(tl_queue_open(&t->from, &o), 0);
	CHECK_EQ(tl_process_start(NULL, uses_all, t, NULL), 0);
	for (int i = 0; i < 8; i++) {
		tl_object root = tl_manager_root(m);

		CHECK_EQ(tl_queue_put(t->to, &root, sizeof root, TL_NEVER), 0);
		CHECK_EQ(tl_queue_get(t->from, &n, sizeof n, TL_NEVER), sizeof n);
		first = i ? first : n;
		CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
		m = apart();
	}
	CHECK(n <= first + 2); /* the last closed manager's go when the next one is met */
	tl_queue_end(t->to);
	unmanaged(m);
}

static int waits_for_ever(void *arg)
{
	return does(*(tl_object *)arg, "wait") == -EPIPE ? 0 : -EIO;
}

/* D14: with the server killed every call, waiting or new, fails at once; none hangs */
TEST(server_dies)
{
	tl_manager *m = apart();
	tl_object e = made(m, "Event", TL_NIL);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, waits_for_ever, &e, NULL);
	tl_task_start(&s, waits_for_ever, &e, NULL);
	tl_process_start(&s, waits_for_ever, &e, &(tl_opts){ .copy = sizeof e });
	while (atoi(says(e, "waiting", TL_NIL)) != 3)
		tl_sleep(tl_ms(1));
	CHECK_EQ(kill(m->pid, SIGKILL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(does(e, "set"), -EPIPE);
	CHECK_EQ(does(e, "set"), -EPIPE);
	unmanaged(m);
}

/* D14: the server does not heed SIGINT, which is for its program */
TEST(server_ignores_interrupts)
{
	tl_manager *m = apart();
	tl_object l = made(m, "list", TL_NIL);

	CHECK_EQ(kill(m->pid, SIGINT), 0);
	CHECK_STR(shows(l), "[]");
	unmanaged(m);
}

static int ends_first(void *arg)
{
	tl_manager *m = NULL;
	int r = tl_manager_open(&m, NULL, TL_NEVER);

	*(pid_t *)arg = r < 0 ? 0 : m->pid;
	return r;
}

/* D14: the server ends with the scope that it was opened in */
TEST(server_ends_with_its_scope)
{
	tl_manager *m = apart();
	tl_scope s = { 0 };
	pid_t pid = 0;

	tl_scope_open(&s);
	tl_thread_start(&s, ends_first, &pid, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(pid > 0);
	CHECK(kill(pid, 0) < 0);
	unmanaged(m);
}

static int fails(void *arg)
{
	(void)arg;
	return -EXDEV;
}

/* D14: a server that cannot begin says why, and can be tried again */
TEST(cannot_begin)
{
	tl_manager *m = apart(), *other = NULL;
	tl_manager_opts o = { .address = "unix:./m.sock", .key = "k", .key_size = 1 };

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&m, &(tl_manager_opts){ .init = fails }, TL_NEVER), -EXDEV);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(tl_manager_open(&m, &o, TL_NEVER), 0);
		CHECK_EQ(tl_manager_open(&other, &o, TL_NEVER), -EADDRINUSE);
		CHECK_EQ(does(tl_manager_root(m), "len"), 0);
		CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	}
	CHECK_EQ(tl_finish(), 0);
}

static int sets(void *arg) { return does(*(tl_object *)arg, "set"); }

/* A server that does not run for a while costs those time who gave it any. */
TEST_LIMIT(server_stands_still, 60)
{
	tl_manager *m = apart();
	tl_object e = made(m, "Event", TL_NIL);
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(kill(m->pid, SIGSTOP), 0);
	for (int i = 0; i < 3; i++) /* more than have a connection yet */
		tl_task_start(&s, sets, &e, NULL);
	tl_sleep(tl_ms(5500));
	CHECK_EQ(kill(m->pid, SIGCONT), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	unmanaged(m);
}

static int waits_then_appends(void *arg)
{
	struct two *p = arg;
	tl_value one = TL_INT(1);
	tl_op ops[] = { { .object = p->a, .verb = "wait" },
		{ .object = p->b, .verb = "append", .args = &one, .n = 1 } };

	return tl_object_many(ops, 2, TL_NEVER);
}

/* D14: of many calls none is begun after one has waited in vain */
TEST(none_begun_for_the_dead)
{
	tl_manager *m = apart();
	struct two p = { made(m, "Event", TL_NIL), made(m, "list", TL_NIL) };
	tl_scope s = { .keep_going = true };
	tl_strand t;

	tl_scope_open(&s);
	tl_process_start(&s, waits_then_appends, &p, &(tl_opts){ .copy = sizeof p, .ret = &t });
	until_waiting(p.a, 1);
	CHECK_EQ(tl_signal(t, SIGKILL), 0);
	while (atoi(says((tl_object){ m, 0 }, "clients", TL_NIL)) != 1)
		tl_sleep(tl_ms(1));
	CHECK_STR(shows(p.b), "[]");
	CHECK(tl_scope_close(&s) < 0);
	unmanaged(m);
}
