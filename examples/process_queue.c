/* M14: a value goes through a queue from one process to another. */
#include <stdio.h>
#include <telar.h>

static int put_value(void *arg)
{
	tl_queue *q = *(tl_queue **)arg;
	tl_value items[] = { TL_INT(42), TL_NIL, TL_STR("hello") };
	char bytes[64];
	int n = tl_value_encode(TL_LIST(items, 3), bytes, sizeof bytes);

	return n < 0 ? n : tl_queue_put(q, bytes, (size_t)n, TL_NEVER);
}

int main(void)
{
	char bytes[64], text[64];
	tl_queue *q;
	tl_value v;
	int r;

	if (tl_queue_open(&q, &(tl_queue_opts){ .shared = true }) < 0)
		return 1;
	tl_process_start(NULL, put_value, &q, &(tl_opts){ .copy = sizeof q });
	r = tl_queue_get(q, bytes, sizeof bytes, TL_NEVER);
	if (r < 0 || tl_value_decode(bytes, (size_t)r, &v) < 0)
		return 1;
	tl_value_text(v, text, sizeof text);
	puts(text);
	tl_value_free(&v);
	r = tl_finish();
	tl_queue_close(q);
	return r;
}
