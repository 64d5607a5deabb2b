/* The public headers inside a C++17 program: every macro is used (tests/api/test_macros.py sees to
 * that), every way to begin an object, and the program links against the shared library. */
#include <cerrno>
#include <climits>

#include <telar.h>

#include "check.h"

extern "C" {
TL_API int cxx_exported(void) TL_MUST;
int cxx_exported(void) { return 7; }
}

static_assert(TL_VERSION_MAJOR >= 0 && TL_VERSION_MINOR >= 0 && TL_VERSION_PATCH >= 0,
	"the version is three numbers");

static int add_one(void *arg)
{
	++*static_cast<int *>(arg);
	return 0;
}

TEST(time)
{
	tl_time never = TL_NEVER, poll = TL_POLL, made = TL_MAKE(tl_time, 5);
	tl_time now = tl_now(), soon = tl_after(tl_ms(250));

	CHECK_EQ(never.ns, 0);
	CHECK_EQ(poll.ns, INT64_MIN);
	CHECK_EQ(made.ns, 5);
	CHECK(soon.ns >= now.ns + 250000000);
	CHECK_EQ(tl_ns(3).ns, 3);
	CHECK_EQ(tl_us(3).ns, 3000);
	CHECK_EQ(tl_s(0.5).ns, 500000000);
	CHECK_EQ(tl_ms(INT64_MAX).ns, INT64_MAX);
	CHECK_EQ(tl_after(tl_ms(INT64_MAX)).ns, TL_NEVER.ns);
	CHECK_STR(tl_error_name(-ETIMEDOUT), "ETIMEDOUT");
	CHECK_EQ(cxx_exported(), 7);
}

