/* echo.h - what the echo servers in C and C++ share: a listening socket whose port is printed. */
#ifndef ECHO_H
#define ECHO_H
#include "../bench.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static inline int echo_listen(void)
{
	struct sockaddr_in at = {};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
			    listen(fd, SOMAXCONN) == 0 &&
			    getsockname(fd, (struct sockaddr *)&at, &size) == 0,
		"listen");
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

#endif
