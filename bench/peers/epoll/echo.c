/* A tuned epoll loop: level-triggered, one buffer, read and written in the same turn. */
#include "../echo.h"
#include <errno.h>
#include <sys/epoll.h>

enum { EVENTS = 512 };

static void take(int ep, int listener)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	ev.data.fd = fd;
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void echo(int fd)
{
	char buf[512];
	ssize_t n = recv(fd, buf, sizeof buf, 0);

	if ((n < 0 && errno != EAGAIN) || n == 0 ||
		(n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n))
		close(fd);
}

int main(void)
{
	static struct epoll_event events[EVENTS];
	int listener = echo_listen(), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = listener };

	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				take(ep, listener);
			else
				echo(events[i].data.fd);
		}
	}
}
