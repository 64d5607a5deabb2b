/* rush_client.c - one student: connects, waits for the start, uploads until there is an answer.
 *
 * An upload may be sent again after a lost connection, because the service answers the same student
 * with the same bytes with the first id.  A 503 is obeyed: not before Retry-After, spread a little
 * so that not all come back in the same instant.  All clients run on rush's own loop, so counters
 * are plain. */
#include "rush.h"
#include "rush_http.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK       32768 /* bytes per write */
#define ROOM        16    /* before them, for the line that begins a chunk */
#define EXPECT_WAIT 1     /* seconds to wait for 100 Continue, as curl does */

/* One student's upload, in the task's own frame. */
struct upload {
	struct rush_run *run;
	const struct rush_student *plan;
	struct rush_result *result;
	uint32_t i;
	uint64_t random;
	struct rush_http http;
	struct rush_file file;
	char before[1024], after[128]; /* of the file, in a form */
	size_t before_size, after_size;
	char buf[ROOM + CHUNK + 2];
	struct rush_answer answer;
};

/* -- the request */

static void put_escaped(char *out, const char *text)
{
	for (; *text; text++) {
		bool plain = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
			     (*text >= 'a' && *text <= 'z') || *text == '-';
		out += sprintf(out, plain ? "%c" : "%%%02X", (unsigned char)*text);
	}
	*out = 0;
}

static const char *declared_type(const struct rush_student *s)
{
	return rush_kind_mime(s->fate == RUSH_MISTYPED ? RUSH_PDF : s->kind);
}

/* What stands around the file in a form, as curl -F writes it. */
static void make_form(struct upload *u, const char *id, const char *name, const char *mark)
{
	static const char field[] =
		"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n";
	char *p = u->before, *end = u->before + sizeof u->before;

	p += snprintf(p, end - p, field, mark, "student", id);
	p += snprintf(p, end - p, field, mark, "name", name);
	p += snprintf(p, end - p,
		"--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"recibo %u\"\r\n"
		"Content-Type: %s\r\n\r\n",
		mark, u->i, declared_type(u->plan));
	u->before_size = p - u->before;
	u->after_size = snprintf(u->after, sizeof u->after, "\r\n--%s--\r\n", mark);
}

/* The request's head; answers its length. */
static size_t make_head(struct upload *u, char *head, size_t cap)
{
	char id[16], name[64], escaped[200], mark[40];
	size_t n;

	rush_student_id(u->i, id);
	rush_student_name(&u->run->plan, u->i, name);
	u->before_size = u->after_size = 0;
	if (u->plan->form) {
		snprintf(mark, sizeof mark, "----rush%016llx",
			(unsigned long long)rush_mix(u->run->plan.seed, ~(uint64_t)u->i));
		make_form(u, id, name, mark);
		n = snprintf(head, cap,
			"POST /comprobantes HTTP/1.1\r\n"
			"Content-Type: multipart/form-data; boundary=%s\r\n",
			mark);
	} else {
		put_escaped(escaped, name);
		n = snprintf(head, cap,
			"POST /comprobantes?student=%s&name=%s HTTP/1.1\r\nContent-Type: %s\r\n",
			id, escaped, declared_type(u->plan));
	}
	n += snprintf(head + n, cap - n, "Host: %s\r\n%s", u->run->server.address,
		u->plan->expect ? "Expect: 100-continue\r\n" : "");
	if (u->plan->chunked)
		return n + snprintf(head + n, cap - n, "Transfer-Encoding: chunked\r\n\r\n");
	return n + snprintf(head + n, cap - n, "Content-Length: %zu\r\n\r\n",
			   u->before_size + u->file.size + u->after_size);
}

/* -- the exchange */

static int put(struct upload *u, const char *p, size_t n)
{
	int r = tl_write_all(u->http.peer, p, n, NULL, TL_NEVER);

	if (r == 0)
		u->run->sent += n;
	return r;
}

/* Is a final answer here already?  1: yes, in u->answer; 0: no. */
static int early_answer(struct upload *u)
{
	int r;

	while ((r = rush_http_answer(&u->http, &u->answer, TL_POLL)) == 0) {
		if (u->answer.status >= 200)
			return 1;
	}
	return r == -EAGAIN ? 0 : r;
}

/* The file, from `from` on, with chunk lines if they are wanted.  1: an answer came before the end.
 */
