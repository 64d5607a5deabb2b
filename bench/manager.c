/* manager.c - calls of a manager's dict: one client, four, and sixteen calls in one message. */
#include "telar/manager.h"
#include "bench.h"
#include "telar/process.h"
#include "telar/scope.h"

enum { BATCH = 16, CLIENTS = 4 };

struct work {
	tl_object dict;
	long n;
};

static struct work work;

/* As many sets as gets. */
static int get_and_set(void *arg)
{
	struct work *w = arg;
	tl_value v;
	int r = 0;

	for (long i = 0; r == 0 && i < w->n / 2; i++) {
		r = tl_object_set(w->dict, TL_INT(i % 100), TL_INT(i), TL_NEVER);
		if (r == 0)
			r = tl_object_get(w->dict, TL_INT(i % 100), &v, TL_NEVER);
	}
	return r;
}

static void one_client(long n)
{
	work.n = n;
	bench_check(get_and_set(&work) == 0, "a call");
}

static void four_clients(long n)
{
	tl_scope s = { 0 };

	work.n = n / CLIENTS;
	tl_scope_open(&s);
	for (int i = 0; i < CLIENTS; i++)
		tl_process_start(&s, get_and_set, &work, &(tl_opts){ .copy = sizeof work });
	bench_check(tl_scope_close(&s) == 0, "four clients");
}

static void pipelined(long n)
{
	tl_value pair[] = { TL_INT(1), TL_INT(2) };
	tl_op ops[BATCH];

	for (int i = 0; i < BATCH; i++)
		ops[i] = (tl_op){ .object = work.dict,
			.args = pair,
			.verb = i % 2 ? "get" : "set",
			.n = i % 2 ? 1 : 2 };
	for (long i = 0; i < n; i += BATCH)
		bench_check(tl_object_many(ops, BATCH, TL_NEVER) == 0, "many calls");
}

static void row(const char *claim, void (*run)(long n))
{
	bench_line(claim, "calls/s", 1e9 / bench_best(run));
}

int main(void)
{
	tl_manager *m = NULL;

	bench_check(tl_manager_open(&m, NULL, TL_NEVER) == 0 &&
			    tl_manager_new(m, "dict", NULL, 0, &work.dict, TL_NEVER) == 0,
		"a manager");
	row("manager get or set, one client", one_client);
	row("manager get or set, 4 clients", four_clients);
	row("manager get or set, pipelined by 16", pipelined);
	bench_check(tl_manager_close(m, TL_NEVER) == 0, "its end");
	return tl_finish();
}
