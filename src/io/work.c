/* work.c - helper threads for blocking calls on files.
 *
 * A work is idle, queued, taken, done.  Who drops it: its caller, unless it left while the work was
 * taken; then the thread.  Stages, lists and groups are guarded by pool.lock; a work's other fields
 * belong to the caller while it is idle or done, and to the thread while it is taken.  Threads are
 * made when no idle one is left, up to MOST, and end after IDLE_NS without work.  Where not one can
 * be made, the caller's own thread does the work. */
#include "io/work.h"
#include "run/run.h"
#include <errno.h>
#include <pthread.h>

enum { MOST = 16 };
static const int64_t IDLE_NS = 3000000000;

enum { IDLE, QUEUED, TAKEN, DONE };

static struct {
	struct spin lock;
	struct node todo;
	unsigned threads, idle, queued;
	_Atomic uint32_t bell; /* rung for each work */
	unsigned life;         /* another one in each forked child */
} pool = { .todo = { &pool.todo, &pool.todo }, .life = 1 };

/* -- the threads */

/* Do all that is queued.  With pool.lock held, which is given up meanwhile. */
static void drain(void)
{
	struct work *k;

	while ((k = work_next(&pool.todo))) {
		k->stage = TAKEN;
		pool.queued--;
		spin_unlock(&pool.lock);
		work_done(k, k->fn(k));
		spin_lock(&pool.lock);
	}
}

/* Wait for the bell.  False: too long.  With pool.lock held, which is given up meanwhile. */
static bool rest(void)
{
	uint32_t heard = atomic_load_explicit(&pool.bell, memory_order_relaxed);
	int r;

	pool.idle++;
	spin_unlock(&pool.lock);
	r = plat_futex_wait(&pool.bell, heard, plat_now() + IDLE_NS, false);
	spin_lock(&pool.lock);
	pool.idle--;
	return r != -ETIMEDOUT || pool.queued;
}

static void help(void *arg)
{
	(void)arg;
	spin_lock(&pool.lock);
	do
		drain();
	while (rest());
	pool.threads--;
	spin_unlock(&pool.lock);
}

/* In the child of a fork: the threads are not here. */
static void forked(void)
{
	pool.lock = (struct spin){ 0 };
	list_init(&pool.todo);
	pool.threads = pool.idle = pool.queued = 0;
	pool.life++;
}

/* A thread was counted that could not be made. */
static void do_without(int r)
{
	spin_lock(&pool.lock);
	if (pool.threads == 1) {
		spin_unlock(&pool.lock);
		report(TL_R_DEGRADED, strand_self(), r,
			"no helper thread can be made: file work blocks its own thread");
		spin_lock(&pool.lock);
		drain();
	}
	pool.threads--;
	spin_unlock(&pool.lock);
}

/* Queue k and see to it that somebody will come.  With pool.lock held on entry, released on return.
 */
static void post(struct work *k)
{
	static atomic_flag watched = ATOMIC_FLAG_INIT;
	bool more, wake = pool.idle;
	int r;

	k->stage = QUEUED;
	list_append(&pool.todo, &k->link);
	more = ++pool.queued > pool.idle && pool.threads < MOST;
	pool.threads += more;
	atomic_fetch_add_explicit(&pool.bell, 1, memory_order_relaxed);
	spin_unlock(&pool.lock);
	if (!atomic_flag_test_and_set_explicit(&watched, memory_order_relaxed))
		pthread_atfork(NULL, NULL, forked);
	if (wake)
		plat_futex_wake(&pool.bell, 1, false);
	if (more && (r = plat_thread_begin(help, NULL, "tl-file")) < 0)
		do_without(r);
}

/* -- groups */

struct work *work_next(struct node *batch)
{
	struct node *n = list_pop(batch);

	return n ? container_of(n, struct work, link) : NULL;
}

/* One batch after the other, as long as more have gathered. */
static int serve(struct work *server)
{
	struct work_group *g = container_of(server, struct work_group, server);
	struct node batch;
	struct work *k;

	for (;;) {
		list_init(&batch);
		spin_lock(&pool.lock);
		while ((k = work_next(&g->waiting))) {
			k->stage = TAKEN;
			list_append(&batch, &k->link);
		}
		g->served = !list_empty(&batch);
		spin_unlock(&pool.lock);
		if (list_empty(&batch))
			return 0;
		g->fn(&batch);
	}
}

/* With pool.lock held on entry, released on return. */
static void join_group(struct work *k, struct work_group *g)
{
	if (g->life != pool.life) {
		g->life = pool.life;
		g->served = false;
		list_init(&g->waiting);
	}
	k->stage = QUEUED;
	list_append(&g->waiting, &k->link);
	if (g->served) {
		spin_unlock(&pool.lock);
		return;
	}
	g->served = true;
	g->server.fn = serve;
	post(&g->server);
}

/* -- doing */

void work_done(struct work *k, int result)
{
	enum wait_claim c = WAIT_LOST;
	struct parker *who = k->w.who;
	bool left;

	if (!who)
		return; /* a server: nobody waits for its end */
	spin_lock(&pool.lock);
	k->result = result;
	k->stage = DONE;
	left = k->left;
	if (!left)
		c = wait_claim(&k->w);
	if (c == WAIT_UP)
		wait_finish(who, c);
	spin_unlock(&pool.lock);
	if (c == WAIT_READY)
		wait_finish(who, c);
	if (left)
		k->drop(k);
	deadlock_outside(-1);
}

/* The caller leaves without a result.  True: nobody else touches k. */
static bool abandon(struct work *k, struct work_group *g)
{
	int stage;

	spin_lock(&pool.lock);
	stage = k->stage;
	k->left = true;
	if (stage == QUEUED) {
		list_remove(&k->link);
		pool.queued -= !g;
	}
	spin_unlock(&pool.lock);
	if (stage == QUEUED)
		deadlock_outside(-1);
	return stage != TAKEN;
}

static int run(struct work *k, struct work_group *g, tl_time deadline)
{
	k->w = (struct waiter){ .who = wait_me, .what = "file", .object = k };
	k->left = false;
	deadlock_outside(1);
	wait_begin();
	spin_lock(&pool.lock);
	if (g)
		join_group(k, g);
	else
		post(k);
	return wait_block(&k->w, deadline);
}

int work_do(struct work *k, struct work_group *g, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? -EAGAIN : strand_checkpoint(strand_self());

	if (r == 0) {
		r = run(k, g, deadline);
		if (r < 0 && !abandon(k, g))
			return r;
		r = r < 0 ? r : k->result;
	}
	k->drop(k);
	return r;
}
