/* price.c - what the features of a task cost: the same batch of tasks, started and waited for, with
 * one thing more each time. */
#include "bench.h"
#include "telar/scope.h"

enum { BATCH = 1000 };
static tl_opts opts;
static tl_strand strand;
static int record[8];

static int nothing(void *arg) { return (void)arg, 0; }

static void batches(long n)
{
	for (long i = 0; i < n; i += BATCH) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int k = 0; k < BATCH; k++)
			tl_task_start(&s, nothing, record, &opts);
		bench_check(tl_scope_close(&s) == 0, "a batch");
	}
}

static void scope_each(long n)
{
	for (long i = 0; i < n; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		tl_task_start(&s, nothing, NULL, NULL);
		bench_check(tl_scope_close(&s) == 0, "a scope");
	}
}

static void scopes_alone(long n)
{
	for (long i = 0; i < n; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		bench_check(tl_scope_close(&s) == 0, "a scope");
	}
}

static int yield_once(void *arg) { return (void)arg, tl_yield(); }

static void stacks(long n)
{
	for (long i = 0; i < n; i += BATCH) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int k = 0; k < BATCH; k++)
			tl_task_start(&s, yield_once, NULL, NULL);
		bench_check(tl_scope_close(&s) == 0, "a batch");
	}
}

static void checkpoints(long n)
{
	for (long i = 0; i < n; i++)
		bench_check(tl_checkpoint() == 0, "a checkpoint");
}

static void batch_with(const char *claim, tl_opts o)
{
	opts = o;
	bench_per_op(claim, "ns per task", batches);
}

int main(void)
{
	batch_with("price: task, nothing more", (tl_opts){ 0 });
	batch_with("price: task with a name", (tl_opts){ .name = "receipt of a student" });
	batch_with("price: task with a handle kept", (tl_opts){ .ret = &strand });
	batch_with("price: task with a copy of 32 bytes", (tl_opts){ .copy = sizeof record });
	batch_with("price: task as daemon", (tl_opts){ .daemon = true });
	batch_with("price: task .anywhere", (tl_opts){ .anywhere = true });
	bench_per_op("price: task that switches once", "ns per task", stacks);
	bench_per_op("price: task in a scope of its own", "ns per task", scope_each);
	bench_per_op("price: scope, opened and closed", "ns", scopes_alone);
	bench_per_op("price: cancel point that does nothing", "ns", checkpoints);
	return tl_finish();
}
