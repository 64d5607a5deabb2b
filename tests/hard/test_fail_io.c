/* test_fail_io.c - streams, servers, stores and signals, with every call to the system failing
 * once.  See every.h. */
#include "every.h"
#include "io/files.h"

/* -- streams */

static int echo(tl_stream *peer, void *arg)
{
	char buf[100];
	ssize_t n;
	int r = 0;

	(void)arg;
	BEGINS();
	while (r == 0 && (n = tl_read(peer, buf, sizeof buf, TL_NEVER)) > 0)
		r = tl_write_all(peer, buf, (size_t)n, NULL, TL_NEVER);
	return ends(r);
}

static int serves(void *arg)
{
	int r;

	BEGINS();
	r = tl_serve(arg, echo, NULL, &(tl_serve_opts){ .limit = 2, .drain = tl_ms(50) });
	return ends(r < 0 ? r : -ECANCELED);
}

static int ask(tl_stream *s)
{
	static char question[300];
	char answer[300], name[100];
	int r = tl_peer(s, name, sizeof name);

	memset(question, 'q', sizeof question);
	if (r >= 0)
		r = tl_write_all(s, question, sizeof question, NULL, every_patience());
	if (r == 0)
		r = tl_shut(s);
	if (r == 0)
		r = tl_read_all(s, answer, sizeof answer, NULL, every_patience());
	CHECK(r < 0 || memcmp(question, answer, sizeof answer) == 0);
	return r;
}

static int asks(void *arg)
{
	tl_stream *s;
	int r;

	BEGINS();
	r = tl_connect(&s, arg, every_patience());
	if (r < 0)
		return ends(r);
	r = ask(s);
	tl_close(s, TL_NEVER);
	return ends(r);
}

static int serve_on(const char *address)
{
	tl_scope s = { 0 }, clients = { .keep_going = true };
	char real[100];
	tl_listener *l;
	int r = tl_listen(&l, address);

	if (r < 0)
		return r;
	tl_scope_open(&s);
	tl_task_start(&s, serves, l, &(tl_opts){ .daemon = true });
	tl_scope_open(&clients);
	if ((r = tl_listener_address(l, real, sizeof real)) < 0)
		tl_scope_fail(&clients, r);
	else {
		tl_thread_start(&clients, asks, real, NULL);
		for (int i = 0; i < 2; i++)
			tl_task_start(&clients, asks, real, NULL);
	}
	tl_scope_fail(&s, tl_scope_close(&clients));
	r = tl_scope_close(&s);
	tl_listener_close(l, TL_NEVER);
	return r;
}

FAULTS_LIMIT(serving_tcp, 120) { return serve_on(":0"); }

FAULTS_LIMIT(serving_a_path, 120)
{
	int r = serve_on("unix:sock");

	if (!every_faulty) /* else it may not have been known whose it was */
		CHECK(access("sock", F_OK) < 0);
	return r;
}

static int writes(void *arg)
{
	BEGINS();
	return ends(tl_write_all(arg, "through a pipe", 14, NULL, TL_NEVER));
}

FAULTS(pipes)
{
	tl_stream *in = NULL, *out = NULL;
	tl_scope s = { 0 };
	char text[14];
	int fd[2], r;

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	if ((r = tl_stream_adopt(&in, fd[0])) < 0)
		close(fd[0]);
	if (r < 0 || (r = tl_stream_adopt(&out, fd[1])) < 0)
		close(fd[1]);
	if (r == 0) {
		tl_scope_open(&s);
		tl_task_start(&s, writes, out, &(tl_opts){ .at = tl_after(tl_ms(1)) });
		tl_scope_fail(&s, tl_read_all(in, text, sizeof text, NULL, every_patience()));
		r = tl_scope_close(&s);
	}
	CHECK(r < 0 || memcmp(text, "through a pipe", 14) == 0);
	tl_close(in, TL_NEVER);
	tl_close(out, TL_NEVER);
	return r;
}

/* -- files */

enum { FILES = 6, SIZE = 10000 };
static char content[SIZE];
static int stored[FILES]; /* what each was told */
static int folder;

static int store(void *arg)
{
	char name[] = { 'f', (char)('0' + *(int *)arg), 0 };
	tl_store *st;
	int r;

	BEGINS();
	r = tl_store_open(&st, folder, TL_NEVER);
	if (r == 0) {
		r = tl_store_write(st, content, SIZE, TL_NEVER);
		if (r == 0)
			r = tl_store_commit(st, name, TL_NEVER);
		tl_store_close(st);
	}
	stored[*(int *)arg] = r;
	return ends(r);
}

/* Each that was answered 0 is there and whole, each of the others whole or not at all, and nothing
 * else is. */
static void look_at_files(void)
{
	int n = 0;

	for (int i = 0; i < FILES; i++) {
		char name[] = { 'f', (char)('0' + i), 0 };

		if (stored[i] == 0 || faccessat(folder, name, F_OK, 0) == 0) {
			check_content(folder, name, content, SIZE);
			n++;
			CHECK_EQ(unlinkat(folder, name, 0), 0);
		}
	}
	CHECK_EQ(entries("files"), 0);
}

FAULTS_LIMIT(storing, 120)
{
	tl_scope s = { .keep_going = true };
	int names[FILES], r;

	memset(content, 'c', sizeof content);
	folder = open_dir("files");
	tl_scope_open(&s);
	for (int i = 0; i < FILES; i++) {
		names[i] = i;
		stored[i] = -1;
		tl_task_start(&s, store, &names[i], NULL);
	}
	r = tl_scope_close(&s);
	look_at_files();
	close(folder);
	return r;
}

/* -- signals */

static int get_one(tl_queue *q)
{
	int sig = 0, r;

	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	r = tl_queue_get(q, &sig, sizeof sig, every_patience());
	CHECK(r < 0 || sig == SIGUSR1);
	return r < 0 ? r : 0;
}

static int until_signalled(void)
{
	tl_scope s = { 0 };
	int usr2 = SIGUSR2, r;

	tl_scope_open(&s);
	r = tl_scope_signals(&s, &usr2, 1);
	if (r == 0) {
		CHECK_EQ(kill(getpid(), SIGUSR2), 0);
		CHECK_EQ(tl_sleep(tl_s(60)), -ECANCELED); /* no fault loses it */
	} else {
		tl_scope_fail(&s, r);
	}
	return tl_scope_close(&s);
}

FAULTS(signals)
{
	int usr1 = SIGUSR1, r;
	tl_queue *q;

	r = tl_signals_open(&q, &usr1, 1);
	if (r < 0)
		return r;
	r = get_one(q);
	if (r == 0)
		r = until_signalled();
	tl_queue_close(q);
	return r;
}
