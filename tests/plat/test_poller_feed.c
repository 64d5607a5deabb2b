/* Feeds: receives that stay.  What they may take, what they keep, and how they end; on a poller
 * without them the same readers get the same bytes. */
#include "check.h"
#include "plat/plat.h"
#include "plat/poller.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static struct poller *p;

struct reader {
	struct poll_feed feed;
	struct poll_op op;
	int peer, told, begun, ended;
	char buf[4096];
};

static bool ring(void) { return strcmp(poller_name(), "uring") == 0; }

static void done(struct poll_op *op)
{
	((struct reader *)((char *)op - offsetof(struct reader, op)))->told++;
}

static void held(struct poll_feed *f, bool yes)
{
	struct reader *r = (struct reader *)f;

	*(yes ? &r->begun : &r->ended) += 1;
}

static struct reader *reader(void)
{
	struct reader *r = calloc(1, sizeof *r);
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	if (!p)
		CHECK_EQ(poller_open(&p), 0);
	r->feed.held = held;
	r->op = (struct poll_op){ .fd = fd[0],
		.stamp = poller_stamp(),
		.kind = POLLER_RECV,
		.buf = r->buf,
		.feed = &r->feed,
		.done = done };
	r->peer = fd[1];
	return r;
}

static void stop(struct reader *r)
{
	if (r->begun > r->ended)
		CHECK(poller_stop(p, &r->feed));
	CHECK_EQ(r->begun, r->ended);
}

static void dispose(struct reader *r)
{
	CHECK(!r->op.armed);
	stop(r);
	poller_forget(&r->feed);
	close(r->op.fd);
	close(r->peer);
	free(r);
}

/* Arm for n bytes.  True: it waits. */
static bool ask(struct reader *r, size_t n)
{
	int e;

	r->op.size = n;
	r->told = 0;
	e = poller_arm(p, &r->op);
	CHECK_EQ(e < 0 ? e : 0, 0);
	return e == 0;
}

static ssize_t answer(struct reader *r)
{
	while (r->op.armed)
		poller_wait(p, 0);
	return r->op.result;
}

/* As a stream reads: what is kept, what is there, what comes. */
static ssize_t get(struct reader *r, size_t n)
{
	ssize_t k = poller_kept(&r->feed, r->buf, n);

	r->op.size = n;
	if (k == -EAGAIN)
		k = poller_try(&r->op);
	while (k == -EAGAIN) {
		if (ask(r, n))
			answer(r);
		k = r->op.result;
	}
	return k;
}

/* The next n bytes are those of a counter that begins at from. */
static void expect(struct reader *r, size_t from, size_t n)
{
	for (size_t i = 0; i < n;) {
		ssize_t k = get(r, n - i < sizeof r->buf ? n - i : sizeof r->buf);

		CHECK(k > 0);
		for (ssize_t j = 0; j < k; j++, i++)
			CHECK_EQ(r->buf[j], (char)((from + i) % 251));
	}
}

static size_t put(struct reader *r, size_t from, size_t n)
{
	static char text[1 << 16];
	size_t i = 0;
	ssize_t k;

	do {
		size_t some = n - i < sizeof text ? n - i : sizeof text;

		for (size_t j = 0; j < some; j++)
			text[j] = (char)((from + i + j) % 251);
		k = write(r->peer, text, some);
		i += k > 0 ? (size_t)k : 0;
	} while (k > 0 && i < n);
	return i;
}

static int unread(const struct reader *r)
{
	int n;

	CHECK_EQ(ioctl(r->op.fd, FIONREAD, &n), 0);
	return n;
}

TEST(one_request_serves_many_reads)
{
	struct reader *r = reader();

	for (size_t i = 0; i < 1000; i++) {
		CHECK(ask(r, 8));
		CHECK_EQ(put(r, i, 1), 1);
		CHECK_EQ(answer(r), 1);
		CHECK_EQ(r->told, 1);
		CHECK_EQ(r->buf[0], (char)(i % 251));
	}
	CHECK_EQ(r->begun, ring());
	CHECK_EQ(r->ended, 0);
	dispose(r);
}

TEST(what_was_not_asked_for_is_kept)
{
	struct reader *r = reader();

	for (int i = 0; i < 100; i++) {
		CHECK(ask(r, 3));
		CHECK_EQ(put(r, 0, 10), 10);
		CHECK_EQ(answer(r), 3);
		CHECK_EQ(poller_keeps(r->op.fd), ring());
		CHECK_EQ(get(r, 5), 5);
		CHECK_EQ(r->buf[4], 7);
		CHECK_EQ(poller_keeps(r->op.fd), ring());
		CHECK_EQ(get(r, 5), 2);
		CHECK_EQ(r->buf[1], 9);
		CHECK(!poller_keeps(r->op.fd));
		CHECK_EQ(poller_kept(&r->feed, r->buf, 1), -EAGAIN);
	}
	dispose(r);
}

