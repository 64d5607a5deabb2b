/* object.h - what a manager's server is made of.  All of it belongs to the server's one thread, and
 * no verb waits in telar: so each is atomic, and there are no locks. */
#ifndef TELAR_KIT_OBJECT_H
#define TELAR_KIT_OBJECT_H
#include "manager.h"
#include "value.h"

/* -- object_map.c: values by key, in the order in which the keys came */
struct entry {
	tl_value key, value; /* key NIL and !used: a hole */
	uint64_t hash;
	bool used;
};
struct map {
	struct entry *entries;
	uint32_t *index;                 /* entry + 1; 0: none; mask + 1 of them */
	size_t n, end, cap, count, mask; /* end: of the last that is no hole */
};
tl_value *map_find(const struct map *m, tl_value key);
int map_put(struct map *m, tl_value key, tl_value value); /* takes both, if it answers 0; new key */
bool map_take(struct map *m, tl_value key, tl_value *ret_key, tl_value *ret_value);
struct entry *map_next(const struct map *m, const struct entry *e); /* NULL: the first, the end */
struct entry *map_last(const struct map *m);
void map_free(struct map *m); /* not what is in it */

/* -- values in a row */
struct row {
	tl_value *at; /* begins at room + from */
	tl_value *room;
	size_t n, from, cap;
};
int row_insert(struct row *r, size_t i, tl_value v); /* takes v */
tl_value row_take(struct row *r, size_t i);
void row_free(struct row *r);

struct server;
struct client;
struct object;
struct call;

struct verb {
	const char *name;
	uint8_t least, most; /* arguments */
	bool writes;         /* it may change the object */
	bool stays;          /* who is asked to leave may have to wait for something first */
	int (*fn)(struct call *c);
};

struct type {
	const char *name;
	int (*open)(struct call *c);     /* c->object is new; arguments are checked here */
	void (*close)(struct object *o); /* NULL: nothing but what object.c frees */
	const struct verb *verbs;        /* the last has no name */
	bool plain;                      /* it can be part of a transaction */
	const struct verb *alike;        /* those that types like it have, too; NULL: none */
};

/* Who holds a lock. */
struct holder {
	struct client *client; /* NULL: nobody */
	uint64_t strand;
};
/* What a type needs that is no value. */
struct state {
	struct holder holder;
	uint64_t depth, round;
	int64_t units, limit, waiting;
	bool lost, set, broken;
	char code; /* of Value and Array */
};

struct object {
	const struct type *type;
	uint64_t id;
	uint64_t refs; /* of clients and of other objects */
	struct map map;
	struct row row;
	struct state state;
	void *self; /* of a class */
	const tl_class *class;
	struct waiter *first, *last;
	struct object *next; /* those that nobody holds any more */
	bool listed;
};

/* One call of a verb.  A verb answers -EAGAIN if it would wait, and is called again when the object
 * has changed; if it has changed something itself by then, its stage is no longer 0. */
struct call {
	struct server *server;
	struct client *client;
	struct peer *peer; /* NULL: the server itself calls */
	uint64_t strand;
	struct object *object;
	const struct verb *verb;
	const tl_value *args;
	size_t n;
	int stage;
	uint64_t seen;
	int leaving; /* < 0: asked to leave, and why: -ETIMEDOUT, -ECANCELED, -EPIPE (it is gone) */
	tl_value ret;  /* a verb that waits answers nothing borrowed */
	bool owned;    /* ret is freed with the call */
	bool took;     /* ret was taken out of an object: the client keeps the objects in it */
	void *scratch; /* freed with the call */
	char why[200];
};

/* A call that waits, on its connection's stack. */
struct waiter {
	struct call *call;
	struct waiter *prev, *next;
	tl_event ready;
	bool done;
	int r;
};

struct client {
	unsigned char id[CLIENT_ID];
	struct map refs; /* of objects, by id: how often it keeps them */
	unsigned links;
	struct client *next;
};

/* A connection. */
struct peer {
	struct server *server;
	struct client *client;
	struct link link;
	bool gone;         /* nobody is there any more: nothing is read from it, or given to it */
	struct object *at; /* what it waits in, and how; NULL: it does not */
	struct waiter *waiter;
	struct peer *prev, *next;
};

struct slot {
	struct object *object;
	uint64_t round; /* 40 bits */
	uint32_t next;  /* free ones; 0: the last */
};

struct server {
	const tl_manager *manager;
	struct object self; /* the object 0 */
	struct slot *slots; /* slot 0 is nobody's */
	uint32_t n_slots, cap_slots, free_slot;
	uint32_t round; /* where slots begin to count */
	struct client *clients;
	struct peer *peers;
	struct object *unheld;
	struct saved *saved; /* in a transaction */
	bool stopping;
};

/* -- object.c */
int object_new(struct call *c, const struct type *t, const tl_class *class, struct object **ret);
void object_touch(struct server *s, struct object *o); /* it may be that nobody holds it */
struct object *object_at(const struct server *s, uint64_t id);
void object_settle(struct object *o); /* it has changed: who waited for that goes on */
void object_leave(struct object *o, struct waiter *w, int why);
void object_wait(struct object *o, struct waiter *w);
void object_sweep(struct server *s); /* free what nobody holds */
void object_end(struct server *s);   /* all of them */
int client_keep(struct server *s, struct client *c, uint64_t id, int64_t by);
int client_keep_all(struct server *s, struct client *c, tl_value v); /* the objects in v */
void client_gone(struct server *s, struct client *c);
/* Values that objects hold. */
int value_known(struct call *c, tl_value v); /* 0, or -ESRCH: it names an object that has gone */
int value_store(struct call *c, tl_value v, tl_value *ret); /* a copy; its objects are held */
void value_hold(struct server *s, tl_value v, int by);
void value_let(struct server *s, tl_value v); /* and freed */
int say(struct call *c, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int answer_taken(struct call *c, tl_value v); /* one that has just been taken out of the object */
int wanted(struct call *c, const char *what, tl_value v); /* -EINVAL: that is wanted, not v */
int want_int(struct call *c, size_t i, int64_t *ret);
int add_to(struct call *c, tl_value *sum); /* what its second argument says */

/* -- object_save.c: a transaction ends; undone, or for good, and who waited goes on */
int object_save(struct server *s, struct object *o);
void object_saved(struct server *s, bool undo);

/* -- manager_turn.c */
int turn_request(struct peer *p, tl_value request); /* < 0: hang up */
/* Asked by a verb before it takes what only the caller will have: 0, or -EPIPE: he has gone. */
int turn_still(struct call *c);

/* -- the types */
extern const struct type type_server, type_list, type_dict, type_set, type_namespace, type_value,
	type_array, type_lock, type_rlock, type_condition, type_event, type_semaphore,
	type_bounded_semaphore, type_barrier, type_queue, type_joinable_queue, type_class;
const struct verb *verb_named(const struct type *t, tl_value name);
int class_call(struct call *c, const char *verb);
void lock_owner_gone(struct object *o, const struct client *c);
/* Answer before, v as a text, after; `after` NULL: only before. */
int text_of(struct call *c, const char *before, tl_value v, const char *after);

#endif
