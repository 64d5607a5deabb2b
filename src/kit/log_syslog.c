/* log_syslog.c - one datagram per record to a local socket, as syslog(3) makes them (RFC 3164
 * without the host, which the daemon knows).
 *
 * Never waits: a daemon that does not read loses records, which are counted.  One that was started
 * anew is found again with the next record.  A record that is too long for its socket is cut. */
#include "log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

enum { SHORT = 1024 }; /* what every daemon takes, RFC 3164 section 4.1 */

static void drop_socket(tl_handler *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

static void syslog_close(tl_handler *h)
{
	drop_socket(h);
	free(h->path);
	h->path = NULL;
}

static int connect_socket(tl_handler *h)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	drop_socket(h);
	memcpy(at.sun_path, h->path, strlen(h->path) + 1);
	h->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd < 0)
		return -errno;
	if (connect(h->fd, (struct sockaddr *)&at, sizeof at) < 0) {
		int r = -errno;

		drop_socket(h);
		return r;
	}
	return 0;
}

static int syslog_open(tl_handler *h, const tl_handler_opts *o)
{
	const char *ident = o->ident ? o->ident : program_invocation_short_name;

	h->fd = -1;
	if (o->facility & ~LOG_FACMASK ||
		strlen(o->syslog) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return -EINVAL;
	h->facility = o->facility ? o->facility : LOG_USER;
	snprintf(h->ident, sizeof h->ident, "%s", ident);
	h->path = strdup(o->syslog);
	if (!h->path)
		return -ENOMEM;
	connect_socket(h); /* it may come later */
	return 0;
}

static int severity(int level)
{
	return level >= TL_CRITICAL  ? LOG_CRIT
	       : level >= TL_ERROR   ? LOG_ERR
	       : level >= TL_WARNING ? LOG_WARNING
	       : level >= TL_INFO    ? LOG_INFO
				     : LOG_DEBUG;
}

static int send_once(tl_handler *h, const char *bytes, size_t n)
{
	ssize_t r;

	if (h->fd < 0)
		return -ENOTCONN;
	do
		r = send(h->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int send_all(tl_handler *h, struct text *t)
{
	int r = send_once(h, t->at, t->n);

	if (r < 0 && r != -EAGAIN && r != -EMSGSIZE && (r = connect_socket(h)) == 0)
		r = send_once(h, t->at, t->n);
	if (r != -EMSGSIZE || t->n <= SHORT)
		return r;
	memcpy(t->at + SHORT - 6, " [cut]", 6);
	return send_once(h, t->at, SHORT);
}

static int syslog_line(tl_handler *h, int level, const char *line, size_t n)
{
	struct timespec now;
	struct text t;
	struct tm tm;
	int r, offset;

	clock_gettime(CLOCK_REALTIME, &now);
	log_local(&now, &tm, &offset);
	text_init(&t, LOG_TEXT);
	text_putf(&t, "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", h->facility | severity(level),
		log_months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, h->ident,
		atomic_load_explicit(&log_process, memory_order_relaxed));
	text_put(&t, line, n);
	r = send_all(h, &t);
	text_free(&t);
	return r;
}

/* The socket may be shared with the parent: datagrams do not mix. */
const struct sink sink_syslog = { syslog_open, syslog_close, syslog_line, true };
