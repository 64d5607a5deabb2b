/* process.c - starting processes: a function in a new one, and its end. */
#include "process.h"
#include "telar/process.h"
#include "telar/scope.h"

static int nothing(void *arg) { return (void)arg, 0; }

static void one_after_another(long n)
{
	for (long i = 0; i < n; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		tl_process_start(&s, nothing, NULL, NULL);
		bench_check(tl_scope_close(&s) == 0, "a process");
	}
}

int main(void)
{
	bench_check(tl_zygote_start() == 0, "a zygote");
	bench_processes(one_after_another);
	return tl_finish();
}
