/* The manager: how long objects live, transactions, who may connect, opening and closing. */
#include "managed.h"

/* D14: an object lives as long as it is kept, and its id is never another's */
TEST(keep_and_drop)
{
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL), other;

	CHECK_EQ(tl_object_keep(d, TL_NEVER), 0);
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	CHECK_STR(shows(d), "{}");
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	CHECK_EQ(does(d, "len"), -ESRCH);
	CHECK_STR(why(), "there is no such object");
	CHECK_EQ(tl_object_keep(d, TL_NEVER), -ESRCH);
	other = made(m, "dict", TL_NIL);
	CHECK(other.id != d.id);
	CHECK_EQ(does(d, "len"), -ESRCH);
	CHECK_EQ(tl_object_drop(tl_manager_root(m), TL_NEVER), -EPERM);
	CHECK_STR(shows(tl_manager_root(m)), "{}");
	unmanaged(m);
}

/* D14: objects in objects are shared, and live as long as they are in one */
TEST(nested)
{
	tl_manager *m = managed();
	tl_object l = made(m, "list", TL_NIL), d = made(m, "dict", TL_NIL), again, q;
	tl_value v;

	CHECK_EQ(does_with(l, "append", TL_OBJECT(d)), 0);
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	CHECK_EQ(tl_object_get(l, TL_INT(0), &v, TL_NEVER), 0);
	CHECK_EQ(tl_object_in(l, v, &again), 0);
	CHECK_EQ(tl_object_in(l, TL_INT(5), &again), -EINVAL);
	CHECK_EQ(tl_object_set(again, TL_STR("a"), TL_INT(1), TL_NEVER), 0);
	CHECK_STR(shows(d), "{'a': 1}");
	CHECK_EQ(does(l, "clear"), 0);
	CHECK_EQ(does(d, "len"), -ESRCH);
	CHECK_EQ(does_with(l, "append", TL_OBJECT(d)), -ESRCH);
	CHECK_STR(shows(l), "[]");

	/* What is taken out is kept by who took it. */
	q = made(m, "Queue", TL_NIL);
	d = made(m, "dict", TL_NIL);
	CHECK_EQ(does_with(q, "put", TL_OBJECT(d)), 0);
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	CHECK_EQ(tl_object_call(q, "get", NULL, 0, &v, TL_NEVER), 0);
	CHECK_STR(shows(d), "{}");
	CHECK_EQ(tl_object_drop(d, TL_NEVER), 0);
	CHECK_EQ(does(d, "len"), -ESRCH);
	unmanaged(m);
}

static tl_op op(tl_object o, const char *verb, const tl_value *args, size_t n)
{
	return (tl_op){ .object = o, .verb = verb, .args = args, .n = n };
}

/* D14: many calls in one round trip, each with its answer */
TEST(many)
{
	tl_manager *m = managed();
	tl_object l = made(m, "list", TL_NIL);
	tl_value one = TL_INT(1);
	tl_op ops[] = { op(l, "append", &one, 1), op(l, "fly", NULL, 0), op(l, "append", &one, 1),
		op(l, "len", NULL, 0) };

	CHECK_EQ(tl_object_many(ops, 4, TL_NEVER), 0);
	CHECK_EQ(ops[0].r, 0);
	CHECK_EQ(ops[1].r, -EINVAL);
	CHECK_EQ(ops[3].r, 0);
	CHECK_EQ(ops[3].ret.i, 2);
	CHECK_EQ(tl_object_many(ops, 0, TL_NEVER), -EINVAL);
	unmanaged(m);
}

