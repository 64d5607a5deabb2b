/* manager.c - managers opened, connected to and closed, as their users see them.
 *
 * A site is in shared memory and never freed: its serial is odd while it is open, and who has a
 * tl_object of an earlier time finds another serial, or a server that does not know the id.  sites
 * are those to be used again, under sites_lock. */
#include "manager.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <telar/shared.h>
#include <unistd.h>

enum { OWN_KEY = 32 };

struct tl_manager {
	struct tl_site *site;
	tl_strand server; /* { 0 }: it is not ours */
};

static struct tl_site *sites;
static tl_lock sites_lock;

static struct tl_site *site_new(void)
{
	struct tl_site *s;

	tl_lock_hold(&sites_lock);
	s = sites;
	if (s)
		sites = s->next;
	tl_lock_release(&sites_lock);
	return s ? s : tl_shared(sizeof *s);
}

static void site_free(struct tl_site *s)
{
	tl_lock_hold(&sites_lock);
	s->next = sites;
	sites = s;
	tl_lock_release(&sites_lock);
}

/* Open to closed, or closed to open. */
static void site_turn(struct tl_site *s)
{
	atomic_fetch_add_explicit(&s->serial, 1, memory_order_release); /* pairs with door_of */
}

static bool sane(const tl_manager_opts *o)
{
	for (size_t i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		if (o->reserved[i])
			return false;
	if (o->address && (!o->key || !o->key_size))
		return false;
	return o->key_size <= KEY_MOST && (o->kind == 0 || o->kind == TL_THREAD) &&
	       o->max_message <= INT32_MAX;
}

static bool starts(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }

/* Whether only this machine can reach it. */
static bool is_local(const char *a)
{
	return starts(a, "unix:") || starts(a, "127.") || starts(a, "localhost:") ||
	       starts(a, "[::1]") || a[0] == ':';
}

static int own_address(struct tl_site *s)
{
	uint64_t random[2];
	int r = proof_random(random, sizeof random);

	snprintf(s->address, sizeof s->address, "unix:@telar-manager-%016llx%016llx",
		(unsigned long long)random[0], (unsigned long long)random[1]);
	s->key_size = OWN_KEY;
	return r < 0 ? r : proof_random(s->key, OWN_KEY);
}

static int site_of(const tl_manager_opts *o, struct tl_site **ret)
{
	struct tl_site *s;
	int r = 0;

	if (tl_value_encode(TL_NIL, NULL, 0) < 0 || !proof_possible())
		return -ENOTSUP;
	if (!sane(o) || (o->address && strlen(o->address) >= sizeof s->address))
		return -EINVAL;
	s = site_new();
	if (!s)
		return -ENOMEM;
	s->max_message = o->max_message ? o->max_message : MESSAGE;
	if (o->address) {
		strcpy(s->address, o->address);
		memcpy(s->key, o->key, o->key_size);
		s->key_size = o->key_size;
	} else {
		r = own_address(s);
	}
	if (r < 0)
		site_free(s);
	else
		*ret = s;
	return r;
}

/* -- open */

/* What the server says, once it listens or cannot. */
static int hear(int fd, tl_time deadline)
{
	tl_stream *s = NULL;
	int said = -EPIPE, r = tl_stream_adopt(&s, fd);

	if (r < 0) {
		close(fd);
		return r;
	}
	r = tl_read_all(s, &said, sizeof said, NULL, deadline);
	tl_close(s, TL_NEVER);
	return r < 0 ? r : said;
}

static int start(struct tl_site *site, const tl_manager_opts *o, tl_strand *ret, tl_time deadline)
{
	struct boot boot = { .site = site, .init = o->init };
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	boot.fd = fds[1];
	r = tl_thread_start(NULL, server_run, &boot,
		&(tl_opts){ .name = "manager", .daemon = true, .copy = sizeof boot, .ret = ret });
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	r = hear(fds[0], deadline);
	if (r < 0)
		tl_cancel(*ret);
	return r;
}

int tl_manager_open(tl_manager **ret, const tl_manager_opts *o, tl_time deadline)
{
	static const tl_manager_opts none;
	tl_manager *m;
	int r;

	o = o ? o : &none;
	if (o->address && !o->in_clear && !is_local(o->address))
		return -EPERM;
	m = calloc(1, sizeof *m);
	r = m ? site_of(o, &m->site) : -ENOMEM;
	if (r == 0) /* a site whose server may still be starting is not used again */
		r = start(m->site, o, &m->server, deadline);
	if (r < 0) {
		free(m);
		return r;
	}
	site_turn(m->site);
	*ret = m;
	return 0;
}

int tl_manager_connect(tl_manager **ret, const tl_manager_opts *o, tl_time deadline)
{
	tl_manager *m;
	int r;

	if (!o || !o->address || o->init || o->kind)
		return -EINVAL;
	m = calloc(1, sizeof *m);
	r = m ? site_of(o, &m->site) : -ENOMEM;
	if (r < 0) {
		free(m);
		return r;
	}
	site_turn(m->site);
	r = door_try(m->site, deadline);
	if (r < 0) {
		tl_manager_close(m, TL_NEVER);
		return r;
	}
	*ret = m;
	return 0;
}

int tl_manager_close(tl_manager *m, tl_time deadline)
{
	int r = 0;

	if (!m)
		return 0;
	site_turn(m->site);
	if (m->server.id) {
		tl_cancel(m->server);
		r = tl_join(m->server, NULL, deadline);
		r = r == -ESRCH ? 0 : r; /* its scope has ended it already */
	}
	door_shut(m->site);
	if (r == 0)
		site_free(m->site);
	free(m);
	return r;
}

int tl_manager_address(const tl_manager *m, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%s", m->site->address);
}

tl_object tl_manager_root(const tl_manager *m)
{
	tl_object o = { m->site, ROOT };

	return o;
}

int tl_manager_new(tl_manager *m, const char *type, const tl_value *args, size_t n, tl_object *ret,
	tl_time deadline)
{
	tl_value few[8], *all = n < 8 ? few : malloc((n + 1) * sizeof *all), v = TL_NIL;
	tl_object server = { m ? m->site : NULL, 0 };
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
		*ret = (tl_object){ server.site, v.object };
	if (all != few)
		free(all);
	return r;
}