/* F1.  The kernel has it, the bytes come, but nobody waits any more. */
TEST(nothing_is_taken_that_nobody_waits_for)
{
	struct reader *r = reader();

	for (size_t i = 0; i < 100; i++) {
		CHECK(ask(r, 8));
		CHECK_EQ(put(r, 0, 1), 1);
		CHECK_EQ(answer(r), 1);
		CHECK_EQ(put(r, 1, 5), 5);
		for (int look = 0; look < 3; look++)
			poller_wait(p, -1);
		CHECK_EQ(unread(r), 5);
		CHECK(!poller_keeps(r->op.fd));
		expect(r, 1, 5);
	}
	CHECK_EQ(r->begun, ring() ? 100 : 0);
	CHECK_EQ(r->ended, r->begun);
	dispose(r);
}

enum { FEW = 32 * 2048 }; /* what a kernel before Linux 6.17 may take in one look */

/* A peer that sends without end fills the kernel's buffer, not ours. */
TEST(a_flood_is_kept_out)
{
	struct reader *r = reader();
	size_t sent;
	int left;

	CHECK(ask(r, 1));
	poller_wait(p, -1);
	sent = put(r, 0, SIZE_MAX / 2);
	CHECK(sent > 100000);
	CHECK_EQ(answer(r), 1);
	left = unread(r);
	CHECK(sent - (size_t)left <= FEW);
	for (int look = 0; look < 10; look++)
		poller_wait(p, -1);
	CHECK_EQ(unread(r), left);
	expect(r, 1, sent - 1);
	dispose(r);
}

TEST(a_reader_leaves_at_once)
{
	struct reader *r = reader();

	for (int i = 0; i < 300; i++) {
		CHECK(ask(r, 8));
		if (i % 3)
			poller_wait(p, -1);
		if (i % 2)
			CHECK_EQ(put(r, 0, 1), 1);
		if (!poller_disarm(p, &r->op)) {
			CHECK_EQ(r->told, 0);
			if (i % 2 == 0)
				CHECK_EQ(put(r, 0, 1), 1);
			if (i % 5 == 0)
				poller_wait(p, -1);
			CHECK_EQ(get(r, 8), 1);
		}
		CHECK_EQ(unread(r), 0);
		CHECK(!poller_keeps(r->op.fd));
	}
	dispose(r);
}

TEST(a_stopped_file_can_be_closed)
{
	for (int i = 0; i < 100; i++) {
		struct reader *r = reader();
		char c;

		CHECK(ask(r, 8));
		CHECK_EQ(put(r, 0, 1), 1);
		CHECK_EQ(answer(r), 1);
		if (i % 2)
			poller_let_go(p);
		stop(r);
		close(r->op.fd);
		CHECK_EQ(read(r->peer, &c, 1), 0); /* the other side sees its end now */
		close(r->peer);
		free(r);
	}
}

TEST(closing_the_poller_ends_what_it_holds)
{
	struct reader *r = reader();
	char c;

	CHECK(ask(r, 2));
	CHECK_EQ(put(r, 0, 5), 5);
	CHECK_EQ(answer(r), 2);
	poller_close(p);
	CHECK_EQ(r->begun, r->ended);
	p = NULL;
	CHECK_EQ(poller_open(&p), 0);
	expect(r, 2, 3); /* what it had brought stays */
	close(r->op.fd);
	CHECK_EQ(read(r->peer, &c, 1), 0);
	free(r);
}

TEST(the_end_comes_after_the_bytes)
{
	struct reader *r = reader();

	CHECK(ask(r, 8));
	CHECK_EQ(put(r, 0, 5), 5);
	shutdown(r->peer, SHUT_WR);
	CHECK_EQ(answer(r), 5);
	CHECK_EQ(get(r, 8), 0);
	CHECK_EQ(get(r, 8), 0);
	shutdown(r->op.fd, SHUT_RD);
	CHECK_EQ(get(r, 8), 0);
	dispose(r);
}

