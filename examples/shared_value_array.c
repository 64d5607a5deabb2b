/* shared_value_array.c - the student manual's Value and Array: a process sets a number and turns
 * the signs of ten others, in memory that its parent sees, too. */
#include <stdio.h>
#include <telar.h>

struct datos {
	tl_array *n, *a;
};

static int f(void *arg)
{
	struct datos *d = arg;
	int *a = tl_array_items(d->a);

	*(double *)tl_array_items(d->n) = 3.1415927;
	for (size_t i = 0; i < tl_array_count(d->a); i++)
		a[i] = -a[i];
	return 0;
}

int main(void)
{
	struct datos d = { NULL, NULL };
	tl_strand p;
	int *a, r;

	r = tl_array_open(&d.n, 'd', 1, NULL);
	if (r == 0)
		r = tl_array_open(&d.a, 'i', 10, NULL);
	if (r < 0)
		return 1;
	a = tl_array_items(d.a);
	for (int i = 0; i < 10; i++)
		a[i] = i;
	tl_process_start(NULL, f, &d, &(tl_opts){ .copy = sizeof d, .ret = &p });
	r = tl_join(p, NULL, TL_NEVER);
	if (r == 0) {
		printf("%.7f\n[", *(double *)tl_array_items(d.n));
		for (int i = 0; i < 10; i++)
			printf("%s%d", i ? ", " : "", a[i]);
		printf("]\n");
	}
	tl_array_close(d.n);
	tl_array_close(d.a);
	return tl_finish();
}
