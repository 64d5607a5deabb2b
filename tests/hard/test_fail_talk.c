/* test_fail_talk.c - what strands talk through, with every call to the system failing once.  See
 * every.h. */
#include "every.h"

/* -- lock, semaphore, condition, event */

static struct talk {
	tl_lock lock;
	tl_cond cond;
	tl_sem sem;
	tl_event event;
	int n;
	bool open;
} * all;

static int locks(void *arg)
{
	int r = 0;

	(void)arg;
	BEGINS();
	for (int i = 0; r == 0 && i < 5; i++)
		if ((r = tl_lock_acquire(&all->lock, TL_NEVER)) == 0) {
			all->n++;
			tl_yield();
			tl_lock_release(&all->lock);
		}
	return ends(r);
}

static int enters(void *arg)
{
	int r;

	(void)arg;
	BEGINS();
	if ((r = tl_sem_acquire(&all->sem, TL_NEVER)) < 0)
		return ends(r);
	r = tl_sleep(tl_us(100));
	tl_sem_release(&all->sem, 1);
	return ends(r);
}

static int awaits(void *arg)
{
	int r;

	(void)arg;
	BEGINS();
	if ((r = tl_lock_acquire(&all->lock, TL_NEVER)) < 0)
		return ends(r);
	while (r == 0 && !all->open)
		r = tl_cond_wait(&all->cond, &all->lock, TL_NEVER);
	tl_lock_release(&all->lock);
	return ends(r < 0 ? r : tl_event_wait(&all->event, TL_NEVER));
}

static int opens(void *arg)
{
	int r;

	(void)arg;
	BEGINS();
	r = tl_event_wait(&all->event, tl_after(tl_ms(1)));
	CHECK(r == -ETIMEDOUT || r == -ECANCELED);
	tl_lock_hold(&all->lock);
	all->open = true;
	tl_cond_notify(&all->cond, 9);
	tl_lock_release(&all->lock);
	tl_event_set(&all->event);
	return ends(0);
}

FAULTS(waiting_for_each_other)
{
	static tl_fn *const what[] = { locks, enters, awaits };
	struct talk here = { .sem = { .value = 1, .limit = 1 } };
	tl_scope s = { 0 };
	int r;

	all = &here;
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		tl_task_start(&s, what[i], NULL, NULL);
		tl_thread_start(&s, what[i], NULL, NULL);
	}
	tl_task_start(&s, opens, NULL, NULL);
	r = tl_scope_close(&s);
	CHECK(!tl_lock_held(&here.lock));
	CHECK_EQ(tl_sem_count(&here.sem), 1);
	CHECK(r < 0 || here.n == 10);
	return r;
}

/* -- queue */

static int puts_all(void *arg)
{
	char item[100] = { 0 };
	int r = 0;

	BEGINS();
	for (char i = 1; r == 0 && i <= 20; i++) {
		item[0] = i;
		r = tl_queue_put(arg, item, (size_t)i, TL_NEVER);
	}
	tl_queue_end(arg);
	return ends(r);
}

static int gets_all(void *arg)
{
	char item[100], expected = 1;
	int r;

	BEGINS();
	while ((r = tl_queue_get(arg, item, sizeof item, TL_NEVER)) >= 0) {
		CHECK_EQ(r, expected);
		CHECK_EQ(item[0], expected++);
	}
	return ends(r == -EPIPE ? 0 : r);
}

FAULTS(queue)
{
	tl_queue *q[2];
	tl_scope s = { 0 };
	int r = tl_queue_open(&q[0], &(tl_queue_opts){ .name = "small", .capacity = 2 });

	if (r < 0)
		return r;
	r = tl_queue_open(&q[1], NULL);
	if (r < 0) {
		tl_queue_close(q[0]);
		return r;
	}
	tl_scope_open(&s);
	for (int i = 0; i < 2; i++) {
		tl_task_start(&s, gets_all, q[i], NULL);
		tl_thread_start(&s, puts_all, q[i], NULL);
	}
	r = tl_scope_close(&s);
	tl_queue_close(q[0]);
	tl_queue_close(q[1]);
	return r;
}

/* What a shared queue cannot have it says; nothing is lost or left behind. */
FAULTS(shared_queue)
{
	tl_queue_opts o = { .shared = true, .capacity = 3, .max_item = 40000 };
	static char item[40000];
	tl_queue *q;
	void *lent;
	int r = tl_queue_open(&q, &o), in = 0;

	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 3; i++)
		if ((r = tl_queue_put(q, item, sizeof item - (size_t)i, TL_POLL)) == 0)
			in++;
	CHECK(r == 0 || r == -ENOSPC);
	for (int i = 0; i < in; i++)
		CHECK_EQ(tl_queue_get(q, item, sizeof item, TL_POLL), (int)sizeof item - i);
	if (r == 0 && (r = tl_queue_loan(q, &lent, 9, TL_POLL)) == 0)
		CHECK_EQ(tl_queue_return(q, lent), 0);
	tl_queue_close(q);
	return r;
}

/* From hand to hand: if one of them cannot, the other gives up in time; nothing is left over. */
static int hands_over(void *arg)
{
	BEGINS();
	return ends(tl_pipe_send_fd(arg, 1, every_patience()));
}

