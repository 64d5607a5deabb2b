/* State Threads: a thread per connection, on epoll. */
#include "../echo.h"
#include <st.h>

static void *serve(void *arg)
{
	st_netfd_t peer = arg;
	char buf[512];
	ssize_t n;

	while ((n = st_read(peer, buf, sizeof buf, ST_UTIME_NO_TIMEOUT)) > 0)
		if (st_write(peer, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
			break;
	st_netfd_close(peer);
	return NULL;
}

int main(void)
{
	st_set_eventsys(ST_EVENTSYS_ALT);
	bench_check(st_init() == 0, "st_init");
	st_netfd_t listener = st_netfd_open_socket(echo_listen());
	for (;;) {
		st_netfd_t peer = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
		if (!peer || !st_thread_create(serve, peer, 0, 16384))
			return 1;
	}
}
