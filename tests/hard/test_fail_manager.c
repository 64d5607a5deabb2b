/* test_fail_manager.c - a manager and its calls, with every call to the system failing once.  See
 * every.h.
 *
 * What fails in the server ends the connection that it was for: its client is answered -EPIPE.  One
 * that can take no connections any more is waited for, so the calls have deadlines; and one that
 * has not heard of its client's end drains for ten seconds: some faults on some days. */
#include "every.h"

static int use(tl_manager *m)
{
	tl_value pair[] = { TL_STR("key"), TL_STR("value") }, v = TL_NIL;
	tl_time until = every_patience();
	tl_object d, l;
	int r = tl_manager_new(m, "dict", NULL, 0, &d, until);

	r = r < 0 ? r : tl_manager_new(m, "list", NULL, 0, &l, until);
	r = r < 0 ? r : tl_object_set(d, pair[0], pair[1], until);
	r = r < 0 ? r : tl_object_get(d, pair[0], &v, until);
	if (r == 0)
		CHECK(tl_value_equal(v, pair[1]));
	tl_value_free(&v);
	if (r == 0) {
		tl_op ops[] = { { .object = d, .verb = "pop", .args = pair, .n = 1 },
			{ .object = l, .verb = "append", .args = pair, .n = 1 } };

		r = tl_object_atomic(ops, 2, until);
		tl_value_free(&ops[0].ret);
		tl_value_free(&ops[1].ret);
	}
	return r < 0 ? r : tl_object_drop(d, until);
}

FAULTS_LIMIT(manager, 400)
{
	tl_manager *m = NULL;
	int r, e;

	BEGINS();
	r = tl_manager_open(&m, &(tl_manager_opts){ .kind = TL_THREAD }, TL_NEVER);
	if (r == -ENOTSUP && !every_faulty)
		SKIP("this build has no libcbor or no libmd");
	if (r == 0) {
		r = use(m);
		e = tl_manager_close(m, TL_NEVER);
		r = r < 0 ? r : e;
	}
	return ends(r);
}
