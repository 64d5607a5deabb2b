/* box.c - descriptors from process to process: a box is a socket with a name, into which whoever
 * knows name and secret puts one.  What lies in it is the kernel's, and goes with the box.
 *
 * Names are of the abstract kind: nothing of them is left behind, but all see them, and may put
 * something in; without the secret it is thrown away. */
#include "plat/linux.h"
#include "plat/plat.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t address(struct sockaddr_un *a, const uint64_t name[2])
{
	size_t room = sizeof a->sun_path - 1;
	int n;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(a->sun_path + 1, room, "telar-%016llx%016llx", (unsigned long long)name[0],
		(unsigned long long)name[1]);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* A socket that is bound to the name, or connected with it. */
static int open_with(int (*what)(int, const struct sockaddr *, socklen_t), const uint64_t name[2])
{
	struct sockaddr_un a;
	socklen_t size = address(&a, name);
	int fd = plat_above_stdio(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	if (fd < 0)
		return -errno;
	if (what(fd, (struct sockaddr *)&a, size) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int plat_box_open(const uint64_t name[2]) { return open_with(bind, name); }

int plat_box_put(const uint64_t name[2], uint64_t secret, int fd)
{
	int to = open_with(connect, name), r;

	if (to < 0)
		return to;
	r = plat_tell(to, &secret, sizeof secret, &fd, 1, true);
	close(to);
	return r;
}

int plat_box_take(int box, uint64_t secret)
{
	for (;;) {
		int fds[PLAT_FDS];
		uint64_t said = 0;
		unsigned n = PLAT_FDS;
		ssize_t r = plat_hear(box, &said, sizeof said, fds, &n);

		if (r < 0)
			return (int)r;
		if (r == sizeof said && said == secret && n <= 1)
			return n ? fds[0] : -EMFILE;
		while (n)
			close(fds[--n]);
	}
}

void plat_box_seal(int box) { shutdown(box, SHUT_RD); }
