/* The manager: what is not given to a connection that is gone, though its call is there. */
#include "managed.h"

#include "kit/manager.h"
#include <stdatomic.h>
#include <sys/socket.h>

/* An object of the server whose verb lets another client say something, perhaps, and hang up: as
 * the server runs it, it has not read that when it goes on with the calls that follow. */
static int cutter_open(void **ret, const tl_value *args, size_t n)
{
	(void)ret, (void)args;
	return n ? -EINVAL : 0;
}

static _Atomic int its_fd;

static int cutter_call(void *self, const char *verb, const tl_value *args, size_t n, tl_value *ret)
{
	static int counted; /* of the server's thread, for count */
	int fd = atomic_load_explicit(&its_fd, memory_order_acquire); /* as it was made, for TSan */

	(void)self;
	if (strcmp(verb, "count") == 0)
		return *ret = TL_INT(counted++), 0;
	if (n && write(fd, args[0].bytes, args[0].n) != (ssize_t)args[0].n)
		return -EIO;
	return shutdown(fd, SHUT_RDWR) < 0 ? -errno : 0;
}

static const tl_class cutter = { .open = cutter_open, .call = cutter_call };

static int know_cutter(void *arg)
{
	(void)arg;
	return tl_class_add("Cutter", &cutter);
}

struct scene {
	tl_manager *m;
	tl_object cutter;
	struct link link; /* of the one who will have gone */
};

static struct scene begin(void)
{
	static const unsigned char id[CLIENT_ID] = "who has gone";
	struct scene s = { .m = managed(), .link.most = 1 << 20 };

	CHECK_EQ(tl_manager_close(s.m, TL_NEVER), 0);
	CHECK_EQ(tl_manager_open(&s.m, &(tl_manager_opts){ .kind = TL_THREAD, .init = know_cutter },
			 TL_NEVER),
		0);
	s.cutter = made(s.m, "Cutter", TL_NIL);
	CHECK_EQ(tl_connect(&s.link.stream, s.m->address, TL_NEVER), 0);
	CHECK_EQ(proof_give(s.link.stream, s.m, id, TL_NEVER), 0);
	atomic_store_explicit(&its_fd, tl_stream_fd(s.link.stream), memory_order_release);
	return s;
}

/* Nobody else is there, so the server has seen that the other has gone, and has ended its call. */
static void until_alone(const struct scene *s)
{
	while (atoi(says((tl_object){ s->m, 0 }, "clients", TL_NIL)) != 1)
		tl_sleep(tl_ms(1));
}

static void end(struct scene *s)
{
	CHECK_EQ(tl_manager_close(s->m, TL_NEVER), 0);
	link_close(&s->link); /* when nobody can be using its descriptor */
}

/* The request for verb, and for `then` after it if that is not NULL. */
static void write_request(
	struct scene *s, int kind, tl_object o, const char *verb, tl_value arg, const char *then)
{
	struct link *l = &s->link;
	uint32_t n;

	link_begin(l);
	CHECK_EQ(link_list(l, then ? 9 : 6), 0);
	CHECK_EQ(link_add(l, TL_INT(kind)), 0);
	CHECK_EQ(link_add(l, TL_INT(INT64_MAX)), 0);
	CHECK_EQ(link_add(l, TL_INT(1)), 0);
	CHECK_EQ(link_add(l, TL_OBJECT(o)), 0);
	CHECK_EQ(link_add(l, TL_STR(verb)), 0);
	CHECK_EQ(link_add(l, TL_LIST(&arg, arg.type != TL_T_NIL)), 0);
	if (then) {
		CHECK_EQ(link_add(l, TL_OBJECT(o)), 0);
		CHECK_EQ(link_add(l, TL_STR(then)), 0);
		CHECK_EQ(link_add(l, TL_LIST(NULL, 0)), 0);
	}
	n = (uint32_t)l->n - 4;
	for (int i = 0; i < 4; i++)
		l->out[i] = (unsigned char)(n >> (24 - 8 * i));
}

/* The request comes, and its client has gone before the server reads it. */
static void calls_and_goes(struct scene *s)
{
	tl_value words = TL_BYTES(s->link.out, s->link.n);

	CHECK_EQ(does_with(s->cutter, "cut", words), 0);
	until_alone(s);
}

