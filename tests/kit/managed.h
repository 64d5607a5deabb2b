/* managed.h - what the tests of the manager share: one opened, objects made, calls that work. */
#ifndef MANAGED_H
#define MANAGED_H
#include <errno.h>
#include <stdlib.h>
#include <telar.h>

#include "check.h"

static inline tl_manager *managed(void)
{
	tl_manager *m = NULL;
	int r = tl_manager_open(&m, &(tl_manager_opts){ .kind = TL_THREAD }, TL_NEVER);

	if (r == -ENOTSUP)
		SKIP("this build has no libcbor or no libmd");
	CHECK_EQ(r, 0);
	return m;
}

static inline void unmanaged(tl_manager *m)
{
	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* With one argument, or none if it is NIL. */
static inline tl_object made(tl_manager *m, const char *type, tl_value arg)
{
	tl_object o = { 0 };

	CHECK_EQ(tl_manager_new(m, type, &arg, arg.type != TL_T_NIL, &o, TL_NEVER), 0);
	return o;
}

static inline int does(tl_object o, const char *verb)
{
	return tl_object_call(o, verb, NULL, 0, NULL, TL_NEVER);
}

static inline int does_with(tl_object o, const char *verb, tl_value arg)
{
	return tl_object_call(o, verb, &arg, 1, NULL, TL_NEVER);
}

/* What it answers, as text; static.  arg NIL: none. */
static inline const char *says(tl_object o, const char *verb, tl_value arg)
{
	static char text[4000];
	tl_value v = TL_NIL;

	CHECK_EQ(tl_object_call(o, verb, &arg, arg.type != TL_T_NIL, &v, TL_NEVER), 0);
	CHECK(tl_value_text(v, text, sizeof text) >= 0);
	tl_value_free(&v);
	return text;
}

/* Until just n calls wait in it. */
static inline void until_waiting(tl_object o, int n)
{
	while (atoi(says(o, "waiting", TL_NIL)) != n)
		tl_sleep(tl_ms(1));
}

static inline const char *shows(tl_object o)
{
	static char text[4000];

	CHECK(tl_object_text(o, text, sizeof text, TL_NEVER) >= 0);
	return text;
}

static inline const char *why(void)
{
	static char text[300];

	tl_object_why(text, sizeof text);
	return text;
}

#endif