/* D14: a transaction is all or nothing */
TEST(atomic)
{
	tl_manager *m = managed();
	tl_object d = made(m, "dict", TL_NIL), l = made(m, "list", TL_NIL),
		  inner = made(m, "dict", TL_NIL), sem = made(m, "Semaphore", TL_INT(1));
	tl_value pair[] = { TL_STR("k"), TL_OBJECT(inner) }, zero = TL_INT(0);
	tl_op ops[] = { op(d, "set", pair, 2), op(sem, "acquire", NULL, 0),
		op(l, "append", pair, 1), op(l, "pop", &zero, 1), op(l, "pop", &zero, 1) };

	CHECK_EQ(tl_object_atomic(ops, 5, TL_NEVER), -ENOENT);
	CHECK_STR(why(), "pop from an empty list");
	for (int i = 0; i < 5; i++)
		CHECK_EQ(ops[i].r, -ENOENT);
	CHECK_STR(shows(d), "{}");
	CHECK_STR(shows(sem), "Semaphore(1)");
	CHECK_EQ(tl_object_atomic(ops, 4, TL_NEVER), 0);
	CHECK_STR(ops[3].ret.text, "k");
	tl_value_free(&ops[3].ret);
	CHECK_STR(shows(sem), "Semaphore(0)");
	CHECK_EQ(tl_object_atomic(ops + 1, 1, TL_NEVER), -EAGAIN);
	CHECK_EQ(tl_object_atomic(ops + 1, 1, TL_POLL), -EAGAIN);

	/* What an object that was put back holds still lives. */
	CHECK_EQ(tl_object_drop(inner, TL_NEVER), 0);
	ops[0] = op(d, "clear", NULL, 0);
	CHECK_EQ(tl_object_atomic(ops, 2, TL_POLL), -EAGAIN);
	CHECK_STR(shows(inner), "{}");
	CHECK_EQ(tl_object_atomic(ops, 1, TL_NEVER), 0);
	CHECK_EQ(does(inner, "len"), -ESRCH);
	unmanaged(m);
}

/* D14: an object passes through its transaction's undoing with those who wait in it */
TEST(atomic_lets_go_afterwards)
{
	tl_manager *m = managed();
	tl_object q = made(m, "Queue", TL_INT(1)), l = made(m, "list", TL_NIL);
	tl_value one = TL_INT(1);
	tl_op ops[] = { op(q, "put", &one, 1), op(q, "get", NULL, 0), op(l, "pop", NULL, 0) };

	CHECK_EQ(tl_object_atomic(ops, 3, TL_NEVER), -ENOENT);
	CHECK_STR(says(q, "count", TL_NIL), "0");
	CHECK_STR(says(q, "unfinished", TL_NIL), "0");
	CHECK_EQ(tl_object_atomic(ops, 1, TL_NEVER), 0);
	CHECK_STR(says(q, "get", TL_NIL), "1");
	unmanaged(m);
}

/* D14: who has the key may connect, and finds objects by the root's names */
TEST(connect)
{
	tl_manager_opts o = { .kind = TL_THREAD, .address = ":0", .key = "secret", .key_size = 6 };
	tl_manager *m = managed(), *server = NULL, *client = NULL;
	char address[100];
	tl_object d, there;
	tl_value v;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&server, &o, TL_NEVER), 0);
	CHECK(tl_manager_address(server, address, sizeof address) > 0);
	d = made(server, "dict", TL_NIL);
	CHECK_EQ(tl_object_set(tl_manager_root(server), TL_STR("d"), TL_OBJECT(d), TL_NEVER), 0);
	o.address = address;
	o.kind = 0;
	CHECK_EQ(tl_manager_connect(&client, &o, TL_NEVER), 0);
	CHECK_EQ(tl_object_get(tl_manager_root(client), TL_STR("d"), &v, TL_NEVER), 0);
	CHECK_EQ(tl_object_in(tl_manager_root(client), v, &there), 0);
	CHECK_EQ(tl_object_set(there, TL_INT(1), TL_INT(2), TL_NEVER), 0);
	CHECK_STR(shows(d), "{1: 2}");
	CHECK_EQ(tl_object_drop(there, TL_NEVER), -EPERM); /* it is the other's */
	CHECK_EQ(tl_manager_close(client, TL_NEVER), 0);
	CHECK_EQ(does(there, "len"), -EPIPE);
	o.key = "secreT";
	CHECK_EQ(tl_manager_connect(&client, &o, TL_NEVER), -EPERM);
	CHECK_EQ(tl_manager_close(server, TL_NEVER), 0);
	CHECK(tl_manager_connect(&client, &o, TL_NEVER) < 0);
	CHECK_EQ(tl_finish(), 0);
}

