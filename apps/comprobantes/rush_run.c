/* rush_run.c - one rush from its start to its verdict.
 *
 * In order: the service, one connection per student, the start, the uploads (with kills in between,
 * if asked for), the notices, the end of the service, the audit, the table.  All of it runs on one
 * loop; run->scope is the phase that a signal or a failure cancels.  The service is ended outside
 * of it, so that a cancelled rush still takes its service with it. */
#include "rush.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define TICK_MS     100
#define DRAIN_S     60 /* for the service after SIGTERM */
#define INTERRUPT_S 3  /* the same, when nobody waits for a result */

void rush_fail(struct rush_run *run, const char *format, ...)
{
	va_list ap;

	if (run->why[0] == 0) {
		va_start(ap, format);
		vsnprintf(run->why, sizeof run->why, format, ap);
		va_end(ap);
	}
	if (run->scope)
		tl_scope_cancel(run->scope);
}

int64_t rush_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* -- while it runs */

struct notified {
	char dir[PATH_MAX];
	int count;
};

static int count_notified(void *arg)
{
	struct notified *n = arg;

	n->count = rush_count_notified(n->dir);
	return 0;
}

/* Look at the database from a helper thread: reading it may wait for the disk. */
static int look_for_notices(struct rush_run *run)
{
	struct notified n;
	int r;

	snprintf(n.dir, sizeof n.dir, "%s", run->dir);
	r = tl_offload(count_notified, &n, sizeof n, TL_NEVER);
	if (r == 0 && n.count > (int)run->notified) {
		run->notified = n.count;
		run->moved = tl_now();
	}
	return r;
}

/* What is done again and again in every phase. */
static int tick(struct rush_run *run)
{
	static int64_t looked_ns;
	int r = 0;

	if (run->answered > 0 && tl_now().ns - looked_ns > 500000000) {
		r = look_for_notices(run);
		looked_ns = tl_now().ns;
	}
	rush_progress(run, false);
	if (tl_now().ns - run->moved.ns > RUSH_STALL * 1000000000LL)
		rush_fail(run,
			"nothing has moved for %d s: %u of %u connected, %u answered, %u notified",
			RUSH_STALL, run->connected, run->opts->students, run->answered,
			run->notified);
	return r;
}

static int kill_again_and_again(void *arg)
{
	struct rush_run *run = arg;
	char listen[64];
	int r = 0;

	while (r >= 0 && run->kills < run->opts->kills) {
		r = tl_event_wait(&run->kill_now, TL_NEVER);
		if (r < 0)
			break;
		tl_event_clear(&run->kill_now);
		snprintf(listen, sizeof listen, "%s", run->server.address);
		rush_server_end(&run->server, SIGKILL, tl_s(INTERRUPT_S));
		r = rush_server_start(run, listen);
		run->kills++;
		/* The next point may have been passed meanwhile, by answers on their way. */
		if (run->kills < run->opts->kills && run->answered >= run->kill_at[run->kills])
			tl_event_set(&run->kill_now);
	}
	return r;
}

/* Where in the rush the service is killed: seeded points between 5 % and 85 % of the answers. */
static void choose_kills(struct rush_run *run)
{
	uint64_t state = rush_mix(run->opts->seed, 0x6b696c6c);

	for (uint32_t k = 0; k < run->opts->kills; k++) {
		uint64_t mill =
			(k * 1000 + rush_random(&state) % 1000) * 800 / (run->opts->kills * 1000) +
			50;
		run->kill_at[k] = 1 + run->opts->students * mill / 1000;
		if (run->kill_at[k] > run->opts->students)
			run->kill_at[k] = run->opts->students;
	}
}

static int wait_connected(struct rush_run *run)
{
	int r;

	while ((r = tl_event_wait(&run->connected_all, tl_after(tl_ms(TICK_MS)))) == -ETIMEDOUT) {
		r = tick(run);
		if (r < 0)
			return r;
	}
	return r;
}

/* All connections, then all uploads, until each has its answer. */
static int uploads(struct rush_run *run)
{
	tl_scope clients = { .name = "clients" };
	struct rush_client *c = calloc(run->opts->students, sizeof *c);
	int r, closed;

	if (!c)
		return -ENOMEM;
	tl_scope_open(&clients);
	for (uint32_t i = 0; i < run->opts->students; i++) {
		c[i] = (struct rush_client){ run, i };
		tl_task_start(&clients, rush_client, &c[i], NULL);
	}
	r = wait_connected(run);
	if (r == 0) {
		tl_task_start(&clients, kill_again_and_again, run, &(tl_opts){ .name = "kills" });
		run->started = run->moved = tl_now();
		tl_event_set(&run->go);
		while ((r = tl_scope_join(&clients, tl_after(tl_ms(TICK_MS)))) == -ETIMEDOUT) {
			r = tick(run);
			if (r < 0)
				break;
		}
	}
	if (r < 0)
		tl_scope_cancel(&clients);
	closed = tl_scope_close(&clients);
	free(c);
	return r < 0 ? r : closed;
}

