/* C5: a queue carries an object whose function runs in another process, on its data. */
#include <stdio.h>
#include <telar.h>

struct mi_clase {
	tl_func do_something;
	char name[32];
};

static int do_something(void *self)
{
	struct mi_clase *yo = self;
	int r;

	printf("Estoy en el proceso %s y me pasan estos datos: %s\n", tl_my_name(), yo->name);
	r = tl_sleep(tl_ms(500));
	if (r == 0)
		puts("Ya he acabado");
	return r;
}

static int worker(void *arg)
{
	tl_queue *q = *(tl_queue **)arg;
	struct mi_clase obj;
	int r = tl_queue_get(q, &obj, sizeof obj, TL_NEVER);

	return r < 0 ? r : tl_func_call(obj.do_something, &obj);
}

int main(void)
{
	struct mi_clase obj = { tl_func_of(do_something), "Cacahuete" };
	tl_queue *q;
	int r;

	if (tl_queue_open(&q, &(tl_queue_opts){ .shared = true }) < 0)
		return 1;
	tl_process_start(NULL, worker, &q, &(tl_opts){ .name = "Process-1", .copy = sizeof q });
	if (tl_queue_put(q, &obj, sizeof obj, TL_NEVER) < 0)
		return 1;
	tl_queue_end(q);
	r = tl_finish();
	tl_queue_close(q);
	return r;
}
