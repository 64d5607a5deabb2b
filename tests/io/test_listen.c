/* test_listen.c - listeners, connecting, and addresses that are taken. */
#include "io/pair.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static tl_listener *listen_on(const char *address, char real[128])
{
	tl_listener *l;

	CHECK_EQ(tl_listen(&l, address), 0);
	CHECK(tl_listener_address(l, real, 128) < 128);
	return l;
}

static void exchange(tl_stream *a, tl_stream *b)
{
	char buf[8];

	CHECK_EQ(tl_write(a, "ping", 4, TL_NEVER), 4);
	CHECK_EQ(tl_read_all(b, buf, 4, NULL, TL_NEVER), 0);
	CHECK_EQ(memcmp(buf, "ping", 4), 0);
	CHECK_EQ(tl_write(b, "pong", 4, TL_NEVER), 4);
	CHECK_EQ(tl_read_all(a, buf, 4, NULL, TL_NEVER), 0);
	CHECK_EQ(memcmp(buf, "pong", 4), 0);
}

/* Is nobody at that address any more?  No if another program was given the same port meanwhile. */
static bool refused(const char *real, int error)
{
	tl_stream *s;
	int r = tl_connect(&s, real, TL_NEVER);

	if (r == 0)
		tl_close(s, TL_NEVER);
	else
		CHECK_EQ(r, error);
	return r < 0;
}

