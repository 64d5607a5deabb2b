/* test_rwlock.c - many readers or one writer, whom readers that come later do not keep out. */
#include "talk.h"

static int reads(void *arg)
{
	int r = tl_rwlock_read(arg, TL_NEVER);

	if (r == 0)
		tl_rwlock_release(arg);
	return r;
}
static int reads_briefly(void *arg) { return tl_rwlock_read(arg, tl_after(tl_ms(5))); }
static int writes(void *arg)
{
	int r = tl_rwlock_write(arg, TL_NEVER);

	if (r == 0)
		tl_rwlock_release(arg);
	return r;
}

TEST(readers_together)
{
	tl_rwlock l = { 0 };

	CHECK_EQ(tl_rwlock_read(&l, TL_NEVER), 0);
	CHECK_EQ(tl_rwlock_read(&l, TL_POLL), 0);
	CHECK_EQ(tl_rwlock_readers(&l), 2);
	CHECK(!tl_rwlock_written(&l));
	CHECK_EQ(tl_rwlock_write(&l, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_rwlock_write(&l, tl_after(tl_ms(1))), -ETIMEDOUT);
	CHECK_EQ(tl_rwlock_read(&l, TL_POLL), 0); /* the writer has left no trace */
	for (int i = 0; i < 3; i++)
		tl_rwlock_release(&l);
	CHECK_EQ(tl_rwlock_write(&l, TL_POLL), 0);
	CHECK(tl_rwlock_written(&l));
	tl_rwlock_release(&l);
	CHECK(!tl_rwlock_written(&l));
}

TEST(the_writer_alone)
{
	tl_rwlock l = { 0 };
	tl_scope s = { .keep_going = true };

	CHECK_EQ(tl_rwlock_write(&l, TL_NEVER), 0);
	CHECK_EQ(tl_rwlock_write(&l, TL_NEVER), -EDEADLK);
	CHECK_EQ(tl_rwlock_read(&l, TL_NEVER), -EDEADLK);
	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, reads_briefly, &l)), -ETIMEDOUT);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
	CHECK_EQ(tl_rwlock_readers(&l), 0);
	tl_rwlock_release(&l);
}

TEST(a_waiting_writer_keeps_newcomers_out)
{
	tl_rwlock l = { 0 };
	tl_scope s = { 0 };
	tl_strand w, r;

	CHECK_EQ(tl_rwlock_read(&l, TL_NEVER), 0);
	tl_scope_open(&s);
	w = start_task(&s, writes, &l);
	await_state(w, TL_BLOCKED);
	CHECK_EQ(tl_rwlock_read(&l, TL_POLL), -EAGAIN);
	r = start_thread(&s, reads, &l);
	await_state(r, TL_BLOCKED);
	tl_rwlock_release(&l);
	CHECK_EQ(ending(w), 0);
	CHECK_EQ(ending(r), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_rwlock_readers(&l), 0);
}

TEST(a_writer_that_leaves_lets_readers_in)
{
	tl_rwlock l = { 0 };
	tl_scope s = { 0 };
	tl_strand w, r;

	CHECK_EQ(tl_rwlock_read(&l, TL_NEVER), 0);
	tl_scope_open(&s);
	w = start_task(&s, writes, &l);
	await_state(w, TL_BLOCKED);
	r = start_task(&s, reads, &l);
	await_state(r, TL_BLOCKED);
	tl_cancel(w);
	CHECK_EQ(ending(w), -ECANCELED);
	CHECK_EQ(ending(r), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_rwlock_readers(&l), 1);
	tl_rwlock_release(&l);
}

TEST(release_of_nothing)
{
	tl_rwlock l = { 0 };

	tl_on_report(count_report, NULL);
	tl_rwlock_release(&l);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_rwlock_write(&l, TL_POLL), 0);
	tl_rwlock_release(&l);
}

static int releases(void *arg) { return tl_rwlock_release(arg), 0; }
static int ends_reading(void *arg) { return tl_rwlock_read(arg, TL_NEVER); }

TEST(a_stranger_gives_nobodys_place_away)
{
	tl_rwlock l = { 0 };
	tl_scope s = { 0 };

	tl_on_report(count_report, NULL);
	CHECK_EQ(tl_rwlock_read(&l, TL_NEVER), 0);
	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, releases, &l)), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_rwlock_readers(&l), 1);
	tl_rwlock_release(&l);
	CHECK_EQ(ending(start_task(&s, ends_reading, &l)), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 2);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int ends_writing(void *arg) { return tl_rwlock_write(arg, TL_NEVER); }

TEST(lost_and_recovered)
{
	tl_rwlock l = { 0 };
	tl_scope s = { .keep_going = true };

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, ends_writing, &l)), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK(tl_rwlock_written(&l));
	CHECK_EQ(tl_rwlock_read(&l, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_rwlock_write(&l, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_rwlock_recover(&l, TL_NEVER), 1);
	tl_rwlock_release(&l);
	CHECK_EQ(tl_rwlock_read(&l, TL_POLL), 0);
	tl_rwlock_release(&l);
	tl_scope_close(&s);
}

/* -- readers see what writers wrote whole, with cancels and deadlines by chance */

struct storm {
	tl_rwlock l;
	long a, b;
	_Atomic int inside; /* readers, or -1 */
	_Atomic long written;
	_Atomic uint64_t seed;
};

static void write_it(struct storm *st)
{
	CHECK_EQ(atomic_exchange(&st->inside, -1), 0);
	st->a++;
	tl_yield();
	st->b++;
	CHECK_EQ(atomic_exchange(&st->inside, 0), -1);
	atomic_fetch_add(&st->written, 1);
}

static void read_it(struct storm *st)
{
	CHECK(atomic_fetch_add(&st->inside, 1) >= 0);
	CHECK_EQ(st->a, st->b);
	tl_yield();
	CHECK_EQ(st->a, st->b);
	CHECK(atomic_fetch_sub(&st->inside, 1) > 0);
}

static int weather(void *arg)
{
	struct storm *st = arg;
	uint64_t seed = atomic_fetch_add(&st->seed, 0x9e3779b97f4a7c15u);

	for (int i = 0; i < 400; i++) {
		uint32_t x = number(&seed);
		bool to_write = x % 4 == 0;
		tl_scope s = { .deadline = x % 8 == 3 ? tl_after(tl_us(x % 200)) : TL_NEVER };
		tl_time d = x % 8 == 1 ? tl_after(tl_us(x % 200)) : TL_NEVER;
		int r;

		tl_scope_open(&s);
		r = to_write ? tl_rwlock_write(&st->l, d) : tl_rwlock_read(&st->l, d);
		if (r == 0) {
			if (to_write)
				write_it(st);
			else
				read_it(st);
			tl_rwlock_release(&st->l);
		}
		CHECK(r == 0 || r == -ETIMEDOUT || r == -ECANCELED);
		tl_scope_close(&s);
	}
	return 0;
}

TEST_LIMIT(storm, 60)
{
	struct storm st = { .seed = seed_of(11) };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 8; i++)
		if (i % 2)
			tl_thread_start(&s, weather, &st, NULL);
		else
			tl_task_start(&s, weather, &st, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(st.a, st.written);
	CHECK_EQ(st.b, st.written);
	CHECK_EQ(tl_rwlock_readers(&st.l), 0);
	CHECK(!tl_lock_held(&st.l.lock));
}
