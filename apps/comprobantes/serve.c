/* serve.c - comprobantes serve: begin, serve until a signal, end in order.
 *
 * Beginning: the address first (nothing has been made yet when it is taken), then the folder, then
 * the stages; only then the line that says where it listens.  A failure on the way says one line
 * and leaves nothing behind.
 *
 * Two scopes.  `serving` is the one that a signal cancels: in it connections are taken and served.
 * Around it is `house`, which the signal does not reach: the stages finish what they have after the
 * last connection has got its answer. */
#include "app.h"
#include "conn.h"
#include "data.h"
#include "options.h"
#include "stages.h"
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void service_say(const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n >= 0)
		fprintf(stderr, "comprobantes: %s\n", text);
}

int64_t service_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum why why_of(int r)
{
	switch (r) {
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE: return WHY_NO_MEMORY;
	case -ENOSPC:
	case -EDQUOT: return WHY_DISK_FULL;
	default: return WHY_INTERNAL;
	}
}

/* -- beginning */

static void prepare_process(void)
{
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Receipts are freed on other threads than they are made on: few arenas keep that cheap. */
	mallopt(M_ARENA_MAX, 2);
}

/* A service that was killed may hold its address a moment longer than its life: the system takes
 * its
 * rings apart behind its back. */
static int listen_patiently(tl_listener **ret, const char *address)
{
	tl_time end = tl_after(tl_s(3));
	int r;

	do
		r = tl_listen(ret, address);
	while (r == -EADDRINUSE && tl_now().ns < end.ns && tl_sleep(tl_ms(20)) == 0);
	return r;
}

static int listen_at(tl_listener **ret, const char *address, char *problem, size_t cap)
{
	int r = listen_patiently(ret, address);

	if (r == -EADDRINUSE)
		snprintf(problem, cap,
			"%s is in use; stop the program that has it, or choose another --listen",
			address);
	else if (r == -EACCES)
		snprintf(problem, cap,
			"this user may not listen on %s; choose a port from 1024 up with --listen",
			address);
	else if (r == -EADDRNOTAVAIL)
		snprintf(problem, cap,
			"%s is not an address of this machine; choose another --listen", address);
	else if (r < 0)
		snprintf(problem, cap,
			"'%s' is no address to listen on (%s); give --listen HOST:PORT with a port"
			" from 0 to 65535",
			address, tl_error_name(r));
	return r;
}

static int open_slots(struct service *s)
{
	size_t size = SERVICE_HEADROOM + SERVICE_READ;

	s->buffers = calloc(SERVICE_SLOTS, size);
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!s->buffers || !s->sha256)
		return -ENOMEM;
	for (size_t i = 0; i < SERVICE_SLOTS; i++) {
		char *buffer = s->buffers + i * size;
		memcpy(buffer, &s->free_buffer, sizeof s->free_buffer);
		s->free_buffer = buffer;
	}
	s->slots = (tl_sem){ .value = SERVICE_SLOTS, .limit = SERVICE_SLOTS };
	return 0;
}

static int service_open(struct service *s, char *problem, size_t cap)
{
	int r = open_slots(s);

	if (r < 0) {
		snprintf(problem, cap, "there is no memory to begin with");
		return r;
	}
	r = data_open(s, problem, cap);
	return r < 0 ? r : stages_open(s, problem, cap);
}

static void service_close(struct service *s)
{
	stages_close(s);
	data_close(s);
	EVP_MD_free(s->sha256);
	free(s->buffers);
}

/* -- serving */

/* A daemon that feels the signal at once, while the connections are spared until the drain ends. */
static int drain_strand(void *arg)
{
	struct service *s = arg;
	int r = tl_sleep_until(TL_NEVER);

	s->stop = tl_after(s->opts.drain);
	conn_drain(s);
	return r;
}

static int serve(struct service *s, tl_listener *listener)
{
	static const int signals[] = { SIGTERM, SIGINT };
	tl_scope serving = { .name = "serving" };
	char address[128];
	int r;

	tl_scope_open(&serving);
	r = tl_scope_signals(&serving, signals, 2);
	if (r == 0)
		r = tl_task_start(
			&serving, drain_strand, s, &(tl_opts){ .name = "drain", .daemon = true });
	if (r >= 0) {
		s->undo = false;
		tl_listener_address(listener, address, sizeof address);
		printf("comprobantes: listening on %s\n", address);
		fflush(stdout);
		r = tl_serve(listener, conn_serve, s,
			&(tl_serve_opts){ .limit = s->opts.connections, .drain = s->opts.drain });
	}
	tl_scope_cancel(&serving);
	(void)tl_scope_close(&serving);
	return r == -ECANCELED ? 0 : r; /* the signal was faster than the listener */
}

/* With the stages running: serve, and end. */
static int run(struct service *s, tl_listener *listener)
{
	tl_scope house = { .name = "comprobantes" };
	int r, ended;

	tl_scope_open(&house);
	r = stages_start(s, &house);
	if (r < 0) {
		tl_scope_cancel(&house);
		(void)tl_scope_close(&house);
		service_say("the system starts no more threads (%s); end other programs",
			tl_error_name(r));
		return 1;
	}
	r = serve(s, listener);
	if (r < 0)
		service_say("the listener failed: %s", tl_error_name(r));
	stages_end(s, s->stop);
	ended = tl_scope_close(&house);
	if (r >= 0 && ended < 0)
		service_say("a part of the service failed: %s", tl_error_name(ended));
	return ended < 0 || r < 0;
}

int serve_main(int argc, char **argv)
{
	static struct service service = { .dir = -1, .files = -1, .notices = -1 };
	struct service *s = &service;
	tl_listener *listener = NULL;
	char problem[512] = "";
	int r = options_read(&s->opts, argc, argv);

	if (r != 0)
		return r == 1 ? 0 : r;
	prepare_process();
	r = listen_at(&listener, s->opts.listen, problem, sizeof problem);
	if (r == 0)
		r = service_open(s, problem, sizeof problem);
	if (r == 0) {
		r = run(s, listener);
	} else {
		service_say("%s", problem);
		r = 1;
	}
	tl_listener_close(listener, TL_NEVER);
	service_close(s);
	return tl_finish() == 0 ? r : 1;
}