/* D14: nothing is taken for a connection that is gone: no lock, unit, item or place in a barrier */
TEST(gone_when_called)
{
	static const struct {
		const char *type, *fill, *verb, *shows;
		bool keyed;
	} all[] = {
		{ "Queue", "put", "get", "Queue([1])", false },
		{ "JoinableQueue", "put", "get", "Queue([1])", false },
		{ "list", "append", "pop", "[1]", false },
		{ "set", "add", "pop", "{1}", false },
		{ "dict", NULL, "popitem", "{1: 2}", false },
		{ "dict", NULL, "pop", "{1: 2}", true },
		{ "Semaphore", NULL, "acquire", "Semaphore(1)", false },
		{ "BoundedSemaphore", NULL, "acquire", "BoundedSemaphore(1)", false },
		{ "Lock", NULL, "acquire", "<unlocked Lock>", false },
		{ "RLock", NULL, "recover", "<unlocked RLock>", false },
		{ "Condition", NULL, "acquire", "<unlocked Condition>", false },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (int kind = REQUEST_CALLS; kind <= REQUEST_ATOMIC; kind++) {
			struct scene s = begin();
			tl_object o = made(s.m, all[i].type, TL_NIL);

			if (all[i].fill)
				CHECK_EQ(does_with(o, all[i].fill, TL_INT(1)), 0);
			else if (strcmp(all[i].type, "dict") == 0)
				CHECK_EQ(tl_object_set(o, TL_INT(1), TL_INT(2), TL_NEVER), 0);
			write_request(
				&s, kind, o, all[i].verb, all[i].keyed ? TL_INT(1) : TL_NIL, NULL);
			calls_and_goes(&s);
			CHECK_STR(shows(o), all[i].shows);
			end(&s);
		}
	CHECK_EQ(tl_finish(), 0);
}

/* D14: nothing is taken for a connection that is gone: no lock, unit, item or place in a barrier */
TEST(own_type_not_called)
{
	struct scene s = begin();

	write_request(&s, REQUEST_CALLS, s.cutter, "count", TL_NIL, "count");
	calls_and_goes(&s);
	CHECK_STR(says(s.cutter, "count", TL_NIL), "0");
	end(&s);
	CHECK_EQ(tl_finish(), 0);
}

/* One waits in o; it goes, and then `verb` is called before the server can have read that. */
static int goes_before(struct scene *s, tl_object o, const char *waits, const char *verb,
	tl_value arg, tl_time deadline)
{
	tl_op ops[] = { { .object = s->cutter, .verb = "cut" },
		{ .object = o, .verb = verb, .args = &arg, .n = arg.type != TL_T_NIL } };

	write_request(s, REQUEST_CALLS, o, waits, TL_NIL, NULL);
	CHECK_EQ(link_send(&s->link, TL_NEVER), 0);
	until_waiting(o, 1);
	CHECK_EQ(tl_object_many(ops, 2, deadline), 0);
	CHECK_EQ(ops[0].r, 0);
	until_alone(s);
	return ops[1].r;
}

/* D14: nothing is taken for a connection that is gone: no lock, unit, item or place in a barrier */
TEST(gone_when_its_turn_comes)
{
	static const struct {
		const char *type, *shows;
	} locks[] = { { "Lock", "<unlocked Lock>" }, { "RLock", "<unlocked RLock>" },
		{ "Condition", "<unlocked Condition>" } };
	struct scene s = begin();
	tl_object q = made(s.m, "Queue", TL_NIL), units;

	CHECK_EQ(goes_before(&s, q, "get", "put", TL_INT(1), TL_NEVER), 0);
	CHECK_STR(shows(q), "Queue([1])");
	end(&s);
	s = begin();
	units = made(s.m, "Semaphore", TL_INT(0));
	CHECK_EQ(goes_before(&s, units, "acquire", "release", TL_NIL, TL_NEVER), 0);
	CHECK_STR(shows(units), "Semaphore(1)");
	end(&s);
	for (int i = 0; i < 3; i++) {
		tl_object l;

		s = begin();
		l = made(s.m, locks[i].type, TL_NIL);
		CHECK_EQ(does(l, "acquire"), 0);
		CHECK_EQ(goes_before(&s, l, "acquire", "release", TL_NIL, TL_NEVER), 0);
		CHECK_STR(shows(l), locks[i].shows);
		end(&s);
	}
	CHECK_EQ(tl_finish(), 0);
}

/* D14: nothing is taken for a connection that is gone: no lock, unit, item or place in a barrier */
TEST(gone_from_a_barrier)
{
	struct scene s = begin();
	tl_object b = made(s.m, "Barrier", TL_INT(2));

	CHECK_EQ(goes_before(&s, b, "wait", "wait", TL_NIL, TL_POLL), -EAGAIN);
	CHECK_STR(says(b, "waiting", TL_NIL), "0");
	CHECK_STR(says(b, "broken", TL_NIL), "False");
	end(&s);
	CHECK_EQ(tl_finish(), 0);
}

static int is_told(void *arg)
{
	tl_object c = *(tl_object *)arg;
	int r = does(c, "acquire");

	r = r < 0 ? r : does(c, "wait");
	return r < 0 ? r : does(c, "release");
}

/* A word for one is told to one who is there. */
TEST(gone_when_told)
{
	struct scene s = begin();
	tl_object c = made(s.m, "Condition", TL_NIL);
	tl_op ops[] = { { .object = c, .verb = "acquire" }, { .object = s.cutter, .verb = "cut" },
		{ .object = c, .verb = "notify" }, { .object = c, .verb = "release" } };
	tl_scope scope = { 0 };

	write_request(&s, REQUEST_CALLS, c, "acquire", TL_NIL, "wait");
	CHECK_EQ(link_send(&s.link, TL_NEVER), 0);
	until_waiting(c, 1);
	tl_scope_open(&scope);
	tl_thread_start(&scope, is_told, &c, NULL);
	until_waiting(c, 2);
	CHECK_EQ(tl_object_many(ops, 4, TL_NEVER), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ops[i].r, 0);
	CHECK_EQ(tl_scope_close(&scope), 0);
	end(&s);
	CHECK_EQ(tl_finish(), 0);
}
