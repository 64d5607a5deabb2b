/* manager_server.c - a manager's server: one strand, on whose loop each connection is a task.
 *
 * It is asked to end by being cancelled.  A task of it waits for just that, and lets all
 * connections go: calls that wait are answered -EPIPE, idle connections read their end.  So those
 * who are inside end by themselves, and what was done is answered. */
#include "object.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROOF_S = 5, CONNECTIONS = 10000 };

static struct client *client_of(struct server *s, const unsigned char id[CLIENT_ID])
{
	struct client *c = s->clients;

	while (c && memcmp(c->id, id, CLIENT_ID) != 0)
		c = c->next;
	if (!c) {
		c = calloc(1, sizeof *c);
		if (!c)
			return NULL;
		memcpy(c->id, id, CLIENT_ID);
		c->next = s->clients;
		s->clients = c;
	}
	c->links++;
	return c;
}

static void client_leave(struct server *s, struct client *c)
{
	struct client **at = &s->clients;

	if (--c->links)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	client_gone(s, c);
	free(c);
}

/* -- connections */

static void peer_add(struct peer *p)
{
	p->next = p->server->peers;
	if (p->next)
		p->next->prev = p;
	p->server->peers = p;
}

static void peer_remove(struct peer *p)
{
	*(p->prev ? &p->prev->next : &p->server->peers) = p->next;
	if (p->next)
		p->next->prev = p->prev;
}

static int peer_serve(tl_stream *stream, void *arg)
{
	struct peer p = { .server = arg };
	unsigned char id[CLIENT_ID];
	int r = proof_ask(stream, p.server->manager, id, tl_after(tl_s(PROOF_S)));

	if (r < 0 || p.server->stopping)
		return r;
	p.client = client_of(p.server, id);
	if (!p.client)
		return -ENOMEM;
	p.link = (struct link){ .stream = stream, .most = p.server->manager->max_message };
	peer_add(&p);
	while (r >= 0) {
		tl_value request = TL_NIL;

		r = link_recv(&p.link, &request, TL_NEVER);
		if (r == 0)
			r = turn_request(&p, request);
		tl_value_free(&request);
	}
	peer_remove(&p);
	client_leave(p.server, p.client);
	p.link.stream = NULL; /* tl_serve closes it */
	link_close(&p.link);
	return r;
}

/* -- the end */

static void stop(struct server *s)
{
	s->stopping = true;
	for (struct peer *p = s->peers; p; p = p->next) {
		if (p->waiter && !p->waiter->done)
			object_leave(p->at, p->waiter, -EPIPE);
		shutdown(tl_stream_fd(p->link.stream), SHUT_RD);
	}
}

static int await_stop(void *arg)
{
	tl_event never = { 0 };
	int r = tl_event_wait(&never, TL_NEVER);

	stop(arg);
	return r;
}

/* -- the beginning */

int server_tell(int fd, int r)
{
	size_t told = 0;
	ssize_t n;

	do {
		n = send(fd, (const char *)&r + told, sizeof r - told, MSG_NOSIGNAL);
		told += n > 0 ? (size_t)n : 0;
	} while (told < sizeof r && (n > 0 || errno == EINTR));
	close(fd);
	return told == sizeof r ? r : -EPIPE;
}

static int make_root(struct server *s, uint64_t *ret)
{
	struct call c = { .server = s };
	struct object *root;
	int r = proof_random(&s->round, sizeof s->round);

	s->self.type = &type_server;
	r = r < 0 ? r : object_new(&c, &type_dict, NULL, &root);
	if (r < 0)
		return r;
	root->refs = 1;
	*ret = root->id;
	return 0;
}

static int begin(struct boot *b, struct server *s, tl_listener **ret)
{
	int r = b->init.id ? tl_func_call(b->init, NULL) : 0;

	b->manager->pid = getpid();
	r = r < 0 ? r : make_root(s, &b->manager->root);
	r = r < 0 ? r : tl_listen(ret, b->manager->address);
	if (r == 0)
		tl_listener_address(*ret, b->manager->address, sizeof b->manager->address);
	/* Pairs with hear; that the word of it comes later orders them, too, but unseen. */
	atomic_store_explicit(&b->manager->ready, true, memory_order_release);
	return r;
}

int server_run(void *arg)
{
	struct boot *b = arg;
	struct server s = { .manager = b->manager };
	tl_scope scope = { .name = "manager", .keep_going = true };
	tl_listener *l = NULL;
	int r;

	atomic_store_explicit(
		&b->manager->begun, true, memory_order_relaxed); /* joined before read */
	if (tl_kind(tl_self()) == TL_PROCESS) /* Ctrl-C is for the program, which then ends it */
		signal(SIGINT, SIG_IGN);
	r = server_tell(b->fd < 0 ? tl_given_fd(0) : b->fd, begin(b, &s, &l));
	if (r == 0) {
		tl_scope_open(&scope);
		tl_task_start(&scope, await_stop, &s,
			&(tl_opts){ .name = "manager's end", .daemon = true });
		tl_serve(l, peer_serve, &s,
			&(tl_serve_opts){ .limit = CONNECTIONS, .drain = tl_s(GRACE_S) });
		tl_scope_close(&scope);
	}
	tl_listener_close(l, TL_NEVER);
	object_end(&s);
	return 0;
}
