/* manager.h - what the files of the manager share.  See telar/manager.h.
 *
 *	client side                             server side, one thread
 *	manager.c       open, connect, close    manager_server.c  listens, a task per connection
 *	manager_call.c  tl_object_...           manager_turn.c    requests, and who waits
 *	manager_door.c  connections             object.c          ids, references, clients
 *	manager_proof.c, manager_link.c: both   object_*.c        the types
 */
#ifndef TELAR_KIT_MANAGER_H
#define TELAR_KIT_MANAGER_H
#include <telar/manager.h>
#include <telar/process.h>
#include <telar/scope.h>
#include <telar/select.h>
#include <telar/stream.h>
#include <telar/sync.h>

enum { KEY_MOST = 64, CLIENT_ID = 16, NONCE = 32, MAC = 32, MESSAGE = 16 << 20, GRACE_S = 1 };

/* -- where a manager is: in shared memory, so that a tl_object means the same in every process.  It
 * is never given back, only used again: a stale tl_object finds one that is closed, or ids that are
 * others.  What is in it stays as it is from its opening to its closing. */
struct tl_manager {
	char address[160];
	unsigned char key[KEY_MOST];
	size_t key_size, max_message;
	pid_t pid;               /* of the server */
	uint64_t root;           /* the id of the server's first object */
	_Atomic bool begun;      /* who closes the descriptor of boot runs */
	_Atomic bool ready;      /* the server has written what it writes here */
	_Atomic uint64_t serial; /* odd: open; each opening and each closing adds one */
	tl_strand server;        /* of who opened it; { 0 }: it is another program's */
	tl_manager *next;        /* of this process: those to use again */
};

/* -- manager_link.c: messages over a stream: four bytes of length, and a value as CBOR */
struct link {
	tl_stream *stream;
	unsigned char *in, *out;
	size_t have, cap;       /* of in */
	size_t n, out_cap, put; /* of out; put: how much of it was written when a send failed */
	size_t most;            /* bytes of a message that comes */
};

void link_close(struct link *l);
bool link_is_cut(
	const struct link *l); /* whether the other has hung up, though unread bytes wait */
/* Another message that goes: values are added, then it is sent. */
void link_begin(struct link *l);
int link_list(struct link *l, uint32_t n); /* comes first: the next n values are one list */
int link_add(struct link *l, tl_value v);
int link_send(struct link *l, tl_time deadline);
/* The next message that comes, for tl_value_free.  -EPIPE: the other is gone; -EPROTO: it is no
 * message; -EMSGSIZE: it is longer than most. */
int link_recv(struct link *l, tl_value *ret, tl_time deadline);
/* The same in parts: room to read into, what was read, and a message if it is whole (1, 0, < 0). */
int link_room(struct link *l, void **ret, size_t *ret_n);
void link_got(struct link *l, size_t n);
int link_take(struct link *l, tl_value *ret);

/* -- manager_proof.c: that both have the key */
int proof_give(tl_stream *s, const tl_manager *m, const unsigned char id[CLIENT_ID],
	tl_time deadline); /* as a client; -EPERM, -EPROTO */
int proof_ask(tl_stream *s, const tl_manager *m, unsigned char ret_id[CLIENT_ID],
	tl_time deadline); /* as a server */
int proof_random(void *p, size_t n);
bool proof_possible(void);

/* -- manager_door.c: this process's connections to a manager */
int door_try(tl_manager *m, tl_time deadline); /* is it there, and has the key? */
/* A round trip.  ops[0..n) get their .r and .ret.  < 0: none was done, or (-EPIPE) who knows. */
int door_call(tl_manager *m, int kind, tl_op *ops, size_t n, tl_time deadline);
void door_sweep(void); /* close what is idle to managers that are closed */

/* What a request is. */
enum { REQUEST_CALLS, REQUEST_ATOMIC, REQUEST_CANCEL };
/* The server itself is an object, with the id 0: new, keep, drop, root, max_message, objects,
 * clients. */

/* -- manager_call.c: the words of the last failure of this strand */
void call_why(tl_value text);

/* -- manager_server.c */
struct boot {
	tl_manager *manager;
	tl_func init; /* { 0 }: none */
	int fd; /* tells that it listens, or why not: an int; -1: the process's first given one */
};
int server_run(void *boot);
int server_tell(int fd, int r); /* and close it; answers r, if it could be told */

#endif
