/* echo.c - a TCP echo server, for bench_load: a task per connection.  Its first line is its port.
 * */
#include "bench.h"
#include "telar/scope.h"
#include "telar/stream.h"

static int echo(tl_stream *peer, void *arg)
{
	char buf[512];
	ssize_t n;
	int r = 0;

	(void)arg;
	while (r == 0 && (n = tl_read(peer, buf, sizeof buf, TL_NEVER)) > 0)
		r = tl_write_all(peer, buf, (size_t)n, NULL, TL_NEVER);
	return r;
}

int main(void)
{
	tl_listener *listener;
	char address[64];

	bench_check(tl_listen(&listener, ":0") == 0, "listen");
	tl_listener_address(listener, address, sizeof address);
	printf("%s\n", strrchr(address, ':') + 1);
	fflush(stdout);
	return -tl_serve(listener, echo, NULL, &(tl_serve_opts){ .limit = 20000 });
}