static int is_handed(void *arg)
{
	int fd, r;

	BEGINS();
	r = tl_pipe_recv_fd(arg, &fd, every_patience());
	if (r == 0)
		close(fd);
	return ends(r);
}

FAULTS(descriptor_through_a_pipe)
{
	tl_scope s = { 0 };
	tl_pipe *a, *b;
	int r = tl_pipe_open(&a, &b, NULL);

	if (r < 0)
		return r;
	tl_scope_open(&s);
	tl_thread_start(&s, is_handed, b, NULL);
	tl_task_start(&s, hands_over, a, NULL);
	r = tl_scope_close(&s);
	a = tl_pipe_close(a);
	b = tl_pipe_close(b);
	return r;
}

/* A pile, what is done and who joins: one item after the other, smallest first. */
static int smaller(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }

static int works(void *arg)
{
	char item[100];
	int r;

	BEGINS();
	while ((r = tl_queue_get(arg, item, sizeof item, TL_NEVER)) >= 0) {
		CHECK_EQ(r, item[0]);
		CHECK_EQ(tl_queue_done(arg), 0);
	}
	return ends(r == -EPIPE ? 0 : r);
}

FAULTS(queue_of_work)
{
	tl_queue_opts o = { .capacity = 40, .order = smaller };
	tl_scope s = { 0 };
	char item[100] = { 0 };
	tl_queue *q;
	int r = tl_queue_open(&q, &o), put = 0;

	if (r < 0)
		return r;
	for (char i = 30; r == 0 && i; i--, put += r == 0) {
		item[0] = i;
		r = tl_queue_put(q, item, (size_t)i, TL_POLL);
	}
	CHECK_EQ(tl_queue_count(q), put);
	CHECK_EQ(tl_queue_unfinished(q), put);
	tl_scope_open(&s);
	tl_scope_fail(&s, r);
	tl_task_start(&s, works, q, NULL);
	tl_thread_start(&s, works, q, NULL);
	tl_scope_fail(&s, tl_queue_join(q, every_patience()));
	put = tl_queue_unfinished(q);
	CHECK_EQ(tl_queue_drop(q), put);
	r = tl_scope_close(&s);
	tl_queue_close(q);
	return r;
}

/* -- a loop that sleeps in its poller is woken by others */

static int sets(void *arg)
{
	BEGINS();
	tl_sleep(tl_ms(1));
	tl_event_set(arg);
	return ends(0);
}

static int reads_one(void *arg)
{
	int r;

	BEGINS();
	r = tl_fd_wait(*(int *)arg, TL_IN, TL_NEVER);
	return ends(r < 0 ? r : 0);
}

FAULTS(woken_in_the_poller)
{
	tl_event e = { 0 };
	tl_scope s = { 0 };
	int fd[2], r;

	CHECK_EQ(pipe(fd), 0);
	tl_scope_open(&s);
	tl_task_start(&s, reads_one, &fd[0], NULL);
	tl_thread_start(&s, sets, &e, NULL);
	tl_scope_fail(&s, tl_event_wait(&e, TL_NEVER));
	CHECK_EQ(write(fd[1], "x", 1), 1);
	r = tl_scope_close(&s);
	close(fd[0]);
	close(fd[1]);
	return r;
}

/* -- the first of several */

struct chosen {
	tl_queue *q;
	tl_future f;
	tl_event e;
	int pipe[2];
};

static int fills(void *arg)
{
	struct chosen *c = arg;
	int r;

	BEGINS();
	r = tl_queue_put(c->q, "x", 1, TL_NEVER);
	tl_yield();
	CHECK_EQ(tl_future_set(&c->f, c), 0);
	tl_yield();
	tl_event_set(&c->e);
	CHECK_EQ(write(c->pipe[1], "x", 1), 1);
	return ends(r);
}

static int choose(struct chosen *c)
{
	bool seen[4] = { 0 };
	char x;

	for (int n = 0; n < 4; n++) {
		tl_case cases[4], *now = cases;
		int which[4], k = 0, i;

		for (int j = 0; j < 4; j++)
			if (!seen[j]) {
				which[k++] = j;
				*now++ = j == 0   ? TL_GET(c->q, &x, 1)
					 : j == 1 ? TL_DONE(&c->f)
					 : j == 2 ? TL_SET(&c->e)
						  : TL_READABLE(c->pipe[0]);
			}
		i = tl_select(cases, (size_t)k, TL_NEVER);
		if (i < 0)
			return i;
		if (cases[i].result < 0)
			return cases[i].result;
		seen[which[i]] = true;
	}
	return 0;
}

FAULTS(select_one)
{
	struct chosen c = { 0 };
	tl_scope s = { 0 };
	int r = tl_queue_open(&c.q, NULL);

	if (r < 0)
		return r;
	CHECK_EQ(pipe(c.pipe), 0);
	tl_scope_open(&s);
	tl_thread_start(&s, fills, &c, NULL);
	tl_scope_fail(&s, choose(&c));
	r = tl_scope_close(&s);
	tl_queue_close(c.q);
	close(c.pipe[0]);
	close(c.pipe[1]);
	return r;
}