TEST(in_place_objects_begin_as_zero)
{
	static tl_lock lock;
	tl_sem sem = { 1, 1, 0 };
	tl_event event = {};
	tl_future future = {};

	CHECK_EQ(tl_lock_acquire(&lock, TL_POLL), 0);
	tl_lock_release(&lock);
	CHECK_EQ(tl_sem_acquire(&sem, TL_POLL), 0);
	CHECK_EQ(tl_sem_acquire(&sem, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_event_wait(&event, TL_POLL), -EAGAIN);
	CHECK(!tl_future_done(&future));
}

TEST(a_scope_and_its_strands)
{
	tl_scope scope = {};
	tl_opts opts = {};
	tl_strand task = TL_NO_STRAND;
	int by_task = 0, by_thread = 0;

	CHECK_EQ(task.id, 0);
	opts.ret = &task;
	tl_scope_open(&scope);
	CHECK_EQ(tl_task_start(&scope, add_one, &by_task, &opts), 0);
	CHECK_EQ(tl_thread_start(&scope, add_one, &by_thread, nullptr), 0);
	CHECK_EQ(tl_join(task, nullptr, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&scope), 0);
	CHECK_EQ(by_task, 1);
	CHECK_EQ(by_thread, 1);
	CHECK_EQ(tl_finish(), 0);
}

TEST(select_gets_and_puts)
{
	tl_queue *queue = nullptr;
	int in = 41, out = 0;

	CHECK_EQ(tl_queue_open(&queue, nullptr), 0);
	tl_case put[] = { TL_PUT(queue, &in, sizeof in) };
	CHECK_EQ(tl_select(put, 1, TL_NEVER), 0);
	CHECK_EQ(put[0].result, 0);
	tl_case get[] = { TL_GET(queue, &out, sizeof out) };
	CHECK_EQ(tl_select(get, 1, TL_NEVER), 0);
	CHECK_EQ(get[0].result, sizeof out);
	CHECK_EQ(out, 41);
	CHECK_EQ(tl_select(get, 1, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_queue_close(queue), nullptr);
}

TEST(select_waits_for_what_is_done_and_set)
{
	tl_event event = {}, never = {};
	tl_future future = {};
	int value = 0;

	CHECK_EQ(tl_future_set(&future, &value), 0);
	tl_event_set(&event);
	tl_case set[] = { TL_SET(&never), TL_SET(&event) };
	CHECK_EQ(tl_select(set, 2, TL_NEVER), 1);
	tl_case done[] = { TL_SET(&never), TL_DONE(&future) };
	CHECK_EQ(tl_select(done, 2, TL_NEVER), 1);
}

TEST(select_waits_for_descriptors)
{
	tl_event never = {};
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	tl_case writable[] = { TL_READABLE(ends[0]), TL_WRITABLE(ends[1]) };
	CHECK_EQ(tl_select(writable, 2, TL_NEVER), 1);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	tl_case readable[] = { TL_SET(&never), TL_READABLE(ends[0]) };
	CHECK_EQ(tl_select(readable, 2, TL_NEVER), 1);
	close(ends[0]);
	close(ends[1]);
}

TEST(select_acquires)
{
	tl_lock lock = {};
	tl_sem sem = { 1, 1, 0 };
	tl_case either[] = { TL_ACQUIRE(&lock), TL_AT(TL_NEVER) };
	tl_case other[] = { TL_AT(TL_NEVER), TL_ACQUIRE(&sem), TL_CASE_FD(TL_W_READABLE, 0),
		TL_CASE_OF(TL_W_SEM, &sem, nullptr, 0) };

	CHECK_EQ(tl_select(either, 2, TL_NEVER), 0);
	CHECK(tl_lock_held(&lock));
	tl_lock_release(&lock);
	CHECK_EQ(tl_select(other, 2, TL_NEVER), 1);
	CHECK_EQ(tl_sem_count(&sem), 0);
	tl_case now[] = { TL_AT(tl_now()) };
	CHECK_EQ(tl_select(now, 1, TL_NEVER), 0);
}

TEST(select_sends_and_receives)
{
	tl_listener *listener = nullptr;
	tl_stream *here = nullptr, *there = nullptr;
	char text[8], name[64];

	CHECK_EQ(tl_listen(&listener, ":0"), 0);
	CHECK(tl_listener_address(listener, name, sizeof name) > 0);
	CHECK_EQ(tl_connect(&here, name, TL_NEVER), 0);
	tl_case accept[] = { TL_ACCEPT(listener, &there) };
	CHECK_EQ(tl_select(accept, 1, TL_NEVER), 0);
	tl_case send[] = { TL_SEND(here, "abc", 3), TL_RECV(here, text, sizeof text) };
	CHECK_EQ(tl_select(send, 2, TL_NEVER), 0);
	CHECK_EQ(send[0].result, 3);
	tl_case receive[] = { TL_RECV(there, text, sizeof text) };
	CHECK_EQ(tl_select(receive, 1, TL_NEVER), 0);
	CHECK_EQ(receive[0].result, 3);
	CHECK_EQ(tl_close(here, TL_NEVER), 0);
	CHECK_EQ(tl_close(there, TL_NEVER), 0);
	CHECK_EQ(tl_listener_close(listener, TL_NEVER), 0);
}

TEST(select_waits_for_an_ending)
{
	tl_scope scope = {};
	tl_opts opts = {};
	tl_strand task = TL_NO_STRAND;
	tl_event never = {};
	int count = 0;

	opts.ret = &task;
	tl_scope_open(&scope);
	CHECK_EQ(tl_task_start(&scope, add_one, &count, &opts), 0);
	tl_case joined[] = { TL_SET(&never), TL_JOINED(task) };
	CHECK_EQ(tl_select(joined, 2, TL_NEVER), 1);
	CHECK_EQ(joined[1].result, 0);
	CHECK_EQ(tl_scope_close(&scope), 0);
	CHECK_EQ(count, 1);
}

TEST(values)
{
	tl_value items[] = { TL_NIL, TL_BOOL(true), TL_INT(1), TL_NUM(0.25) };
	tl_value pairs[] = { TL_STR("a"), TL_TEXT("bcd", 1), TL_BYTES("c", 1), TL_LIST(items, 4) };
	char text[80];

	tl_object object = { nullptr, 7 };

	CHECK_EQ(TL_VALUE_DEPTH, 64);
	CHECK_EQ(TL_OBJECT(object).object, 7);
	CHECK_EQ(tl_object_keep(object, TL_NEVER), -ESRCH);
	CHECK(tl_value_text(TL_MAP(pairs, 2), text, sizeof text) > 0);
	CHECK_STR(text, "{'a': 'b', b'c': [None, True, 1, 0.25]}");
}

TEST(pools)
{
	tl_pool_opts opts = {};
	tl_job_opts how = {};
	tl_pool *pool = nullptr;
	tl_event never = {};
	tl_job job;
	int count = 0;

	opts.workers = 1;
	CHECK_EQ(tl_pool_open(&pool, &opts), 0);
	how.ret = &job;
	CHECK_EQ(tl_pool_submit(pool, add_one, &count, sizeof count, &how, TL_NEVER), 0);
	tl_case ended[] = { TL_SET(&never), TL_JOB(job) };
	CHECK_EQ(tl_select(ended, 2, TL_NEVER), 1);
	CHECK_EQ(tl_job_get(job, TL_POLL), 0);
	CHECK_EQ(count, 1);
	CHECK_EQ(tl_pool_close(pool, TL_NEVER), 0);
}
