/* M15: two processes send each other messages through a pipe; one that goes one way refuses the
 * other. */
#include <errno.h>
#include <stdio.h>
#include <telar.h>

static int talk(void *arg)
{
	tl_pipe *child = *(tl_pipe **)arg;
	char text[64];
	int r = tl_pipe_send(child, "[42, None, 'hello']", 20, TL_NEVER);

	if (r == 0)
		r = tl_pipe_recv(child, text, sizeof text, TL_NEVER);
	if (r < 0)
		return r;
	printf("el hijo recibe: %s\n", text);
	child = tl_pipe_close(child);
	return 0;
}

/* The child closes its end, or ends: that is the end of what comes. */
static int listen(tl_pipe *parent)
{
	char text[64];
	int r = tl_pipe_recv(parent, text, sizeof text, TL_NEVER);

	if (r < 0)
		return r;
	printf("el padre recibe: %s\n", text);
	r = tl_pipe_send(parent, "gracias", 8, TL_NEVER);
	if (r == 0)
		r = tl_pipe_recv(parent, text, sizeof text, TL_NEVER);
	printf("y al final: %s\n", tl_error_name(r));
	return r == -EPIPE ? 0 : r;
}

int main(void)
{
	tl_pipe *parent, *child, *from, *to;
	char text[8];
	int r;

	if (tl_pipe_open(&parent, &child, &(tl_pipe_opts){ .shared = true }) < 0)
		return 1;
	tl_process_start(NULL, talk, &child, &(tl_opts){ .copy = sizeof child });
	r = listen(parent);
	parent = tl_pipe_close(parent);
	if (r < 0 || tl_pipe_open(&from, &to, &(tl_pipe_opts){ .one_way = true }) < 0)
		return 1;
	printf("al revés: %s\n", tl_error_name(tl_pipe_recv(from, text, sizeof text, TL_NEVER)));
	from = tl_pipe_close(from);
	to = tl_pipe_close(to);
	return tl_finish();
}