/* D14: an address needs a key, and one that others can reach must be asked for */
TEST(refused)
{
	tl_manager *m = managed(), *other = NULL;
	tl_manager_opts o = { .kind = TL_THREAD, .address = ":0" };

	CHECK_EQ(tl_manager_open(&other, &o, TL_NEVER), -EINVAL);
	o = (tl_manager_opts){ .kind = TL_THREAD, .address = "*:0", .key = "k", .key_size = 1 };
	CHECK_EQ(tl_manager_open(&other, &o, TL_NEVER), -EPERM);
	o = (tl_manager_opts){ .kind = TL_THREAD, .reserved = { 1 } };
	CHECK_EQ(tl_manager_open(&other, &o, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_manager_connect(&other, NULL, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_manager_close(NULL, TL_NEVER), 0);
	unmanaged(m);
}

/* D14: two servers on one address are an error; stopped and started again at once it works */
TEST(again_and_again)
{
	tl_manager_opts o = {
		.kind = TL_THREAD, .address = "unix:./m.sock", .key = "k", .key_size = 1
	};
	tl_manager *m = managed(), *second = NULL;
	tl_object stale = { 0 }, root = { 0 };

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	for (int i = 0; i < 20; i++) {
		tl_object d;

		CHECK_EQ(tl_manager_open(&m, &o, TL_NEVER), 0);
		CHECK_EQ(tl_manager_open(&second, &o, TL_NEVER), -EADDRINUSE);
		if (stale.manager)
			CHECK(does(stale, "len") == -ESRCH || does(stale, "len") == -EPIPE);
		if (root.manager) /* of one that is closed; it is not the root of the next */
			CHECK(does(root, "len") == -ESRCH || does(root, "len") == -EPIPE);
		d = made(m, "dict", TL_NIL);
		CHECK_STR(shows(d), "{}");
		stale = d;
		root = tl_manager_root(m);
		CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
		CHECK_EQ(does(d, "len"), -EPIPE);
	}
	CHECK_EQ(tl_finish(), 0);
}

static int fails(void *arg)
{
	(void)arg;
	return -EXDEV;
}

/* D14: what init answers is what opening answers */
TEST(init_fails)
{
	tl_manager *m = managed(), *other = NULL;

	CHECK_EQ(tl_manager_open(
			 &other, &(tl_manager_opts){ .kind = TL_THREAD, .init = fails }, TL_NEVER),
		-EXDEV);
	CHECK(!other);
	unmanaged(m);
}

static int waits(void *arg)
{
	return tl_object_call(*(tl_object *)arg, "wait", NULL, 0, NULL, TL_NEVER) == -EPIPE ? 0
											    : -EIO;
}

/* D14: shutdown lets those go that wait */
TEST(close_lets_waiters_go)
{
	tl_manager *m = managed();
	tl_object e = made(m, "Event", TL_NIL);
	tl_strand t;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_thread_start(&s, waits, &e, &(tl_opts){ .ret = &t });
	while (tl_state(t) != TL_BLOCKED)
		tl_sleep(tl_ms(1));
	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_finish(), 0);
}

/* -- a type of one's own */

static int counter_open(void **ret, const tl_value *args, size_t n)
{
	int64_t *count = n == 1 && args[0].type == TL_T_INT ? malloc(sizeof *count) : NULL;

	if (!count)
		return -EINVAL;
	*count = args[0].i;
	*ret = count;
	return 0;
}

static int counter_call(void *self, const char *verb, const tl_value *args, size_t n, tl_value *ret)
{
	int64_t *count = self;

	(void)args;
	if (n || strcmp(verb, "next") != 0)
		return -EINVAL;
	*ret = TL_INT((*count)++);
	return 0;
}

static const tl_class counter = { .open = counter_open, .call = counter_call, .close = free };

static int know_counter(void *arg)
{
	(void)arg;
	return tl_class_add("Counter", &counter);
}

/* D14: a registered type is made and called as any other */
TEST(own_type)
{
	tl_manager *m = managed();
	tl_object c;
	tl_value from = TL_INT(41);

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&m, &(tl_manager_opts){ .kind = TL_THREAD, .init = know_counter },
			 TL_NEVER),
		0);
	CHECK_EQ(tl_class_add("Counter", &(tl_class){ .open = counter_open, .call = counter_call }),
		-EBUSY);
	CHECK_EQ(tl_class_add("dict", &counter), -EBUSY);
	CHECK_EQ(tl_class_add("X", &(tl_class){ 0 }), -EINVAL);
	CHECK_EQ(tl_manager_new(m, "Counter", NULL, 0, &c, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_manager_new(m, "Counter", &from, 1, &c, TL_NEVER), 0);
	CHECK_STR(says(c, "next", TL_NIL), "41");
	CHECK_STR(says(c, "next", TL_NIL), "42");
	CHECK_EQ(does(c, "fly"), -EINVAL);
	CHECK_EQ(tl_object_drop(c, TL_NEVER), 0);
	CHECK_EQ(does(c, "next"), -ESRCH);
	unmanaged(m);
}