/* The kernel tells an error once; if the feed was told, the next reader must be. */
TEST(an_error_is_kept)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct linger hard = { 1, 0 };
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(bind(listener, (struct sockaddr *)&at, size), 0);
	CHECK_EQ(listen(listener, 5), 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	for (int i = 0; i < 50; i++) {
		struct reader *r = reader();
		ssize_t k;

		close(r->peer);
		close(r->op.fd);
		r->peer = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_EQ(connect(r->peer, (struct sockaddr *)&at, size), 0);
		r->op.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		CHECK(ask(r, 8));
		poller_wait(p, -1);
		CHECK_EQ(put(r, 0, 8), 8);
		if (i % 2)
			CHECK_EQ(answer(r), 8);
		setsockopt(r->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(r->peer);
		k = i % 2 ? get(r, 8) : answer(r);
		if (k > 0)
			k = get(r, 8);
		CHECK_EQ(k, -ECONNRESET);
		CHECK(!poller_keeps(r->op.fd));
		dispose(r);
	}
}

/* Many that receive at once share few buffers. */
TEST(many_readers)
{
	enum { N = 300, EACH = 2500 };
	struct reader *r[N];

	for (int i = 0; i < N; i++)
		r[i] = reader();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			CHECK(ask(r[i], 100));
		for (int i = 0; i < N; i++)
			CHECK_EQ(put(r[i], (size_t)i, EACH), EACH);
		for (int i = 0; i < N; i++) {
			ssize_t k = answer(r[i]);

			if (k == -EAGAIN)
				k = 0;
			CHECK(k >= 0 && k <= 100);
			expect(r[i], (size_t)(i + k), EACH - (size_t)k);
			CHECK_EQ(unread(r[i]), 0);
		}
	}
	for (int i = 0; i < N; i++)
		dispose(r[i]);
}

/* Each unread piece takes a buffer away, and the heap has no other. */
TEST(without_buffers_a_reader_is_sent_away)
{
	enum { N = 100 };
	struct rlimit none = { 0, RLIM_INFINITY }, was;
	struct reader *r[N], *last;
	int away = 0;

	if (SANITIZED)
		SKIP("the sanitizer's heap does not fail");
	for (int i = 0; i < N; i++)
		r[i] = reader();
	last = reader();
	for (int i = 0; i < N; i++)
		CHECK(ask(r[i], 1));
	poller_wait(p, -1);
	CHECK_EQ(getrlimit(RLIMIT_AS, &was), 0);
	none.rlim_max = was.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
	for (size_t size = 1 << 20; size >= 2048; size /= 2)
		while (malloc(size))
			;
	for (int i = 0; i < N; i++) {
		CHECK_EQ(put(r[i], 0, 10), 10);
		if (answer(r[i]) == 1)
			continue;
		CHECK_EQ(r[i]->op.result, -EAGAIN);
		away++;
		CHECK_EQ(unread(r[i]), 10);
	}
	CHECK_EQ(away, ring() ? N - 64 : 0);
	CHECK_EQ(setrlimit(RLIMIT_AS, &was), 0);
	for (int i = 0; i < N; i++)
		expect(r[i], r[i]->op.result == 1, 10 - (r[i]->op.result == 1));
	CHECK(ask(last, 1)); /* and now there are some */
	CHECK_EQ(put(last, 3, 1), 1);
	CHECK_EQ(answer(last), 1);
}

/* The child has what was kept, and none of the parent's requests. */
TEST(a_forked_child_leaves_them_alone)
{
	struct reader *loose = reader(), *kept = reader();
	int status;
	pid_t child;
	char c;

	for (int round = 0; round < 2; round++) {
		CHECK(ask(loose, 8));
		CHECK(ask(kept, 1));
		CHECK_EQ(put(loose, 0, 1), 1);
		CHECK_EQ(put(kept, 0, 5), 5);
		CHECK_EQ(answer(loose), 1);
		CHECK_EQ(answer(kept), 1);
		child = fork();
		if (child == 0) {
			if (round == 0)
				poller_close(p);
			else if (ring())
				CHECK(poller_stop(NULL, &kept->feed));
			CHECK_EQ(kept->begun, kept->ended);
			p = NULL;
			CHECK_EQ(poller_open(&p), 0);
			if (ring())
				expect(kept, 1, 4);
			close(loose->op.fd);
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(status, 0);
		expect(kept, 1, 4);
		CHECK(ask(loose, 8));
		CHECK_EQ(put(loose, 0, 1), 1);
		CHECK_EQ(answer(loose), 1);
		CHECK_EQ(loose->begun, ring() ? 1 : 0); /* the same request as before */
		CHECK_EQ(put(loose, 0, 1), 1);
		CHECK_EQ(get(loose, 1), 1);
	}
	dispose(kept);
	stop(loose);
	close(loose->op.fd);
	CHECK_EQ(read(loose->peer, &c, 1), 0);
	free(loose);
}
