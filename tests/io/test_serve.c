/* test_serve.c - a server: its handlers, its limit, and how it ends. */
#include "io/pair.h"
#include <sys/resource.h>

struct service {
	tl_listener *l;
	char address[128];
	tl_serve_opts opts;
	int (*fn)(tl_stream *peer, void *arg);
	int answer; /* of tl_serve */
	int inside, most, ended, cancelled;
};

static int serve(void *arg)
{
	struct service *v = arg;

	v->answer = tl_serve(v->l, v->fn, v, &v->opts);
	return 0;
}

static void listen_for(struct service *v)
{
	CHECK_EQ(tl_listen(&v->l, ":0"), 0);
	CHECK(tl_listener_address(v->l, v->address, sizeof v->address) > 0);
}

/* Until the peer says no more, or it is cancelled. */
static int echo(tl_stream *peer, void *arg)
{
	struct service *v = arg;
	ssize_t n;
	char c;

	v->most = ++v->inside > v->most ? v->inside : v->most;
	while ((n = tl_read(peer, &c, 1, TL_NEVER)) > 0)
		CHECK_EQ(tl_write(peer, &c, 1, TL_NEVER), 1);
	v->inside--;
	v->ended++;
	v->cancelled += n == -ECANCELED;
	return -EIO; /* which ends nothing but this connection */
}

static tl_stream *call_in(struct service *v)
{
	tl_stream *s;

	CHECK_EQ(tl_connect(&s, v->address, TL_NEVER), 0);
	return s;
}

static void say(tl_stream *s)
{
	char c;

	CHECK_EQ(tl_write(s, "e", 1, TL_NEVER), 1);
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 1);
	CHECK_EQ(c, 'e');
}

static int one_client(void *arg)
{
	tl_stream *s = call_in(arg);
	char c;

	say(s);
	CHECK_EQ(tl_shut(s), 0);
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 0);
	return tl_close(s, TL_NEVER);
}

TEST(many_clients)
{
	struct service v = { .fn = echo };
	tl_scope all = { 0 }, clients = { 0 };

	listen_for(&v);
	tl_scope_open(&all);
	tl_task_start(&all, serve, &v, NULL);
	tl_scope_open(&clients);
	for (int i = 0; i < 500; i++)
		tl_task_start(&clients, one_client, &v, NULL);
	CHECK_EQ(tl_scope_close(&clients), 0);
	tl_scope_cancel(&all);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer, 500);
	CHECK_EQ(v.ended, 500);
	CHECK_EQ(v.cancelled, 0);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(on_two_threads)
{
	struct service v = { .fn = echo }, w;
	tl_scope all = { 0 }, clients = { 0 };

	listen_for(&v);
	w = v;
	tl_scope_open(&all);
	tl_thread_start(&all, serve, &v, NULL);
	tl_thread_start(&all, serve, &w, NULL);
	tl_scope_open(&clients);
	for (int i = 0; i < 300; i++)
		tl_task_start(&clients, one_client, &v, NULL);
	CHECK_EQ(tl_scope_close(&clients), 0);
	tl_scope_cancel(&all);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer + w.answer, 300);
	CHECK_EQ(v.ended + w.ended, 300);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(limit)
{
	struct service v = { .fn = echo, .opts.limit = 3 };
	tl_scope all = { 0 }, clients = { 0 };

	listen_for(&v);
	tl_scope_open(&all);
	tl_task_start(&all, serve, &v, NULL);
	tl_scope_open(&clients);
	for (int i = 0; i < 50; i++)
		tl_task_start(&clients, one_client, &v, NULL);
	CHECK_EQ(tl_scope_close(&clients), 0);
	tl_scope_cancel(&all);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer, 50);
	CHECK_EQ(v.most, 3);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
}

/* After a cancel nobody is accepted, and handlers go on as if nothing had happened ... */
TEST(drain_lets_handlers_finish)
{
	struct service v = { .fn = echo, .opts.drain = tl_s(3600) };
	tl_scope all = { 0 };
	tl_stream *s, *late;
	tl_strand t;
	char c;

	listen_for(&v);
	tl_scope_open(&all);
	tl_task_start(&all, serve, &v, &(tl_opts){ .ret = &t });
	s = call_in(&v);
	say(s);
	tl_cancel(t);
	for (int i = 0; i < 10; i++)
		say(s);
	late = call_in(&v); /* only into the backlog */
	say(s);
	CHECK_EQ(v.ended, 0);
	CHECK_EQ(tl_shut(s), 0);
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 0);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer, 1);
	CHECK_EQ(v.ended, 1);
	CHECK_EQ(v.cancelled, 0);
	CHECK_EQ(tl_close(s, TL_NEVER), 0);
	CHECK_EQ(tl_close(late, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
}

/* ... until .drain is over. */
TEST(drain_ends)
{
	struct service v = { .fn = echo, .opts.drain = tl_ms(5) };
	tl_scope all = { 0 };
	tl_stream *s;
	char c;

	listen_for(&v);
	tl_scope_open(&all);
	tl_task_start(&all, serve, &v, NULL);
	s = call_in(&v);
	say(s);
	tl_scope_cancel(&all);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer, 1);
	CHECK_EQ(v.cancelled, 1);
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 0); /* and its connection is closed */
	CHECK_EQ(tl_close(s, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
}

static int close_listener(tl_stream *peer, void *arg)
{
	struct service *v = arg;

	(void)peer;
	return tl_listener_close(v->l, TL_NEVER);
}

TEST(listener_is_closed)
{
	struct service v = { .fn = close_listener };
	tl_scope all = { 0 };
	tl_stream *s;

	listen_for(&v);
	tl_scope_open(&all);
	tl_task_start(&all, serve, &v, NULL);
	s = call_in(&v);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer, -EPIPE);
	CHECK_EQ(tl_close(s, TL_NEVER), 0);
}

/* Out of descriptors it goes on when some are free again; nobody is turned away. */
TEST(out_of_descriptors)
{
	struct service v = { .fn = echo };
	tl_scope all = { 0 };
	struct rlimit few;
	int top;

	listen_for(&v);
	tl_scope_open(&all);
	tl_thread_start(&all, serve, &v, NULL);
	tl_stream *first = call_in(&v);
	say(first); /* so all that a loop needs for itself is there */
	top = dup(0);
	close(top);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &few), 0);
	few.rlim_cur = (rlim_t)top + 5; /* two connections, both of whose ends are ours */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	tl_stream *a = call_in(&v), *b = call_in(&v), *c = call_in(&v);
	/* Both ends of one, or one end each: at most two of the three are accepted by now. */
	CHECK_EQ(tl_close(first, TL_NEVER), 0);
	say(a);
	CHECK_EQ(tl_close(a, TL_NEVER), 0);
	say(b);
	CHECK_EQ(tl_close(b, TL_NEVER), 0);
	say(c);
	CHECK_EQ(tl_close(c, TL_NEVER), 0);
	tl_scope_cancel(&all);
	CHECK_EQ(tl_scope_close(&all), 0);
	CHECK_EQ(v.answer, 4);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
}

TEST(options)
{
	struct service v = { .fn = echo };
	tl_scope s = { 0 };

	listen_for(&v);
	CHECK_EQ(tl_serve(v.l, echo, &v, &(tl_serve_opts){ .drain = tl_ms(-1) }), -EINVAL);
	CHECK_EQ(tl_serve(v.l, echo, &v, &(tl_serve_opts){ .reserved[3] = 1 }), -EINVAL);
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_serve(v.l, echo, &v, NULL), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_listener_close(v.l, TL_NEVER), 0);
}
