/* upload.c - POST /comprobantes: what its head is refused for, and how its end is told.
 *
 * What lies between is attach.c and the stages; the connection waits for the job's future. */
#include "attach.h"
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define FORM_EXTRA (64u << 10) /* bytes that a form may have around its file */

/* -- the head */

enum why attach_fields(const char *student, size_t student_n, const char *name, size_t name_n)
{
	if (!text_is_student(student, student_n))
		return WHY_STUDENT;
	return text_is_name(name, name_n) ? WHY_NONE : WHY_NAME;
}

enum why attach_query(const char *query, struct row *row)
{
	int student_n = text_query(query, "student", row->student, sizeof row->student);
	int name_n = text_query(query, "name", row->name, sizeof row->name);

	return attach_fields(row->student, student_n < 0 ? 0 : (size_t)student_n, row->name,
		name_n < 0 ? 0 : (size_t)name_n);
}

bool attach_is_form(const struct conn *c)
{
	static const char form[] = "multipart/form-data";

	return strncasecmp(c->http.type, form, sizeof form - 1) == 0;
}

/* What the head alone is refused for. */
/* noinline: its frame is gone before the upload waits. */
__attribute__((noinline)) static enum why head_wrong(struct conn *c, const char *query)
{
	struct service *s = c->service;
	bool form = attach_is_form(c);
	enum why why = WHY_NONE;

	if (s->draining)
		return WHY_DRAINING;
	if (!c->http.chunked && c->http.length > s->opts.limit + (form ? FORM_EXTRA : 0))
		return WHY_TOO_LARGE;
	if (form && !multipart_usable(c->http.type))
		return WHY_BOUNDARY;
	if (!form && types_of_mime(c->http.type) == TYPE_OTHER)
		return WHY_DECLARED;
	if (!form)
		why = attach_query(query, &(struct row){ 0 });
	if (why == WHY_NONE && c->http.done)
		return WHY_EMPTY;
	if (why == WHY_NONE && s->waiting >= s->opts.queue)
		return WHY_BUSY;
	return why;
}

/* -- answers */

__attribute__((noinline)) static int tell(struct conn *c, const struct job *job)
{
	const struct row *row = &job->row;
	char location[64], *json = c->service->json;

	if (job->why != WHY_NONE)
		return reply_why(c, job->why, NULL);
	snprintf(location, sizeof location, "Location: /comprobantes/%s\r\n", row->id);
	snprintf(json, sizeof c->service->json,
		"{\"id\":\"%s\",\"student\":\"%s\",\"sha256\":\"%s\",\"type\":\"%s\",\"size\":%llu,"
		"\"state\":\"accepted\"}\n",
		row->id, row->student, row->sha256, types_mime(row->type),
		(unsigned long long)row->size);
	return reply_json(c, job->again ? 200 : 201, location, json);
}

__attribute__((noinline)) static int tell_why(struct conn *c, enum why why, const char *text)
{
	char size[80];

	if (why == WHY_TOO_LARGE) {
		snprintf(size, sizeof size, "The file is larger than the %zu bytes taken here.",
			c->service->opts.limit);
		text = size;
	}
	return reply_why(c, why, text);
}

/* What a failure r < 0 of attach means for the client. */
static int tell_failure(struct conn *c, int r)
{
	switch (r) {
	case -EPIPE: return reply_why(c, WHY_CUT, NULL);
	case -ETIMEDOUT: return reply_why(c, WHY_SLOW, NULL);
	case -EAGAIN: return reply_why(c, WHY_BUSY, NULL);
	case -ENOMEM: return reply_why(c, WHY_NO_MEMORY, NULL);
	default: return r; /* cancelled, or the connection is gone */
	}
}

int upload_receive(struct conn *c, char *query)
{
	enum why why = head_wrong(c, query);
	const char *text = NULL;
	struct job *job = NULL;
	int r;

	if (why != WHY_NONE)
		return tell_why(c, why, NULL);
	r = attach_receive(c, query, &job, &text);
	if (r == 0)
		r = tl_future_get(&job->done, NULL, TL_NEVER);
	if (r == 0)
		r = tell(c, job);
	else if (r > 0)
		r = tell_why(c, (enum why)r, text);
	else
		r = tell_failure(c, r);
	job_drop(job);
	return r;
}
