/* options.c - one table for reading and for --help. */
#include "options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, COUNT, SECONDS };

static const struct option {
	const char *name, *value, *help;
	enum kind kind;
	size_t field;
	double least, most;
} table[] = {
	{ "--data", "DIR", "where everything is kept; made if it is not there", TEXT,
		offsetof(struct service_opts, data), 0, 0 },
	{ "--listen", "HOST:PORT", "where to listen; port 0 is any free one (127.0.0.1:8080)", TEXT,
		offsetof(struct service_opts, listen), 0, 0 },
	{ "--limit", "BYTES", "the largest file that is taken (2097152)", COUNT,
		offsetof(struct service_opts, limit), 1, 1e12 },
	{ "--drain", "SECONDS", "after SIGTERM, how long requests may finish (10)", SECONDS,
		offsetof(struct service_opts, drain), 0.001, 86400 },
	{ "--idle", "SECONDS", "how long a client may keep the service waiting (10)", SECONDS,
		offsetof(struct service_opts, idle), 0.001, 86400 },
	{ "--keep", "SECONDS", "how long a connection may stay without a request (75)", SECONDS,
		offsetof(struct service_opts, keep), 0.001, 86400 },
	{ "--queue", "N", "uploads that may wait for their turn; beyond is a 503 (4096)", COUNT,
		offsetof(struct service_opts, queue), 1, 1e6 },
	{ "--connections", "N", "connections at once; others wait outside (10000)", COUNT,
		offsetof(struct service_opts, connections), 1, 1e6 },
};
#define OPTIONS (sizeof table / sizeof table[0])

static void help(void)
{
	puts("comprobantes serve --data DIR [option ...]\n"
	     "Take in payment receipts over HTTP: POST /comprobantes, GET /comprobantes/{id},\n"
	     "GET /healthz, GET /metrics.  SIGTERM and SIGINT end it in order.\n");
	for (size_t i = 0; i < OPTIONS; i++)
		printf("  %-13s %-10s %s\n", table[i].name, table[i].value, table[i].help);
	fflush(stdout);
}

static int wrong(const char *format, const char *what, const char *more)
{
	fputs("comprobantes: ", stderr);
	fprintf(stderr, format, what, more);
	fputs("; try comprobantes serve --help\n", stderr);
	return 2;
}

static bool number(const struct option *o, const char *text, double *ret)
{
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	/* What is not a number is neither above least nor below most. */
	return *text && !*end && errno == 0 && *ret >= o->least && *ret <= o->most &&
	       (o->kind == SECONDS || *ret == (double)(size_t)*ret);
}

static int take(struct service_opts *opts, const struct option *o, const char *text)
{
	char *field = (char *)opts + o->field;
	double value;

	if (o->kind == TEXT) {
		if (!*text)
			return wrong("%s wants %s", o->name, o->value);
		memcpy(field, &text, sizeof text);
		return 0;
	}
	if (!number(o, text, &value)) {
		fprintf(stderr,
			"comprobantes: %s wants %s from %g to %g, not '%s';"
			" try comprobantes serve --help\n",
			o->name, o->value, o->least, o->most, text);
		return 2;
	}
	if (o->kind == COUNT)
		memcpy(field, &(size_t){ (size_t)value }, sizeof(size_t));
	else
		memcpy(field, &(tl_span){ (int64_t)(value * 1e9) }, sizeof(tl_span));
	return 0;
}

/* "--name value" and "--name=value". */
static int take_at(struct service_opts *opts, int argc, char **argv, int *i)
{
	size_t n = strcspn(argv[*i], "=");

	for (const struct option *o = table; o < table + OPTIONS; o++) {
		if (strlen(o->name) != n || memcmp(argv[*i], o->name, n) != 0)
			continue;
		if (argv[*i][n] == '=')
			return take(opts, o, argv[*i] + n + 1);
		if (*i + 1 >= argc)
			return wrong("%s wants %s", o->name, o->value);
		return take(opts, o, argv[++*i]);
	}
	return wrong("there is no option '%s'%s", argv[*i], "");
}

int options_read(struct service_opts *o, int argc, char **argv)
{
	int r = 0;

	*o = (struct service_opts){ .listen = "127.0.0.1:8080",
		.limit = 2u << 20,
		.drain = tl_s(10),
		.idle = tl_s(10),
		.keep = tl_s(75),
		.queue = 4096,
		.connections = 10000 };
	for (int i = 1; i < argc && r == 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help();
			return 1;
		}
		r = take_at(o, argc, argv, &i);
	}
	if (r == 0 && !o->data)
		return wrong("where is the data to be kept? give %s %s", "--data", "DIR");
	return r;
}
