/* attach.c - the first stage: a request's body becomes an unnamed file and its SHA-256.
 *
 * The connection's own task does it.  Memory is bounded by the slots: each has one buffer, and only
 * an upload with a slot reads.  Those that wait for one leave their bytes in the system's socket
 * buffers, which makes their senders wait; one that has a slot and too little to read gives it
 * back, so a slow sender holds up nobody.
 *
 * A sender has time to spend, less what it lets us wait, more for what it sends: a little until it
 * waits without its slot, and opts.idle until it is given up.  So neither silence nor a byte now
 * and then keeps a slot, or an upload alive.
 *
 * The file's bytes are moved together in the buffer that they were read into (a form and chunks
 * leave gaps), then summed and written in one piece. */
#include "attach.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOT_WAIT    tl_s(30)   /* for a slot, at most */
#define SLOT_PAUSE   tl_ms(100) /* so long a slot is kept without anything to read */
#define SLOT_RATE    (1u << 20) /* bytes per second that keep a slot */
#define VALIDATE_PUT tl_s(5)    /* for room in the next queue, with the slot in hand */
#define RATE         4096       /* bytes per second that keep an upload alive */

struct upload {
	struct conn *c;
	struct job *job;
	EVP_MD_CTX *sum;
	char *buffer; /* of the slot, or NULL */
	char *out;    /* the file's bytes of this round */
	size_t out_n;
	tl_span patience, pause; /* with the upload, and with its slot */
	const char *text;        /* a sentence for what is wrong, or NULL */
	bool is_form;
	struct multipart form;
};

/* -- slots */

static int slot_take(struct service *s, char **ret)
{
	int r;

	s->waiting++;
	r = tl_sem_acquire(&s->slots, tl_after(SLOT_WAIT));
	s->waiting--;
	if (r < 0)
		return r == -ETIMEDOUT ? -EAGAIN : r;
	*ret = s->free_buffer;
	memcpy(&s->free_buffer, *ret, sizeof s->free_buffer);
	return 0;
}

static void slot_give(struct service *s, char **buffer)
{
	if (!*buffer)
		return;
	memcpy(*buffer, &s->free_buffer, sizeof s->free_buffer);
	s->free_buffer = *buffer;
	*buffer = NULL;
	(void)tl_sem_release(&s->slots, 1);
}

/* -- from the body to the file */

static void emit(void *arg, const char *p, size_t n, const char *before)
{
	struct upload *u = arg;

	if (u->out_n == 0)
		u->out = (char *)(before ? before - n : p);
	if (u->out + u->out_n != p)
		memmove(u->out + u->out_n, p, n);
	u->out_n += n;
}

static enum why take_body(void *arg, const char *p, size_t n)
{
	struct upload *u = arg;

	if (u->is_form)
		u->text = multipart_feed(&u->form, p, n);
	else
		emit(u, p, n, NULL);
	if (u->text)
		return WHY_FORM;
	return u->job->row.size + u->out_n > u->c->service->opts.limit ? WHY_TOO_LARGE : WHY_NONE;
}

/* What a failure of the store's is to the sender. */
static int store_why(int r)
{
	enum why why;

	if (r == 0 || r == -ECANCELED)
		return r;
	why = why_of(r);
	if (why == WHY_INTERNAL)
		service_say("an upload could not be written: %s", tl_error_name(r));
	return why;
}

/* Sum and write what this round has brought.  Not 0: as attach. */
static int flush(struct upload *u)
{
	size_t n = u->out_n;

	u->out_n = 0;
	if (n == 0)
		return 0;
	if (!EVP_DigestUpdate(u->sum, u->out, n))
		return -ENOMEM;
	u->job->row.size += n;
	return store_why(tl_store_write(u->job->store, u->out, n, TL_NEVER));
}

/* -- from the connection to the body */

static tl_span sooner(tl_span a, tl_span b) { return a.ns < b.ns ? a : b; }

/* Wait until there is something to read, without the slot once it has paused too much. */
static int wait_bytes(struct upload *u)
{
	int fd = tl_stream_fd(u->c->peer), r = -ETIMEDOUT;
	tl_span first = sooner(u->pause, u->patience), spent;
	tl_time begun = tl_now();

	if (first.ns > 0)
		r = tl_fd_wait(fd, TL_IN, tl_after(first));
	if (r == -ETIMEDOUT) {
		slot_give(u->c->service, &u->buffer);
		r = tl_fd_wait(fd, TL_IN, tl_after(tl_ns(u->patience.ns - first.ns)));
	}
	spent = tl_ns(tl_now().ns - begun.ns);
	u->patience.ns -= spent.ns;
	u->pause.ns -= sooner(spent, u->pause).ns;
	if (r < 0)
		return r;
	return u->buffer ? 0 : slot_take(u->c->service, &u->buffer);
}

/* n bytes more have come. */
static void reward(struct upload *u, size_t n)
{
	u->patience.ns += (int64_t)n * (1000000000 / RATE);
	u->patience = sooner(u->patience, u->c->service->opts.idle);
	u->pause.ns += (int64_t)n * (1000000000 / SLOT_RATE);
	u->pause = sooner(u->pause, SLOT_PAUSE);
}

