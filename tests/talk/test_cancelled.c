/* test_cancelled.c - who was asked to stop is told so first, by every call of this floor that may
 * wait, also where it need not; under TL_POLL, which is no cancel point, it is done. */
#include "talk.h"

#define STOPS(call, done) \
	do { \
		tl_time until = TL_NEVER; \
		CHECK_EQ(call, -ECANCELED); \
		until = tl_after(tl_s(1000)); \
		CHECK_EQ(call, -ECANCELED); \
		until = tl_after(tl_s(-1)); \
		CHECK_EQ(call, -ECANCELED); \
		until = TL_POLL; \
		CHECK_EQ(call, done); \
	} while (0)

struct all {
	tl_lock lock;
	tl_rlock rlock;
	tl_rwlock rwlock;
	tl_sem sem;
	tl_cond cond;
	tl_event event;
	tl_barrier barrier;
	tl_latch latch;
	tl_once once;
	tl_future future;
	bool shared;
};

static bool yes(void *arg) { return !arg; }

static void locks(struct all *x)
{
	STOPS(tl_lock_acquire(&x->lock, until), 0);
	tl_lock_release(&x->lock);
	STOPS(tl_lock_recover(&x->lock, until), 0);
	STOPS(tl_cond_wait(&x->cond, &x->lock, until), -EAGAIN);
	STOPS(tl_cond_wait_for(&x->cond, &x->lock, yes, NULL, until), 0);
	tl_lock_release(&x->lock);
	STOPS(tl_rlock_acquire(&x->rlock, until), 0);
	STOPS(tl_rlock_acquire(&x->rlock, until), 0);
	STOPS(tl_rlock_recover(&x->rlock, until), 0);
	STOPS(tl_cond_rwait(&x->cond, &x->rlock, until), -EAGAIN);
	for (int i = 0; i < 3; i++)
		tl_rlock_release(&x->rlock);
	CHECK(!tl_rlock_held(&x->rlock));
	STOPS(tl_rwlock_read(&x->rwlock, until), 0);
	tl_rwlock_release(&x->rwlock);
	STOPS(tl_rwlock_write(&x->rwlock, until), 0);
	tl_rwlock_release(&x->rwlock);
	STOPS(tl_rwlock_recover(&x->rwlock, until), 0);
	tl_rwlock_release(&x->rwlock);
}

static void others(struct all *x)
{
	STOPS(tl_sem_acquire(&x->sem, until), 0);
	STOPS(tl_event_wait(&x->event, until), 0);
	STOPS(tl_barrier_wait(&x->barrier, until), 0);
	STOPS(tl_latch_wait(&x->latch, until), 0);
	STOPS(tl_once_run(&x->once, nothing, NULL, until), 0);
	STOPS(tl_once_run(&x->once, nothing, NULL, until), 0);
	STOPS(tl_future_get(&x->future, NULL, until), 0);
}

static void queues(struct all *x)
{
	tl_queue *q = make_queue(4, 64);
	tl_pipe *a, *b;
	void *p;
	int64_t v = 1;

	STOPS(put(q, 1, until), 0);
	STOPS(get(q, &v, until), 8);
	CHECK_EQ(tl_queue_done(q), 0);
	STOPS(tl_queue_join(q, until), 0);
	if (x->shared) {
		STOPS(tl_queue_loan(q, &p, 8, until), 0);
		CHECK_EQ(tl_queue_commit(q, p, 8), 0);
		STOPS(tl_queue_borrow(q, &p, until), 8);
		CHECK_EQ(tl_queue_return(q, p), 0);
	}
	tl_queue_end(q);
	STOPS(get(q, &v, until), -EPIPE);
	STOPS(put(q, 1, until), -EPIPE);
	tl_queue_close(q);
	CHECK_EQ(tl_pipe_open(&a, &b, &(tl_pipe_opts){ .shared = x->shared }), 0);
	STOPS(tl_pipe_send(a, &v, sizeof v, until), 0);
	STOPS(tl_pipe_recv(b, &v, sizeof v, until), 8);
	tl_pipe_close(a);
	tl_pipe_close(b);
}

static void selects(struct all *x)
{
	tl_case c[] = { TL_SET(&x->event) };

	STOPS(tl_select(c, 1, until), 0);
	CHECK_EQ(c[0].result, x->shared ? -ENOTSUP : 0);
}

static int stopped(void *arg)
{
	for (int shared = 0; shared < 2; shared++) {
		struct all mine, *x = shared ? tl_shared(sizeof *x) : &mine;
		tl_scope s = { 0 };

		CHECK(x != NULL);
		*x = (struct all){ .sem = { .value = 9 }, .barrier = { .parties = 1 } };
		x->shared = shared_queues = shared;
		tl_event_set(&x->event);
		tl_future_set(&x->future, NULL);
		if (arg) /* its own deadline is as good as a cancel */
			s.deadline = tl_after(tl_s(-1));
		tl_scope_open(&s);
		if (!arg)
			tl_scope_cancel(&s);
		locks(x);
		others(x);
		queues(x);
		selects(x);
		CHECK_EQ(tl_scope_close(&s), arg ? -ETIMEDOUT : 0);
		if (shared)
			tl_shared_free(x);
	}
	return 0;
}

static void everywhere(void *late)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, stopped, late)), 0);
	CHECK_EQ(ending(start_thread(&s, stopped, late)), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(cancelled) { everywhere(NULL); }
TEST(too_late) { everywhere((void *)1); }
