/* telar/manager.h - a server that owns objects (list, dict, Lock, Queue ...) which strands of any
 * process use, as Python's multiprocessing.Manager.
 *
 *	tl_manager *m;
 *	tl_object d;
 *	if (tl_manager_open(&m, NULL, TL_NEVER) < 0 ||
 *		tl_manager_new(m, "dict", NULL, 0, &d, TL_NEVER) < 0) ...
 *	r = tl_object_set(d, TL_STR("answer"), TL_INT(42), tl_after(tl_s(1)));
 *
 * Objects.  A tl_object is a value: copy it, pass it to a child process; it means the same in every
 * process of the program.  It counts nothing: an object lives as long as a process that keeps it
 * (tl_manager_new, tl_object_keep) lives and has not dropped it, or another object of its manager
 * holds it (TL_OBJECT as a value).  A stale one is -ESRCH, never another object.
 *
 * Calls.  One round trip each, and each verb is atomic.  Cancel points, with a deadline that the
 * server keeps: what answers -ETIMEDOUT or -ECANCELED was not done.  -EPIPE: the server is gone, or
 * has not answered ten seconds after the deadline; whether the call was done is not known.  TL_POLL
 * (no cancel point) and deadlines in the past try once, at the server: only the round trip is
 * waited for.  Else a verb fails with an errno; tl_object_why has the words: -ENOENT (no such key),
 * -EINVAL (no such verb, arguments that make no sense, or nested deeper than TL_VALUE_DEPTH - 2),
 * -ESRCH, -EOVERFLOW, -EPERM, -EOWNERDEAD, -EMSGSIZE (beyond .max_message; nothing was sent).
 *
 * Who dies.  A client process that ends, killed or not, loses what it kept; what it waited for it
 * does not get; a Lock, RLock or Condition that it held is lost: acquire answers -EOWNERDEAD and
 * does not hold, recover does, and its release makes it sound again, as tl_lock.  Units of
 * semaphores that it took stay taken.  With the server the objects are gone.
 *
 * Others.  Peers of the program know each other by a random key; where an .address is given, by its
 * .key: both sides prove that they have it (HMAC-SHA-256 over random challenges) before a byte is
 * believed.  Nothing is encrypted: addresses beyond this machine are refused unless .in_clear. */
