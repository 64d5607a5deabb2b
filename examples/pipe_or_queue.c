/* P10: a pipe has two ends, a queue any number of users.  Two processes that write to one end of an
 * operating system's pipe may mix their messages; here each comes whole. */
#include <stdio.h>
#include <string.h>
#include <telar.h>

enum { MESSAGES = 100000, SIZE = 100 };

struct way {
	tl_pipe *pipe; /* or, without one, the queue */
	tl_queue *queue;
	int messages;
	char fill;
};

static int writer(void *arg)
{
	struct way *w = arg;
	char text[SIZE];
	int r = 0;

	memset(text, w->fill, sizeof text);
	for (int i = 0; r == 0 && i < w->messages; i++)
		r = w->pipe ? tl_pipe_send(w->pipe, text, sizeof text, TL_NEVER)
			    : tl_queue_put(w->queue, text, sizeof text, TL_NEVER);
	return r;
}

/* Answers how many of the messages did not come whole. */
static int torn(const struct way *w)
{
	char text[SIZE];
	int n = 0;

	for (int i = 0; i < MESSAGES; i++) {
		int r = w->pipe ? tl_pipe_recv(w->pipe, text, sizeof text, TL_NEVER)
				: tl_queue_get(w->queue, text, sizeof text, TL_NEVER);

		n += r != SIZE || memcmp(text, text + 1, SIZE - 1) != 0;
	}
	return n;
}

/* writers processes share the messages. */
static int run(const char *name, struct way from, struct way to, int writers)
{
	tl_time began = tl_now();
	tl_scope s = { 0 };
	int bad;

	tl_scope_open(&s);
	for (int i = 0; i < writers; i++) {
		from.messages = MESSAGES / writers;
		from.fill = (char)('a' + i);
		tl_process_start(&s, writer, &from, &(tl_opts){ .copy = sizeof from });
	}
	bad = torn(&to);
	printf("%s, %d: %.0f mensajes/s, %d rotos\n", name, writers,
		MESSAGES / ((double)(tl_now().ns - began.ns) / 1e9), bad);
	return tl_scope_close(&s);
}

/* A pipe of their own: the end of one whose users have all ended is closed. */
static int run_pipe(int writers)
{
	struct way from = { 0 }, to = { 0 };
	int r = tl_pipe_open(&from.pipe, &to.pipe, &(tl_pipe_opts){ .shared = true });

	if (r < 0)
		return r;
	r = run("tubería", from, to, writers);
	tl_pipe_close(from.pipe);
	tl_pipe_close(to.pipe);
	return r;
}

int main(void)
{
	struct way queue = { 0 };
	int r = tl_queue_open(&queue.queue, &(tl_queue_opts){ .shared = true });

	if (r < 0)
		return 1;
	r = run_pipe(1);
	if (r == 0)
		r = run_pipe(2);
	if (r == 0)
		r = run("cola", queue, queue, 1);
	if (r == 0)
		r = run("cola", queue, queue, 2);
	tl_queue_close(queue.queue);
	return r < 0 ? 1 : tl_finish();
}
