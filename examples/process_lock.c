/* process_lock.c - the student manual's ten processes that print under one lock, so that their
 * lines are not mixed.  The lock lies in shared memory; what is printed leaves the process's buffer
 * before the next has its turn. */
#include <stdio.h>
#include <telar.h>

struct turno {
	tl_lock *lock;
	int i;
};

static int f(void *arg)
{
	struct turno *t = arg;
	int r = tl_lock_acquire(t->lock, TL_NEVER);

	if (r < 0)
		return r;
	printf("hello world %d\n", t->i);
	fflush(stdout);
	tl_lock_release(t->lock);
	return 0;
}

int main(void)
{
	tl_lock *lock = tl_shared(sizeof *lock);

	for (int i = 0; lock && i < 10; i++)
		tl_process_start(NULL, f, &(struct turno){ lock, i },
			&(tl_opts){ .copy = sizeof(struct turno) });
	return tl_finish();
}
