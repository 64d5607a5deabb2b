/* offload.c - blocking code on helper threads, on a copy of the record, while the caller parks.
 *
 * A job is queued, taken by a helper, done.  Who frees it: the caller, unless it left while the
 * helper was at work; then the helper.  All of that is decided under pool.lock.  Helpers are made
 * as jobs find none idle, up to MOST, and end after IDLE_NS without work. */
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>
#include <string.h>

enum { MOST = 64 };
static const int64_t IDLE_NS = 3000000000;

enum stage { QUEUED, TAKEN, DONE };

struct job {
	struct node link;
	struct waiter w;
	enum stage stage;
	bool left; /* the caller will not come back */
	int result;
	tl_fn *fn;
	_Alignas(max_align_t) char copy[];
};

static struct pool {
	struct spin lock;
	struct node jobs;
	unsigned helpers, idle, queued;
	_Atomic uint32_t bell; /* rung for each job */
} pool = { .jobs = { &pool.jobs, &pool.jobs } };

static struct job *take(void)
{
	struct node *n;
	struct job *j = NULL;

	spin_lock(&pool.lock);
	n = list_pop(&pool.jobs);
	if (n) {
		j = container_of(n, struct job, link);
		j->stage = TAKEN;
		pool.queued--;
	}
	spin_unlock(&pool.lock);
	return j;
}

static void finish(struct job *j, int result)
{
	enum wait_claim c = WAIT_LOST;
	struct parker *who;
	bool left;

	spin_lock(&pool.lock);
	j->result = result;
	j->stage = DONE;
	left = j->left;
	who = j->w.who;
	if (!left)
		c = wait_claim(&j->w);
	if (c == WAIT_UP)
		wait_finish(who, c);
	spin_unlock(&pool.lock);
	if (c == WAIT_READY)
		wait_finish(who, c);
	if (left)
		mem_free(j);
	deadlock_outside(-1);
}

/* Nothing to do: wait for the bell.  False: too long. */
static bool rest(uint32_t heard)
{
	bool leave;
	int r;

	r = plat_futex_wait(&pool.bell, heard, plat_now() + IDLE_NS, false);
	spin_lock(&pool.lock);
	leave = r == -ETIMEDOUT && list_empty(&pool.jobs);
	pool.idle--;
	pool.helpers -= leave;
	spin_unlock(&pool.lock);
	return !leave;
}

/* If it has used telar this thread is a strand: the next job is not to find what it has set. */
static int work(struct job *j)
{
	int r = j->fn(j->copy);

	if (wait_me && strand_of(wait_me)->body->locals)
		local_drop(strand_of(wait_me));
	return r;
}

static void help(void *arg)
{
	struct job *j;
	uint32_t heard;

	(void)arg;
	for (;;) {
		while ((j = take()))
			finish(j, work(j));
		spin_lock(&pool.lock);
		heard = atomic_load_explicit(&pool.bell, memory_order_relaxed);
		if (!list_empty(&pool.jobs)) {
			spin_unlock(&pool.lock);
			continue;
		}
		pool.idle++;
		spin_unlock(&pool.lock);
		if (!rest(heard))
			return;
	}
}

/* See to it that a helper will come: with pool.lock held on entry, released on return.  Where none
 * can be had and none is there, nobody's job will be done. */
static void call_helper(void)
{
	bool more = pool.queued > pool.idle && pool.helpers < MOST;
	bool wake = pool.idle, none;
	struct job *j;
	int r;

	pool.helpers += more;
	atomic_fetch_add_explicit(&pool.bell, 1, memory_order_relaxed);
	spin_unlock(&pool.lock);
	if (wake)
		plat_futex_wake(&pool.bell, 1, false);
	if (!more || (r = plat_thread_begin(help, NULL, "tl-offload")) == 0)
		return;
	spin_lock(&pool.lock);
	none = --pool.helpers == 0;
	spin_unlock(&pool.lock);
	while (none && (j = take()))
		finish(j, r);
}

/* The caller leaves without a result. */
static void abandon(struct job *j)
{
	enum stage stage;

	spin_lock(&pool.lock);
	stage = j->stage;
	j->left = true;
	if (stage == QUEUED) {
		list_remove(&j->link);
		pool.queued--;
	}
	spin_unlock(&pool.lock);
	if (stage == QUEUED)
		deadlock_outside(-1);
	if (stage != TAKEN)
		mem_free(j);
}

static int run(struct job *j, tl_time deadline)
{
	j->w = (struct waiter){ .who = wait_me, .what = "offload", .object = (void *)j->fn };
	deadlock_outside(1);
	wait_begin();
	spin_lock(&pool.lock);
	list_append(&pool.jobs, &j->link);
	pool.queued++;
	call_helper();
	return wait_block(&j->w, deadline);
}

int tl_offload(tl_fn *fn, void *record, size_t size, tl_time deadline)
{
	struct job *j;
	int r;

	if (deadline.ns == TL_POLL.ns)
		return -EAGAIN;
	r = strand_checkpoint(strand_self());
	if (r < 0)
		return r;
	j = size < SIZE_MAX / 2 ? mem_zalloc(sizeof *j + size) : NULL;
	if (!j)
		return -ENOMEM;
	j->fn = fn;
	if (size)
		memcpy(j->copy, record, size);
	r = run(j, deadline);
	if (r < 0) {
		abandon(j);
		return r;
	}
	r = j->result;
	if (size)
		memcpy(record, j->copy, size);
	mem_free(j);
	return r;
}

/* In the child of a fork: the helpers are not here. */
void offload_forked(void) { pool = (struct pool){ .jobs = { &pool.jobs, &pool.jobs } }; }
