/* The manager: requests of several calls, what they take and keep, and how they come to a server.
 */
#include "managed.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static tl_op op(tl_object o, const char *verb, const tl_value *args, size_t n)
{
	return (tl_op){ .object = o, .verb = verb, .args = args, .n = n };
}

struct pair {
	tl_op ops[2];
	int r;
};

static int calls_both(void *arg)
{
	struct pair *p = arg;

	p->r = tl_object_many(p->ops, 2, TL_NEVER);
	return 0;
}

/* D14: of many calls none is begun after one has waited in vain */
TEST(none_begun_after_a_wait_in_vain)
{
	tl_manager *m = managed();
	tl_object e = made(m, "Event", TL_NIL), l = made(m, "list", TL_NIL);
	tl_value one = TL_INT(1);
	struct pair p = { .ops = { op(e, "wait", NULL, 0), op(l, "append", &one, 1) } };
	tl_strand t;
	tl_scope s = { 0 };

	CHECK_EQ(tl_object_many(p.ops, 2, tl_after(tl_ms(10))), 0);
	CHECK_EQ(p.ops[0].r, -ETIMEDOUT);
	CHECK_EQ(p.ops[1].r, -ETIMEDOUT);
	CHECK_STR(shows(l), "[]");
	tl_scope_open(&s);
	tl_thread_start(&s, calls_both, &p, &(tl_opts){ .ret = &t });
	until_waiting(e, 1);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(p.r, 0);
	CHECK_EQ(p.ops[0].r, -ECANCELED);
	CHECK_EQ(p.ops[1].r, -ECANCELED);
	CHECK_STR(shows(l), "[]");
	CHECK_EQ(tl_object_many(p.ops, 2, TL_POLL), 0);
	CHECK_EQ(p.ops[0].r, -EAGAIN);
	CHECK_EQ(p.ops[1].r, 0);
	CHECK_STR(shows(l), "[1]");
	unmanaged(m);
}

struct got {
	tl_object from;
	tl_value v;
	int r;
};

static int gets_one(void *arg)
{
	struct got *g = arg;

	g->r = tl_object_call(g->from, "get", NULL, 0, &g->v, TL_NEVER);
	return 0;
}

/* D14: objects in objects are shared, and live as long as they are in one */
TEST(taken_by_who_waited)
{
	tl_manager *m = managed();
	tl_object q = made(m, "Queue", TL_NIL), l = made(m, "list", TL_NIL),
		  d = made(m, "dict", TL_NIL);
	tl_value it = TL_OBJECT(d);
	tl_op ops[] = { op(q, "put", &it, 1), op(l, "clear", NULL, 0) };
	struct got g = { .from = q };
	tl_scope s = { 0 };

	CHECK_EQ(does_with(l, "append", it), 0);
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, gets_one, &g, NULL);
	until_waiting(q, 1);
	CHECK_EQ(tl_object_many(ops, 2, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(g.r, 0);
	CHECK_STR(shows(d), "{}"); /* who took it keeps it, though the list let it go at once */
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	CHECK_EQ(does(d, "len"), -ESRCH);
	unmanaged(m);
}

struct link_up {
	tl_manager_opts o;
	tl_manager *m;
	int r;
};

static int links_up(void *arg)
{
	struct link_up *l = arg;

	l->r = tl_manager_connect(&l->m, &l->o, TL_NEVER);
	return 0;
}

/* A server that hangs up before it is sure of its client, as it does on one that is too slow, is
 * asked again. */
TEST(hung_up_on)
{
	tl_manager_opts o = {
		.kind = TL_THREAD, .address = "unix:./m.sock", .key = "k", .key_size = 1
	};
	struct link_up l = { .o = o };
	tl_manager *m = managed();
	tl_listener *door;
	tl_stream *in;
	tl_strand t;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	l.o.kind = 0;
	CHECK_EQ(tl_listen(&door, o.address), 0);
	tl_thread_start(NULL, links_up, &l, &(tl_opts){ .ret = &t });
	CHECK_EQ(tl_accept(&in, door, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(door, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&m, &o, TL_NEVER), 0);
	CHECK_EQ(tl_close(in, TL_NEVER), 0);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(l.r, 0);
	CHECK_EQ(does(tl_manager_root(l.m), "len"), 0);
	CHECK_EQ(tl_manager_close(l.m, TL_NEVER), 0);
	unmanaged(m);
}

/* A connection of this process to "./m.sock" that still stands; -1: there is none from fd on. */
static int connection_from(int fd)
{
	for (; fd < 256; fd++) {
		struct sockaddr_un to = { 0 };
		socklen_t n = sizeof to;
		struct pollfd p = { .fd = fd, .events = POLLRDHUP };

		if (getpeername(fd, (struct sockaddr *)&to, &n) == 0 && to.sun_family == AF_UNIX &&
			strcmp(to.sun_path, "./m.sock") == 0 && poll(&p, 1, 0) == 0)
			return fd;
	}
	return -1;
}

static int connections(void)
{
	int n = 0;

	for (int fd = connection_from(0); fd >= 0; fd = connection_from(fd + 1))
		n++;
	return n;
}

/* D14: who is connected becomes a client of the next server on its address, one call later */
TEST(another_server_takes_the_address)
{
	tl_manager_opts o = {
		.kind = TL_THREAD, .address = "unix:./m.sock", .key = "k", .key_size = 1
	};
	tl_manager *m = managed(), *client = NULL;
	tl_object d;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&m, &o, TL_NEVER), 0);
	o.kind = 0;
	CHECK_EQ(tl_manager_connect(&client, &o, TL_NEVER), 0);
	d = made(client, "dict", TL_NIL);
	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	o.kind = TL_THREAD;
	CHECK_EQ(tl_manager_open(&m, &o, TL_NEVER), 0);
	CHECK_EQ(does(d, "len"), -EPIPE);
	CHECK_EQ(does(d, "len"), -ESRCH);
	d = made(client, "dict", TL_NIL);
	CHECK_EQ(connections(), 2);
	CHECK_EQ(shutdown(connection_from(0), SHUT_RDWR), 0);
	while (does(d, "len") == -EPIPE)
		;
	CHECK_STR(shows(d), "{}");
	CHECK_EQ(tl_manager_close(client, TL_NEVER), 0);
	unmanaged(m);
}