static int put_file(struct upload *u)
{
	char *data = u->buf + ROOM;
	size_t at = 0, n;
	int r;

	while ((n = rush_file_read(&u->file, at, data, CHUNK)) > 0) {
		char *p = data;
		size_t size = n;
		r = early_answer(u);
		if (r != 0)
			return r;
		if (u->plan->chunked) {
			char line[ROOM];
			size_t k = snprintf(line, sizeof line, "%zx\r\n", n);
			p = memcpy(data - k, line, k);
			memcpy(data + n, "\r\n", 2);
			size += k + 2;
		}
		r = put(u, p, size);
		if (r < 0)
			return r;
		at += n;
	}
	return u->plan->chunked ? put(u, "0\r\n\r\n", 5) : put(u, u->after, u->after_size);
}

/* Send the head, and if asked for wait until the service wants the body.  1: it answered instead.
 */
static int put_head(struct upload *u)
{
	char head[1024];
	int r = put(u, head, make_head(u, head, sizeof head));

	if (r == 0 && u->plan->expect) {
		r = rush_http_answer(&u->http, &u->answer, tl_after(tl_s(EXPECT_WAIT)));
		if (r == -ETIMEDOUT)
			r = 0;
		else if (r == 0 && u->answer.status >= 200)
			return 1;
	}
	return r < 0 ? r : put(u, u->before, u->before_size);
}

/* One request and its final answer, in u->answer.  Errors: the connection's. */
static int exchange(struct upload *u)
{
	tl_time deadline = TL_NEVER;
	int r = put_head(u);

	if (r == 0)
		r = put_file(u);
	if (r == 1) {
		u->answer.close = true; /* half a request has been sent */
		return 0;
	}
	if (r == -ECANCELED)
		return r;
	if (r < 0)
		deadline = tl_after(tl_s(1)); /* it reads no more: has it said why? */
	do {
		r = rush_http_answer(&u->http, &u->answer, deadline);
	} while (r == 0 && u->answer.status < 200);
	return r;
}

/* -- until there is an answer */

static int pause_for(struct upload *u, tl_span least, tl_span more)
{
	uint64_t spread = more.ns > 0 ? rush_random(&u->random) % more.ns : 0;

	return tl_sleep(tl_ns(least.ns + (int64_t)spread));
}

/* An attempt did not bring the answer that counts; wait as it is due. */
static int before_next(struct upload *u, int r)
{
	struct rush_run *run = u->run;

	if (r < 0) {
		run->dropped++;
		rush_http_close(&u->http);
		return pause_for(u, tl_ms(50), tl_ms(200));
	}
	if (u->answer.close || u->answer.status == 408)
		rush_http_close(&u->http);
	if (u->answer.status == 408) {
		run->late++;
		return pause_for(u, tl_ms(50), tl_ms(200));
	}
	run->busy++;
	return pause_for(u, u->answer.retry, tl_ns(u->answer.retry.ns / 2 + 100000000));
}

/* Upload until the service has decided.  Errors: -ECANCELED only. */
static int upload(struct upload *u)
{
	for (;;) {
		int r = 0;
		if (!u->http.peer)
			r = rush_http_open(&u->http, u->run->server.address, tl_after(tl_s(30)));
		if (r == 0) {
			u->result->begun_ms = rush_wall_ms();
			u->result->uploads++;
			r = exchange(u);
		}
		if (r == -ECANCELED)
			return r;
		if (r == 0 && u->answer.status != 503 && u->answer.status != 408) {
			if (u->answer.close)
				rush_http_close(&u->http);
			return 0;
		}
		r = before_next(u, r);
		if (r < 0)
			return r;
	}
}

/* -- what the answer means */

static void note_wrong(struct upload *u, const char *what)
{
	struct rush_run *run = u->run;
	char id[16];

	rush_student_id(u->i, id);
	u->result->wrong = true;
	if (run->wrong++ < 10)
		fprintf(stderr, "rush: wrong: student %s: %s, was answered %d: %.200s\n", id, what,
			u->answer.status, u->answer.body);
}

static bool is_accepted(int status) { return status == 200 || status == 201; }

static bool take_receipt(struct upload *u)
{
	struct rush_result *t = u->result;

	return rush_json_text(u->answer.body, "id", t->id, sizeof t->id) &&
	       rush_json_text(u->answer.body, "sha256", t->sha256, sizeof t->sha256);
}