/* D14: what is larger than a message may be is not sent */
TEST(too_large)
{
	tl_manager *m = managed();
	tl_object d;
	char *large = calloc(1, 100001);

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&m, &(tl_manager_opts){ .kind = TL_THREAD, .max_message = 100000 },
			 TL_NEVER),
		0);
	d = made(m, "dict", TL_NIL);
	CHECK_EQ(tl_object_set(d, TL_INT(1), TL_BYTES(large, 100001), TL_NEVER), -EMSGSIZE);
	CHECK(strstr(why(), "100000"));
	CHECK_EQ(tl_object_set(d, TL_INT(1), TL_BYTES(large, 99000), TL_NEVER), 0);
	CHECK_EQ(tl_object_set(d, TL_INT(2), TL_BYTES(large, 99000), TL_NEVER), 0);
	CHECK(tl_object_text(d, NULL, 0, TL_NEVER) > 2 * 99000);
	free(large);
	unmanaged(m);
}

/* D14: what is larger than a message may be is not sent */
TEST(too_large_for_a_server_of_others)
{
	tl_manager_opts o = {
		.kind = TL_THREAD, .address = ":0", .key = "k", .key_size = 1, .max_message = 5000
	};
	tl_manager *m = managed(), *server = NULL, *client = NULL;
	char *large = calloc(1, 6000), address[100];
	tl_object d;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&server, &o, TL_NEVER), 0);
	CHECK(tl_manager_address(server, address, sizeof address) > 0);
	o = (tl_manager_opts){ .address = address, .key = "k", .key_size = 1 };
	CHECK_EQ(tl_manager_connect(&client, &o, TL_NEVER), 0);
	d = made(client, "dict", TL_NIL);
	CHECK_EQ(tl_object_set(d, TL_INT(1), TL_BYTES(large, 6000), TL_NEVER), -EMSGSIZE);
	CHECK(strstr(why(), "5000"));
	CHECK_EQ(tl_object_set(d, TL_INT(1), TL_BYTES(large, 4000), TL_NEVER), 0);
	CHECK_STR(says(d, "len", TL_NIL), "1");
	free(large);
	CHECK_EQ(tl_manager_close(client, TL_NEVER), 0);
	unmanaged(server);
}

/* What its functions answer from 0 on is success; one that would wait is refused. */
static int says_what_it_is_told(void **ret, const tl_value *args, size_t n)
{
	*ret = NULL;
	return n ? (int)args[0].i : 0;
}

static int calls_what_it_is_told(
	void *self, const char *verb, const tl_value *args, size_t n, tl_value *ret)
{
	(void)verb, (void)ret;
	return says_what_it_is_told(&self, args, n);
}

