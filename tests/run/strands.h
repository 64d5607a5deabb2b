/* strands.h - what the tests of strands share: waiting for a state without a clock, and a hook that
 * remembers reports. */
#ifndef STRANDS_H
#define STRANDS_H
#include "check.h"
#include "telar/report.h"
#include "telar/scope.h"
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Let everybody else run until cond holds; the limit of the case ends a wait that does not. */
#define UNTIL(cond) \
	do \
		while (!(cond)) { \
			tl_yield(); \
			sched_yield(); \
		} \
	while (0)
/* The same on a thread that must not run the tasks of its loop. */
#define UNTIL_RAW(cond) \
	do \
		while (!(cond)) \
			sched_yield(); \
	while (0)

#define PAST ((tl_time){ 1 })

static _Atomic int seen_reports[TL_R_LEAK + 1];
static _Atomic int last_value;
static char last_name[32];

__attribute__((unused)) static void remember(const tl_report *r, void *arg)
{
	static atomic_flag busy = ATOMIC_FLAG_INIT;

	(void)arg;
	while (atomic_flag_test_and_set(&busy))
		;
	atomic_store(&last_value, r->value);
	snprintf(last_name, sizeof last_name, "%s", r->name);
	atomic_flag_clear(&busy);
	atomic_fetch_add(&seen_reports[r->kind], 1);
}

/* -- functions to run */

__attribute__((unused)) static int answer(void *arg) { return arg ? *(int *)arg : 0; }
__attribute__((unused)) static int forever(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}
__attribute__((unused)) static int count_up(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}
/* Cannot be told to stop until the flag is up. */
__attribute__((unused)) static int until_flag(void *flag)
{
	while (!atomic_load((_Atomic int *)flag))
		if (tl_yield() < 0)
			sched_yield();
	return 0;
}

typedef int start_fn(tl_scope *, tl_fn *, void *, const tl_opts *);

__attribute__((unused)) static tl_strand start(start_fn *how, tl_scope *s, tl_fn *fn, void *arg)
{
	tl_strand t;

	CHECK_EQ(how(s, fn, arg, &(tl_opts){ .ret = &t }), 0);
	return t;
}

#endif