static void judge(struct upload *u)
{
	static const char *const due[] = { "a whole file", "a truncated file", "an oversized file",
		"a mistyped file", "a twin's file" };
	static const int refusal[] = { 0, 422, 413, 415, 409 };
	const struct rush_student *s = u->plan;
	int status = u->answer.status;
	bool may_accept = s->fate == RUSH_WHOLE || s->fate == RUSH_TWIN;
	bool right = is_accepted(status) ? may_accept : status == refusal[s->fate];

	if (status == 409 && s->twin >= 0)
		right = true; /* which of the two won is the audit's matter */
	if (status == 200 && u->result->uploads < 2)
		right = false; /* nothing was sent before that it could be the same as */
	if (is_accepted(status) && !take_receipt(u))
		right = false;
	if (!right)
		note_wrong(u, due[s->fate]);
}

static void record(struct upload *u)
{
	struct rush_run *run = u->run;

	u->result->status = u->answer.status;
	run->moved = tl_now();
	run->answered_ns = run->moved.ns - run->started.ns;
	u->result->waited_ns = run->answered_ns;
	if (is_accepted(u->answer.status))
		run->accepted++;
	else
		run->rejected++;
	run->answered++;
	judge(u);
	if (run->kills < run->opts->kills && run->answered >= run->kill_at[run->kills])
		tl_event_set(&run->kill_now);
}

/* The same once more: it must be answered with the first id. */
static int upload_again(struct upload *u)
{
	struct rush_result first = *u->result;
	char id[sizeof first.id] = "";
	int r = upload(u);

	if (r < 0)
		return r;
	rush_json_text(u->answer.body, "id", id, sizeof id);
	if (u->answer.status != 200 || strcmp(id, first.id) != 0)
		note_wrong(u, "the same file a second time");
	u->result->begun_ms = first.begun_ms;
	return 0;
}

static int connect_first(struct upload *u)
{
	struct rush_run *run = u->run;
	int r = -1;

	for (int attempt = 0; r < 0 && attempt < 5; attempt++) {
		r = rush_http_open(&u->http, run->server.address, tl_after(tl_s(60)));
		if (r == -ECANCELED)
			return r;
		if (r < 0 && (r = pause_for(u, tl_ms(100), tl_ms(400))) == 0)
			r = -ECONNREFUSED;
	}
	if (r < 0) {
		rush_fail(run, "connection %u of %u could not be opened: %s", run->connected + 1,
			run->opts->students, tl_error_name(r));
		return r;
	}
	run->moved = tl_now();
	if (++run->connected == run->opts->students)
		tl_event_set(&run->connected_all);
	return 0;
}

int rush_client(void *arg)
{
	struct rush_client *c = arg;
	struct rush_run *run = c->run;
	struct upload u = { .run = run,
		.i = c->i,
		.plan = &run->plan.students[c->i],
		.result = &run->results[c->i],
		.random = rush_mix(run->plan.seed ^ 0x7061757365, c->i) };
	int r = connect_first(&u);

	if (r == 0)
		r = tl_event_wait(&run->go, TL_NEVER);
	if (r == 0) {
		rush_plan_file(&run->plan, c->i, &u.file);
		r = upload(&u);
	}
	if (r == 0) {
		record(&u);
		if (u.plan->again && is_accepted(u.answer.status))
			r = upload_again(&u);
	}
	if (u.http.peer)
		rush_http_close(&u.http);
	return r;
}

int rush_look(struct rush_run *run)
{
	struct rush_http http = { 0 };
	struct rush_answer a = { 0 };
	char ask[256], sha[65];
	int r = rush_http_open(&http, run->server.address, tl_after(tl_s(30)));

	for (uint32_t i = 0, seen = 0; r == 0 && i < run->opts->students && seen < 32; i++) {
		const struct rush_result *t = &run->results[i];
		if (!t->id[0])
			continue;
		seen++;
		int n = snprintf(ask, sizeof ask,
			"GET /comprobantes/%s HTTP/1.1\r\nHost: %s\r\n\r\n", t->id,
			run->server.address);
		r = tl_write_all(http.peer, ask, n, NULL, tl_after(tl_s(30)));
		if (r == 0)
			r = rush_http_answer(&http, &a, tl_after(tl_s(30)));
		if (r == 0 && a.close) {
			rush_http_close(&http);
			r = rush_http_open(&http, run->server.address, tl_after(tl_s(30)));
		}
		if (r == 0 &&
			(a.status != 200 || !rush_json_text(a.body, "sha256", sha, sizeof sha) ||
				strcmp(sha, t->sha256) != 0)) {
			fprintf(stderr, "rush: wrong: GET /comprobantes/%s says %d: %.200s\n",
				t->id, a.status, a.body);
			run->wrong++;
		}
	}
	if (http.peer)
		rush_http_close(&http);
	return r;
}
