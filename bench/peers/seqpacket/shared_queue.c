/* Unix sockets of SOCK_SEQPACKET: messages with their bounds. */
#include "../messages.h"
#include <sys/socket.h>

int main(void)
{
	struct ways w;

	bench_check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w.there) == 0 &&
			    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w.back) == 0,
		"socketpair");
	messages(&w);
	return 0;
}
