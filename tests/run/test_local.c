/* Values of which every strand has its own: fresh, inherited, and dropped by whom and when. */
#include "locals.h"

static tl_local bare;

/* -- fresh in every strand */

static int sees_none(void *arg)
{
	CHECK_EQ(get(&fresh), -1);
	set(&fresh, *(int *)arg);
	CHECK_EQ(tl_yield(), 0);
	CHECK_EQ(get(&fresh), *(int *)arg);
	set(&fresh, *(int *)arg + 1);
	CHECK_EQ(get(&fresh), *(int *)arg + 1);
	return 0;
}

static void every_strand_its_own(start_fn *how)
{
	int numbers[10];
	tl_scope s = { 0 };

	set(&fresh, 1000);
	tl_scope_open(&s);
	for (int i = 0; i < 10; i++) {
		numbers[i] = i;
		CHECK_EQ(how(&s, sees_none, &numbers[i], NULL), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(get(&fresh), 1000);
	CHECK_EQ(n_drops, 10);
	n_drops = 0;
}

/* D7: a local is fresh in every strand */
TEST(fresh_in_every_strand)
{
	CHECK(tl_local_get(&fresh) == NULL); /* nobody has called yet */
	both(every_strand_its_own);
}

TEST(a_child_run_in_place_has_its_own)
{
	int x = 5;
	tl_scope s = { 0 };
	tl_strand t;

	set(&fresh, 1000);
	tl_scope_open(&s);
	t = start(tl_task_start, &s, sees_none, &x);
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(get(&fresh), 1000);
	CHECK_EQ(n_drops, 1);
	CHECK_EQ(dropped_in, t.id);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(as_many_as_one_likes)
{
	static tl_local many[1000];

	for (uintptr_t round = 1; round < 4; round++) {
		for (uintptr_t i = 0; i < 1000; i++)
			CHECK_EQ(tl_local_set(&many[i * 7 % 1000], (void *)(i * round)), 0);
		for (uintptr_t i = 0; i < 1000; i++)
			CHECK_EQ(tl_local_get(&many[i * 7 % 1000]), i * round);
	}
	for (uintptr_t i = 0; i < 1000; i++)
		CHECK_EQ(tl_local_set(&many[i], NULL), 0);
	for (uintptr_t i = 0; i < 1000; i++)
		CHECK(tl_local_get(&many[i]) == NULL);
}

/* The memory of a key that is no more may become another's. */
TEST(another_key_in_the_same_place)
{
	tl_local k = { 0 };

	CHECK_EQ(tl_local_set(&k, &k), 0);
	k = (tl_local){ 0 };
	CHECK(tl_local_get(&k) == NULL);
	CHECK_EQ(tl_local_set(&k, &bare), 0);
	CHECK(tl_local_get(&k) == &bare);
}

TEST(the_old_value_is_the_callers)
{
	int x = 1, y = 2;

	CHECK_EQ(tl_local_set(&fresh, &x), 0);
	CHECK_EQ(tl_local_set(&fresh, &y), 0);
	CHECK_EQ(tl_local_set(&fresh, NULL), 0);
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(n_drops, 0);
}

/* -- dropped */

static _Atomic int child_ended, was_open;

static int late_child(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		tl_yield();
	atomic_store(&child_ended, 1);
	return 0;
}

static void drop_after_all(void *value)
{
	was_open = !child_ended;
	drop(value);
}

static tl_local last = { .drop = drop_after_all };

static int leaves_a_child(void *arg)
{
	set(&last, 7);
	return tl_task_start(NULL, late_child, NULL, NULL), *(int *)arg;
}

static void dropped_by_its_own(start_fn *how)
{
	int answer = 3;
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	n_drops = child_ended = 0;
	tl_scope_open(&s);
	t = start(how, &s, leaves_a_child, &answer);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.value, 3);
	CHECK_EQ(n_drops, 1); /* whoever has joined finds it dropped */
	CHECK_EQ(dropped_in, t.id);
	CHECK(!was_open);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D7: a local's destructor runs as its strand ends */
TEST(dropped_in_its_strand_after_its_children) { both(dropped_by_its_own); }

static tl_local again_once, for_ever;

static void drop_and_set_other(void *value)
{
	drop(value);
	set(&again_once, 2);
}

static void drop_and_set_itself(void *value)
{
	drop(value);
	set(&for_ever, 3);
}

static tl_local sets_other = { .drop = drop_and_set_other };
static tl_local again_once = { .drop = drop }, for_ever = { .drop = drop_and_set_itself };

static int sets(void *k)
{
	set(k, 1);
	return 0;
}

static void set_in_drop(start_fn *how)
{
	tl_scope s = { 0 };

	seen_reports[TL_R_LEAK] = n_drops = 0;
	tl_scope_open(&s);
	CHECK_EQ(how(&s, sets, &sets_other, NULL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_drops, 2);
	CHECK_EQ(seen_reports[TL_R_LEAK], 0);
	if (ASAN)
		return; /* the last value is lost: that is what is reported */
	tl_scope_open(&s);
	CHECK_EQ(how(&s, sets, &for_ever, &(tl_opts){ .name = "stubborn" }), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_drops, 2 + 4);
	CHECK_EQ(seen_reports[TL_R_LEAK], 1);
	CHECK_STR(last_name, "stubborn");
}

/* D7: a local may be set in a destructor */
TEST(values_set_by_drops_are_dropped_in_rounds)
{
	tl_on_report(remember, NULL);
	both(set_in_drop);
}

static tl_lock lock;
static _Atomic int started_by_drop;

static void drop_with_all_of_telar(void *value)
{
	tl_scope s = { 0 };
	char name[32];

	CHECK_EQ(tl_sleep(tl_us(100)), 0);
	tl_lock_hold(&lock);
	tl_yield();
	tl_lock_release(&lock);
	tl_scope_open(&s);
	tl_thread_start(&s, count_up, (void *)&started_by_drop, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_task_start(NULL, count_up, (void *)&started_by_drop, NULL); /* it is waited for */
	CHECK_EQ(tl_name(tl_self(), name, sizeof name), 7);
	CHECK_STR(name, "dropper");
	drop(value);
}

static tl_local elaborate = { .drop = drop_with_all_of_telar };

static void drops_anyhow(start_fn *how)
{
	tl_scope s = { 0 };
	tl_strand t[3];

	started_by_drop = n_drops = 0;
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(how(&s, sets, &elaborate, &(tl_opts){ .name = "dropper", .ret = &t[i] }),
			0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_join(t[i], NULL, TL_NEVER), 0);
		CHECK(started_by_drop >= 2);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(started_by_drop, 6);
	CHECK_EQ(n_drops, 3);
}

TEST(drop_may_use_all_of_telar) { both(drops_anyhow); }

/* -- copied to children */

struct heir {
	int expected;
	uint64_t id;
};

static int inherits(void *arg)
{
	struct heir *h = arg;

	CHECK_EQ(get(&inherited), h->expected);
	CHECK_EQ(get(&fresh), -1);
	set(&inherited, -7); /* seen by nobody else */
	h->id = tl_self().id;
	return 0;
}

static void inherited_from(start_fn *how)
{
	struct heir h[4];
	tl_scope s = { 0 };
	tl_strand t;

	set(&fresh, 1);
	n_copies = n_drops = 0;
	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		h[i].expected = i ? i : -1;
		if (i)
			set(&inherited, i);
		CHECK_EQ(how(&s, inherits, &h[i],
				 &(tl_opts){ .ret = &t,
					 .anywhere = how == tl_task_start && i == 3,
					 .paused = i == 2 }),
			0);
		CHECK_EQ(n_copies, i); /* before the start returns, and by the starter */
		CHECK(!i || copied_in == tl_self().id);
		if (i == 2) {
			set(&inherited, 99); /* too late for it */
			CHECK_EQ(tl_resume(t), 0);
		}
		if (i == 1)
			CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0); /* in place, if it is a task */
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_drops, 4);
	CHECK_EQ(get(&inherited), 3);
	free(tl_local_get(&inherited));
	tl_local_set(&inherited, NULL);
}

/* D7: a local with a copy function is inherited at the start */
TEST(copied_by_the_starter_at_the_start) { both(inherited_from); }

static int grandchild(void *arg)
{
	CHECK_EQ(get(&inherited), *(int *)arg);
	return 0;
}

static int child(void *arg)
{
	CHECK_EQ(get(&inherited), 1);
	set(&inherited, *(int *)arg);
	tl_thread_start(NULL, grandchild, arg, NULL);
	tl_task_start(NULL, grandchild, arg, NULL);
	return 0;
}

TEST(grandchildren_inherit_from_children)
{
	int x = 20, y = 30;
	tl_scope s = { 0 };

	set(&inherited, 1);
	tl_scope_open(&s);
	tl_task_start(&s, child, &x, NULL);
	tl_thread_start(&s, child, &y, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(get(&inherited), 1);
	CHECK_EQ(n_drops, 6);
	CHECK_EQ(n_copies, 6);
}

static void *refuse_copy(void *value) { return (void)value, NULL; }
static tl_local shy = { .drop = drop, .copy = refuse_copy };

static int has_no_shy(void *arg) { return (void)arg, get(&shy) == -1 ? 0 : -EINVAL; }

TEST(a_copy_that_answers_none)
{
	tl_scope s = { 0 };

	set(&shy, 1);
	tl_scope_open(&s);
	tl_task_start(&s, has_no_shy, NULL, NULL);
	tl_thread_start(&s, has_no_shy, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_drops, 0);
}

/* -- a copy that sets values of the starter, whose table moves meanwhile */

enum { KEYS = 12 };
static tl_local moved[KEYS];
static int n_copied[KEYS], next_new;

static void *copy_and_set(void *value)
{
	if (next_new < KEYS)
		tl_local_set(&moved[next_new], &moved[next_new]);
	next_new++;
	n_copied[(tl_local *)value - moved]++;
	return value;
}

static int has_both(void *arg)
{
	const int *heirs = arg;

	for (int i = 0; i < 2; i++)
		CHECK(tl_local_get(&moved[heirs[i]]) == &moved[heirs[i]]);
	return 0;
}

/* Whatever two of them there are, and whichever came first. */
static void each_is_copied_once(int first, int second)
{
	int heirs[] = { first, second };
	tl_scope s = { 0 };

	next_new = KEYS / 2;
	memset(n_copied, 0, sizeof n_copied);
	for (int i = 0; i < KEYS; i++)
		moved[i].copy = i == first || i == second ? copy_and_set : NULL;
	tl_local_set(&moved[first], &moved[first]);
	tl_local_set(&moved[second], &moved[second]);
	tl_scope_open(&s);
	tl_task_start(&s, has_both, heirs, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_copied[first], 1);
	CHECK_EQ(n_copied[second], 1);
}

static int copied_in_a_strand(void *arg)
{
	const int *pair = arg;

	each_is_copied_once(pair[0], pair[1]);
	return 0;
}

TEST(a_copy_that_makes_the_table_grow)
{
	for (int i = 0; i < KEYS; i++)
		tl_local_set(&moved[i], NULL); /* which gives them their numbers */
	for (int first = 0; first < KEYS / 2; first++)
		for (int second = 0; second < KEYS / 2; second++) {
			int pair[] = { first, second };
			tl_scope s = { 0 };

			if (first == second)
				continue;
			tl_scope_open(&s);
			tl_task_start(&s, copied_in_a_strand, pair, NULL); /* with a new table */
			CHECK_EQ(tl_scope_close(&s), 0);
		}
}
