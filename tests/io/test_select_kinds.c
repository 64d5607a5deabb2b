/* test_select_kinds.c - one select over every kind of case there is, against every one and every
 * two of them: it commits one that could be done, and the other's thing is still there. */
#include "io/pair.h"
#include "talk/talk.h"
#include <fcntl.h>
#include <unistd.h>

enum { GET, PUT, DONE, JOINED, READABLE, WRITABLE, SET, LOCK, SEM, RECV, SEND, ACCEPT, KINDS };

static struct world {
	tl_queue *in, *out;
	tl_future future;
	tl_strand who;
	int readable[2], writable[2];
	tl_event set, chosen, go;
	tl_lock lock;
	tl_sem sem;
	struct pair recv, send;
	size_t filled;
	tl_listener *door;
	tl_stream *accepted, *caller;
	char address[64], buf[8];
	int64_t got, item;
	tl_case c[KINDS + 1];
	int r;
} world;

static void make(struct world *w, tl_scope *s)
{
	char junk[4096] = { 0 };
	ssize_t n;

	*w = (struct world){ .item = 7, .sem = { .value = 0, .limit = 1 } };
	w->in = make_queue(1, 8);
	w->out = make_queue(1, 8);
	CHECK_EQ(put(w->out, 5, TL_NEVER), 0);
	w->who = start_task(s, stay, NULL);
	CHECK_EQ(pipe2(w->readable, O_NONBLOCK), 0);
	CHECK_EQ(pipe2(w->writable, O_NONBLOCK), 0);
	while (write(w->writable[1], junk, sizeof junk) > 0)
		continue;
	CHECK_EQ(tl_lock_acquire(&w->lock, TL_NEVER), 0);
	w->recv = pair_make();
	w->send = pair_make();
	while ((n = tl_write(w->send.a, junk, sizeof junk, TL_POLL)) > 0)
		w->filled += (size_t)n;
	CHECK_EQ(tl_listen(&w->door, ":0"), 0);
	CHECK(tl_listener_address(w->door, w->address, sizeof w->address) > 0);
	w->c[GET] = TL_GET(w->in, &w->got, 8);
	w->c[PUT] = TL_PUT(w->out, &w->item, 8);
	w->c[DONE] = TL_DONE(&w->future);
	w->c[JOINED] = TL_JOINED(w->who);
	w->c[READABLE] = TL_READABLE(w->readable[0]);
	w->c[WRITABLE] = TL_WRITABLE(w->writable[1]);
	w->c[SET] = TL_SET(&w->set);
	w->c[LOCK] = TL_ACQUIRE(&w->lock);
	w->c[SEM] = TL_ACQUIRE(&w->sem);
	w->c[RECV] = TL_RECV(w->recv.a, w->buf, 8);
	w->c[SEND] = TL_SEND(w->send.a, "abc", 3);
	w->c[ACCEPT] = TL_ACCEPT(w->door, &w->accepted);
	w->c[KINDS] = TL_AT(tl_after(tl_s(1000)));
}

static void empty(struct world *w)
{
	char junk[4096];

	while (w->filled) {
		size_t n = w->filled < sizeof junk ? w->filled : sizeof junk;

		w->filled -= (size_t)tl_read(w->send.b, junk, n, TL_NEVER);
	}
}

static void make_possible(struct world *w, int k)
{
	char junk[4096];
	int64_t v;

	switch (k) {
	case GET: CHECK_EQ(put(w->in, 4, TL_NEVER), 0); break;
	case PUT: CHECK_EQ(get(w->out, &v, TL_NEVER), 8); break;
	case DONE: CHECK_EQ(tl_future_set(&w->future, NULL), 0); break;
	case JOINED: tl_cancel(w->who); break;
	case READABLE: CHECK_EQ(write(w->readable[1], "", 1), 1); break;
	case WRITABLE:
		while (read(w->writable[0], junk, sizeof junk) > 0)
			continue;
		break;
	case SET: tl_event_set(&w->set); break;
	case LOCK: tl_lock_release(&w->lock); break;
	case SEM: CHECK_EQ(tl_sem_release(&w->sem, 1), 0); break;
	case RECV: CHECK_EQ(tl_write(w->recv.b, "xyz", 3, TL_NEVER), 3); break;
	case SEND: empty(w); break;
	default: CHECK_EQ(tl_connect(&w->caller, w->address, TL_NEVER), 0);
	}
}

