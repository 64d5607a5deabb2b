/* Clients of a manager killed at random: the server goes on, keeps nothing of theirs, and no lock
 * is held by the dead. */
#include "../kit/managed.h"

#include "kit/manager.h"

struct shared {
	tl_object lock, queue, dict;
};

/* Take the lock, also from the dead. */
static int take(tl_object lock)
{
	int r = does(lock, "acquire");

	return r == -EOWNERDEAD ? does(lock, "recover") : r;
}

/* Under the lock both halves of the account are changed, in one transaction. */
static int move_one(struct shared *p)
{
	tl_value up[] = { TL_STR("a"), TL_INT(1) }, down[] = { TL_STR("b"), TL_INT(-1) };
	tl_op ops[] = { { .object = p->dict, .verb = "add", .args = up, .n = 2 },
		{ .object = p->dict, .verb = "add", .args = down, .n = 2 } };
	int r = take(p->lock);

	r = r < 0 ? r : tl_object_atomic(ops, 2, TL_NEVER);
	return r < 0 ? r : does(p->lock, "release");
}

static int work(void *arg)
{
	struct shared *p = arg;
	int r = 0;

	for (int i = 0; r == 0; i++) {
		tl_object own;
		tl_value v = TL_NIL;

		r = tl_manager_new(p->dict.manager, "dict", NULL, 0, &own, TL_NEVER);
		r = r < 0 ? r : move_one(p);
		r = r < 0 ? r : does_with(p->queue, "put", TL_OBJECT(own));
		r = r < 0 ? r : tl_object_drop(own, TL_NEVER);
		r = r < 0 ? r : tl_object_call(p->queue, "get", NULL, 0, &v, TL_NEVER);
		r = r < 0 ? r : tl_object_in(p->queue, v, &own);
		r = r < 0 || i % 2 ? r : tl_object_drop(own, TL_NEVER);
	}
	return r;
}

/* The server reads the ends of their connections when its turn comes. */
static void until(tl_object server, const char *verb, int n)
{
	while (atoi(says(server, verb, TL_NIL)) != n)
		tl_sleep(tl_ms(1));
}

/* D14: clients that are killed anywhere leave nothing in the server, and nobody waits for them */
TEST_LIMIT(clients_killed_anywhere, 120)
{
	enum { ROUNDS = 12, CLIENTS = 4 };
	tl_manager *m = NULL;
	int r = tl_manager_open(&m, NULL, TL_NEVER);
	uint32_t seed = 1;
	struct shared p;

	if (r == -ENOTSUP)
		SKIP("no process can be started here, or this build has no libcbor or no libmd");
	CHECK_EQ(r, 0);
	p.lock = made(m, "Lock", TL_NIL);
	p.queue = made(m, "Queue", TL_NIL);
	p.dict = made(m, "dict", TL_NIL);
	CHECK_EQ(tl_object_set(p.dict, TL_STR("a"), TL_INT(0), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(p.dict, TL_STR("b"), TL_INT(0), TL_NEVER), 0);
	for (int i = 0; i < ROUNDS; i++) {
		tl_scope s = { .keep_going = true };
		tl_strand t[CLIENTS];
		tl_value v, a, b;

		tl_scope_open(&s);
		for (int k = 0; k < CLIENTS; k++)
			CHECK_EQ(tl_process_start(&s, work, &p,
					 &(tl_opts){ .copy = sizeof p, .ret = &t[k] }),
				0);
		until((tl_object){ m, 0 }, "clients", 1 + CLIENTS);
		for (int k = 0; k < CLIENTS; k++) {
			seed = seed * 1103515245 + 12345;
			tl_sleep(tl_us((seed >> 16 & 0x7fff) / 8));
			CHECK_EQ(tl_signal(t[k], SIGKILL), 0);
		}
		CHECK(tl_scope_close(&s) < 0);
		until((tl_object){ m, 0 }, "clients", 1);
		CHECK_EQ(take(p.lock), 0);
		CHECK_EQ(does(p.lock, "release"), 0);
		while (tl_object_call(p.queue, "get", NULL, 0, &v, TL_POLL) == 0)
			CHECK_EQ(tl_object_drop((tl_object){ m, v.object }, TL_NEVER), 0);
		CHECK_STR(says((tl_object){ m, 0 }, "objects", TL_NIL), "4");
		CHECK_EQ(tl_object_get(p.dict, TL_STR("a"), &a, TL_NEVER), 0);
		CHECK_EQ(tl_object_get(p.dict, TL_STR("b"), &b, TL_NEVER), 0);
		CHECK_EQ(a.i + b.i, 0);
	}
	unmanaged(m);
}

static int ends_with_the_server(void *arg)
{
	int r = work(arg);

	return r == -EPIPE ? 0 : r;
}

/* D14: a server that is killed while many call leaves none of them hanging */
TEST_LIMIT(server_killed_anywhere, 120)
{
	enum { ROUNDS = 8, CLIENTS = 3 };

	for (int i = 0; i < ROUNDS; i++) {
		tl_manager *m = NULL;
		int r = tl_manager_open(&m, NULL, TL_NEVER);
		struct shared p;
		tl_scope s = { 0 };

		if (r == -ENOTSUP)
			SKIP("no process can be started here, or this build has no libcbor or no "
			     "libmd");
		CHECK_EQ(r, 0);
		p.lock = made(m, "Lock", TL_NIL);
		p.queue = made(m, "Queue", TL_NIL);
		p.dict = made(m, "dict", TL_NIL);
		tl_scope_open(&s);
		for (int k = 0; k < CLIENTS; k++)
			tl_process_start(
				&s, ends_with_the_server, &p, &(tl_opts){ .copy = sizeof p });
		tl_thread_start(&s, ends_with_the_server, &p, &(tl_opts){ .copy = sizeof p });
		until((tl_object){ m, 0 }, "clients", 1 + CLIENTS);
		tl_sleep(tl_us(300 * i));
		CHECK_EQ(kill(m->pid, SIGKILL), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	}
	CHECK_EQ(tl_finish(), 0);
}