static int wait_notified(struct rush_run *run)
{
	int r = look_for_notices(run);

	while (r == 0 && run->notified < run->accepted) {
		r = tl_sleep(tl_ms(TICK_MS));
		if (r == 0)
			r = tick(run);
	}
	run->wall_s = (tl_now().ns - run->started.ns) / 1e9;
	return r;
}

/* -- the phases */

static int begin(struct rush_run *run, tl_scope *scope)
{
	tl_scope_open(run->scope = scope);
	return run->signal || run->why[0] ? -ECANCELED : 0;
}

static int end(struct rush_run *run, int r)
{
	tl_scope *scope = run->scope;
	int closed;

	if (r < 0)
		tl_scope_cancel(scope);
	closed = tl_scope_close(scope);
	run->scope = NULL;
	r = r < 0 ? r : closed;
	if (r < 0 && r != -ECANCELED)
		rush_fail(run, "%s (%s)", strerror(-r), tl_error_name(r));
	return r;
}

static int fill_service(struct rush_run *run)
{
	tl_scope scope = { .name = "rush" };
	char place[64];
	int r = begin(run, &scope);

	run->moved = tl_now();
	if (r == 0)
		r = rush_server_start(run, rush_server_place(place, sizeof place));
	if (r >= 0)
		r = uploads(run);
	if (r >= 0)
		r = wait_notified(run);
	if (r >= 0)
		r = rush_look(run);
	if (run->connected > 0)
		rush_progress(run, true);
	return end(run, r);
}

static void end_service(struct rush_run *run, bool patient)
{
	int status;

	if (!run->server.pid)
		return;
	status = rush_server_end(&run->server, SIGTERM, tl_s(patient ? DRAIN_S : INTERRUPT_S));
	if (!patient || status == 0)
		return;
	if (WIFSIGNALED(status))
		rush_fail(run, "the service, asked to stop, ended by signal %d", WTERMSIG(status));
	else
		rush_fail(run, "the service, asked to stop, ended with status %d",
			WEXITSTATUS(status));
}

static int audit(struct rush_run *run)
{
	tl_scope scope = { .name = "audit" };
	int r;

	tl_scope_open(run->scope = &scope);
	r = run->signal ? -ECANCELED : rush_audit(run);
	return end(run, r);
}

/* A first signal cancels the phase that runs; a second one does not wait for the service. */
struct signals {
	struct rush_run *run;
	tl_queue *queue;
};

static int obey_signals(void *arg)
{
	struct signals *s = arg;
	struct rush_run *run = s->run;
	int number, r;

	while ((r = tl_queue_get(s->queue, &number, sizeof number, TL_NEVER)) >= 0) {
		if (run->signal && run->server.pid)
			kill(run->server.pid, SIGKILL);
		run->signal = number;
		if (run->scope)
			tl_scope_cancel(run->scope);
	}
	return r;
}

static int verdict(struct rush_run *run, bool audited)
{
	if (run->signal)
		return 128 + run->signal;
	if (audited)
		rush_table(run);
	if (run->why[0]) {
		fflush(stdout);
		fprintf(stderr, "comprobantes: rush: %s\n", run->why);
	}
	if (audited)
		printf("rush: students=%u accepted=%u rejected=%u lost=%u wrong=%u wall_s=%.2f "
		       "peak_mib=%.1f\n",
			run->opts->students, run->accepted, run->rejected, run->lost, run->wrong,
			run->wall_s, run->server.peak_kib / 1024.0);
	fflush(stdout);
	return !audited || run->why[0] || run->lost || run->wrong ? 1 : 0;
}

int rush_run(struct rush_run *run)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	tl_scope all = { .name = "signals" };
	struct signals s = { .run = run };
	bool filled, audited;
	int r = tl_signals_open(&s.queue, numbers, 3);

	choose_kills(run);
	if (r < 0) {
		fprintf(stderr, "comprobantes: rush: signals: %s\n", tl_error_name(r));
		return 1;
	}
	tl_scope_open(&all);
	tl_task_start(&all, obey_signals, &s, &(tl_opts){ .name = "signals", .daemon = true });
	filled = fill_service(run) == 0;
	end_service(run, filled);
	audited = filled && audit(run) == 0;
	tl_scope_close(&all);
	tl_queue_close(s.queue);
	return verdict(run, audited);
}
