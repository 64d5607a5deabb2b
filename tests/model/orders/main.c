/* main.c - run the scenarios of this program:
 *
 *	PROGRAM [--long] [--only SCENARIO] [--chance N] [--weaken SITE=ORDER]... [--sites]
 *
 * With --chance only N runs of each, by chance: quick to find what is wrong, if it does.  A SITE is
 * file:function:operation:n, the n-th in its function; with /failure behind it, the order of a
 * compare_exchange that fails.  --sites lists those that the scenarios came by, with the orders
 * that they name.  Exit status: 0, 1 a scenario fails, 2 not understood. */
#include "explore.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern struct orders_site __start_orders_sites[], __stop_orders_sites[];
static struct orders_site *const sites = __start_orders_sites;

static size_t n_sites(void) { return (size_t)(__stop_orders_sites - __start_orders_sites); }

static const struct {
	const char *name;
	int order;
} orders[] = {
	{ "relaxed", ORDERS_RELAXED },
	{ "acquire", ORDERS_ACQUIRE },
	{ "release", ORDERS_RELEASE },
	{ "acq_rel", ORDERS_ACQ_REL },
	{ "seq_cst", ORDERS_SEQ_CST },
};
enum { ORDERS = sizeof orders / sizeof *orders };

static const char *order_name(int order)
{
	for (int i = 0; i < ORDERS; i++)
		if (orders[i].order == order)
			return orders[i].name;
	return "?";
}

static bool alike(const struct orders_site *a, const struct orders_site *b)
{
	return !strcmp(a->file, b->file) && !strcmp(a->function, b->function) &&
	       !strcmp(a->op, b->op);
}

/* Of those alike in its function, in the order of their lines, without counting one twice that
 * stands in a header. */
static int number(const struct orders_site *s)
{
	int n = 1;

	for (size_t i = 0; i < n_sites(); i++) {
		bool counted = !alike(&sites[i], s) || sites[i].line >= s->line;

		for (size_t k = 0; k < i && !counted; k++)
			counted = alike(&sites[k], s) && sites[k].line == sites[i].line;
		n += !counted;
	}
	return n;
}

static void name(const struct orders_site *s, char *buf, size_t size)
{
	const char *file = strstr(s->file, "src/");

	snprintf(buf, size, "%s:%s:%s:%d", file ? file : s->file, s->function, s->op, number(s));
}

static bool weaken(char *what)
{
	char *order = strchr(what, '='), *failure, key[256];
	bool found = false;
	int to = -1;

	if (!order)
		return false;
	*order++ = 0;
	for (int i = 0; i < ORDERS; i++)
		if (!strcmp(orders[i].name, order))
			to = orders[i].order;
	if ((failure = strstr(what, "/failure")))
		*failure = 0;
	for (size_t i = 0; i < n_sites() && to >= 0; i++) {
		name(&sites[i], key, sizeof key);
		if (strcmp(key, what) != 0)
			continue;
		*(failure ? &sites[i].failure : &sites[i].order) = to;
		found = true;
	}
	return found;
}

static void list_sites(void)
{
	char key[256];

	for (size_t i = 0; i < n_sites(); i++) {
		if (!explorer->touched[i])
			continue;
		name(&sites[i], key, sizeof key);
		printf("site\t%s\t%s\n", key, order_name(sites[i].order));
		if (!strcmp(sites[i].op, "compare_exchange"))
			printf("site\t%s/failure\t%s\n", key, order_name(sites[i].failure));
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum { CHANCE = 100000 };

static bool try(const struct orders_scenario *s, int chance)
{
	double began = now();
	const char *why;

	printf("scenario\t%s\n", s->name);
	fflush(stdout);
	chance = s->when == ORDERS_CHANCE && !chance ? CHANCE : chance;
	why = explore(s, chance);
	printf("%s\t%s\t%llu states\t%llu runs%s\t%.2f s%s%s\n", why ? "FAIL" : "ok", s->name,
		(unsigned long long)explorer->states, (unsigned long long)explorer->runs,
		chance ? " of chance" : "", now() - began, why ? "\t" : "", why ? why : "");
	fflush(stdout);
	return !why;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	int chance = 0;
	bool slow = false, list = false, good = true;

	explorer = calloc(1, sizeof *explorer);
	if (!explorer || !(explorer->touched = calloc(n_sites() + 1, 1)))
		return 2;
	explorer->self = -1;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--long"))
			slow = true;
		else if (!strcmp(argv[i], "--sites"))
			list = true;
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else if (!strcmp(argv[i], "--chance") && i + 1 < argc)
			chance = atoi(argv[++i]);
		else if (strcmp(argv[i], "--weaken") != 0 || i + 1 == argc || !weaken(argv[++i]))
			return fprintf(stderr, "%s: no such thing\n", argv[i]), 2;
	for (const struct orders_scenario *s = orders_scenarios; s->name; s++)
		if (only ? !strcmp(only, s->name) : slow || s->when == ORDERS_ALWAYS)
			good &= try(s, chance);
	if (list)
		list_sites();
	return !good;
}
