/* libuv: callbacks, a buffer in each connection, written back at once. */
#include "../echo.h"
#include <uv.h>

struct peer {
	uv_tcp_t tcp;
	uv_write_t write;
	char buf[512];
};

static void closed(uv_handle_t *handle) { free(handle->data); }

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct peer *p = handle->data;

	(void)suggested;
	*buf = uv_buf_init(p->buf, sizeof p->buf);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;
	uv_buf_t out = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);

	if (n < 0)
		uv_close((uv_handle_t *)stream, closed);
	else if (n > 0 && uv_try_write(stream, &out, 1) != n)
		uv_write(&p->write, stream, &out, 1, NULL);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct peer *p = calloc(1, sizeof *p);

	bench_check(p != NULL && status == 0, "accept");
	uv_tcp_init(listener->loop, &p->tcp);
	p->tcp.data = p;
	if (uv_accept(listener, (uv_stream_t *)&p->tcp) == 0)
		uv_read_start((uv_stream_t *)&p->tcp, give_room, on_read);
	else
		uv_close((uv_handle_t *)&p->tcp, closed);
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t listener;

	uv_tcp_init(loop, &listener);
	uv_tcp_open(&listener, echo_listen());
	bench_check(uv_listen((uv_stream_t *)&listener, SOMAXCONN, on_connection) == 0, "listen");
	return uv_run(loop, UV_RUN_DEFAULT);
}