#ifndef TELAR_MANAGER_H
#define TELAR_MANAGER_H
#include <telar/strand.h>
#include <telar/value.h>
#ifdef __cplusplus
extern "C" {
#endif

/* In shared memory: every process of the program may use it; who opened it closes it. */
typedef struct tl_manager tl_manager;

typedef struct tl_object {
	tl_manager *manager;
	uint64_t id;
} tl_object; /* { 0 } is none: -ESRCH */

/* The object o, as a value that another object of its manager can hold. */
#define TL_OBJECT(o) tl_value_make(TL_T_OBJECT, 0, (int64_t)(o).id, NULL)

typedef struct tl_manager_opts {
	const char *address; /* as in telar/stream.h; NULL: one that nobody else knows */
	const void *key;     /* what both sides must know; needed with .address */
	size_t key_size;     /* 1 to 64 bytes */
	enum tl_kind kind;   /* what the server is, TL_THREAD or TL_PROCESS; 0: TL_PROCESS */
	tl_fn *init;         /* run in the server first, with NULL: tl_class_add */
	size_t max_message;  /* bytes of a request that the server takes; 0: 16 MiB */
	bool in_clear;       /* listen also where others can read what is sent */
	uint64_t reserved[4];
} tl_manager_opts;

/* Start a server, as a daemon of the caller's innermost scope, and wait until it listens.  It ends
 * with tl_manager_close, at the latest with that scope.  Cancel point.  Errors: -EADDRINUSE (there
 * is one already), -EINVAL (address, options, an address without a key), -EPERM (the address can be
 * reached from beyond this machine), -ENOTSUP (this build has no libcbor or libmd), -ENOMEM, what
 * init answered, those of tl_listen and tl_process_start.  Ownership: *ret is the caller's, for
 * tl_manager_close; untouched on failure.  Source: Python's multiprocessing.managers.  Example:
 * manager.c. */
TL_API int tl_manager_open(tl_manager **ret, const tl_manager_opts *o, tl_time deadline) TL_MUST;

/* Use the server at o->address, which another program started, with the same key.  Cancel point.
 * Errors: -EPERM (not the same key), -EPROTO (that is no manager), -ECONNREFUSED and the others of
 * tl_connect, -EINVAL (no address, no key).  Ownership: as tl_manager_open. */
TL_API int tl_manager_connect(tl_manager **ret, const tl_manager_opts *o, tl_time deadline) TL_MUST;

/* Where its server listens, into buf[0..cap), always terminated; answers the whole length.  Not a
 * cancel point. */
TL_API int tl_manager_address(const tl_manager *m, char *buf, size_t cap);

/* The dict that every manager has from the start and never loses: names of objects, by which those
 * who connect find them.  Not a cancel point; cannot fail. */
TL_API tl_object tl_manager_root(const tl_manager *m);

/* End the server that tl_manager_open started: calls that wait are answered -EPIPE, its objects are
 * gone, and its address is free when this answers 0.  After tl_manager_connect: only let go.  NULL
 * is legal.  Nobody may be using m itself; its objects answer -EPIPE.  Cancel point.  Errors:
 * -ETIMEDOUT, -ECANCELED (it was asked to end, and does, with its scope at the latest).  Ownership:
 * m is gone in any case. */
TL_API int tl_manager_close(tl_manager *m, tl_time deadline);

/* Make an object and keep it.  type and args[0..n), of which it begins with copies: "list" (a
 * list), "dict" and "Namespace" (a map), "set" (a list), all empty without; "Value" (a type code as
 * in Python, a number), "Array" (a type code; a list or a length); "Lock", "RLock", "Condition",
 * "Event"; "Semaphore" and "BoundedSemaphore" (units; 1), "Barrier" (parties); "Queue" and
 * "JoinableQueue" (most items; 0: any number); or one of tl_class_add.  Their verbs stand in
 * docs/design/manager.md.  Cancel point.  Errors: above; -EINVAL also for an unknown type.
 * Ownership: *ret is kept by this process until tl_object_drop; untouched on failure. */
TL_API int tl_manager_new(tl_manager *m, const char *type, const tl_value *args, size_t n,
	tl_object *ret, tl_time deadline) TL_MUST;

/* Count this process once more among those who keep o.  Cancel point.  Errors: -ESRCH, above. */
TL_API int tl_object_keep(tl_object o, tl_time deadline) TL_MUST;
/* Take back one tl_object_keep or tl_manager_new of this process; the last lets the object go.
 * Cancel point.  Errors: -ESRCH, -EPERM (this process does not keep it), above. */
TL_API int tl_object_drop(tl_object o, tl_time deadline);

/* The object that v, which came out of o, names; it is not kept.  Not a cancel point.  Error:
 * -EINVAL (v names none). */
TL_API int tl_object_in(tl_object o, tl_value v, tl_object *ret);

/* Call a verb of o with args[0..n); some wait: acquire, get, put, wait, join.  ret (may be NULL):
 * what it answers, nil if nothing.  Cancel point.  Answers 0 or the verb's error.  Ownership: args
 * stay the caller's; *ret is the caller's, for tl_value_free; untouched on failure. */
TL_API int tl_object_call(tl_object o, const char *verb, const tl_value *args, size_t n,
	tl_value *ret, tl_time deadline);

/* What o (a dict, list, Array, Namespace; Value: nil) has at key.  Cancel point.  Errors: -ENOENT,
 * above.  Ownership: *ret is the caller's, for tl_value_free; untouched on failure. */
TL_API int tl_object_get(tl_object o, tl_value key, tl_value *ret, tl_time deadline) TL_MUST;
/* Have v at key from now on.  Cancel point.  Errors: -ENOENT (an index), above.  Ownership: key and
 * v stay the caller's. */
TL_API int tl_object_set(tl_object o, tl_value key, tl_value v, tl_time deadline);

/* Compare and swap: have `is` at key if it has `was`; a key that is not there has nil.  Cancel
 * point.  Answers 1 (done) or 0 (something else is there).  Errors: -EPROTO (a class of one's own
 * answered no truth value; it was called), above. */
TL_API int tl_object_swap(tl_object o, tl_value key, tl_value was, tl_value is, tl_time deadline);
/* Add `by` to the whole number at key; a dict or Namespace that has none begins with 0.  ret (may
 * be NULL): the sum; untouched on failure.  Cancel point.  Errors: -EOVERFLOW, -EINVAL (no whole
 * number), -EPROTO (a class of one's own answered no number; it was called), above. */
TL_API int tl_object_add(tl_object o, tl_value key, int64_t by, int64_t *ret, tl_time deadline);

/* o as Python prints it, into buf[0..cap), always terminated; answers the whole length.  Cancel
 * point.  Errors: above. */
TL_API int tl_object_text(tl_object o, char *buf, size_t cap, tl_time deadline);

typedef struct tl_op {
	tl_object object;
	const char *verb;
	const tl_value *args;
	size_t n;
	tl_value ret; /* what it answered: the caller's, for tl_value_free; nil if it failed */
	int r;        /* 0 or its error */
} tl_op;

/* Call ops[0..n), of one manager, in this order and in one round trip.  Others may come in between;
 * one that fails does not keep the next from being called, but none is begun after the deadline or
 * a cancel.  Cancel point.  Answers 0, with each answer in .r and .ret; or what kept them all from
 * being done (or, -EPIPE, from being known), which then is every .r, too.  Errors: -EINVAL (two
 * managers), above. */
TL_API int tl_object_many(tl_op *ops, size_t n, tl_time deadline);
/* A transaction: all of ops[0..n), of one manager, with nothing in between, or none: the first that
 * fails undoes those before it, and its error is the answer and every .r.  None waits: one that
 * would is -EAGAIN.  It takes as long as copying the containers it touches.  Cancel point.  Errors:
 * -ENOTSUP (a Barrier, or an object of a class of one's own), above. */
TL_API int tl_object_atomic(tl_op *ops, size_t n, tl_time deadline);

/* What the server said to the calling strand's last call that failed, into buf[0..cap), always
 * terminated; "" if nothing.  Answers the whole length.  Not a cancel point. */
TL_API int tl_object_why(char *buf, size_t cap);

/* A type of one's own.  Its functions run in the server, one at a time, and must not wait. */
typedef struct tl_class {
	/* Make one, in *ret_self.  Errors reach tl_manager_new. */
	int (*open)(void **ret_self, const tl_value *args, size_t n);
	/* A verb; what is put into *ret is telar's to free: of tl_value_copy.  One that is not
	 * known is -EINVAL. */
	int (*call)(void *self, const char *verb, const tl_value *args, size_t n, tl_value *ret);
	void (*close)(void *self); /* nobody holds it any more; may be NULL */
	uint64_t reserved[4];
} tl_class;

/* Know c as `type` in this process, if it is a server: to be called by .init.  c must stay.  Not a
 * cancel point.  Errors: -EBUSY (another is known as that), -EINVAL, -ENOMEM. */
TL_API int tl_class_add(const char *type, const tl_class *c);

#ifdef __cplusplus
}
#endif
#endif
