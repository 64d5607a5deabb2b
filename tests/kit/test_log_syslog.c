/* Syslog's socket as the place where lines go. */
#include "lines.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <telar/log.h>

static int daemon_socket(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static const char *received(int fd)
{
	static char text[1 << 18];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	text[n < 0 ? 0 : n] = 0;
	return text;
}

/* D20: syslog gets a datagram per record, as syslog(3) sends it */
TEST(syslog_datagrams)
{
	static const struct {
		int level, severity;
	} each[] = { { TL_DEBUG, 7 }, { TL_INFO, 6 }, { TL_WARNING, 4 }, { TL_ERROR, 3 },
		{ TL_CRITICAL, 2 }, { 45, 3 } };
	int fd = daemon_socket("socket"), pid, day, h, m, s, priority;
	char month[4], rest[100];

	tl_logger_level(tl_log_root, 1);
	opened(&(tl_handler_opts){ .syslog = "socket", .facility = 3 << 3, .ident = "me" });
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		tl_log(each[i].level, "text %d", (int)i);
		CHECK_EQ(sscanf(received(fd), "<%d>%3s %d %d:%d:%d me[%d]: %99[^\n]", &priority,
				 month, &day, &h, &m, &s, &pid, rest),
			8);
		CHECK_EQ(priority, 3 << 3 | each[i].severity);
		CHECK_EQ(pid, getpid());
		CHECK_EQ(strncmp(rest, "text ", 5), 0);
		CHECK(rest[5] == (char)('0' + i) && rest[6] == 0);
	}
}

/* D20: a syslog that is not there, or does not read, costs records and no time */
TEST(syslog_away)
{
	tl_handler *h = opened(&(tl_handler_opts){ .syslog = "socket" });
	int fd, n = 0;

	tl_log(TL_ERROR, "lost");
	CHECK_EQ(tl_handler_dropped(h), 1);
	fd = daemon_socket("socket");
	tl_log(TL_ERROR, "found");
	CHECK(strstr(received(fd), "]: 1 record was dropped here: ENOENT") != NULL);
	CHECK(strstr(received(fd), "]: found") != NULL);
	while (tl_handler_dropped(h) < 5) {
		tl_log(TL_ERROR, "too many");
		n++;
	}
	CHECK(n > 5);
	close(fd);
	CHECK_EQ(unlink("socket"), 0);
	fd = daemon_socket("socket"); /* the daemon was started anew */
	tl_log(TL_ERROR, "new");
	CHECK(strstr(received(fd), "]: 4 records were dropped here: no room") != NULL);
	CHECK(strstr(received(fd), "]: new") != NULL);
}

/* D20: a record that is too long for syslog is cut, and says so */
TEST(syslog_long)
{
	static char big[60001];
	int fd = daemon_socket("socket"), small = 4096, size = 0;
	socklen_t n = sizeof size;
	const char *text;
	tl_handler *h;

	(void)small;
	memset(big, 'x', sizeof big - 1);
	h = opened(&(tl_handler_opts){ .syslog = "socket", .ident = "me" });
	for (int i = 0; i < 8; i++) /* more than a socket takes at once */
		tl_log(TL_ERROR, "%s", big);
	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &n), 0);
	text = received(fd);
	CHECK(strlen(text) > 60000 || strcmp(text + strlen(text) - 6, " [cut]") == 0);
	CHECK(tl_handler_dropped(h) < 8);
	CHECK_EQ(tl_handler_open(&h, &(tl_handler_opts){ .syslog = big }), -EINVAL);
	CHECK_EQ(tl_handler_open(&h, &(tl_handler_opts){ .syslog = "s", .facility = 7 }), -EINVAL);
}
