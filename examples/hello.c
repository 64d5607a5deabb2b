/* hello.c - the README's program: two tasks and a thread share a queue, under one scope.
 * Try: ./hello, and ./hello slow, where the scope's deadline ends it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <telar.h>

static int weave(void *arg)
{
	tl_queue *threads = arg;
	char colour[16];
	int r;

	while ((r = tl_queue_get(threads, colour, sizeof colour, TL_NEVER)) >= 0)
		printf("%s weaves %s\n", tl_my_name(), colour);
	return r == -EPIPE ? 0 : r; /* -EPIPE: the queue has ended, and is drained */
}

static int spin(void *arg)
{
	static const char *const colours[] = { "rojo", "azul", "verde", "blanco" };
	tl_queue *threads = arg;
	int r = 0;

	for (int i = 0; i < 4 && r == 0; i++)
		r = tl_queue_put(threads, colours[i], strlen(colours[i]) + 1, TL_NEVER);
	tl_queue_end(threads);
	return r;
}

static int dawdle(void *arg)
{
	(void)arg;
	return tl_sleep(tl_s(3600));
}

int main(int argc, char **argv)
{
	tl_scope s = { .name = "loom", .deadline = tl_after(tl_ms(500)) };
	tl_queue *threads;
	int r;

	(void)argv;
	if (tl_queue_open(&threads, NULL) < 0)
		return 1;
	tl_scope_open(&s);
	tl_task_start(&s, weave, threads, &(tl_opts){ .name = "task" });
	tl_thread_start(&s, spin, threads, NULL);
	if (argc > 1)
		tl_task_start(&s, dawdle, NULL, NULL);
	r = tl_scope_close(&s); /* both have ended; the first failure is the answer */
	printf("the scope answers %s\n", tl_error_name(r));
	tl_queue_close(threads);
	return tl_finish();
}