/* What the case takes, if it is one that takes something: is it still to be had?  Alone, and it is
 * not had twice. */
static bool still_there(struct world *w, int k)
{
	int r;

	if (k == JOINED && tl_state(w->who) == TL_BLOCKED)
		return false;
	r = tl_select(&w->c[k], 1, TL_POLL);
	CHECK(r == 0 || r == -EAGAIN);
	if (r == 0)
		CHECK(w->c[k].result >= 0);
	if (r == 0 && k == LOCK)
		tl_lock_release(&w->lock);
	return r == 0;
}

static bool takes(int k)
{
	return k == GET || k == PUT || k == LOCK || k == SEM || k == RECV || k == ACCEPT;
}

static void unmake(struct world *w, bool holds)
{
	if (holds)
		tl_lock_release(&w->lock);
	tl_queue_close(w->in);
	tl_queue_close(w->out);
	for (int i = 0; i < 2; i++)
		close(w->readable[i]), close(w->writable[i]);
	pair_close(w->recv);
	pair_close(w->send);
	CHECK_EQ(tl_listener_close(w->door, TL_NEVER), 0);
	tl_close(w->accepted, TL_NEVER);
	tl_close(w->caller, TL_NEVER);
}

/* Commits one, says so, and keeps what it has until it is told to go. */
static int choose_and_keep(void *arg)
{
	struct world *w = arg;

	w->r = tl_select(w->c, KINDS + 1, TL_NEVER);
	tl_event_set(&w->chosen);
	CHECK_EQ(tl_event_wait(&w->go, TL_NEVER), 0);
	if (w->r == LOCK)
		tl_lock_release(&w->lock);
	return 0;
}

static int result_of(int k)
{
	switch (k) {
	case GET: return 8;
	case READABLE: return TL_IN;
	case WRITABLE: return TL_OUT;
	case RECV:
	case SEND: return 3;
	default: return 0;
	}
}

static void against(int i, int j, bool thread)
{
	struct world *w = &world;
	tl_scope s = { .keep_going = true };
	tl_strand t;

	tl_scope_open(&s);
	make(w, &s);
	t = (thread ? start_thread : start_task)(&s, choose_and_keep, w);
	await_state(t, TL_BLOCKED);
	make_possible(w, i);
	if (j != i)
		make_possible(w, j);
	CHECK_EQ(tl_event_wait(&w->chosen, TL_NEVER), 0);
	CHECK(w->r == i || w->r == j);
	CHECK_EQ(w->c[w->r].result, result_of(w->r));
	CHECK_EQ(w->got, w->r == GET ? 4 : 0);
	CHECK_EQ(w->accepted != NULL, w->r == ACCEPT);
	if (i == SEND || j == SEND) /* for a second one there is room all the same */
		CHECK_EQ(tl_read(w->send.b, w->buf, 8, TL_POLL), w->r == SEND ? 3 : -EAGAIN);
	if (i == JOINED || j == JOINED)
		CHECK_EQ(tl_join(w->who, NULL, TL_NEVER), 0);
	for (int k = 0; k < KINDS; k++)
		if (k != LOCK || i == LOCK || j == LOCK) /* else we hold it ourselves */
			CHECK_EQ(still_there(w, k), (k == i || k == j) && !(takes(k) && k == w->r));
	tl_event_set(&w->go);
	CHECK_EQ(ending(t), 0);
	unmake(w, i != LOCK && j != LOCK);
	tl_cancel(w->who);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST_LIMIT(every_two_task, 60)
{
	for (int i = 0; i < KINDS; i++)
		for (int j = 0; j < KINDS; j++)
			against(i, j, false);
}

TEST_LIMIT(every_two_thread, 60)
{
	for (int i = 0; i < KINDS; i++)
		for (int j = 0; j < KINDS; j++)
			against(i, j, true);
}