static bool round_trip(const char *address)
{
	char real[128], peer[128];
	tl_listener *l = listen_on(address, real);
	tl_stream *a, *b;

	CHECK_EQ(tl_accept(&b, l, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_accept(&b, l, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_accept(&b, l, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(tl_connect(&a, real, TL_NEVER), 0);
	CHECK_EQ(tl_accept(&b, l, TL_NEVER), 0);
	exchange(a, b);
	CHECK(tl_peer(a, peer, sizeof peer) > 0);
	CHECK_STR(peer, real);
	CHECK_EQ(tl_close(a, TL_NEVER), 0);
	CHECK_EQ(tl_read(b, peer, 1, TL_NEVER), 0);
	CHECK_EQ(tl_close(b, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	return refused(real, address[0] == 'u' && address[5] != '@' ? -ENOENT : -ECONNREFUSED);
}

static void round_trips(const char *address)
{
	while (!round_trip(address))
		continue;
}

TEST(tcp4) { round_trips(":0"); }
TEST(unix_path) { round_trips("unix:s.sock"); }

/* Such names are the whole machine's. */
TEST(unix_abstract)
{
	char address[64];

	snprintf(address, sizeof address, "unix:@telar-test-%d", (int)getpid());
	round_trips(address);
}

TEST(tcp6)
{
	tl_listener *l;
	int r = tl_listen(&l, "[::1]:0");

	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
		SKIP("this machine has no IPv6");
	CHECK_EQ(r, 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	round_trips("[::1]:0");
}

TEST(bad_addresses)
{
	tl_stream *s = NULL;
	tl_listener *l = NULL;

	CHECK_EQ(tl_listen(&l, "nowhere"), -EINVAL);
	CHECK_EQ(tl_connect(&s, "example.org:80", TL_NEVER), -EINVAL);
	CHECK_EQ(tl_listen(&l, "unix:no/such/folder"), -ENOENT);
	CHECK(!s && !l);
	CHECK_EQ(tl_listener_close(NULL, TL_NEVER), 0);
}

static void check_options(tl_stream *s)
{
	int on = 0, fd = tl_stream_fd(s);
	socklen_t n = sizeof on;

	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	CHECK(on);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* What is small goes out at once, on both sides; and nothing leaks into programs that are run. */
TEST(options)
{
	tl_listener *again = NULL;
	char real[128];
	int r;

	do { /* until no other program is given the port while it is free */
		tl_listener *l = listen_on(":0", real);
		tl_stream *s[2];

		CHECK_EQ(tl_connect(&s[0], real, TL_NEVER), 0);
		CHECK_EQ(tl_accept(&s[1], l, TL_NEVER), 0);
		for (int i = 0; i < 2; i++) {
			check_options(s[i]);
			CHECK_EQ(tl_close(s[i], TL_NEVER), 0);
		}
		CHECK_EQ(tl_listen(&again, real), -EADDRINUSE);
		CHECK(!again);
		CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
		r = tl_listen(&again, real); /* though connections of the old one linger */
	} while (r == -EADDRINUSE);
	CHECK_EQ(r, 0);
	CHECK_EQ(tl_listener_close(again, TL_NEVER), 0);
}

TEST(deserted_path_is_taken_over)
{
	char real[128];
	struct stat st;
	tl_listener *l, *other = NULL;
	struct sockaddr_un un = { AF_UNIX, "s.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_EQ(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(tl_listen(&other, "unix:s.sock"), -EADDRINUSE);
	close(fd);
	l = listen_on("unix:s.sock", real);
	CHECK_EQ(tl_listen(&other, "unix:s.sock"), -EADDRINUSE);

	/* It is not ours any more: close leaves it alone. */
	CHECK_EQ(rename("s.sock", "old"), 0);
	other = listen_on("unix:s.sock", real);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	CHECK_EQ(lstat("s.sock", &st), 0);
	CHECK_EQ(tl_listener_close(other, TL_NEVER), 0);
	CHECK(lstat("s.sock", &st) < 0);

	/* A file is not a socket. */
	CHECK_EQ(close(creat("s.sock", 0600)), 0);
	CHECK_EQ(tl_listen(&other, "unix:s.sock"), -EADDRINUSE);
	CHECK_EQ(lstat("s.sock", &st), 0);
}

/* A child that closes its copy leaves the parent's path. */
TEST(child_leaves_the_path)
{
	char real[128];
	tl_listener *l = listen_on("unix:s.sock", real);
	int status = 0;
	pid_t pid = fork();
	tl_stream *s;

	if (pid == 0) {
		CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(tl_connect(&s, real, TL_NEVER), 0);
	CHECK_EQ(tl_close(s, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
}

/* -- many */

static int accept_one(void *arg)
{
	tl_stream *s;
	int r = tl_accept(&s, arg, TL_NEVER);
	char c;

	if (r < 0)
		return r;
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 1);
	CHECK_EQ(tl_write(s, &c, 1, TL_NEVER), 1);
	return tl_close(s, TL_NEVER);
}

static int call_in(void *arg)
{
	tl_stream *s;
	int r = tl_connect(&s, arg, TL_NEVER);
	char c = 'c';

	CHECK_EQ(r, 0);
	CHECK_EQ(tl_write(s, &c, 1, TL_NEVER), 1);
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 1);
	CHECK_EQ(tl_read(s, &c, 1, TL_NEVER), 0);
	return tl_close(s, TL_NEVER);
}

struct some {
	tl_fn *fn;
	void *arg;
	int n;
};

static int start_some(void *arg)
{
	struct some *m = arg;

	for (int i = 0; i < m->n; i++)
		tl_task_start(NULL, m->fn, m->arg, NULL);
	return 0;
}

/* 500 connections, accepted by 500 strands of three loops that all wait before the first call. */
static void many(const char *address)
{
	char real[128];
	tl_listener *l = listen_on(address, real);
	struct some acceptors = { accept_one, l, 200 }, callers = { call_in, real, 250 };
	tl_scope s = { 0 };
	tl_strand last;

	tl_scope_open(&s);
	tl_thread_start(&s, start_some, &acceptors, NULL);
	tl_thread_start(&s, start_some, &acceptors, NULL);
	for (int i = 0; i < 100; i++)
		tl_task_start(&s, accept_one, l, &(tl_opts){ .ret = &last });
	await_blocked(last);
	tl_thread_start(&s, start_some, &callers, NULL);
	tl_thread_start(&s, start_some, &callers, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

TEST(many_over_tcp) { many(":0"); }
TEST(many_over_unix) { many("unix:many.sock"); }

static int accept_until(void *arg)
{
	tl_stream *s;

	return tl_accept(&s, arg, TL_NEVER);
}

/* Of many that wait, those that are cancelled pass their turn on. */
TEST(cancelled_acceptor_passes_its_turn_on)
{
	char real[128];
	tl_listener *l = listen_on(":0", real);
	tl_scope s = { .keep_going = true };
	tl_strand t[3];
	tl_stream *c;
	tl_end end;

	tl_scope_open(&s);
	tl_task_start(&s, accept_until, l, &(tl_opts){ .ret = &t[0] });
	tl_task_start(&s, accept_until, l, &(tl_opts){ .ret = &t[1] });
	tl_task_start(&s, accept_one, l, &(tl_opts){ .ret = &t[2] });
	await_blocked(t[2]);
	tl_cancel(t[0]); /* it waited in the poller for all three */
	CHECK_EQ(tl_join(t[0], &end, TL_NEVER), 0);
	CHECK_EQ(end.value, -ECANCELED);
	tl_cancel(t[1]);
	CHECK_EQ(tl_join(t[1], &end, TL_NEVER), 0);
	CHECK_EQ(end.value, -ECANCELED);
	CHECK_EQ(tl_connect(&c, real, TL_NEVER), 0);
	CHECK_EQ(tl_write(c, "x", 1, TL_NEVER), 1);
	CHECK_EQ(tl_join(t[2], &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_close(c, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
}

/* A listener closed while strands of two loops wait in it. */
static void close_under(const char *address)
{
	char real[128];
	tl_listener *l = listen_on(address, real);
	tl_strand t[3];
	tl_scope s = { .keep_going = true };
	tl_end end;

	tl_scope_open(&s);
	tl_task_start(&s, accept_until, l, &(tl_opts){ .ret = &t[0] });
	tl_task_start(&s, accept_until, l, &(tl_opts){ .ret = &t[1] });
	tl_thread_start(&s, accept_until, l, &(tl_opts){ .ret = &t[2] });
	for (int i = 0; i < 3; i++)
		await_blocked(t[i]);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_join(t[i], &end, TL_NEVER), 0);
		CHECK_EQ(end.value, -EPIPE);
	}
	CHECK_EQ(tl_scope_close(&s), -EPIPE);
}

TEST(close_under_acceptors_tcp) { close_under(":0"); }
TEST(close_under_acceptors_unix) { close_under("unix:s.sock"); }

/* A full backlog of a Unix socket is waited for, and not for ever. */
TEST(unix_backlog_full)
{
	struct sockaddr_un un = { AF_UNIX, "s.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tl_stream *s[8];
	tl_listener *l;
	int n = 0, r;

	CHECK_EQ(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	CHECK_EQ(listen(fd, 1), 0);
	while ((r = tl_connect(&s[n], "unix:s.sock", TL_POLL)) == 0)
		CHECK(++n < 8);
	CHECK_EQ(r, -EAGAIN);
	CHECK_EQ(tl_connect(&s[n], "unix:s.sock", tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_connect(&s[n], "unix:s.sock", tl_after(tl_ms(3))), -ETIMEDOUT);
	CHECK_EQ(tl_listen(&l, "unix:s.sock"), -EADDRINUSE);
	while (n)
		CHECK_EQ(tl_close(s[--n], TL_NEVER), 0);
	close(fd);
}

/* Out of descriptors: said so, and the connection is not lost. */
TEST(out_of_descriptors)
{
	char real[128];
	tl_listener *l = listen_on(":0", real);
	struct rlimit was, few;
	tl_stream *a, *b;
	int next;

	CHECK_EQ(tl_connect(&a, real, TL_NEVER), 0);
	CHECK_EQ(tl_accept(&b, l, TL_NEVER), 0);
	CHECK_EQ(tl_close(b, TL_NEVER), 0);
	CHECK_EQ(tl_close(a, TL_NEVER), 0);
	CHECK_EQ(tl_connect(&a, real, TL_NEVER), 0);
	next = dup(0);
	close(next);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){ (rlim_t)next, was.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_EQ(tl_accept(&b, l, TL_NEVER), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK_EQ(tl_accept(&b, l, TL_NEVER), 0);
	exchange(a, b);
	CHECK_EQ(tl_close(a, TL_NEVER), 0);
	CHECK_EQ(tl_close(b, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(l, TL_NEVER), 0);
}