static const tl_class told = { .open = says_what_it_is_told, .call = calls_what_it_is_told };

static int know_told(void *arg)
{
	(void)arg;
	return tl_class_add("Told", &told);
}

TEST(own_type_answers)
{
	tl_manager *m = managed();
	tl_value again = TL_INT(-EAGAIN);
	tl_object o;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(
			 &m, &(tl_manager_opts){ .kind = TL_THREAD, .init = know_told }, TL_NEVER),
		0);
	CHECK_EQ(tl_manager_new(m, "Told", &again, 1, &o, TL_NEVER), -EBUSY);
	o = made(m, "Told", TL_INT(1));
	CHECK_EQ(does_with(o, "do", TL_INT(2)), 0);
	CHECK_EQ(does_with(o, "do", again), -EBUSY);
	CHECK_EQ(does_with(o, "do", TL_INT(-EXDEV)), -EXDEV);
	unmanaged(m);
}

/* 64 lists around each other are a value, but not with one more, that of the answers, around. */
static int answers_deeply(
	void *self, const char *verb, const tl_value *args, size_t n, tl_value *ret)
{
	tl_value deep[TL_VALUE_DEPTH] = { TL_LIST(NULL, 0) };

	(void)self, (void)verb, (void)args, (void)n;
	for (int i = 1; i < TL_VALUE_DEPTH; i++)
		deep[i] = TL_LIST(&deep[i - 1], 1);
	return tl_value_copy(deep[TL_VALUE_DEPTH - 1], ret);
}

static const tl_class deep = { .open = says_what_it_is_told, .call = answers_deeply };

static int know_deep(void *arg)
{
	(void)arg;
	return tl_class_add("Deep", &deep);
}

TEST(own_type_answers_too_deep)
{
	tl_manager *m = managed();
	tl_object o;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(
			 &m, &(tl_manager_opts){ .kind = TL_THREAD, .init = know_deep }, TL_NEVER),
		0);
	o = made(m, "Deep", TL_NIL);
	CHECK_EQ(does(o, "dive"), -EINVAL);
	CHECK_STR(why(), "what dive answers cannot be sent");
	unmanaged(m);
}

/* One that answers no number, and nothing that says whether it was done. */
static int answers_words(
	void *self, const char *verb, const tl_value *args, size_t n, tl_value *ret)
{
	(void)self, (void)args, (void)n;
	return tl_value_copy(TL_STR(verb), ret);
}

static const tl_class wordy = { .open = says_what_it_is_told, .call = answers_words };

static int know_wordy(void *arg)
{
	(void)arg;
	return tl_class_add("Wordy", &wordy);
}

TEST(own_type_answers_no_number)
{
	tl_manager *m = managed();
	int64_t sum = 77;
	tl_object o;

	CHECK_EQ(tl_manager_close(m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(
			 &m, &(tl_manager_opts){ .kind = TL_THREAD, .init = know_wordy }, TL_NEVER),
		0);
	o = made(m, "Wordy", TL_NIL);
	CHECK_EQ(tl_object_add(o, TL_NIL, 1, &sum, TL_NEVER), -EPROTO);
	CHECK_EQ(tl_object_add(o, TL_NIL, 1, NULL, TL_NEVER), -EPROTO);
	CHECK_EQ(sum, 77);
	CHECK_EQ(tl_object_swap(o, TL_NIL, TL_NIL, TL_NIL, TL_NEVER), -EPROTO);
	unmanaged(m);
}

/* A sum of type 'd' may be one that no whole number is. */
TEST(sum_beyond_whole_numbers)
{
	tl_manager *m = managed();
	tl_value args[] = { TL_STR("d"), TL_NUM(1e300) };
	int64_t sum = 0;
	tl_object o;

	CHECK_EQ(tl_manager_new(m, "Value", args, 2, &o, TL_NEVER), 0);
	CHECK_EQ(tl_object_add(o, TL_NIL, 1, &sum, TL_NEVER), 0);
	CHECK(sum == INT64_MAX);
	unmanaged(m);
}
