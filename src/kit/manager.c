/* manager.c - managers opened, connected to and closed, as their users see them.
 *
 * A manager is in shared memory and never freed: its serial is odd while it is open, and who has a
 * tl_object of an earlier time finds another serial, or a server that does not know the id.
 * unused are those to be used again, under unused_lock. */
#include "manager.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <telar/shared.h>
#include <unistd.h>

enum { OWN_KEY = 32 };

static tl_manager *unused;
static tl_lock unused_lock;

static tl_manager *manager_new(void)
{
	tl_manager *m;

	tl_lock_hold(&unused_lock);
	m = unused;
	if (m)
		unused = m->next;
	tl_lock_release(&unused_lock);
	return m ? m : tl_shared(sizeof *m);
}

static void manager_free(tl_manager *m)
{
	tl_lock_hold(&unused_lock);
	m->next = unused;
	unused = m;
	tl_lock_release(&unused_lock);
}

/* Open to closed, or closed to open. */
static void turn(tl_manager *m)
{
	atomic_fetch_add_explicit(&m->serial, 1, memory_order_release); /* pairs with door_of */
}

static bool sane(const tl_manager_opts *o)
{
	for (size_t i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		if (o->reserved[i])
			return false;
	if (o->address && (!o->key || !o->key_size))
		return false;
	return o->key_size <= KEY_MOST &&
	       (o->kind == 0 || o->kind == TL_THREAD || o->kind == TL_PROCESS) &&
	       o->max_message <= INT32_MAX;
}

static bool starts(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }

/* Whether only this machine can reach it. */
static bool is_local(const char *a)
{
	return starts(a, "unix:") || starts(a, "127.") || starts(a, "localhost:") ||
	       starts(a, "[::1]") || a[0] == ':';
}

static int own_address(tl_manager *m)
{
	uint64_t random[2];
	int r = proof_random(random, sizeof random);

	snprintf(m->address, sizeof m->address, "unix:@telar-manager-%016llx%016llx",
		(unsigned long long)random[0], (unsigned long long)random[1]);
	m->key_size = OWN_KEY;
	return r < 0 ? r : proof_random(m->key, OWN_KEY);
}

static int prepare(const tl_manager_opts *o, tl_manager **ret)
{
	tl_manager *m;
	int r = 0;

	if (tl_value_encode(TL_NIL, NULL, 0) < 0 || !proof_possible())
		return -ENOTSUP;
	if (!sane(o) || (o->address && strlen(o->address) >= sizeof m->address))
		return -EINVAL;
	m = manager_new();
	if (!m)
		return -ENOMEM;
	m->max_message = o->max_message ? o->max_message : MESSAGE;
	m->server = (tl_strand){ 0 };
	atomic_store_explicit(&m->begun, false, memory_order_relaxed);
	atomic_store_explicit(&m->ready, false, memory_order_relaxed);
	if (o->address) {
		strcpy(m->address, o->address);
		memcpy(m->key, o->key, o->key_size);
		m->key_size = o->key_size;
	} else {
		r = own_address(m);
	}
	if (r < 0)
		manager_free(m);
	else
		*ret = m;
	return r;
}

/* -- open */

/* What the server says, once it listens or cannot. */
static int hear(const tl_manager *m, int fd, tl_time deadline)
{
	tl_stream *s = NULL;
	int said = -EPIPE, r = tl_stream_adopt(&s, fd);

	if (r < 0) {
		close(fd);
		return r;
	}
	r = tl_read_all(s, &said, sizeof said, NULL, deadline);
	tl_close(s, TL_NEVER);
	if (r == 0 && !atomic_load_explicit(&m->ready, memory_order_acquire))
		return -EPROTO;
	return r < 0 ? r : said;
}

/* The task that owns the process: that one may be killed, which is no failure of its owner's scope
 * but of the calls that meet it. */
static int own_process(void *arg)
{
	struct boot boot = *(struct boot *)arg;
	tl_scope s = { .name = "manager", .keep_going = true };
	int fd = boot.fd, r;
	tl_process_opts given = { .fds = &fd, .n_fds = 1 };

	atomic_store_explicit(&boot.manager->begun, true, memory_order_relaxed); /* as server_run */
	boot.fd = -1;
	tl_scope_open(&s);
	r = tl_process_start(&s, server_run, &boot,
		&(tl_opts){ .name = "manager", .copy = sizeof boot, .process = &given });
	if (r < 0) {
		atomic_store_explicit(&boot.manager->ready, true, memory_order_release);
		server_tell(fd, r);
	} else {
		close(fd);
	}
	tl_scope_close(&s);
	return 0;
}

/* One that was cancelled before it began never runs, and closes nothing. */
static void withdraw(tl_manager *m, int fd)
{
	tl_scope s = { .name = "manager", .shield = true, .grace = tl_s(2 * GRACE_S) };

	tl_scope_open(&s);
	tl_cancel(m->server);
	if (tl_join(m->server, NULL, tl_after(tl_s(GRACE_S))) == 0 &&
		!atomic_load_explicit(&m->begun, memory_order_relaxed))
		close(fd);
	tl_scope_close(&s);
}

static int start(tl_manager *m, const tl_manager_opts *o, tl_time deadline)
{
	bool thread = o->kind == TL_THREAD;
	struct boot boot = { .manager = m, .init = tl_func_of(o->init) };
	tl_opts opts = {
		.name = "manager", .daemon = true, .copy = sizeof boot, .ret = &m->server
	};
	int fds[2], r;

	if (o->init && !boot.init.id)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	boot.fd = fds[1];
	r = thread ? tl_thread_start(NULL, server_run, &boot, &opts)
		   : tl_task_start(NULL, own_process, &boot, &opts);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	r = hear(m, fds[0], deadline);
	if (r < 0)
		withdraw(m, fds[1]);
	return r;
}

int tl_manager_open(tl_manager **ret, const tl_manager_opts *o, tl_time deadline)
{
	static const tl_manager_opts none;
	tl_manager *m = NULL;
	int r;

	o = o ? o : &none;
	if (o->address && !o->in_clear && !is_local(o->address))
		return -EPERM;
	r = prepare(o, &m);
	if (r < 0)
		return r;
	r = start(m, o, deadline);
	turn(m);
	if (r < 0)
		tl_manager_close(m, tl_after(tl_s(GRACE_S)));
	else
		*ret = m;
	return r;
}

static int ask_server(
	tl_manager *m, const char *what, enum tl_type type, tl_value *ret, tl_time deadline)
{
	tl_object server = { m, 0 };
	int r = tl_object_call(server, what, NULL, 0, ret, deadline);

	if (r == 0 && ret->type != type) {
		tl_value_free(ret);
		r = -EPROTO;
	}
	return r;
}

/* Another program's server has made the root, and says how large a request may be: what it would
 * hang up on is then not sent. */
static int learn(tl_manager *m, tl_time deadline)
{
	tl_value root = TL_NIL, most = TL_NIL;
	int r = ask_server(m, "root", TL_T_OBJECT, &root, deadline);

	r = r < 0 ? r : ask_server(m, "max_message", TL_T_INT, &most, deadline);
	if (r < 0 || most.i < 0)
		return r < 0 ? r : -EPROTO;
	m->root = root.object;
	if (most.i < (int64_t)m->max_message)
		m->max_message = (size_t)most.i;
	return 0;
}

int tl_manager_connect(tl_manager **ret, const tl_manager_opts *o, tl_time deadline)
{
	tl_manager *m = NULL;
	int r;

	if (!o || !o->address || o->init || o->kind)
		return -EINVAL;
	r = prepare(o, &m);
	if (r < 0)
		return r;
	turn(m);
	r = door_try(m, deadline);
	r = r < 0 ? r : learn(m, deadline);
	if (r < 0)
		tl_manager_close(m, TL_NEVER);
	else
		*ret = m;
	return r;
}

/* One whose server may still run is not used again. */
int tl_manager_close(tl_manager *m, tl_time deadline)
{
	int r = 0;

	if (!m)
		return 0;
	turn(m);
	if (m->server.id) {
		tl_cancel(m->server);
		r = tl_join(m->server, NULL, deadline);
		r = r == -ESRCH ? 0 : r; /* its scope has ended it already */
	}
	door_sweep();
	if (r == 0)
		manager_free(m);
	return r;
}

int tl_manager_address(const tl_manager *m, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%s", m->address);
}

tl_object tl_manager_root(const tl_manager *m)
{
	tl_object o = { (tl_manager *)(uintptr_t)m, m->root };

	return o;
}

int tl_manager_new(tl_manager *m, const char *type, const tl_value *args, size_t n, tl_object *ret,
	tl_time deadline)
{
	tl_value few[8], *all = n < 8 ? few : malloc((n + 1) * sizeof *all), v = TL_NIL;
	tl_object server = { m, 0 };
	int r = all ? 0 : -ENOMEM;

	if (!type || !m)
		r = -EINVAL;
	if (r == 0) {
		all[0] = TL_STR(type);
		if (n)
			memcpy(all + 1, args, n * sizeof *all);
		r = tl_object_call(server, "new", all, n + 1, &v, deadline);
	}
	if (r == 0)
		r = tl_object_in(server, v, ret);
	tl_value_free(&v);
	if (all != few)
		free(all);
	return r;
}
