/* pages.c - what can be looked at: one receipt, the health, the numbers. */
#include "conn.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT     "/comprobantes/"
#define METRICS_CAP (16u << 10)

bool pages_has(const char *path)
{
	return strcmp(path, "/healthz") == 0 || strcmp(path, "/metrics") == 0 ||
	       (strncmp(path, RECEIPT, strlen(RECEIPT)) == 0 && path[strlen(RECEIPT)]);
}

/* On a helper thread, because a disk may be slow. */
struct look {
	struct db *db;
	struct row row;
};

static int look(void *arg)
{
	struct look *l = arg;

	return db_look(l->db, &l->row);
}

static int send_receipt(struct conn *c, const struct row *row)
{
	char name[TEXT_NAME * 2 + 1], notified[24] = "null", *json = c->service->json;

	if (row->notified_ms)
		snprintf(notified, sizeof notified, "%lld", (long long)row->notified_ms);
	snprintf(json, sizeof c->service->json,
		"{\"id\":\"%s\",\"student\":\"%s\",\"name\":\"%s\",\"type\":\"%s\",\"size\":%llu,"
		"\"sha256\":\"%s\",\"state\":\"%s\",\"stages\":{\"attached\":%lld,"
		"\"validated\":%lld,\"stored\":%lld,\"notified\":%s}}\n",
		row->id, row->student, text_json(row->name, name, sizeof name),
		types_mime(row->type), (unsigned long long)row->size, row->sha256,
		row->notified_ms ? "notified" : "accepted", (long long)row->attached_ms,
		(long long)row->validated_ms, (long long)row->stored_ms, notified);
	return reply_json(c, 200, NULL, json);
}

static int get_receipt(struct conn *c, const char *id)
{
	struct look l = { .db = c->service->look };
	int r;

	if (strlen(id) != ID_BYTES)
		return reply_why(c, WHY_UNKNOWN, NULL);
	memcpy(l.row.id, id, ID_BYTES);
	r = tl_offload(look, &l, sizeof l, TL_NEVER);
	if (r == -ECANCELED)
		return r;
	if (r < 0)
		return reply_why(c, why_of(r), "The receipts cannot be read at this moment.");
	return r ? send_receipt(c, &l.row) : reply_why(c, WHY_UNKNOWN, NULL);
}

static int get_metrics(struct conn *c)
{
	struct service *s = c->service;
	const char *depth = "Receipts that wait for a stage.";
	const struct metrics_gauge gauges[] = {
		{ "comprobantes_connections", "", "Connections open.", s->connections },
		{ "comprobantes_uploads", "", "Uploads being read.", s->uploading },
		{ "comprobantes_queue_depth", "stage=\"attach\"", depth, s->waiting },
		{ "comprobantes_queue_depth", "stage=\"validate\"", depth,
			(uint64_t)tl_queue_count(s->validate) },
		{ "comprobantes_queue_depth", "stage=\"store\"", depth,
			(uint64_t)tl_queue_count(s->store) },
		{ "comprobantes_queue_depth", "stage=\"notify\"", depth,
			(uint64_t)tl_queue_count(s->notify) },
	};
	char *text = malloc(METRICS_CAP);
	size_t n;
	int r;

	if (!text)
		return reply_why(c, WHY_NO_MEMORY, NULL);
	n = metrics_text(&s->metrics, gauges, sizeof gauges / sizeof gauges[0], text, METRICS_CAP);
	r = reply_send(c,
		&(struct reply){ 200, NULL, "text/plain; version=0.0.4; charset=utf-8", text, n });
	free(text);
	return r;
}

int pages_get(struct conn *c, const char *path)
{
	if (strcmp(path, "/healthz") == 0)
		return reply_send(c, &(struct reply){ 200, NULL, "text/plain", "ok\n", 3 });
	if (strcmp(path, "/metrics") == 0)
		return get_metrics(c);
	return get_receipt(c, path + strlen(RECEIPT));
}