/* Fill the buffer as far as possible without waiting, but with at least one byte.  0: the end. */
static ssize_t fill(struct upload *u)
{
	struct conn *c = u->c;
	size_t cap = SERVICE_READ, have = 0;
	ssize_t n;
	int r;

	/* Of a body of known length nothing beyond it is read: that is the next request. */
	if (!c->http.chunked && c->http.parser.content_length < cap)
		cap = (size_t)c->http.parser.content_length;
	while (have < cap) {
		n = tl_read(c->peer, u->buffer + SERVICE_HEADROOM + have, cap - have, TL_POLL);
		if (n == -EAGAIN && have == 0) {
			r = wait_bytes(u);
			if (r < 0)
				return r;
			continue;
		}
		if (n <= 0 && have == 0)
			return n;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	reward(u, have);
	return (ssize_t)have;
}

/* One round: some bytes of the body, out of what was read too much before, or from the peer.  Not
 * 0: as attach. */
static int pump(struct upload *u, enum http_event *event)
{
	struct conn *c = u->c;
	const char *p;
	size_t used;
	ssize_t n;
	int r;

	if (c->rest) {
		used = http_feed(&c->http, c->rest + c->rest_at, c->rest_n, event);
		r = *event == HTTP_BAD ? 0 : flush(u);
		conn_drop_rest(c, used);
		return r;
	}
	n = fill(u);
	if (n <= 0)
		return n == 0 ? -EPIPE : (int)n;
	p = u->buffer + SERVICE_HEADROOM; /* the slot may be another one now */
	used = http_feed(&c->http, p, (size_t)n, event);
	if (*event == HTTP_BAD)
		return 0;
	r = flush(u);
	return r != 0 ? r : conn_keep_rest(c, p + used, (size_t)n - used);
}

/* -- before and after */

static void make_id(char id[ID_BYTES + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t random[ID_BYTES];

	while (getrandom(random, sizeof random, 0) != sizeof random)
		continue;
	for (int i = 0; i < ID_BYTES; i++)
		id[i] = digits[random[i] & 31];
	id[ID_BYTES] = 0;
}

/* The body is whole: is the upload? */
static enum why finish(struct upload *u)
{
	struct row *row = &u->job->row;
	uint8_t sum[32];
	enum why why = WHY_NONE;

	if (u->is_form) {
		u->text = multipart_end(&u->form);
		if (u->text)
			return WHY_FORM;
		why = attach_fields(
			u->form.student, u->form.student_n, u->form.name, u->form.name_n);
		if (why != WHY_NONE)
			return why;
		memcpy(row->student, u->form.student, u->form.student_n);
		memcpy(row->name, u->form.name, u->form.name_n);
		u->job->declared = types_of_mime(u->form.type);
	}
	if (row->size == 0)
		return WHY_EMPTY;
	if (!EVP_DigestFinal_ex(u->sum, sum, NULL))
		return WHY_INTERNAL;
	for (int i = 0; i < 32; i++)
		snprintf(row->sha256 + 2 * i, 3, "%02x", sum[i]);
	make_id(row->id);
	return WHY_NONE;
}

static int begin(struct upload *u, const char *query)
{
	struct service *s = u->c->service;

	u->patience = s->opts.idle;
	u->sum = EVP_MD_CTX_new();
	if (!u->sum || !EVP_DigestInit_ex(u->sum, s->sha256, NULL))
		return -ENOMEM;
	u->is_form = attach_is_form(u->c);
	if (u->is_form) {
		multipart_begin(&u->form, u->c->http.type, emit, u);
	} else {
		attach_query(query, &u->job->row);
		u->job->declared = types_of_mime(u->c->http.type);
	}
	u->c->http.sink = take_body;
	u->c->http.arg = u;
	return store_why(tl_store_open(&u->job->store, s->files, TL_NEVER));
}

/* Read it all and hand it to the validators.  < 0: a failure, of the connection if it is -EPIPE,
 * -ECANCELED ...; else an enum why. */
static int attach(struct upload *u, const char *query)
{
	struct conn *c = u->c;
	enum http_event event = HTTP_NEEDS;
	int r = begin(u, query);

	if (r == 0 && !c->rest)
		r = reply_continue(c);
	while (r == 0 && event == HTTP_NEEDS)
		r = pump(u, &event);
	if (r != 0)
		return r;
	r = event == HTTP_BAD ? c->http.why : finish(u);
	if (r != WHY_NONE)
		return r;
	u->job->row.attached_ms = service_wall_ms();
	metrics_stage(&c->service->metrics, STAGE_ATTACH, u->job->since);
	u->job->since = tl_now();
	job_hold(u->job);
	r = tl_queue_put(c->service->validate, &u->job, sizeof u->job, tl_after(VALIDATE_PUT));
	if (r < 0)
		job_drop(u->job);
	return r == -ETIMEDOUT ? WHY_BUSY : r;
}

/* With a slot in hand. */
static int slotted(struct conn *c, const char *query, tl_time since, char *buffer, struct job **ret,
	const char **text)
{
	struct upload *u = calloc(1, sizeof *u);
	int r = -ENOMEM;

	*ret = u ? job_new() : NULL;
	if (*ret) {
		(*ret)->since = since;
		u->c = c;
		u->job = *ret;
		u->buffer = buffer;
		r = attach(u, query);
		buffer = u->buffer; /* it may be another one now, or none */
		*text = u->text;
		c->unread = !c->http.done;
		EVP_MD_CTX_free(u->sum);
	}
	slot_give(c->service, &buffer);
	free(u);
	return r;
}

int attach_receive(struct conn *c, const char *query, struct job **ret, const char **text)
{
	struct service *s = c->service;
	tl_time since = tl_now();
	char *buffer;
	int r = slot_take(s, &buffer);

	if (r < 0)
		return r;
	s->uploading++;
	r = slotted(c, query, since, buffer, ret, text);
	s->uploading--;
	return r;
}
