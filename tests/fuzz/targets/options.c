/* The command line, one word per line: what is taken is in its limits and, printed again in the
 * other of the two ways, read as the same. */
#include <stdio.h>
static FILE *nowhere;
#define puts(text)  fputs(text, nowhere)
#define printf(...) fprintf(nowhere, __VA_ARGS__)
#undef stderr
#define stderr nowhere
#include "../../../apps/comprobantes/options.c"
#include "fuzz.h"

enum { WORDS = 16 };

static bool joined; /* print as "--name=value" */

static void add(char **words, int *n, char (*room)[400], const char *name, const char *value)
{
	char *to = room[*n];

	snprintf(to, sizeof *room, joined ? "%s=%s" : "%s", name, value);
	words[(*n)++] = to;
	if (joined)
		return;
	to = room[*n];
	snprintf(to, sizeof *room, "%s", value);
	words[(*n)++] = to;
}

static bool near(tl_span a, tl_span b) { return a.ns - b.ns <= 1 && b.ns - a.ns <= 1; }

static void check_printing(const struct service_opts *o)
{
	static char room[2 * OPTIONS + 1][400];
	char *words[2 * OPTIONS + 2] = { "serve" }, value[400];
	struct service_opts again;
	int n = 1;

	for (const struct option *p = table; p < table + OPTIONS; p++) {
		const void *field = (const char *)o + p->field;
		if (p->kind == TEXT)
			snprintf(value, sizeof value, "%s", *(const char *const *)field);
		else if (p->kind == COUNT)
			snprintf(value, sizeof value, "%zu", *(const size_t *)field);
		else
			snprintf(value, sizeof value, "%.17g",
				(double)((const tl_span *)field)->ns / 1e9);
		add(words, &n, room, p->name, value);
	}
	MUST(options_read(&again, n, words) == 0);
	MUST(strncmp(o->data, again.data, 300) == 0 && strncmp(o->listen, again.listen, 300) == 0);
	MUST(o->limit == again.limit && o->queue == again.queue);
	MUST(o->connections == again.connections && near(o->drain, again.drain));
	MUST(near(o->idle, again.idle) && near(o->keep, again.keep));
}

static void check_limits(const struct service_opts *o)
{
	MUST(o->data && *o->data && o->listen && *o->listen);
	MUST(o->limit > 0 && o->queue > 0 && o->connections > 0);
	MUST(o->drain.ns > 0 && o->idle.ns > 0 && o->keep.ns > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n), *words[WORDS + 1] = { "serve" }, *save = NULL;
	struct service_opts o;
	int count = 1, r;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	for (char *p = text, *w; count < WORDS && (w = strtok_r(p, "\n", &save)); p = NULL)
		words[count++] = w;
	r = options_read(&o, count, words);
	MUST(r == 0 || r == 1 || r == 2);
	joined = n & 1;
	if (r == 0) {
		check_limits(&o);
		if (strlen(o.data) < 300 && strlen(o.listen) < 300)
			check_printing(&o);
	}
	free(text);
	return 0;
}
